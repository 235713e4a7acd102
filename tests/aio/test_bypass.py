"""Cached reads and writes past the core: what goes there, what does not, and what is left when it ends early."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_DSYNC
from usernel.abi.io_uring import IOSQE_IO_DRAIN, IOSQE_IO_LINK
from usernel.aio import bypass
from usernel.aio.ring import Ring


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    made = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    os.pwrite(made, b"0123456789", 0)
    yield made
    os.close(made)


@pytest.fixture
def ring() -> Iterator[Ring]:
    with Ring(64) as made:
        yield made


class Core:
    """How many submissions reached the core."""

    def __init__(self, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[int] = []
        real = type(ring._rings).next_sqe

        def next_sqe(rings: Any) -> Any:
            sqe = real(rings)
            self.seen.append(sqe.user_data)
            return sqe

        monkeypatch.setattr(bypass.QuickRings, "next_sqe", next_sqe)


@pytest.fixture
def core(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> Core:
    return Core(ring, monkeypatch)


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose file systems know RWF_NOWAIT, also for writes."""
    read, write = os.preadv, os.pwritev

    def preadv(fd: int, buffers: Any, off: int, flags: int = 0) -> int:
        return read(fd, buffers, off, flags if off < 0 else 0)

    def pwritev(fd: int, buffers: Any, off: int, flags: int = 0) -> int:
        return write(fd, buffers, off, flags if off < 0 else 0)

    monkeypatch.setattr(bypass.os, "preadv", preadv)
    monkeypatch.setattr(bypass.os, "pwritev", pwritev)


@pytest.mark.usefixtures("cached")
def test_plain_reads_and_writes_do_not_reach_the_core(ring: Ring, core: Core, fd: int) -> None:
    ring.read(fd, bytearray(4), 0)
    ring.read(fd, memoryview(bytearray(4)), 0)
    ring.read(fd, bytearray(4), 2, 3, user_data=99)
    ring.write(fd, b"abc", 0)
    ring.write(fd, bytearray(b"abc"), 3, 2)
    assert ring.submit() == 5
    assert [cqe.res for cqe in ring.peek()] == [4, 4, 3, 3, 2]
    assert core.seen == []
    assert os.pread(fd, 20, 0) == b"abcab56789"


@pytest.mark.usefixtures("cached")
def test_what_has_any_mark_does(ring: Ring, core: Core, fd: int) -> None:
    numbers = [
        ring.read(fd, bytearray(4), -1),
        ring.read(fd, bytearray(4), 0, rw_flags=RWF_DSYNC),
        ring.read(fd, bytearray(4), 0, flags=IOSQE_IO_LINK),
        ring.read(fd, bytearray(4), 0),
        ring.read(fd, bytearray(20), 0),
        ring.read(fd, bytearray(bypass.MOST + 1), 0),
        ring.read(fd, b"read-only", 0),
        ring.nop(),
    ]
    assert ring.submit() == len(numbers)
    assert len(ring.wait(len(numbers), 20)) == len(numbers)
    assert core.seen == numbers


@pytest.mark.usefixtures("cached")
def test_what_comes_behind_goes_past_the_core_again(ring: Ring, core: Core, fd: int) -> None:
    first = ring.read(fd, bytearray(4), 0)
    second = ring.nop()
    third = ring.read(fd, bytearray(4), 0)
    assert ring.submit() == 3
    assert [cqe.user_data for cqe in ring.peek()] == [first, second, third]
    assert core.seen == [second]


@pytest.mark.usefixtures("cached")
def test_while_something_drains_nothing_goes_past_it(ring: Ring, core: Core, fd: int) -> None:
    r, w = os.pipe()
    waits = ring.read(r, bytearray(1), 0)
    drains = ring.nop(flags=IOSQE_IO_DRAIN)
    behind = ring.read(fd, bytearray(4), 0)
    ring.submit()
    later = ring.read(fd, bytearray(4), 0)
    ring.submit()
    assert ring.peek() == []
    os.write(w, b"x")
    assert [cqe.user_data for cqe in ring.wait(4, 20)][:2] == [waits, drains]
    assert core.seen == [waits, drains, behind, later]
    os.close(r)
    os.close(w)


@pytest.mark.parametrize("flags", [os.O_APPEND, os.O_DIRECT])
def test_what_is_appended_or_goes_past_the_cache_is_the_cores(
    ring: Ring, core: Core, tmp_path: Path, flags: int
) -> None:
    try:
        fd = os.open(tmp_path / "g", os.O_RDWR | os.O_CREAT | flags)
    except OSError:
        pytest.skip("this file system knows no O_DIRECT")
    ring.write(fd, bytearray(4), 0)
    ring.submit()
    assert len(core.seen) == 1
    ring.wait(1, 20)
    os.close(fd)


def test_what_would_wait_is_tried_once_and_left_to_a_worker(
    ring: Ring, core: Core, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = os.preadv

    def not_cached(fd: int, buffers: Any, off: int, flags: int = 0) -> int:
        calls.append(flags)
        if flags:
            raise BlockingIOError(Errno.EAGAIN, "not cached")
        return real(fd, buffers, off)

    monkeypatch.setattr(bypass.os, "preadv", not_cached)
    buffer = bytearray(4)
    number = ring.read(fd, buffer, 3)
    [cqe] = ring.submit_and_wait(1, 20)
    assert (cqe.user_data, cqe.res, buffer) == (number, 4, b"3456")
    assert core.seen == [number]
    assert calls == [bypass.RWF_NOWAIT, 0]


def test_a_handler_that_raises_leaves_each_read_done_once(ring: Ring, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    def interrupted(_fd: int, buffers: Any, off: int, _flags: int = 0) -> int:
        if len(done) == 2:
            done.append(-1)
            raise KeyboardInterrupt
        done.append(off)
        return len(buffers[0])

    monkeypatch.setattr(bypass.os, "preadv", interrupted)
    numbers = [ring.read(fd, bytearray(1), at) for at in range(4)]
    with pytest.raises(KeyboardInterrupt):
        ring.submit()
    assert [cqe.user_data for cqe in ring.peek()] == numbers[:2]
    assert ring.submit() == 2
    assert [cqe.user_data for cqe in ring.peek()] == numbers[2:]
    assert done == [0, 1, -1, 2, 3]


def test_a_queue_that_another_thread_appends_to_loses_nothing(
    ring: Ring, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: list[int] = []

    def appending(_fd: int, buffers: Any, _off: int, _flags: int = 0) -> int:
        if not more:
            more.append(ring.read(fd, bytearray(1), 0))
        return len(buffers[0])

    monkeypatch.setattr(bypass.os, "preadv", appending)
    numbers = [ring.read(fd, bytearray(1), at) for at in range(3)]
    assert ring.submit() == 4
    assert sorted(cqe.user_data for cqe in ring.wait(4, 20)) == numbers + more
