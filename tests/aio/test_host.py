"""The jobs of a ring on the host's descriptors, each against what the host says itself."""

from __future__ import annotations

import mmap
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_EVENT, EPOLLIN
from usernel.abi.fcntl import AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW
from usernel.abi.fs import RENAME_EXCHANGE, RENAME_NOREPLACE, RWF_APPEND, RWF_NOWAIT
from usernel.abi.mman import MADV_DONTNEED
from usernel.abi.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
from usernel.aio import host
from usernel.aio.file import HostFile
from usernel.kernel.io_uring.jobs import JOBS
from usernel.kernel.io_uring.port import Job

FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2


def never(_fd: int) -> bool:
    return False


def do(name: str, *args: Any) -> Any:
    return host.perform(Job(name, args))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "f"
    made.write_bytes(b"0123456789")
    return made


@pytest.fixture
def file(path: Path) -> Iterator[HostFile]:
    fd = os.open(path, os.O_RDWR)
    yield HostFile(fd, never)
    os.close(fd)


def test_every_job_that_opcodes_ask_for_is_there() -> None:
    assert set(JOBS) <= set(host.JOBS)


# --------------------------------------------------------------------------------------------------- read and write


def test_reads_go_on_until_all_is_there_or_the_file_ends(file: HostFile) -> None:
    first, second = bytearray(4), bytearray(20)
    assert do("read", file, (memoryview(first), memoryview(second)), 1, 0) == 9
    assert (bytes(first), bytes(second[:5])) == (b"1234", b"56789")
    assert do("read", file, (memoryview(first),), 100, 0) == 0
    assert do("read", file, (), 0, 0) == 0


def test_the_current_position_is_used_and_moves(file: HostFile) -> None:
    buffer = bytearray(4)
    for expected in (b"0123", b"4567"):
        assert do("read", file, (memoryview(buffer),), -1, 0) == 4
        assert buffer == expected
    assert do("write", file, (memoryview(b"xy"),), -1, 0) == 2
    assert os.pread(file.fd, 20, 0) == b"01234567xy"


def test_writes_write_all(file: HostFile, path: Path) -> None:
    assert do("write", file, (memoryview(b"ab"), memoryview(b"cd")), 8, 0) == 4
    assert path.read_bytes() == b"01234567abcd"
    assert do("write", file, (memoryview(b"!"),), 0, RWF_APPEND) == 1
    assert path.read_bytes() == b"01234567abcd!"


def test_a_short_transfer_goes_on(file: HostFile) -> None:
    calls: list[tuple[int, int]] = []

    def three_bytes(_fd: int, views: Any, off: int, _flags: int) -> int:
        calls.append((off, sum(map(len, views))))
        return min(3, sum(map(len, views)))

    views = tuple(memoryview(bytearray(4)) for _ in range(2))
    assert host._whole(three_bytes, file, views, 100, 0) == 8
    assert calls == [(100, 8), (103, 5), (106, 2)]


def test_an_error_after_some_bytes_is_told_by_their_number(file: HostFile) -> None:
    def once_only(_fd: int, views: Any, _off: int, _flags: int) -> int:
        if sum(map(len, views)) < 8:
            raise OSError(Errno.EIO, "broken")
        return 5

    assert host._whole(once_only, file, (memoryview(bytearray(8)),), 0, 0) == 5


def test_a_pipe_has_no_offset_and_gives_what_there_is() -> None:
    r, w = os.pipe()
    buffer = bytearray(10)
    assert do("write", HostFile(w, never), (memoryview(b"abc"),), 77, 0) == 3
    assert do("read", HostFile(r, never), (memoryview(buffer),), 77, 0) == 3
    assert buffer[:3] == b"abc"
    assert do("read", HostFile(r, never), (memoryview(buffer),), 0, RWF_NOWAIT) == -Errno.EAGAIN
    os.close(r)
    os.close(w)


@pytest.mark.parametrize(("flags", "name"), [(os.O_RDONLY, "write"), (os.O_WRONLY, "read")])
def test_a_file_is_used_for_what_it_was_opened(path: Path, flags: int, name: str) -> None:
    fd = os.open(path, flags)
    assert do(name, HostFile(fd, never), (), 0, 0) == -Errno.EBADF
    os.close(fd)


def test_a_number_that_is_none_of_c_is_an_errno(file: HostFile) -> None:
    assert do("read", file, (memoryview(bytearray(1)),), 1 << 70, 0) == -Errno.EINVAL
    assert do("ftruncate", file, 1 << 70) == -Errno.EINVAL


# ------------------------------------------------------------------------------------------------------ descriptors


def test_sizes_and_what_reaches_the_disk(file: HostFile, path: Path) -> None:
    assert do("ftruncate", file, 4) == 0
    assert path.read_bytes() == b"0123"
    assert do("ftruncate", file, -1) == -Errno.EINVAL
    assert do("fallocate", file, FALLOC_FL_KEEP_SIZE, 0, 100) == 0
    assert path.stat().st_size == 4
    assert do("fallocate", file, 0, 0, 100) == 0
    assert path.stat().st_size == 100
    assert do("fallocate", file, FALLOC_FL_PUNCH_HOLE, 0, 1) == -Errno.EOPNOTSUPP
    assert [do("fsync", file, datasync, 0, 0) for datasync in (0, 1)] == [0, 0]
    assert do("sync_file_range", file, 0, 0, 7) == 0
    assert do("sync_file_range", file, 0, 0, 99) == -Errno.EINVAL
    assert do("fadvise", file, 0, 0, os.POSIX_FADV_RANDOM) == 0
    assert do("fadvise", file, 0, 0, 99) == -Errno.EINVAL


def test_advice_is_for_whole_pages_of_an_mmap_only() -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapping:
        mapping[:4] = b"data"
        assert do("madvise", memoryview(mapping), MADV_DONTNEED) == 0
        assert mapping[:4] == bytes(4)
    heap = bytearray(b"data" * 4096)
    assert do("madvise", memoryview(heap), MADV_DONTNEED) == -Errno.EINVAL
    assert heap == b"data" * 4096


def test_attributes(file: HostFile, path: Path) -> None:
    if do("fsetxattr", file, b"user.one", b"value", 0) == -Errno.EOPNOTSUPP:
        pytest.skip("this file system has no attributes")
    assert do("fgetxattr", file, b"user.one", 16) == b"value"
    assert do("fgetxattr", file, b"user.one", 0) == 5
    assert do("fgetxattr", file, b"user.one", 1) == -Errno.ERANGE
    assert do("setxattr", os.fsencode(path), b"user.one", b"", os.XATTR_REPLACE) == 0
    assert do("getxattr", os.fsencode(path), b"user.one", 16) == b""
    assert do("getxattr", os.fsencode(path), b"user.two", 1 << 32) == -Errno.ENODATA
    assert do("setxattr", os.fsencode(path), b"user.one", b"", os.XATTR_CREATE) == -Errno.EEXIST


def test_bytes_go_from_a_file_through_pipes_to_a_file(file: HostFile, tmp_path: Path) -> None:
    pipes = [do("pipe2", os.O_CLOEXEC) for _ in range(2)]
    (r1, w1), (r2, w2) = [[HostFile(fd, never) for fd in pipe] for pipe in pipes]
    out = HostFile(os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT), never)
    assert do("splice", file, 2, w1, -1, 6, 0) == 6
    assert do("tee", r1, w2, 4, 0) == 4
    assert do("splice", r1, -1, out, 1, 100, 0) == 6
    assert os.pread(out.fd, 100, 0) == b"\x00234567"
    assert os.read(r2.fd, 100) == b"2345"
    assert do("splice", r1, 0, w2, -1, 1, 0) == -Errno.ESPIPE
    for used in (r1, w1, r2, w2, out):
        os.close(used.fd)


def test_an_epoll_instance_is_told_of_a_descriptor() -> None:
    r, w = os.pipe()
    with select.epoll() as epoll:
        event = EPOLL_EVENT[os.uname().machine].pack(EPOLLIN, r)
        assert do("epoll_ctl", epoll.fileno(), EPOLL_CTL_ADD, r, event) == 0
        os.write(w, b"x")
        assert epoll.poll(0) == [(r, EPOLLIN)]
        assert do("epoll_ctl", epoll.fileno(), EPOLL_CTL_DEL, r, None) == 0
        assert do("epoll_ctl", epoll.fileno(), EPOLL_CTL_DEL, r, None) == -Errno.ENOENT
    os.close(r)
    os.close(w)


# ------------------------------------------------------------------------------------------------------------ paths


def test_opening(path: Path) -> None:
    name = os.fsencode(path)
    fd = do("openat2", AT_FDCWD, name, os.O_RDONLY, 0, 0)
    assert os.read(fd, 4) == b"0123"
    os.close(fd)
    assert do("openat2", AT_FDCWD, name + b"-none", os.O_RDONLY, 0, 0) == -Errno.ENOENT
    assert do("openat2", AT_FDCWD, name, os.O_RDONLY, 0, 1 << 40) == -Errno.EINVAL
    directory = os.open(path.parent, os.O_RDONLY)
    assert do("openat2", directory, name, os.O_RDONLY, 0, RESOLVE_BENEATH) == -Errno.EXDEV
    path.with_name("link").symlink_to("f")
    assert do("openat2", directory, b"link", os.O_RDONLY, 0, RESOLVE_NO_SYMLINKS) == -Errno.ELOOP
    os.close(directory)


def test_names_are_made_moved_and_removed(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    assert do("mkdirat", directory, b"d", 0o700) == 0
    assert (tmp_path / "d").is_dir()
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    assert do("renameat2", directory, b"a", directory, b"b", RENAME_NOREPLACE) == -Errno.EEXIST
    assert do("renameat2", directory, b"a", directory, b"b", RENAME_EXCHANGE) == 0
    assert (tmp_path / "a").read_text() == "b"
    assert do("symlinkat", b"a", directory, b"s") == 0
    assert do("linkat", directory, b"s", directory, b"l", 0) == 0
    assert (tmp_path / "l").is_symlink()
    assert do("unlinkat", directory, b"d", 0) == -Errno.EISDIR
    assert do("unlinkat", directory, b"d", AT_REMOVEDIR) == 0
    assert do("unlinkat", directory, b"s", 0) == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "b", "l"]
    os.close(directory)


def test_what_is_known_of_a_file(path: Path) -> None:
    found = do("statx", AT_FDCWD, os.fsencode(path), AT_SYMLINK_NOFOLLOW, 0x7FF)
    assert len(found) == 256
    assert int.from_bytes(found[40:48], "little") == 10  # stx_size
    assert int.from_bytes(found[32:40], "little") == path.stat().st_ino
    assert do("statx", AT_FDCWD, b"/nowhere", 0, 0) == -Errno.ENOENT
