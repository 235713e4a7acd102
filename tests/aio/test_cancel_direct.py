"""Files that pass the page cache by: cancelled at every await, and read and written out of the caller's own memory."""

from __future__ import annotations

import asyncio
import errno
import inspect
import mmap
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import usernel

from .cancelling import Written, cancelled_at, each_await

pytestmark = pytest.mark.usefixtures("turns")
PAGE = mmap.PAGESIZE
DATA = os.urandom(8 * PAGE)
NEW = os.urandom(2 * PAGE)
END = b"an end that is no whole block"


def opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_DIRECT, 0o666)


direct: Callable[..., Any] = partial(usernel.open, opener=opener)


def aligned(data: bytes) -> mmap.mmap:
    """Memory as every device can have it."""
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    return memory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of a file system that knows O_DIRECT."""
    found = tmp_path / "file"
    found.write_bytes(DATA + END)
    try:
        os.close(os.open(found, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        pytest.skip("this file system knows no O_DIRECT")
    return found


# ------------------------------------------------------------------------------------------------------- whole programs


async def read(path: Path) -> None:
    page = aligned(bytes(PAGE))
    async with direct(path, "rb", 0) as file:
        for at in range(8):
            assert await file.readinto(page) == PAGE
            assert page[:] == DATA[at * PAGE :][:PAGE]
        assert await file.readinto(page) == len(END)
        assert page[: len(END)] == END
        assert await file.preadv([page], 2 * PAGE) == PAGE
        assert page[:] == DATA[2 * PAGE : 3 * PAGE]
        await file.seek(PAGE)
        assert await file.readinto(page) == PAGE
        assert page[:] == DATA[PAGE : 2 * PAGE]


async def read_at_offsets(path: Path) -> None:
    pages = [aligned(bytes(PAGE)) for _ in range(3)]
    async with direct(path, "rb") as file:
        assert await file.preadv(pages, PAGE) == 3 * PAGE
        await asyncio.gather(*(file.preadv([page], at * PAGE) for at, page in enumerate(pages)))
        assert b"".join(page[:] for page in pages) == DATA[: 3 * PAGE]
        await file.stat()


async def fail(path: Path) -> None:
    """Where the device refuses the memory or the offset, it says so, and all is as before."""
    async with direct(path, "r+b", 0) as file:
        for name, *args in (("pread", PAGE, 1), ("pwrite", b"unaligned", 1), ("write", b"unaligned")):
            with pytest.raises(OSError, match="Invalid"):
                await getattr(file, name)(*args)
        assert await file.tell() == 0


@pytest.mark.parametrize("program", [read, read_at_offsets, fail])
def test_a_program_is_cancelled_at_every_await(
    program: Callable[[Path], Awaitable[None]], late: bool, runner: asyncio.Runner, path: Path
) -> None:
    async def run() -> None:
        await program(path)

    assert runner.run(each_await(lambda at: cancelled_at(run(), at, late=late))) >= 4
    assert path.read_bytes() == DATA + END


PIECES = [bytes([at]) * PAGE + os.urandom(3 * PAGE) for at in range(4)]


async def write(path: Path, written: Written) -> None:
    async with direct(path, "wb", 0) as file:
        for piece in PIECES:
            await written.write(file, piece, aligned)
        await file.fsync()


async def append(path: Path, written: Written) -> None:
    for piece in PIECES:
        async with direct(path, "ab", 0) as file:
            await written.write(file, piece, aligned)


async def write_at_offsets(path: Path, written: Written) -> None:
    async with direct(path, "w+b") as file:
        for at, piece in enumerate(PIECES):
            written.maybe = piece
            assert await file.pwritev([aligned(piece)], at * len(piece)) == len(piece)
            written.sure, written.maybe = written.sure + piece, b""
        await file.fdatasync()


@pytest.mark.parametrize("program", [write, append, write_at_offsets])
def test_what_was_written_is_there_wherever_it_is_cancelled(
    program: Callable[[Path, Written], Awaitable[None]], late: bool, runner: asyncio.Runner, path: Path
) -> None:
    async def run(written: Written) -> None:
        await program(path, written)

    async def once(at: int) -> bool:
        await usernel.os.truncate(path, 0)
        written = Written()
        cancelled = await cancelled_at(run(written), at, late=late)
        found = await usernel.read_file(path)
        assert written.is_right(found), (len(found), len(written.sure), len(written.maybe))
        return cancelled

    assert runner.run(each_await(once)) >= 4


# --------------------------------------------------------------------------------------------------- one call of a file

BEFORE = (PAGE, DATA)
CALLS: dict[str, tuple[Callable[[Any, mmap.mmap], Awaitable[Any]], tuple[int, bytes]]] = {
    "readinto": (lambda file, memory: file.readinto(memory), (3 * PAGE, DATA)),
    "preadv": (lambda file, memory: file.preadv([memory], 0), BEFORE),
    "write": (lambda file, memory: file.write(memory), (3 * PAGE, DATA[:PAGE] + NEW + DATA[3 * PAGE :])),
    "pwritev": (lambda file, memory: file.pwritev([memory], 0), (PAGE, NEW + DATA[2 * PAGE :])),
    "truncate": (lambda file, _memory: file.truncate(PAGE), (PAGE, DATA[:PAGE])),
    "seek": (lambda file, _memory: file.seek(0, 2), (len(DATA), DATA)),
    "flush": (lambda file, _memory: file.flush(), BEFORE),
    "fsync": (lambda file, _memory: file.fsync(), BEFORE),
}
"""And what they leave: a position, and what is in the file."""


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_cancelled_is_made_or_it_is_not(
    name: str, late: bool, runner: asyncio.Runner, path: Path
) -> None:
    call, after = CALLS[name]

    async def run(file: Any, memory: mmap.mmap) -> None:
        await call(file, memory)

    async def once(at: int) -> bool:
        await usernel.write_file(path, DATA)
        async with direct(path, "r+b", 0) as file:
            await file.seek(PAGE)
            with aligned(NEW) as memory:  # which nobody holds any more when the call has ended
                cancelled = await cancelled_at(run(file, memory), at, late=late)
            position = await file.tell()
        allowed = [after, *[BEFORE] * cancelled]
        found = (position, await usernel.read_file(path))
        # A write that was made for a task that is cancelled counts: the next goes behind it.
        assert found in allowed
        return cancelled

    assert runner.run(each_await(once)) >= 1


# ---------------------------------------------------------------------------------------------------------- as Python's

STEPS: list[tuple[str, Callable[[], Any]]] = [
    ("readinto", lambda: aligned(bytes(2 * PAGE))), ("tell", tuple), ("write", lambda: aligned(NEW)),
    ("write", lambda: memoryview(aligned(NEW))[PAGE:]), ("tell", tuple), ("write", lambda: "text"),
    ("readinto", lambda: memoryview(aligned(NEW)).toreadonly()), ("readinto", lambda: aligned(bytes(20 * PAGE))),
    ("readinto", lambda: aligned(bytes(PAGE))), ("tell", tuple), ("seek", lambda: 0), ("write", lambda: aligned(DATA)),
    ("tell", tuple), ("truncate", lambda: 0), ("seek", lambda: 0), ("readinto", lambda: aligned(bytes(PAGE))),
]  # fmt: skip


async def answers_of(file: Any) -> list[Any]:
    """What a file answers; that of Python's own is at hand at once."""
    answers: list[Any] = []
    for name, make in STEPS:
        given = make()
        try:
            answer = getattr(file, name)(*[given] if given != () else [])
            answers.append(await answer if inspect.isawaitable(answer) else answer)
        except (OSError, TypeError) as error:
            answers.append([type(error), getattr(error, "errno", None)])
        answers.append(bytes(given) if name == "readinto" else None)
    return answers


@pytest.mark.parametrize("mode", ["rb", "wb", "r+b", "w+b", "ab", "a+b"])
def test_without_a_buffer_it_answers_as_pythons_own(mode: str, runner: asyncio.Runner, path: Path) -> None:
    async def ours() -> list[Any]:
        async with direct(path, mode, 0) as file:
            return await answers_of(file)

    path.write_bytes(DATA)
    with open(path, mode, 0, opener=opener) as file:
        expected = runner.run(answers_of(file)), path.read_bytes()
    path.write_bytes(DATA)
    assert (runner.run(ours()), path.read_bytes()) == expected
