"""Reads of what is not cached, which the kernel begins: tried again in the next turns, before a worker waits for it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.aio.files import descriptor
from usernel.aio.hits import ASKED, MISSES, MOST, TURNS
from usernel.aio.together import SMALL

from ..preadv import replace_preadv

SIZE = 4096
BYTES = os.urandom(MOST + SIZE)


class Disk:
    """Reads with RWF_NOWAIT that fail so many times each, as where the disk is on its way."""

    def __init__(self) -> None:
        self.times = 0
        self.tried: dict[int, int] = {}

    def preadv(self, fd: int, buffers: Any, offset: int, flags: int = 0) -> int:
        if flags:
            self.tried[offset] = self.tried.get(offset, 0) + 1
            if self.tried[offset] <= self.times:
                raise BlockingIOError(errno.EAGAIN, "it is not cached")
        return os.preadv(fd, buffers, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()
    replace_preadv(monkeypatch, found.preadv)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(BYTES)
    return tmp_path / "file"


def on_loop(program: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        ring = asyncio.get_running_loop().ring  # type: ignore[attr-defined]
        return await asyncio.wait_for(program(ring), 20)

    return usernel.run(main())


@pytest.mark.parametrize("turns", [1, TURNS])
@pytest.mark.parametrize("way", ["pread", "read", "many", "whole"])
def test_what_comes_in_a_few_turns_needs_no_worker(disk: Disk, path: Path, way: str, turns: int) -> None:
    small = path.with_name("small")
    small.write_bytes(BYTES[:SIZE])

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            disk.times = turns
            found = {
                "pread": lambda: opened.pread(SIZE, SIZE),
                "read": lambda: opened.read(SIZE),
                "many": lambda: opened.pread_many([(SIZE, SIZE), (SIZE, 0)]),
                "whole": lambda: usernel.read_file(small),
            }[way]
            if way == "pread":
                opened._descriptor.use_scratch(SIZE)
            expected: Any = {"pread": BYTES[SIZE : 2 * SIZE], "many": [BYTES[SIZE : 2 * SIZE], BYTES[:SIZE]]}
            assert await found() == expected.get(way, BYTES[:SIZE])
        assert ring.hits.came == (way != "whole")
        assert ring.stat()["workers"]["bounded"]["workers"] == 0

    on_loop(program)


@pytest.mark.parametrize("way", ["pread", "many", "whole"])
def test_what_does_not_come_is_left_to_a_worker(disk: Disk, path: Path, way: str) -> None:
    small = path.with_name("small")
    small.write_bytes(BYTES[:SIZE])
    disk.times = TURNS + 1

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            found: Any = {
                "pread": lambda: opened.pread(SIZE, 0),
                "many": lambda: opened.pread_many([(SIZE, 0), (SIZE, SIZE)]),
                "whole": lambda: usernel.read_file(small),
            }[way]
            assert await found() == ([BYTES[:SIZE], BYTES[SIZE : 2 * SIZE]] if way == "many" else BYTES[:SIZE])
        assert ring.hits.came == 0
        assert ring.stat()["workers"]["bounded"]["workers"] == 1

    on_loop(program)


def test_only_what_did_not_come_either_makes_a_file_cold(disk: Disk, path: Path) -> None:
    async def program(_ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            disk.times = 1
            for number in range(2 * MISSES):
                await opened.pread(SIZE, number * SIZE)
            assert opened._descriptor.hot
            disk.times = 1000
            for number in range(MISSES):
                assert opened._descriptor.hot
                await opened.pread(SIZE, (20 + number) * SIZE)
            assert not opened._descriptor.hot
            tried = sum(disk.tried.values())
            await opened.pread(SIZE, 0)
            assert sum(disk.tried.values()) == tried

    on_loop(program)


@pytest.mark.parametrize(("size", "again"), [(SMALL, True), (SMALL + 1, False)])
def test_of_a_large_read_the_rest_would_be_missing(disk: Disk, path: Path, size: int, again: bool) -> None:
    disk.times = 1

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            assert await opened.pread(size, 0) == BYTES[:size]
        assert (ring.hits.came == 1) is again
        assert disk.tried[0] == 1 + again

    on_loop(program)


@pytest.mark.parametrize(("size", "again"), [(MOST // 4, True), (MOST // 4 + 1, False)])
def test_a_large_batch_goes_to_a_worker(disk: Disk, path: Path, size: int, again: bool) -> None:
    disk.times = 1

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            assert await opened.pread_many([(size, at) for at in range(4)]) == [
                BYTES[at : at + size] for at in range(4)
            ]
        assert (ring.hits.came == 1) is again

    on_loop(program)


def test_a_file_is_not_closed_while_its_bytes_come(disk: Disk, path: Path) -> None:
    disk.times = 2

    async def program(_ring: Any) -> None:
        opened = await usernel.open(path, "rb")
        reader = asyncio.ensure_future(opened.pread(SIZE, 0))
        await asyncio.sleep(0)
        assert opened._descriptor.used
        await opened.close()
        assert reader.done()
        assert reader.result() == BYTES[:SIZE]

    on_loop(program)


def test_a_task_that_is_cancelled_waits_for_nothing(disk: Disk, path: Path) -> None:
    disk.times = 1000

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            reader = asyncio.ensure_future(opened.pread(SIZE, 0))
            await asyncio.sleep(0)
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            assert not opened._descriptor.used
            assert ring.stat()["workers"]["bounded"]["workers"] == 0

    on_loop(program)


def test_an_error_that_comes_instead_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([BlockingIOError(errno.EAGAIN, "not yet"), OSError(errno.EIO, "the disk is broken")])

    def preadv(*_args: Any) -> int:
        raise next(said)

    async def program(_ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            monkeypatch.setattr(descriptor, "preadv", preadv)
            with pytest.raises(OSError, match="broken"):
                await opened.pread(SIZE, 0)
            assert not opened._descriptor.used

    on_loop(program)


@pytest.mark.parametrize("readers", [ASKED, 256])
def test_of_many_at_once_few_ask_in_one_turn(disk: Disk, path: Path, readers: int) -> None:
    """Each asks once at first; from then on a turn has room for few."""
    disk.times = 1

    async def program(ring: Any) -> None:
        async with usernel.open(path, "rb") as opened:
            found = await asyncio.gather(*(opened.pread(1, at) for at in range(readers)))
        assert found == [BYTES[at : at + 1] for at in range(readers)]
        assert ring.hits.came == readers
        assert ring.hits.turns == readers - ASKED

    on_loop(program)
