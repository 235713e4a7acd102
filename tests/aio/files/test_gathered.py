"""Writes that are gathered: when they go, what becomes of their errors, and of a file that nobody closes."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import usernel

MODES: list[tuple[str, Any]] = [("wb", b"line\n"), ("w", "line\n"), ("ab", b"line\n")]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("mode", "line"), MODES)
def test_what_is_written_is_in_the_file_after_a_while(tmp_path: Path, mode: str, line: Any) -> None:
    path = tmp_path / "f"

    async def program() -> None:
        async with usernel.open(path, mode) as file:
            for number in range(1, 3):
                begun = time.monotonic()
                for _ in range(50):
                    await file.write(line)
                assert path.stat().st_size == (number - 1) * 250
                await until(lambda number=number: path.stat().st_size == number * 250)  # type: ignore[misc]
                assert 0.04 < time.monotonic() - begun < 2

    usernel.run(program())


@pytest.mark.parametrize(("mode", "line"), MODES)
def test_an_error_is_told_by_the_next_call_and_the_rest_is_kept(mode: str, line: Any) -> None:
    async def program() -> None:
        file = await usernel.open("/dev/full", mode)
        await file.write(line)
        with pytest.raises(OSError, match="No space left") as failed:
            await file.flush()
        assert failed.value.errno == errno.ENOSPC
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="No space left"):
            await file.flush()
        with pytest.raises(OSError, match="No space left"):
            await file.close()
        assert file.closed
        await file.close()

    before = len(list(Path("/proc/self/fd").iterdir()))
    usernel.run(program())
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2  # uvloop's, of the first loop


def test_an_error_of_a_late_write_is_told_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        for mode, data in (("wb", b"x" * 70_000), ("w", "x" * 70_000)):
            for call in ("write", "flush", "close", "tell"):
                file = await usernel.open("/dev/full", mode)
                await file.write(data)
                await until(lambda file=file: file._buffer.writer.error is not None)  # type: ignore[misc]
                with pytest.raises(OSError, match=r"No space left|not seekable"):
                    await (file.write(data[:1]) if call == "write" else getattr(file, call)())
                if call != "close":
                    with pytest.raises(OSError, match="No space left"):
                        await file.close()

    usernel.run(program())


LIMITED = """
import asyncio, resource, signal, sys, usernel
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
async def program(path):
    told = []
    file = await usernel.open(path, "wb")
    for number in range(6):
        try:
            await file.write(bytes([number]) * 30_000)
        except OSError as error:
            told.append((number, error.errno))
    for call in (file.flush, file.fsync, file.close):
        try:
            await call()
        except OSError as error:
            told.append((call.__name__, error.errno))
    print(told, file.closed)
usernel.run(program(sys.argv[1]))
"""


def test_a_file_that_may_not_grow_has_what_went_in_and_tells(tmp_path: Path) -> None:
    path = tmp_path / "f"
    ran = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True)
    told = eval(ran.stdout.rsplit(" ", 1)[0])
    assert told[-3:] == [(name, errno.EFBIG) for name in ("flush", "fsync", "close")]
    assert ran.stdout.endswith("True\n")
    data = path.read_bytes()
    assert len(data) == 100_000
    assert data[:90_000] == b"".join(bytes([number]) * 30_000 for number in range(3))


@pytest.mark.parametrize(("mode", "line"), MODES)
def test_a_file_that_nobody_closes_is_flushed_as_pythons_own(tmp_path: Path, mode: str, line: Any) -> None:
    async def program() -> None:
        file = [await usernel.open(tmp_path / "ours", mode)]
        await file[0].write(line)
        with pytest.warns(ResourceWarning, match="unclosed file.*ours"):
            file.clear()

    usernel.run(program())
    theirs = [open(tmp_path / "theirs", mode)]  # noqa: PTH123, SIM115 - the oracle
    theirs[0].write(line)
    with pytest.warns(ResourceWarning, match="unclosed file"):
        theirs.clear()
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes() == b"line\n"


def forget(kept: list[Any]) -> None:
    kept.clear()
    gc.collect()  # a batch on its way knows its file


def test_what_was_on_its_way_when_the_loop_ended_is_written(tmp_path: Path) -> None:
    path = tmp_path / "f"
    kept: list[Any] = []

    async def program() -> None:
        kept.append(await usernel.open(path, "wb"))
        await kept[0].write(b"x" * 70_000)  # goes to a worker
        await kept[0].write(b"y" * 10)

    usernel.run(program())
    with pytest.warns(ResourceWarning, match="unclosed file"):
        forget(kept)
    assert path.read_bytes() == b"x" * 70_000 + b"y" * 10


def test_a_descriptor_that_is_not_its_own_is_flushed_and_not_warned_of(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)

    async def program() -> None:
        file = await usernel.open(fd, "wb", closefd=False)
        await file.write(b"data")
        del file

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usernel.run(program())
    assert os.pread(fd, 9, 0) == b"data"
    os.close(fd)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_both_ends_of_a_pipe(buffering: int) -> None:
    theirs, ours = os.pipe()

    async def program() -> None:
        async with usernel.open(theirs, "rb", buffering) as reader, usernel.open(ours, "wb", buffering) as writer:
            assert not await reader.seekable()
            for call in (reader.tell, lambda: reader.seek(0), lambda: reader.pread(1, 0), writer.truncate):
                with pytest.raises(OSError, match=r"seek|Invalid argument"):
                    await call()
            reading = asyncio.ensure_future(reader.read(5))
            await asyncio.sleep(0.001)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            data = os.urandom(500_000)  # more than a pipe holds

            async def write() -> None:
                done = 0
                while done < len(data):
                    done += await writer.write(data[done : done + 90_000]) or 0
                await writer.close()

            writing = asyncio.ensure_future(write())
            found = b""
            while block := await reader.read(1000 if len(found) < 10_000 else 200_000):
                found += block
            await writing
            assert found == data

    usernel.run(program())


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_pipe_that_nobody_reads_any_more(buffering: int) -> None:
    async def program() -> None:
        theirs, ours = os.pipe()
        os.close(theirs)
        file = await usernel.open(ours, "wb", buffering)
        if buffering:
            await file.write(b"x")
        with pytest.raises(BrokenPipeError):
            await (file.flush() if buffering else file.write(b"x"))
        if buffering:
            with pytest.raises(BrokenPipeError):
                await file.close()
        await file.close()

    usernel.run(program())


def test_a_stream_that_never_waits_says_so() -> None:
    theirs, ours = os.pipe()
    os.set_blocking(theirs, False)

    async def program() -> None:
        async with usernel.open(theirs, "rb", 0) as raw:
            assert await raw.read(5) is None
            assert await raw.readinto(bytearray(3)) is None
            os.write(ours, b"some")
            assert await raw.read(9) == b"some"
            raw._descriptor.unread.append(b"read for who was cancelled")
            assert [await raw.read(4), await raw.read(4), await raw.read(99)] == [
                b"read",
                b" for",
                b" who was cancelled",
            ]
        full, ours_too = os.pipe()
        os.set_blocking(ours_too, False)
        async with usernel.open(ours_too, "wb", 0) as raw:
            taken = 0
            while (more := await raw.write(b"x" * 4096)) is not None:
                taken += more
            assert taken == 65536
        os.close(full)
        os.close(ours)

    usernel.run(program())
    with pytest.raises(OSError, match="Bad file"):
        io.FileIO(theirs)
