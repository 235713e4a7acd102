"""Requests and calls that are awaited: their results, their cancellation, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.abi.errno import Errno
from usernel.abi.io_uring import IOSQE_ASYNC, IOSQE_IO_LINK
from usernel.aio.loop_ring import LoopRing
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

NOP, TIMEOUT, OPENAT, READ = 0, 11, 18, 22
Program = Callable[[LoopRing], Coroutine[Any, Any, Any]]


def on_ring(program: Program, *, debug: bool = False) -> Any:
    """Run a program on a loop of ours."""

    async def main() -> Any:
        return await program(asyncio.get_running_loop().ring)  # type: ignore[attr-defined]

    return usernel.run(main(), debug=debug)


def test_a_request_ends_with_its_result_or_an_errno() -> None:
    async def program(ring: LoopRing) -> None:
        assert await ring.request(Sqe(NOP)) == 0
        assert await ring.request(Sqe(READ, fd=-1, addr=bytearray(1), len=1)) == -Errno.EBADF
        assert await ring.request(Sqe(255)) == -Errno.EINVAL
        assert await ring.request(Sqe(TIMEOUT, addr=Nanoseconds(1_000_000), len=1)) == -Errno.ETIME

    on_ring(program)


def test_a_chain_is_broken_by_an_error(tmp_path: Path) -> None:
    async def program(ring: LoopRing) -> list[int]:
        link = {"flags": IOSQE_IO_LINK}
        return await ring.chain([Sqe(NOP, **link), Sqe(READ, fd=-1, addr=bytearray(1), len=1, **link), Sqe(NOP)])

    assert on_ring(program) == [0, -Errno.EBADF, -Errno.ECANCELED]


def test_a_call_answers_or_raises() -> None:
    async def program(ring: LoopRing) -> None:
        assert await ring.call(lambda: threading.current_thread().name.startswith("usernel-wrk"))
        with pytest.raises(ZeroDivisionError):
            await ring.call(lambda: 1 // 0)

    on_ring(program)


def test_calls_of_one_key_go_in_order() -> None:
    async def program(ring: LoopRing) -> list[int]:
        done: list[int] = []
        await asyncio.gather(*(ring.call(lambda n=n: done.append(n), hash_key="file") for n in range(50)))  # type: ignore[misc]
        return done

    assert on_ring(program) == list(range(50))


def test_a_cancelled_request_is_over_when_its_task_is() -> None:
    async def program(ring: LoopRing) -> None:
        reader, writer = os.pipe()
        task = asyncio.create_task(ring.request(Sqe(READ, fd=reader, addr=bytearray(1), len=1)))
        await asyncio.sleep(0)
        assert ring.stat()["requests"] == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ring.stat()["requests"] == 0
        os.write(writer, b"x")
        assert os.read(reader, 1) == b"x"  # nobody took it
        os.close(reader)
        os.close(writer)

    on_ring(program)


def test_what_is_cancelled_too_late_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    before = set(Path("/proc/self/fd").iterdir())

    async def program(ring: LoopRing) -> None:
        lost: list[int] = []
        opening = Sqe(OPENAT, IOSQE_ASYNC, fd=-100, addr=os.fsencode(path), rw_flags=os.O_RDONLY | os.O_CLOEXEC)
        task = asyncio.create_task(ring.request(opening, lost.append))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for fd in lost:
            os.close(fd)

    for _ in range(20):
        on_ring(program)
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_a_call_that_runs_is_waited_for_and_one_that_waits_is_taken_back() -> None:
    async def program(ring: LoopRing) -> None:
        begun, go = threading.Event(), threading.Event()
        ran: list[str] = []

        def first() -> None:
            begun.set()
            go.wait(10)
            ran.append("first")

        running = asyncio.create_task(ring.call(first, hash_key="one"))
        waiting = asyncio.create_task(ring.call(lambda: ran.append("second"), hash_key="one"))
        await asyncio.sleep(0)
        assert begun.wait(10)
        waiting.cancel()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not running.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert ran == ["first"]

    on_ring(program)


def test_a_timeout_of_asyncio_ends_a_request() -> None:
    async def program(ring: LoopRing) -> None:
        reader, writer = os.pipe()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ring.request(Sqe(READ, fd=reader, addr=bytearray(1), len=1))
        async with asyncio.TaskGroup() as group:
            group.create_task(ring.request(Sqe(NOP)))
        os.close(reader)
        os.close(writer)

    on_ring(program, debug=True)


def test_hits_let_others_run() -> None:
    async def program(ring: LoopRing) -> int:
        fd = os.open("/proc/self/exe", os.O_RDONLY)
        os.pread(fd, 4096, 0)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        for _ in range(2000):
            assert len(ring.hits.pread(fd, 4096, 0) or bytes(4096)) == 4096
            if ring.hits.used_up:
                await ring.hits.turn()
        other.cancel()
        os.close(fd)
        return turns

    assert on_ring(program) > 2


def test_a_ring_that_is_closed_says_so() -> None:
    async def program(ring: LoopRing) -> None:
        ring.close()
        with pytest.raises(RuntimeError, match="closed"):
            await ring.request(Sqe(NOP))
        with pytest.raises(RuntimeError, match="closed"):
            await ring.call(lambda: None)

    on_ring(program)
