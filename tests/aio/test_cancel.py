"""Cancelling at every await of a file: it was done or it was not, nothing is lost, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import aiofiles
import pytest

import usernel
from usernel.aio.files.writer import Batch

from .cancelling import DEADLINE_S, Turns, Written, cancelled_at, each_await

pytestmark = pytest.mark.usefixtures("turns")

LINES = b"".join(b"line %d of a file\n" % at for at in range(2000))
LARGE = os.urandom(150_000)
Program = Callable[[], Coroutine[Any, Any, Any]]
Step = Callable[[Any], Awaitable[Any]]


# ------------------------------------------------------------------------------------------------------- whole programs


async def read_all_kinds(path: Path) -> None:
    async with usernel.open(path, "rb") as file:
        assert await file.read(10) == LINES[:10]
        await file.readline()
        await file.pread(100, 3)
        await file.pread_many([(10, 0), (10, 100)])
        async for _line in file:
            pass
        await file.seek(0)
        assert await file.read() == LINES


async def read_text(path: Path) -> None:
    async with usernel.open(path) as file:
        await file.read(10)
        async for _line in file:
            pass
        await file.seek(0)
        assert (await file.read()).encode() == LINES


async def read_raw(path: Path) -> None:
    async with usernel.open(path, "rb", 0) as file:
        await file.read(10)
        await file.readline()
        assert await file.readall()


async def read_whole(path: Path) -> None:
    assert await usernel.read_file(path) == LINES


async def read_locked(path: Path) -> None:
    async with usernel.open(path, "rb") as file, usernel.open(path, "rb") as other:
        await file.lock()
        unlocking = asyncio.ensure_future(unlocked(file))
        try:
            await other.lock()
        finally:
            unlocking.cancel()
        await other.unlock()


async def unlocked(file: Any) -> None:
    await asyncio.sleep(0.005)
    await file.unlock()


async def read_by_aiofiles(path: Path) -> None:
    async with aiofiles.open(path, "rb") as file:
        await file.read(10)
        await file.readline()
        assert await file.read()


async def copy(path: Path) -> None:
    await usernel.copy_file(path, path.with_suffix(".copy"))


async def two_at_once(path: Path) -> None:
    async with usernel.open(path, "rb") as file:
        await asyncio.gather(file.readline(), file.readline(), file.pread(10, 0))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(file.readline()) for _ in range(3)]
        assert len({task.result() for task in tasks}) == 3


async def write_in_time(path: Path) -> None:
    with_time = asyncio.timeout(DEADLINE_S)
    async with with_time, usernel.open(path.with_suffix(".other"), "wb") as file:
        await asyncio.wait_for(file.write(LARGE), DEADLINE_S)
        going_on = asyncio.ensure_future(file.fsync())
        try:
            await asyncio.shield(going_on)
        finally:
            await going_on


# What aiofiles is about to return when its task is cancelled is dropped by it, and collected: as by an executor.
DROPPED = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
READING = (
    read_all_kinds, read_text, read_raw, read_whole, read_locked, copy, two_at_once, write_in_time,
    pytest.param(read_by_aiofiles, marks=DROPPED),
)  # fmt: skip


@pytest.mark.parametrize("program", READING)
def test_a_program_is_cancelled_at_every_await(
    program: Callable[[Path], Coroutine[Any, Any, None]], late: bool, runner: asyncio.Runner, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(LINES)
    assert runner.run(each_await(lambda at: cancelled_at(program(path), at, late=late))) >= 1


PIECES = [b"%06d" % at + os.urandom(50_000) for at in range(12)]


async def write_binary(path: Path, written: Written) -> None:
    async with usernel.open(path, "wb") as file:
        for piece in PIECES:
            await written.write(file, piece)
        await file.flush()
        await written.write(file, PIECES[0])
        await file.fsync()
        await written.write(file, b"tail")


async def append(path: Path, written: Written) -> None:
    for piece in PIECES[:4]:
        async with usernel.open(path, "ab") as file:
            await written.write(file, piece)
            await file.fdatasync()
            await written.write(file, b"more")


async def write_raw(path: Path, written: Written) -> None:
    async with usernel.open(path, "wb", 0) as file:
        for piece in PIECES[:4]:
            await written.write(file, piece)


async def write_text(path: Path, written: Written) -> None:
    async with usernel.open(path, "w", encoding="latin-1", newline="") as file:
        for piece in PIECES:
            await written.write(file, piece, lambda piece: piece.decode("latin-1"))
        await file.flush()
        await written.write(file, b"tail", lambda piece: piece.decode("latin-1"))


async def write_by_aiofiles(path: Path, written: Written) -> None:
    async with aiofiles.open(path, "wb") as file:
        for piece in PIECES[:4]:
            await written.write(file, piece)


async def write_and_close(path: Path, written: Written) -> None:
    file = await usernel.open(path, "wb")
    try:
        for piece in PIECES[:6]:
            await written.write(file, piece)
    finally:
        await file.close()


@pytest.mark.parametrize(
    "program",
    [write_binary, append, write_raw, write_text, write_and_close, pytest.param(write_by_aiofiles, marks=DROPPED)],
)
def test_what_was_written_is_there_wherever_it_is_cancelled(
    program: Callable[[Path, Written], Coroutine[Any, Any, None]], late: bool, runner: asyncio.Runner, tmp_path: Path
) -> None:
    async def once(at: int) -> bool:
        path, written = tmp_path / f"{at}", Written()
        cancelled = await cancelled_at(program(path, written), at, late=late)
        found = path.read_bytes() if path.exists() else b""
        assert written.is_right(found), (len(found), len(written.sure), len(written.maybe))
        path.unlink(missing_ok=True)
        return cancelled

    assert runner.run(each_await(once)) >= 4


# --------------------------------------------------------------------------------------------------- one call of a file


async def some_lines(file: Any) -> None:
    """Without an end: it would be all that a reader wants."""
    for _ in range(3):
        await file.__anext__()


READS: dict[str, tuple[str, Step]] = {
    "read": ("rb", lambda file: file.read(20_000)),
    "read all": ("rb", lambda file: file.read()),
    "read1": ("rb", lambda file: file.read1(10)),
    "peek": ("rb", lambda file: file.peek()),
    "readinto": ("rb", lambda file: file.readinto(bytearray(9000))),
    "readline": ("rb", lambda file: file.readline()),
    "next": ("rb", lambda file: file.__anext__()),
    "pread": ("rb", lambda file: file.pread(10, 5)),
    "preadv": ("rb", lambda file: file.preadv([bytearray(10)], 5)),
    "pread_many": ("rb", lambda file: file.pread_many([(10, 5), (5, 3)])),
    "tell": ("rb", lambda file: file.tell()),
    "raw read": ("rb0", lambda file: file.read(100)),
    "raw read all": ("rb0", lambda file: file.readall()),
    "raw readline": ("rb0", lambda file: file.readline()),
    "read behind a write": ("r+b", lambda file: file.read(100)),
    "text read": ("r", lambda file: file.read(20_000)),
    "text read all": ("r", lambda file: file.read()),
    "text readline": ("r", lambda file: file.readline()),
    "text next": ("r", lambda file: file.__anext__()),
    "text tell": ("r", lambda file: file.tell()),
}
"""Calls after which, where they are cancelled, the file is where it was."""


def opened(path: Path, mode: str) -> Any:
    named = {"encoding": "utf-8", "newline": ""} if "b" not in mode else {}
    return usernel.open(path, mode.removesuffix("0"), 0 if mode.endswith("0") else -1, **named)


def as_bytes(data: Any) -> bytes:
    return data.encode() if isinstance(data, str) else data


@pytest.mark.parametrize("name", READS)
def test_a_read_that_is_cancelled_takes_nothing(
    name: str, late: bool, runner: asyncio.Runner, turns: Turns, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(LINES)
    mode, step = READS[name]

    async def once(at: int) -> bool:
        async with opened(path, mode) as file:
            await file.seek(18)
            if "behind" in name:
                await file.write(LINES[18:40])
            position = await file.tell()
            turns.asked = 0
            cancelled = await cancelled_at(_run(step, file), at, late=late)
            if cancelled:
                assert await file.tell() == position
                assert as_bytes(await file.read()) == LINES[position:]
        return cancelled

    assert runner.run(each_await(once)) >= (name not in AT_ONCE)
    assert path.read_bytes() == LINES


async def _run(step: Step, file: Any) -> None:
    await step(file)


CHANGES: dict[str, tuple[str, Step, list[tuple[int, bytes]]]] = {
    "write": ("r+b", lambda file: file.write(b"new"), [(13, b"0123456789new" + LINES[13:])]),
    "write much": ("r+b", lambda file: file.write(LARGE), [(10 + len(LARGE), b"0123456789" + LARGE)]),
    "pwrite": ("r+b", lambda file: file.pwrite(b"new", 2), [(10, b"01new56789" + LINES[10:])]),
    "truncate": ("r+b", lambda file: file.truncate(5), [(10, b"01234")]),
    "truncate here": ("r+b", lambda file: file.truncate(), [(10, b"0123456789")]),
    "seek": ("r+b", lambda file: file.seek(100), [(100, b"0123456789" + LINES[10:])]),
    "seek to the end": ("r+b", lambda file: file.seek(0, 2), [(len(LINES), b"0123456789" + LINES[10:])]),
    "flush": ("r+b", lambda file: file.flush(), []),
    "fsync": ("r+b", lambda file: file.fsync(), []),
    "fdatasync": ("r+b", lambda file: file.fdatasync(), []),
    "stat": ("r+b", lambda file: file.stat(), []),
    "lock": ("r+b", lambda file: file.lock(), []),
    "unlock": ("r+b", lambda file: file.unlock(), []),
    "raw write": ("r+b0", lambda file: file.write(b"new"), [(13, b"0123456789new" + LINES[13:])]),
    "raw truncate": ("r+b0", lambda file: file.truncate(5), [(10, b"01234")]),
    "raw seek": ("r+b0", lambda file: file.seek(100), [(100, b"0123456789" + LINES[10:])]),
    "text write": ("r+", lambda file: file.write("new"), [(13, b"0123456789new" + LINES[13:])]),
    "text truncate": ("r+", lambda file: file.truncate(5), [(10, b"01234")]),
    "text seek": ("r+", lambda file: file.seek(100), [(100, b"0123456789" + LINES[10:])]),
    "text seek to the end": ("r+", lambda file: file.seek(0, 2), [(len(LINES), b"0123456789" + LINES[10:])]),
    "text flush": ("r+", lambda file: file.flush(), []),
    "text reconfigure": ("r+", lambda file: file.reconfigure(encoding="latin-1"), []),
}


"""What they leave: a position, and what is in the file; where they are cancelled, that or what was there before."""


AT_ONCE = {"write", "text write", "lock"}
"""Those that need not suspend: there is room, and nobody else has a lock."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_is_cancelled_is_made_or_it_is_not(
    name: str, late: bool, runner: asyncio.Runner, turns: Turns, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    mode, step, after = CHANGES[name]

    async def once(at: int) -> bool:
        path.write_bytes(LINES)
        async with opened(path, mode) as file:
            await file.write(b"0123456789" if "b" in mode else "0123456789")
            turns.asked = 0
            cancelled = await cancelled_at(_run(step, file), at, late=late)
            position = await file.tell()
        # Where only some of it differs, the rest of the old file is behind it.
        kept = [(end, data + LINES[len(data) :] if "much" in name else data) for end, data in after]
        before = (10, b"0123456789" + LINES[10:])
        allowed = ([before] if cancelled or not kept else []) + kept
        assert (position, path.read_bytes()) in allowed
        return cancelled

    assert runner.run(each_await(once)) >= (name not in AT_ONCE)


# -------------------------------------------------------------------------------------------------------------- streams


@pytest.mark.parametrize("mode", ["rb", "rb0", "r"])
def test_what_a_cancelled_read_took_of_a_stream_is_read_next(mode: str, late: bool, runner: asyncio.Runner) -> None:
    data = LINES[:5000]

    async def once(at: int) -> bool:
        reader, writer = os.pipe()
        async with opened(reader, mode) as file:
            reading = asyncio.ensure_future(cancelled_at(_run(lambda file: file.read(3000), file), at, late=late))
            await asyncio.sleep(0)
            for part in (data[:1000], data[1000:2000], data[2000:]):
                os.write(writer, part)
                await asyncio.sleep(0)
            cancelled = await reading
            os.close(writer)
            rest = as_bytes(await file.read())
        # Without a buffer a read takes what is there; one that ended has taken no more than it was asked for.
        assert rest == data if cancelled else data.endswith(rest)
        assert cancelled or len(rest) >= 2000
        return cancelled

    assert runner.run(each_await(once)) >= 1


def test_a_write_to_a_stream_that_is_cancelled_is_sent_or_told_of(late: bool, runner: asyncio.Runner) -> None:
    async def once(at: int) -> bool:
        reader, writer = os.pipe()
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))

        async def write() -> None:
            try:
                for piece in PIECES[:3]:
                    await target.write(piece)
                await target.flush()
            finally:
                await target.close()

        target = await usernel.open(writer, "wb")
        async with usernel.open(reader, "rb") as source:
            writing = asyncio.ensure_future(cancelled_at(write(), at, late=late))
            await asyncio.wait([writing], timeout=0.02)  # the pipe is full by then
            sent = await source.read()
        whole = b"".join(PIECES[:3])
        assert whole.startswith(sent)
        cancelled = await writing
        assert sent == whole or cancelled
        # What it was told is taken is sent, or the loop is told how much is not.
        assert sent == whole or all(isinstance(error, OSError) for error in told)
        return cancelled

    assert runner.run(each_await(once)) >= 2


def test_an_encoder_goes_back_where_a_write_is_cancelled(
    runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ISO 2022 says only where the character set changes: what is not written must not count."""
    texts = ["日本" * 20_000, "日本" * 60_000, "abc" * 40_000, "def"]  # the third has to wait for the first
    gate, write = threading.Event(), Batch.write
    monkeypatch.setattr(Batch, "write", lambda *args, **named: gate.wait(DEADLINE_S) and write(*args, **named))

    async def once(at: int) -> bool:
        gate.clear()
        written, cancelled = "", False
        async with usernel.open(tmp_path / "file", "w", encoding="iso2022_jp") as file:
            for number, text in enumerate(texts):
                step = _run(lambda file, text=text: file.write(text), file)
                writing = asyncio.ensure_future(cancelled_at(step, at if number == 2 else 99))
                if number == 2:
                    for _ in range(10):
                        await asyncio.sleep(0)
                    gate.set()
                stopped = await writing
                written += "" if stopped else text
                cancelled |= stopped
        assert (tmp_path / "file").read_text(encoding="iso2022_jp") == written
        return cancelled

    assert runner.run(each_await(once)) >= 1
