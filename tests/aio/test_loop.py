"""The event loop with a ring: whose it is, what it does beside uvloop's, and how it ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvloop

import usernel
from usernel.aio.loop_ring import LoopRing
from usernel.kernel.io_uring.sqe import Sqe

NOP, READ = 0, 22


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 64)
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def open_fds() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


def test_it_is_uvloops_and_a_runner_takes_it() -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=usernel.new_event_loop) as runner:
        assert isinstance(runner.run(main()), uvloop.Loop)
    assert isinstance(usernel.run(main()), usernel.EventLoop)


def test_its_ring_is_made_when_it_is_used_and_ends_with_it() -> None:
    loop = usernel.new_event_loop()
    before = open_fds()
    loop.run_until_complete(asyncio.sleep(0))
    assert open_fds() == before
    ring = loop.ring
    assert loop.ring is ring
    assert ring.stat()["closed"] is False
    loop.close()
    assert ring.closed
    with pytest.raises(RuntimeError, match="closed"):
        _ = loop.ring


def test_nothing_of_a_ring_is_left() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().ring.call(lambda: None)  # type: ignore[attr-defined]

    usernel.run(main())
    before, threads = open_fds(), set(threading.enumerate())
    for _ in range(3):
        usernel.run(main())
    assert open_fds() <= before
    assert set(threading.enumerate()) <= threads


def test_a_policy_whose_loops_have_rings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = usernel.EventLoopPolicy().new_event_loop()
    assert isinstance(loop, usernel.EventLoop)
    loop.close()


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_ring_beside_a_loop_of_another_kind(factory: object, file: int) -> None:
    async def main() -> None:
        ring = usernel.attach()
        assert usernel.attach() is ring
        buffer = bytearray(16)
        assert await ring.request(Sqe(READ, fd=file, addr=buffer, len=16, off=16)) == 16
        assert buffer == bytes(range(16, 32))
        assert await ring.call(lambda: 7) == 7
        ring.close()

    with asyncio.Runner(loop_factory=factory) as runner:  # type: ignore[arg-type]
        runner.run(main())


def test_a_factory_of_tasks_is_used_and_may_be_eager(file: int) -> None:
    def plain(loop, coro, **more):
        return asyncio.Task(coro, loop=loop, **more)

    async def read(size: int) -> int:
        data = await asyncio.to_thread(os.pread, file, size, 0)
        begun.append(size)
        return len(data)

    async def main() -> list[int]:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", plain))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(size), name=f"reads {size}") for size in (10, 20, 30)]
            assert begun == ([10, 20, 30] if hasattr(asyncio, "eager_task_factory") else [])
        assert [task.get_name() for task in tasks] == ["reads 10", "reads 20", "reads 30"]
        return [task.result() for task in tasks]

    begun: list[int] = []
    assert usernel.run(main(), debug=True) == [10, 20, 30]
    assert begun == [10, 20, 30]


def test_two_loops_in_two_threads_have_two_rings(file: int) -> None:
    async def main() -> tuple[LoopRing, bytes]:
        ring = asyncio.get_running_loop().ring  # type: ignore[attr-defined]
        found = await asyncio.gather(*(asyncio.to_thread(os.pread, file, 4, at) for at in range(50)))
        return ring, b"".join(found)

    with ThreadPoolExecutor(2) as pool:
        (one, first), (other, second) = pool.map(lambda _: usernel.run(main()), range(2))
    assert one is not other
    assert first == second


def test_the_default_executor_is_not_used_for_files(file: int) -> None:
    async def main() -> set[str]:
        await asyncio.to_thread(os.pread, file, 16, 0)
        await asyncio.to_thread(os.listdir, "/")
        return {thread.name for thread in set(threading.enumerate()) - before}

    before = set(threading.enumerate())  # whatever other tests have left
    names = usernel.run(main())
    assert not any(name.startswith(("asyncio_", "uvloop_")) for name in names)
    assert any(name.startswith("usernel-wrk") for name in names)


def test_other_calls_are_handed_to_the_executor() -> None:
    async def main() -> tuple[str, dict[str, int]]:
        loop = asyncio.get_running_loop()
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        return name, loop.router.stat()  # type: ignore[attr-defined]

    name, counted = usernel.run(main())
    assert name.startswith(("asyncio_", "uvloop_"))
    assert counted["handed_on"] == 1


def test_routing_is_turned_off(file: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert loop.router is None  # type: ignore[attr-defined]
        assert await asyncio.to_thread(os.pread, file, 2, 0) == b"\0\1"

    usernel.run(main(), route=False)


def test_an_executor_that_is_named_is_used(file: int) -> None:
    async def main() -> str:
        with ThreadPoolExecutor(1, "mine") as pool:
            loop = asyncio.get_running_loop()
            assert await loop.run_in_executor(pool, os.pread, file, 2, 0) == b"\0\1"
            return await loop.run_in_executor(pool, lambda: threading.current_thread().name)

    assert usernel.run(main()).startswith("mine")


def test_a_loop_is_closed_with_requests_in_flight() -> None:
    loop = usernel.new_event_loop()
    reader, writer = os.pipe()
    ring: LoopRing = loop.ring

    async def wait() -> None:
        await ring.request(Sqe(READ, fd=reader, addr=bytearray(1), len=1))

    task = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0))
    begun = threading.Event()
    ring.start(lambda: begun.set() or time.sleep(0.05))
    assert begun.wait(5)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    assert ring.closed
    assert ring.left_behind == []
    os.close(reader)
    os.close(writer)


def test_after_a_fork_the_child_has_a_ring_of_its_own(file: int) -> None:
    loop = usernel.new_event_loop()
    mine = loop.ring
    pid = os.fork()
    if not pid:
        code = 1
        try:
            if mine.closed and loop.ring is not mine and not loop.ring.closed:
                code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert loop.ring is mine

    async def main() -> int:
        return await mine.request(Sqe(NOP))

    assert loop.run_until_complete(main()) == 0
    loop.close()


def test_a_program_that_exits_in_the_middle_does_so_at_once() -> None:
    script = """
import asyncio, os, usernel
from usernel.kernel.io_uring.sqe import Sqe
async def main():
    reader, _ = os.pipe()
    ring = asyncio.get_running_loop().ring
    asyncio.create_task(ring.request(Sqe(22, fd=reader, addr=bytearray(1), len=1)))
    await asyncio.sleep(0)
    raise SystemExit(3)
usernel.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (3, "")


def test_importing_usernel_loads_no_library() -> None:
    script = (
        "import sys, usernel; usernel.Kernel; print(*{'aiohttp', 'pydantic', 'uvloop', 'anyio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "\n"
