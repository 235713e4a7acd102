"""What a ring does at once, and what it leaves to others."""

from __future__ import annotations

import fcntl
import os
import pty
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.openat2 import RESOLVE_CACHED
from usernel.aio import inline
from usernel.aio.file import HostFile
from usernel.aio.inline import MOST, attempt
from usernel.aio.poller import Poller
from usernel.kernel.io_uring.port import AGAIN, Job

Opened = Callable[[int], HostFile]


@pytest.fixture
def opened() -> Iterator[Opened]:
    with ExitStack() as stack:
        poller = Poller()
        stack.callback(poller.close)

        def make(fd: int) -> HostFile:
            stack.callback(os.close, fd)
            return HostFile(fd, poller.can_poll)

        yield make


def do(name: str, *args: Any) -> Any:
    return attempt(Job(name, args))


def view(size: int = 8) -> tuple[memoryview]:
    return (memoryview(bytearray(size)),)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "f"
    made.write_bytes(b"0123456789" * 1000)
    return made


def knows_nowait(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(fd, [bytearray(1)], 0, RWF_NOWAIT) == 1
    except OSError:
        return False
    finally:
        os.close(fd)


def test_what_is_cached_is_read(path: Path, opened: Opened) -> None:
    if not knows_nowait(path):
        pytest.skip("this file system knows no RWF_NOWAIT")
    file = opened(os.open(path, os.O_RDONLY))
    buffers = view(10000)
    assert do("read", file, buffers, 0, 0) == 10000
    assert bytes(buffers[0]) == path.read_bytes()
    assert do("read", file, buffers, 9000, 0) == 1000
    assert do("read", file, buffers, 10000, 0) == 0
    assert do("read", file, buffers, -1, 0) == 10000
    assert do("read", file, buffers, -1, 0) == 0


def test_a_part_that_is_cached_is_as_good_as_nothing(
    path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(os.open(path, os.O_RDONLY))
    os.lseek(file.fd, 100, os.SEEK_SET)
    real = os.preadv

    def four_and_no_more(fd: int, buffers: Any, off: int, flags: int) -> int:
        if sum(map(len, buffers)) < 8:
            raise BlockingIOError(Errno.EAGAIN, "not cached")
        return real(fd, [buffers[0][:4]], off)

    monkeypatch.setattr(inline.os, "preadv", four_and_no_more)
    assert do("read", file, view(), 0, 0) is AGAIN
    assert do("read", file, view(), -1, 0) is AGAIN
    assert os.lseek(file.fd, 0, os.SEEK_CUR) == 100


def test_much_is_left_to_a_worker_and_so_is_what_goes_past_the_cache(path: Path, opened: Opened) -> None:
    file = opened(os.open(path, os.O_RDWR))
    assert do("read", file, view(MOST + 1), 0, 0) is AGAIN
    assert do("write", file, view(MOST + 1), 0, 0) is AGAIN
    assert path.stat().st_size == 10000
    try:
        direct = opened(os.open(path, os.O_RDWR | os.O_DIRECT))
    except OSError:
        return  # this file system knows no O_DIRECT
    assert do("read", direct, view(4096), 0, 0) is AGAIN
    assert do("write", direct, view(4096), 0, 0) is AGAIN


def test_a_write_is_whole_or_not_at_all(path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(os.open(path, os.O_RDWR))
    assert do("write", file, (memoryview(b"abcd"),), 0, 0) in {4, AGAIN}
    real, calls = os.pwritev, []

    def first_four(fd: int, buffers: Any, off: int, flags: int = 0) -> int:
        calls.append((off, flags))
        return real(fd, [buffers[0][:4]] if flags else buffers, off)

    monkeypatch.setattr(inline.os, "pwritev", first_four)
    assert do("write", file, (memoryview(b"ABCDEFGH"),), 20, 0) == 8
    assert path.read_bytes()[20:28] == b"ABCDEFGH"
    assert calls == [(20, RWF_NOWAIT), (24, 0)]


def test_a_pipe_is_read_when_there_is_something(opened: Opened) -> None:
    r, w = map(opened, os.pipe())
    buffers = view()
    assert do("read", r, buffers, 0, 0) is AGAIN
    assert do("read", r, buffers, 0, RWF_NOWAIT) == -Errno.EAGAIN
    assert do("write", w, (memoryview(b"abc"),), 5, 0) == 3
    assert do("read", r, buffers, 0, 0) == 3
    assert do("write", w, (memoryview(bytes(1 << 20)),), -1, 0) == 65536
    assert do("write", w, (memoryview(b"x"),), -1, 0) is AGAIN


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK])
def test_a_fifo_takes_what_it_has_room_for(tmp_path: Path, opened: Opened, flags: int) -> None:
    os.mkfifo(tmp_path / "fifo")
    r = opened(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK))
    os.set_blocking(r.fd, bool(not flags))
    w = opened(os.open(tmp_path / "fifo", os.O_WRONLY | flags))
    assert do("read", r, view(), 0, 0) is AGAIN
    assert do("write", w, (memoryview(b"abc"),), 0, 0) == 3
    assert do("read", r, view(), 0, 0) == 3
    assert do("write", w, (memoryview(bytes(1 << 20)),), 0, 0) == 65536
    assert do("write", w, (memoryview(b"x"),), 0, 0) is AGAIN


def test_a_terminal_is_read_when_a_line_is_there(opened: Opened) -> None:
    master, slave = map(opened, pty.openpty())
    assert do("read", slave, view(), 0, 0) is AGAIN
    os.write(master.fd, b"hello\n")
    until = time.monotonic() + 10
    while (got := do("read", slave, view(), 0, 0)) is AGAIN:
        assert time.monotonic() < until, "the line did not come"
    assert got == 6
    assert do("write", slave, (memoryview(bytes(1 << 20)),), 0, 0) is AGAIN


def test_what_is_read_without_end_is_read(opened: Opened) -> None:
    assert do("read", opened(os.open("/dev/zero", os.O_RDONLY)), view(), 7, 0) == 8


def test_a_directory_is_not_read_at_once(tmp_path: Path, opened: Opened) -> None:
    directory = opened(os.open(tmp_path, os.O_RDONLY))
    assert do("read", directory, view(), 0, 0) in {AGAIN, -Errno.EISDIR}


def test_a_path_that_is_known_is_opened(path: Path, opened: Opened) -> None:
    name = os.fsencode(path)
    path.stat()
    for flags in (os.O_RDONLY, os.O_RDWR | os.O_APPEND, os.O_RDONLY | os.O_NONBLOCK, os.O_PATH):
        file = opened(do("openat2", AT_FDCWD, name, flags, 0, 0))
        asked, got = flags & ~os.O_PATH, fcntl.fcntl(file.fd, fcntl.F_GETFL)
        assert got & (os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK) == asked


def test_what_would_wait_for_the_file_system_is_not_opened(path: Path) -> None:
    name = os.fsencode(path.with_name("new"))
    for flags in (os.O_CREAT | os.O_RDWR, os.O_TRUNC | os.O_RDWR):
        assert do("openat2", AT_FDCWD, name, flags, 0o600, 0) is AGAIN
    assert do("openat2", AT_FDCWD, os.fsencode(path.parent), os.O_TMPFILE | os.O_RDWR, 0o600, 0) is AGAIN
    assert do("openat2", AT_FDCWD, name, os.O_CREAT | os.O_RDWR, 0o600, RESOLVE_CACHED) == -Errno.EAGAIN
    assert not path.with_name("new").exists()


def test_a_fifo_is_opened_without_waiting_for_its_other_end(tmp_path: Path, opened: Opened) -> None:
    name = tmp_path / "fifo"
    os.mkfifo(name)
    name.stat()
    assert do("openat2", AT_FDCWD, os.fsencode(name), os.O_WRONLY, 0, 0) == -Errno.ENXIO
    r = opened(do("openat2", AT_FDCWD, os.fsencode(name), os.O_RDONLY, 0, 0))
    assert not r.nonblock


def test_the_rest_waits(path: Path, opened: Opened) -> None:
    file = opened(os.open(path, os.O_RDWR))
    assert do("fsync", file, 0, 0, 0) is AGAIN
    assert do("unlinkat", AT_FDCWD, os.fsencode(path), 0) is AGAIN
    assert path.exists()
