"""os' functions on descriptors, and files that are not what they usually are: on a loop of ours as on uvloop."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import mmap
import os
import pty
import threading
from pathlib import Path

import pytest

import usernel
from usernel.aio import hits

from .twice import Steps, both


def in_executor(*call):
    return asyncio.get_running_loop().run_in_executor(None, *call)


def test_positioned_reads(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        fd = os.open(place / "small", os.O_RDONLY)
        for size in (0, 1, 4096, 10_240, 10_241, 300_000, -1, 1 << 40, True, 1.5, "x"):
            for offset in (0, 5, 10_239, 10_240, 20_000, -1, 1 << 62, 1 << 70):
                await steps(in_executor(os.pread, fd, size, offset))
            await steps(in_executor(os.read, fd, size))
            steps.note(os.lseek(fd, 0, os.SEEK_CUR))
            os.lseek(fd, 100, os.SEEK_SET)
        for buffers in (
            [bytearray(5), bytearray(8)],
            (bytearray(20_000),),
            [],
            [bytes(3)],
            bytearray(4),
            [memoryview(b"x")],
        ):
            await steps(in_executor(os.preadv, fd, buffers, 10_230))
            steps.note([bytes(buffer) for buffer in buffers] if isinstance(buffers, list) else 0)
            await steps(in_executor(os.readv, fd, buffers))
        await steps(in_executor(os.preadv, fd, [bytearray(3)], 0, os.RWF_NOWAIT))
        await steps(in_executor(functools.partial(os.pread, fd, 3, offset=1)))
        for args in ((fd,), (), (fd, 1, 2, 3), (-1, 1, 1), (1 << 40, 1, 1), (None, 1, 1)):
            await steps(in_executor(os.pread, *args))
            await steps(in_executor(os.read, *args[:2]))
            await steps(in_executor(os.close, *args[1:]))
        for whence in ((0, 0), (-5, 2), (5, 1), (0, os.SEEK_DATA), (0, os.SEEK_HOLE), (-1, 0), (0, 99)):
            await steps(in_executor(os.lseek, fd, *whence))
        await steps(in_executor(os.fstat, fd))
        await steps(in_executor(os.close, fd))
        for call in ((os.pread, fd, 1, 0), (os.read, fd, 1), (os.fstat, fd), (os.close, fd), (os.lseek, fd, 0, 0)):
            await steps(in_executor(*call))

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_reads_of_what_is_no_file(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        source, sink = os.pipe()
        for written, size in ((b"abc", 10), (b"abcdef", 3), (b"", 5)):
            os.write(sink, written)
            await steps(in_executor(os.read, source, size))
        waiting = in_executor(os.read, source, 10)
        await asyncio.sleep(0.01)
        os.write(sink, b"late")
        await steps(waiting)
        await steps(in_executor(os.pread, source, 1, 0))
        await steps(in_executor(os.lseek, source, 0, 0))
        os.set_blocking(source, False)
        await steps(in_executor(os.read, source, 1))
        await steps(in_executor(os.close, sink))
        await steps(in_executor(os.read, source, 1))
        await steps(in_executor(os.close, source))
        counter = os.eventfd(7)
        await steps(in_executor(os.read, counter, 8))
        waiting = in_executor(os.eventfd_read, counter)
        os.eventfd_write(counter, 3)
        await steps(waiting)
        os.close(counter)
        directory = os.open(place, os.O_RDONLY)
        await steps(in_executor(os.read, directory, 1))
        await steps(in_executor(os.pread, directory, 1, 0))
        await steps(in_executor(os.close, directory))
        for name in ("/dev/zero", "/proc/self/comm", "/dev/null"):
            with open(name, "rb", buffering=0) as file:
                await steps(in_executor(os.read, file.fileno(), 4))
                await steps(in_executor(file.read, 4))

    assert both(program, tmp_path / "place")["handed_on"] == 0


def test_a_terminal(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        ours, theirs = pty.openpty()
        with open(theirs, buffering=1, closefd=False) as terminal:
            waiting = in_executor(terminal.readline)
            os.write(ours, b"typed\n")
            await steps(waiting)
            await steps(in_executor(terminal.isatty))
        os.write(ours, b"more\n")
        await steps(in_executor(os.read, theirs, 100))
        os.close(ours)
        os.close(theirs)

    assert both(program, tmp_path / "place")["handed_on"] == 0


def opened(path: Path) -> int:
    """How many descriptors of ours are of a file."""
    ours = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
    return ours.count(str(path))


def test_fifos_are_waited_for_by_workers_that_there_are_many_of(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    async def main() -> list[bytes]:
        reads = [asyncio.to_thread((tmp_path / "fifo").read_bytes) for _ in range(20)]
        opens = [asyncio.to_thread(open, tmp_path / "fifo", "rb", 0) for _ in range(20)]
        waiting = asyncio.gather(*reads, *opens)
        await asyncio.sleep(0)
        # Of those who wait for a disk there are few, and none of them is taken.
        assert await asyncio.to_thread(os.listdir, tmp_path) == ["fifo"]
        workers = asyncio.get_running_loop().ring.stat()["workers"]
        assert workers["unbounded"]["unfinished"] == 40
        writer = os.open(tmp_path / "fifo", os.O_RDWR)
        while opened(tmp_path / "fifo") < 40 + 1:
            await asyncio.sleep(0.005)
        os.close(writer)
        found = await waiting
        for file in found[20:]:
            file.close()
        return found[:20]

    assert usernel.run(asyncio.wait_for(main(), 20)) == [b""] * 20


def test_past_the_page_cache(tmp_path: Path) -> None:
    async def program(steps: Steps, place: Path) -> None:
        fd = os.open(place / "small", os.O_RDONLY | os.O_DIRECT)
        into = mmap.mmap(-1, 8192)
        await steps(in_executor(os.preadv, fd, [into], 0))
        steps.note(into[:300])
        await steps(in_executor(os.pread, fd, 10, 1))
        with open(fd, "rb", buffering=0) as file:
            await steps(in_executor(file.readinto, into))
            await steps(in_executor(file.read, 3))
        into.close()

    stat = both(program, tmp_path / "place")
    assert stat["handed_on"] == 0
    assert stat["punted"] == 4


def test_a_file_of_which_nothing_is_cached_is_read_by_workers(tmp_path: Path) -> None:
    path = tmp_path / "cold"
    data = os.urandom(1 << 20)
    path.write_bytes(data)

    def forget() -> int:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return fd

    async def main() -> dict[str, int]:
        fd = forget()
        for offset in (0, 300_000, 4096, 900_000):
            assert await asyncio.to_thread(os.pread, fd, 5000, offset) == data[offset : offset + 5000]
        os.close(forget())
        assert await asyncio.to_thread(os.read, fd, 10_000) == data[:10_000]
        with open(fd, "rb", buffering=0) as raw:
            os.close(forget())
            assert await asyncio.to_thread(raw.read, 10_000) == data[10_000:20_000]
        os.close(forget())
        with open(path, "rb") as file:
            assert await asyncio.to_thread(file.read, 10_000) == data[:10_000]
            assert file.tell() == 10_000
            assert await asyncio.to_thread(file.readline) == io.BytesIO(data[10_000:]).readline()
        return asyncio.get_running_loop().ring.stat()

    stat = usernel.run(main())
    assert stat["routing"]["punted"] + stat["routing"]["inline"] == 8
    if stat["missed"] == 0:
        pytest.fail("the file system keeps what it is told to forget")


def test_a_file_that_a_worker_is_in_holds_up_nobody(tmp_path: Path) -> None:
    source, sink = os.pipe()

    async def main() -> None:
        with open(source, "rb") as file:
            slow = asyncio.ensure_future(asyncio.to_thread(file.read, 4))
            await asyncio.sleep(0.05)
            # The worker holds the file's lock: whoever asked now, inside the loop, would wait for it too.
            others = [asyncio.ensure_future(asyncio.to_thread(call)) for call in (file.readline, file.flush)]
            await asyncio.sleep(0)
            os.write(sink, b"1234")
            assert await slow == b"1234"
            os.write(sink, b"line\n")
            os.close(sink)
            assert await asyncio.gather(*others) == [b"line\n", None]

    usernel.run(asyncio.wait_for(main(), 20))


def test_what_is_cancelled_while_it_waits_for_its_turn_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "OWN", 0)
    (tmp_path / "file").write_bytes(b"0123456789")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with open(tmp_path / "file", "rb", buffering=0) as file:
            assert await loop.run_in_executor(None, file.read, 1) == b"0"
            loop.ring.hits.until = 1  # this turn has no time left
            first, second = (loop.run_in_executor(None, file.read, 1) for _ in range(2))
            assert not first.done()
            first.cancel()
            assert await second == b"1"
            assert first.cancelled()

    usernel.run(main())


def test_a_program_that_opens_by_its_own_function_has_its_context_there(tmp_path: Path) -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen = []

    def opener(path: str, flags: int) -> int:
        seen.append((who.get(), threading.current_thread() is threading.main_thread()))
        return os.open(path, flags)

    async def main() -> None:
        (tmp_path / "file").touch()
        who.set("the task")
        (await asyncio.to_thread(open, tmp_path / "file", opener=opener)).close()

    usernel.run(main())
    assert seen == [("the task", False)]


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    async def main() -> str:
        assert await asyncio.to_thread(os.listdir, tmp_path) == []
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    with asyncio.Runner(loop_factory=lambda: usernel.new_event_loop(route=False)) as runner:
        assert runner.run(main()).startswith("uvloop_")
        assert runner.get_loop().ring.stat()["routing"] is None


def test_an_end_of_iteration_is_an_error_that_a_future_can_be_told_of(tmp_path: Path) -> None:
    def opener(_path: str, _flags: int) -> int:
        raise StopIteration

    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.to_thread(open, tmp_path / "file", opener=opener)

    usernel.run(asyncio.wait_for(main(), 10))
