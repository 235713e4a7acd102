"""Files of bytes, compared with Python's own, and what becomes of them when their task is cancelled."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import usernel
from usernel.aio import hits
from usernel.aio.files import opening

SIZES = st.integers(-1, 40)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES),
    st.tuples(st.sampled_from(["readlines", "tell", "flush", "truncate"])),
    st.tuples(st.just("write"), st.binary(max_size=30) | st.just(b"a\nb\nc")),
    st.tuples(st.just("writelines"), st.lists(st.binary(max_size=9), max_size=3)),
    st.tuples(st.just("seek"), st.integers(0, 80), st.just(0)),
    st.tuples(st.just("seek"), st.integers(-9, 0), st.just(2)),
    st.tuples(st.just("seek"), st.integers(-9, 9), st.just(1)),
    st.tuples(st.just("truncate"), st.integers(0, 90)),
    st.tuples(st.just("readinto"), st.integers(0, 20)),
)
MODES = ["rb", "wb", "ab", "rb+", "wb+", "ab+"]


def arguments(step: tuple[Any, ...]) -> list[Any]:
    """What a step is called with; a buffer of its own to read into."""
    return [bytearray(step[1])] if step[0] == "readinto" else list(step[1:])


def python_answers(path: str, mode: str, buffering: int, steps: list[tuple[Any, ...]]) -> list[Any]:
    """What the built-in open's file answers."""
    answers: list[Any] = []
    with Path(path).open(mode, buffering) as file:
        for step in steps:
            given = arguments(step)
            try:
                answers.append((getattr(file, step[0])(*given), given))
            except OSError as error:
                answers.append((type(error), error.errno))
    return answers


async def our_answers(path: str, mode: str, buffering: int, steps: list[tuple[Any, ...]]) -> list[Any]:
    """What ours does."""
    answers: list[Any] = []
    async with opening.open(path, mode, buffering) as file:
        for step in steps:
            given = arguments(step)
            try:
                answers.append((await getattr(file, step[0])(*given), given))
            except OSError as error:
                answers.append((type(error), error.errno))
    return answers


def fills_at_once() -> bool:
    """Whether Python writes at once what fills an empty buffer; ours waits for one byte more, as older Pythons."""
    with tempfile.TemporaryFile(buffering=5) as file:
        file.write(b"12345")
        return os.fstat(file.fileno()).st_size == 5


def is_told_otherwise(mode: str, buffering: int, steps: list[tuple[Any, ...]]) -> bool:
    """Whether something may fill an empty buffer of a file that is appended to, and so move to the file's end."""
    written = [[step[1]] if step[0] == "write" else step[1] for step in steps if step[0].startswith("write")]
    return "a" in mode and fills_at_once() and any(len(piece) == buffering for pieces in written for piece in pieces)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MODES), st.sampled_from([-1, 0, 5, 100]), st.binary(max_size=60), st.lists(STEPS, max_size=12))
@example("rb", -1, b"ab\ncd\nef\n", [("readlines", 3), ("readlines", 2)])
@example("rb", 0, b"ab\ncd\nef\n", [("readlines", 3), ("readlines", 2)])
@example("wb", -1, b"", [("readline", 0)])
@example("wb", 0, b"", [("readline", 0)])
@example("ab", 5, b"x", [("seek", 0, 0), ("write", b"123456"), ("tell",)])
@example("ab", 5, b"x", [("seek", 0, 0), ("write", b"12345"), ("tell",), ("write", b"6"), ("tell",)])
@example("ab", 5, b"x", [("seek", 0, 0), ("write", b"123"), ("write", b"4567"), ("tell",)])
def test_a_file_answers_as_pythons_own(mode: str, buffering: int, content: bytes, steps: list[tuple[Any, ...]]) -> None:
    assume(not is_told_otherwise(mode, buffering, steps))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        for path in (ours, theirs):
            path.write_bytes(content)
        expected = python_answers(str(theirs), mode, buffering, steps)
        assert usernel.run(our_answers(str(ours), mode, buffering, steps)) == expected
        assert ours.read_bytes() == theirs.read_bytes()


def suspensions(coroutine: Coroutine[Any, Any, Any]) -> int:
    """Step a coroutine that is to end without suspending: 0, or 1 where it does suspend."""
    try:
        coroutine.send(None)
    except StopIteration:
        return 0
    coroutine.close()
    return 1


def test_what_is_cached_is_read_without_suspending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "BUDGET_NS", 10**12)
    path = tmp_path / "f"
    path.write_bytes(b"line\n" * 100)

    async def program() -> None:
        async with opening.open(path, "rb") as file:
            await asyncio.sleep(0)
            reads = (file.readline(), file.read(7), file.peek(), file.read1(3), file.pread(50, 10), file.read())
            assert [suspensions(read) for read in reads] == [0] * 6

    usernel.run(program())


def test_lines_offsets_and_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "f"

    async def program() -> None:
        async with opening.open(path, "xb+") as file:
            await file.writelines([b"one\n", b"two\n", b"end"])
            assert await file.pread(3, 4) == b"two"
            assert await file.pwrite(b"T", 4) == 1
            await file.fsync()
            assert path.read_bytes() == b"one\nTwo\nend"
            await file.seek(0)
            assert [line async for line in file] == [b"one\n", b"Two\n", b"end"]
        assert file.closed
        with pytest.raises(ValueError, match="closed"):
            await file.read()
        with pytest.raises(FileExistsError):
            await opening.open(path, "xb")

    usernel.run(program())


def descriptors() -> int:
    """How many are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_cancelled_task_leaves_no_descriptor(tmp_path: Path, buffering: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)

    async def use() -> None:
        async with opening.open(path, "rb+", buffering) as file:
            await file.write(b"y" * 100_000)
            await file.flush()
            await file.seek(0)
            await file.read()

    async def program() -> None:
        await use()
        before = descriptors()
        ended = False
        for turns in range(60):
            task = asyncio.ensure_future(use())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
            ended = ended or isinstance(outcome, asyncio.CancelledError)
            assert descriptors() == before
        assert ended

    usernel.run(program())
