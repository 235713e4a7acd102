"""read_file, write_file and copy_file, compared with what Path and shutil do."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel

SIZES = [0, 1, 4095, 4096, 4097, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 3 << 20]


@pytest.fixture(autouse=True, scope="module")
def _first_loop() -> None:
    """uvloop keeps descriptors of the first loop for the next ones."""
    usernel.run(asyncio.sleep(0))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def drop(path: Path) -> None:
    """Have it out of the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(data)

    async def program() -> None:
        ours = tmp_path / "ours"
        assert await usernel.write_file(ours, memoryview(data)) == size
        assert ours.read_bytes() == data
        assert ours.stat().st_mode == theirs.stat().st_mode
        assert await usernel.read_file(str(ours)) == data
        drop(ours)
        assert await usernel.read_file(os.fsencode(ours)) == data
        assert await usernel.write_file(ours, b"less", fsync=True) == 4
        assert await usernel.read_file(ours) == b"less"

    before = descriptors()
    usernel.run(program())
    assert descriptors() == before


def test_a_cached_small_file_is_read_without_suspending(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 5000)

    async def program() -> None:
        await asyncio.sleep(0)
        path.read_bytes()
        with pytest.raises(StopIteration) as ended:
            usernel.read_file(path).send(None)
        assert ended.value.value == b"x" * 5000

    usernel.run(program())


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/kallsyms", "/proc/self/maps", "/sys/kernel/mm/hugepages"])
def test_files_that_do_not_say_their_size(path: str) -> None:
    async def program() -> bytes:
        return await usernel.read_file(path)

    if Path(path).is_dir():
        with pytest.raises(IsADirectoryError):
            usernel.run(program())
        return
    found = usernel.run(program())
    if path == "/proc/kallsyms":
        assert found == Path(path).read_bytes()
        assert len(found) > 1 << 20
    else:
        assert found.splitlines()[0].split()[-1] == Path(path).read_bytes().splitlines()[0].split()[-1]


def test_a_file_that_grows_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")

    async def program() -> None:
        with path.open("ab", 0) as log:
            for number in range(200):
                log.write(b"%04d\n" % number * 40)
                assert len(await usernel.read_file(path)) == 200 * (number + 1)

    usernel.run(program())


def told(error: BaseException) -> tuple[Any, ...]:
    assert isinstance(error, OSError)
    return type(error), error.errno, error.strerror, error.filename, error.filename2


async def same_error(ours: Callable[[], Coroutine[Any, Any, Any]], theirs: Callable[[], Any]) -> None:
    with pytest.raises(OSError, match=r".") as expected:
        theirs()
    with pytest.raises(OSError, match=r".") as found:
        await ours()
    assert told(found.value) == told(expected.value)


def test_errors_are_those_of_open_with_the_path(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    bad = [tmp_path / "none", tmp_path / "none/below", file / "below", loop, tmp_path, tmp_path / ("x" * 256), Path()]

    def opened(path: str, mode: str) -> None:
        with open(path, mode):  # noqa: PTH123 - the oracle
            pass

    async def program() -> None:
        for path in map(str, bad):
            await same_error(lambda path=path: usernel.read_file(path), lambda path=path: opened(path, "rb"))
            if not path.endswith("none"):
                await same_error(lambda path=path: usernel.write_file(path, b""), lambda path=path: opened(path, "wb"))
        for wrong in (lambda: usernel.read_file("a\0b"), lambda: usernel.write_file("a\0b", b"")):
            with pytest.raises(ValueError, match="embedded null"):
                await wrong()
        for call in (usernel.read_file(3), usernel.write_file(str(file), "text"), usernel.write_file(3, b"")):  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                await call

    usernel.run(program())


def test_links_that_fail_behind_the_first(tmp_path: Path) -> None:
    async def program() -> None:
        with pytest.raises(OSError, match="No space left") as failed:
            await usernel.write_file("/dev/full", b"x")
        assert (failed.value.errno, failed.value.filename) == (errno.ENOSPC, "/dev/full")
        with pytest.raises(OSError, match="Input/output") as failed:
            await usernel.read_file("/proc/self/mem")
        assert (failed.value.errno, failed.value.filename) == (errno.EIO, "/proc/self/mem")

    before = descriptors()
    usernel.run(program())
    assert descriptors() == before


LIMITED = """
import asyncio, errno, resource, signal, sys, usernel
async def program(path):
    await usernel.write_file(path, b"x" * 1000)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    try:
        await usernel.write_file(path, b"y" * 9000)
    except OSError as error:
        print(error.errno == errno.EFBIG, error.filename == path)
usernel.run(program(sys.argv[1]))
"""


def test_a_write_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f"
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "True True\n"
    assert path.read_bytes() == b"y" * 5000


def test_fifos_are_waited_for_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def program() -> None:
        for data in (b"through", b"z" * 300_000):
            reader = asyncio.ensure_future(usernel.read_file(path))
            await asyncio.sleep(0.01)
            assert not reader.done()
            assert await usernel.write_file(path, data) == len(data)
            assert await reader == data
            writer = asyncio.ensure_future(usernel.write_file(path, data))
            await asyncio.sleep(0.01)
            assert not writer.done()
            assert await usernel.read_file(path) == data
            await writer
        for call in (usernel.read_file(path), usernel.write_file(path, b"")):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await call

    before = descriptors()
    usernel.run(program())
    assert descriptors() == before


@pytest.mark.parametrize("size", [1000, 300_000, 20 << 20])
def test_a_cancelled_chain_leaves_no_descriptor_and_no_half_told_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    old, new = b"o" * size, b"n" * size

    async def one(turns: int, call: Coroutine[Any, Any, Any]) -> bool:
        task = asyncio.ensure_future(call)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(outcome, (int, bytes, asyncio.CancelledError))
        return isinstance(outcome, asyncio.CancelledError)

    async def program() -> None:
        await asyncio.sleep(0)
        await usernel.attach().call(lambda: None)
        before, ended = descriptors(), 0
        for turns in range(1, 9 if size < 1 << 20 else 4):
            path.write_bytes(old)
            ended += await one(turns, usernel.write_file(path, new))
            left = path.read_bytes()
            assert left in {old, new} or (size > 8 << 20 and new.startswith(left) and left)
            drop(path)
            ended += await one(turns, usernel.read_file(path))
            assert descriptors() == before
        assert ended

    usernel.run(program())


def test_copies(tmp_path: Path) -> None:
    src, ours, theirs = tmp_path / "src", tmp_path / "ours", tmp_path / "theirs"
    with src.open("wb") as file:
        file.write(os.urandom(100_000))
        file.seek(20 << 20)
        file.write(b"behind a hole")
    src.chmod(0o751)

    async def program() -> None:
        assert await usernel.copy_file(src, ours) == shutil.copyfile(src, theirs).with_name("ours")
        assert ours.read_bytes() == theirs.read_bytes() == src.read_bytes()
        assert ours.stat().st_mode == theirs.stat().st_mode
        await same_error(lambda: usernel.copy_file(src, src), lambda: shutil.copyfile(src, src))
        await same_error(
            lambda: usernel.copy_file(tmp_path / "none", ours), lambda: shutil.copyfile(tmp_path / "none", ours)
        )
        await usernel.copy_file("/proc/self/status", ours)
        assert ours.read_bytes().startswith(b"Name:")
        link = tmp_path / "link"
        link.symlink_to(src)
        await usernel.copy_file(link, tmp_path / "other", follow_symlinks=False)
        assert (tmp_path / "other").readlink() == src

    usernel.run(program())


def test_where_descriptors_are_short(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"content")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def program() -> None:
        ring = usernel.attach()
        await ring.call(lambda: None)
        held = [os.open("/dev/null", os.O_RDONLY)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, hard))
        try:
            for call in (usernel.read_file(path), usernel.write_file(path, b"")):
                with pytest.raises(OSError, match="Too many open files") as failed:
                    await call
                assert failed.value.filename in {path, str(path)}
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(held[0])
        assert await usernel.read_file(path) == b"content"

    usernel.run(program())


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS])
def test_where_the_host_refuses_openat2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int) -> None:
    from usernel.aio import host_unsafe
    from usernel.aio.files import whole

    path, fifo = tmp_path / "f", tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setattr(host_unsafe, "openat2", lambda *_given: -refusal)
    monkeypatch.setattr(whole, "opener", lambda _flags, _resolve: lambda _path: -refusal)

    async def program() -> None:
        assert await usernel.write_file(path, b"content") == 7
        assert await usernel.read_file(path) == b"content"
        for mode in ("rb", "wb", "r", "ab"):
            async with usernel.open(path, mode) as file:
                assert file.name == str(path)
        reading = asyncio.ensure_future(usernel.read_file(fifo))
        assert await usernel.write_file(fifo, b"through") == 7
        assert await reading == b"through"
        with pytest.raises(FileNotFoundError):
            await usernel.read_file(tmp_path / "none")
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask

    umask = os.umask(0)
    os.umask(umask)
    usernel.run(program())
