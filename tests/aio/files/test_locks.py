"""Locks on files, beside those of a child, and reads and writes of several buffers or places."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

import usernel

HOLDER = """
import fcntl, struct, sys
file = open(sys.argv[1], "r+b")
def take(kind):
    if sys.argv[2] == "flock":
        fcntl.flock(file, kind)
    else:
        how = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}[kind]
        fcntl.fcntl(file, 38, struct.pack("hhqqi4x", how, 0, 10, 10, 0))
for line in sys.stdin:
    take(getattr(fcntl, line.strip()))
    print("done", flush=True)
"""


class Holder:
    """A child that has a lock, or gives it up."""

    def __init__(self, path: Path, kind: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path, kind], stdin=-1, stdout=-1, text=True, bufsize=1
        )

    def take(self, how: str) -> None:
        stdin: IO[str] | None = self.child.stdin
        assert stdin is not None
        assert self.child.stdout is not None
        print(how, file=stdin, flush=True)
        assert self.child.stdout.readline() == "done\n"

    def end(self) -> None:
        self.child.communicate(timeout=10)


@pytest.mark.parametrize("kind", ["flock", "ofd"])
def test_a_lock_is_waited_for_while_others_run(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    given: dict[str, Any] = {"ofd": True, "start": 15, "length": 1} if kind == "ofd" else {}
    holder = Holder(path, kind)

    async def program() -> None:
        async with usernel.open(path, "rb+") as file, usernel.open(path, "rb+") as other:
            holder.take("LOCK_EX")
            assert not await file.lock(wait=False, **given)
            if kind == "ofd":
                assert await file.lock(wait=False, ofd=True, start=0, length=10)  # which the child has not
                assert await file.lock(wait=False, ofd=True, start=20)
                assert not await other.lock(wait=False, ofd=True, start=1000, length=1)
                await file.unlock(ofd=True)
            waiting = asyncio.ensure_future(file.lock(**given))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await other.lock(shared=True, **given)
            assert not waiting.done()
            holder.take("LOCK_UN")
            assert await asyncio.wait_for(waiting, 5)
            assert not await other.lock(shared=True, wait=False, **given)
            await file.write(b"before it is given up")
            await file.unlock(**given)
            assert path.read_bytes().startswith(b"before it is given up")
            assert await other.lock(shared=True, **given)
            assert await file.lock(shared=True, wait=False, **given)
            holder.take("LOCK_SH")

    try:
        usernel.run(program())
    finally:
        holder.end()


def test_a_lock_ends_with_its_file_and_is_not_taken_on_another(tmp_path: Path) -> None:
    path, another = tmp_path / "f", tmp_path / "another"
    path.write_bytes(b"")
    another.write_bytes(b"")

    async def program() -> None:
        async with usernel.open(path, "rb") as holder:
            assert await holder.lock()
            file = await usernel.open(path, "rb")
            waiting = asyncio.ensure_future(file.lock())
            await asyncio.sleep(0.005)
            await file.close()
            async with usernel.open(another, "rb") as next_one, usernel.open(another, "rb") as watcher:
                with pytest.raises(ValueError, match="closed"):
                    await asyncio.wait_for(waiting, 5)
                assert await watcher.lock(wait=False)
                await watcher.unlock()
                assert await next_one.lock(wait=False)
        async with usernel.open(path, "rb") as file:
            assert await file.lock(wait=False)
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)

    usernel.run(program())


def drop(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.parametrize("cached", [True, False])
def test_reads_of_many_places_are_those_of_os(tmp_path: Path, buffering: int, cached: bool) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(300_000))
    parts = [(4096, at * 4096) for at in range(60)] + [(10, 299_995), (5, 300_000), (7, 400_000), (0, 3), (280_000, 9)]

    async def program() -> None:
        async with usernel.open(path, "rb", buffering) as file:
            if not cached:
                drop(path)
            expected = [os.pread(file.fileno(), n, at) for n, at in parts] if cached else None
            found = await file.pread_many(iter(parts))
            assert found == (expected or [os.pread(file.fileno(), n, at) for n, at in parts])
            assert await file.pread_many([]) == []
            if not cached:
                drop(path)
            ours = [bytearray(5000), bytearray(1), memoryview(bytearray(70_000))]
            theirs = [bytearray(5000), bytearray(1), memoryview(bytearray(70_000))]
            for at in (0, 123, 299_000, 300_000, 500_000):
                assert await file.preadv(ours, at) == os.preadv(file.fileno(), theirs, at)
                assert ours == theirs
            for call in (file.pread(1, -1), file.pread_many([(1, -1)])):
                with pytest.raises(OSError, match="Invalid argument"):
                    await call
            assert await file.tell() == 0

    usernel.run(program())


@pytest.mark.parametrize("buffering", [-1, 0])
def test_writes_at_an_offset_are_seen_by_all_others(tmp_path: Path, buffering: int) -> None:
    path = tmp_path / "f"

    async def program() -> None:
        async with usernel.open(path, "wb+", buffering) as file:
            await file.write(b"0123456789")
            assert await file.pwritev([b"ab", bytearray(b"cd"), memoryview(b"ef")], 2) == 6
            assert path.read_bytes() == b"01abcdef89"
            assert await file.pwrite(b"end", 12) == 3
            assert await file.tell() == 10
            await file.write(b"!!")
            assert await file.pread(20, 0) == b"01abcdef89!!end"
            await file.seek(0)
            assert await file.read(3) == b"01a"
            assert await file.pwrite(b"ZZ", 3) == 2
            assert await file.read(3) == b"ZZd"
            await file.write(b"+")
            assert await file.pread_many([(7, 0), (3, 12)]) == [b"01aZZd+", b"end"]
            with pytest.raises(OSError, match="Invalid argument"):
                await file.pwrite(b"x", -1)
        async with usernel.open(path, "rb", buffering) as file:
            with pytest.raises(OSError, match="Bad file descriptor"):
                await file.pwrite(b"x", 0)

    usernel.run(program())
