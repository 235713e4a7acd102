"""Files whose file system knows no RWF_NOWAIT: those in memory are read at once all the same."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.abi.fs import RWF_NOWAIT
from usernel.aio.hits import Hits
from usernel.aio.resident_unsafe import PAGE, Now, Resident, Told, told_by

from .mounts import in_memory, overlaid

BYTES = os.urandom(3 * PAGE + 100)


@pytest.fixture(params=["tmpfs", "overlay"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    (tmp_path / "lower").mkdir()
    (tmp_path / "lower/file").write_bytes(BYTES)
    if request.param == "overlay":
        with overlaid(tmp_path / "lower", tmp_path / "over") as merged:
            yield merged
    else:
        with in_memory(tmp_path / "memory") as memory:
            (memory / "file").write_bytes(BYTES)
            yield memory


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "lower").mkdir()
    (tmp_path / "lower/file").write_bytes(BYTES)
    with overlaid(tmp_path / "lower", tmp_path / "over") as merged:
        yield merged


def evict(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def at_once(program: Callable[[Path], Coroutine[Any, Any, Any]], place: Path) -> bool:
    """Whether a program needs no worker."""

    async def main() -> bool:
        ring = asyncio.get_running_loop().ring  # type: ignore[attr-defined]
        await program(place)
        return bool(not any(ring.stat()["workers"][kind]["workers"] for kind in ("bounded", "unbounded")))

    return bool(usernel.run(main()))


def test_the_host_knows_no_rwf_nowait_there(place: Path) -> None:
    fd = os.open(place / "file", os.O_RDONLY)
    with pytest.raises(OSError, match="not supported") as caught:
        os.preadv(fd, [bytearray(1)], 0, RWF_NOWAIT)
    os.close(fd)
    assert caught.value.errno == errno.EOPNOTSUPP


async def positioned(place: Path) -> None:
    async with usernel.open(place / "file", "rb") as file:
        for _ in range(3):
            assert await file.pread(100, 50) == BYTES[50:150]
            assert await file.pread(PAGE, PAGE - 1) == BYTES[PAGE - 1 : 2 * PAGE - 1]
            assert await file.pread(PAGE, 3 * PAGE) == BYTES[3 * PAGE :]
            assert await file.pread(PAGE, 1 << 30) == b""
        assert await file.pread_many([(1, 0), (2, PAGE)]) == [BYTES[:1], BYTES[PAGE : PAGE + 2]]


async def vectored(place: Path) -> None:
    async with usernel.open(place / "file", "rb") as file:
        assert await file.preadv([bytearray(200)], len(BYTES) - 100) == 100


async def in_order(place: Path) -> None:
    async with usernel.open(place / "file", "rb") as file:
        assert await file.read(10) == BYTES[:10]
        assert await file.read() == BYTES[10:]
        assert await file.read() == b""
    async with usernel.open(place / "file", "rb", buffering=0) as raw:
        assert await raw.read(PAGE) == BYTES[:PAGE]
    async with usernel.open(place / "file", "rb") as lines:
        assert [line async for line in lines] == BYTES.splitlines(keepends=True) or b"\r" in BYTES


async def whole(place: Path) -> None:
    assert await usernel.read_file(place / "file") == BYTES


async def routed(place: Path) -> None:
    fd = os.open(place / "file", os.O_RDONLY)
    assert await asyncio.to_thread(os.pread, fd, PAGE, PAGE) == BYTES[PAGE : 2 * PAGE]
    assert await asyncio.to_thread(os.pread, fd, PAGE, 3 * PAGE) == BYTES[3 * PAGE :]
    assert await asyncio.to_thread(os.read, fd, 100) == BYTES[:100]
    assert await asyncio.to_thread(os.read, fd, 1 << 15) == BYTES[100:]
    assert await asyncio.to_thread((place / "file").read_bytes) == BYTES
    os.close(fd)


async def kept_open(place: Path) -> None:
    async with usernel.OpenFileCache() as files:
        for _ in range(2):
            assert await files.read_file(str(place / "file")) == BYTES
        assert files.hits == 2


@pytest.mark.parametrize("program", [positioned, in_order])
def test_what_is_in_memory_is_read_at_once(place: Path, program: Callable[[Path], Coroutine[Any, Any, Any]]) -> None:
    (place / "file").read_bytes()
    assert at_once(program, place)


@pytest.mark.parametrize("program", [whole, routed, vectored])
def test_so_is_of_a_tmpfs_what_does_not_stay_open(
    tmp_path: Path, program: Callable[[Path], Coroutine[Any, Any, Any]]
) -> None:
    with in_memory(tmp_path / "memory") as memory:
        (memory / "file").write_bytes(BYTES)
        assert at_once(program, memory)


def test_a_descriptor_that_is_of_another_file_now_is_asked_anew(tmp_path: Path) -> None:
    """Its number was that of a file in memory: what is read at once there may sleep here."""
    (tmp_path / "file").write_bytes(BYTES)

    async def main() -> None:
        hits = asyncio.get_running_loop().ring.hits  # type: ignore[attr-defined]
        with in_memory(tmp_path / "memory") as memory:
            (memory / "file").write_bytes(BYTES)
            fd = os.open(memory / "file", os.O_RDONLY)
            assert hits.pread(fd, PAGE, 0) == BYTES[:PAGE]
            assert fd in hits._in_memory
            assert hits.pread(fd, PAGE, 3 * PAGE) == BYTES[3 * PAGE :]
            other = os.open(tmp_path / "file", os.O_RDONLY)
            os.dup2(other, fd)
            os.close(other)
            assert hits.pread(fd, PAGE, PAGE) == BYTES[PAGE : 2 * PAGE]
            assert fd not in hits._in_memory
            os.close(fd)

    usernel.run(main())


def test_it_is_kept_open(place: Path) -> None:
    (place / "file").read_bytes()
    usernel.run(kept_open(place))


@pytest.mark.parametrize("program", [positioned, in_order, whole, routed])
def test_what_is_not_is_read_by_workers(
    overlay: Path, monkeypatch: pytest.MonkeyPatch, program: Callable[[Path], Coroutine[Any, Any, Any]]
) -> None:
    monkeypatch.setattr(Resident, "has", lambda *_args: False)
    assert not at_once(program, overlay)


def test_which_pages_are_resident(overlay: Path, tmp_path: Path) -> None:
    evict(tmp_path / "lower/file")
    fd = os.open(overlay / "file", os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    resident = Resident(fd)
    os.pread(fd, 1, 2 * PAGE)
    assert told_by(fd) is Told.MINCORE
    assert resident.has(2 * PAGE, PAGE)
    assert resident.has(2 * PAGE + 5, 1)
    assert not resident.has(2 * PAGE, PAGE + 1)
    assert resident.has(len(BYTES), PAGE)  # there is nothing
    assert resident.has(1 << 40, PAGE)
    os.pread(fd, 1, 3 * PAGE)
    assert resident.has(2 * PAGE, 1 << 20)
    with (overlay / "file").open("ab") as file:  # it is copied up, and what is mapped is what it was
        file.write(bytes(10 * PAGE))
    resident.close()
    os.close(fd)


def test_one_that_grows_is_mapped_anew(overlay: Path) -> None:
    (overlay / "new").write_bytes(b"x")
    fd = os.open(overlay / "new", os.O_RDONLY)
    resident = Resident(fd)
    assert resident.has(0, PAGE)
    (overlay / "new").write_bytes(bytes(5 * PAGE))
    assert resident.has(0, 5 * PAGE)
    resident.close()
    resident.close()
    os.close(fd)


def test_whoever_is_not_told_the_truth_asks_nobody(overlay: Path) -> None:
    program = (
        "import os, sys; from usernel.aio.resident_unsafe import told_by; os.setgid(65534); os.setuid(65534);"
        "print(told_by(os.open(sys.argv[1], os.O_RDONLY)).name)"
    )
    for path in (overlay.parent.parent, overlay.parent, overlay):
        path.chmod(0o755)
    told = []
    for owner, mode in ((0, 0o644), (65534, 0o644), (0, 0o666)):
        os.chown(overlay / "file", owner, 0)
        (overlay / "file").chmod(mode)
        fd = os.open(overlay / "file", os.O_RDONLY)
        told.append(
            subprocess.run(
                [sys.executable, "-c", program.replace("sys.argv[1]", f"'/proc/self/fd/{fd}'")],
                capture_output=True, text=True, check=True, pass_fds=[fd],
            ).stdout.strip()
        )  # fmt: skip
        os.close(fd)
    assert told == ["RWF_NOWAIT", "MINCORE", "MINCORE"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.mknod(path, 0o20600, os.makedev(1, 5))])
def test_what_is_no_regular_file_may_sleep(tmp_path: Path, make: Callable[[Path], object]) -> None:
    with in_memory(tmp_path / "memory") as memory:
        make(memory / "other")
        fd = os.open(memory / "other", os.O_RDWR)
        assert told_by(fd) is Told.RWF_NOWAIT
        os.close(fd)


@pytest.fixture
def hits() -> Iterator[Hits]:
    loop = asyncio.new_event_loop()
    yield Hits(loop)
    loop.close()


def test_of_other_file_systems_nobody_tells(hits: Hits) -> None:
    fd = os.open("/proc/self/comm", os.O_RDONLY)
    for read in (lambda: hits.now(fd, (bytearray(1),), 0), lambda: Now(fd).preadv((bytearray(1),), 1, 0)):
        with pytest.raises(OSError, match="not supported"):
            read()
    os.close(fd)


def test_errors_are_the_hosts(hits: Hits, place: Path) -> None:
    fd = os.open(place / "file", os.O_WRONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        hits.now(fd, (bytearray(1),), 0)
    os.close(fd)


def test_a_ring_reads_it_at_once(tmp_path: Path) -> None:
    with in_memory(tmp_path / "memory") as place:
        (place / "file").write_bytes(BYTES)
        ring_reads(place)


def ring_reads(place: Path) -> None:
    fd = os.open(place / "file", os.O_RDONLY)
    into = bytearray(2 * PAGE)
    (place / "file").read_bytes()
    with usernel.Ring(8) as ring:
        for offset in (0, 2 * PAGE, -1):
            ring.read(fd, into, offset)
            ring.submit()
            expected = BYTES[max(offset, 0) :][: len(into)]
            assert [cqe.res for cqe in ring.peek()] == [len(expected)]
            assert into[: len(expected)] == expected
        assert ring.stat()["workers"]["bounded"]["workers"] == 0
    assert os.lseek(fd, 0, os.SEEK_CUR) == len(into)
    os.close(fd)
