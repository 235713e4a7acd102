"""How the loop bears with what programs do: tasks of all kinds, threads, forks and signals."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiofiles
import pytest
import uvloop

import usernel
from usernel.aio import loop_ring
from usernel.aio.loop_ring import LoopRing
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

from .cancelling import DEADLINE_S, descriptors

TIMEOUT = 11
NAME: contextvars.ContextVar[str] = contextvars.ContextVar("NAME")


async def soon(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


async def use_files(directory: Path, name: str) -> None:
    """A bit of everything: a file that is written, read at once and by workers, and a pipe."""
    NAME.set(name)
    path = directory / name
    data = name.encode() * 50_000
    async with usernel.open(path, "wb") as file:
        for at in range(0, len(data), 30_000):
            await file.write(data[at : at + 30_000])
        await file.fsync()
    async with usernel.open(path, "rb") as file:
        assert await file.read() == data
        assert await asyncio.to_thread(os.pread, file.fileno(), 10, 5) == data[5:15]
    async with aiofiles.open(path, "ab") as file:
        await file.write(b"end")
    assert await usernel.read_file(path) == data + b"end"
    reader, writer = os.pipe()
    async with usernel.open(reader, "rb") as source, usernel.open(writer, "wb") as target:
        await target.write(data)
        reading = asyncio.create_task(source.read(len(data)))
        await target.flush()
        assert await reading == data
    assert NAME.get() == name


async def use_files_together(directory: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("one", "other", "third"):
            group.create_task(use_files(directory, name))


# --------------------------------------------------------------------------------------------------- tasks of all kinds


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_tasks_in_a_group_keep_their_contexts(debug: bool, tmp_path: Path) -> None:
    usernel.run(use_files_together(tmp_path), debug=debug)


def test_what_is_handed_on_has_its_context() -> None:
    async def main() -> str:
        NAME.set("mine")
        return await asyncio.to_thread(NAME.get)

    assert usernel.run(main()) == "mine"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has eager tasks from Python 3.12 on")
@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_eager_tasks(debug: bool, tmp_path: Path) -> None:
    async def main() -> int:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await use_files_together(tmp_path)
        begun = asyncio.create_task(hit(tmp_path / "one"))
        assert begun.done()  # a hit does not suspend, so it has ended where it was begun
        return begun.result()

    async def hit(path: Path) -> int:
        return len(await usernel.read_file(path))

    assert usernel.run(main(), debug=debug) > 0


def test_a_slow_callback_is_told_of_in_debug_mode(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.01
        async with usernel.open(tmp_path / "file", "wb") as file:
            await file.write(b"x")
            time.sleep(0.02)  # noqa: ASYNC251 - it is what it tells of

    usernel.run(main(), debug=True)
    assert "took" in caplog.text


# -------------------------------------------------------------------------------------------------------------- workers


def test_workers_are_bounded_named_and_seen() -> None:
    limit = 3
    gate, inside = threading.Event(), []

    def hold() -> None:
        inside.append(threading.current_thread().name)
        assert gate.wait(DEADLINE_S)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ring = usernel.attach()
        ring._port.workers.limit(limit, 0)
        calls = [asyncio.ensure_future(ring.call(hold, hash_key=at)) for at in range(limit + 1)]
        await soon(lambda: len(inside) == limit)
        found = ring.stat()["workers"]["bounded"]
        assert found == {"limit": limit, "workers": limit, "unfinished": limit + 1}
        assert len(inside) == limit
        gate.set()
        await asyncio.gather(*calls)
        assert len(inside) == limit + 1
        assert all(name.startswith("usernel-wrk-") for name in inside)
        assert getattr(loop, "_default_executor", None) is None

    before = set(threading.enumerate())
    usernel.run(main())
    assert not {thread.name for thread in set(threading.enumerate()) - before if "usernel" in thread.name}


def test_files_never_start_the_default_executor(tmp_path: Path) -> None:
    async def main() -> set[str]:
        await use_files_together(tmp_path)
        await usernel.os.listdir(tmp_path)
        return {thread.name for thread in set(threading.enumerate()) - before}

    before = set(threading.enumerate())
    names = usernel.run(main())
    assert {name.rsplit("-", 1)[0] for name in names} <= {"usernel-wrk", "usernel-wrk-unbound"}


async def open_by_ring(path: Path) -> None:
    async with usernel.open(path, "wb") as file:
        await file.write(b"x")


async def open_routed(path: Path) -> None:
    os.close(await asyncio.to_thread(os.open, path, os.O_WRONLY))


@pytest.mark.parametrize("opened", [open_by_ring, open_routed])
def test_fifos_that_nobody_reads_hold_up_no_file(opened: Callable[[Path], Any], tmp_path: Path) -> None:
    async def main() -> None:
        ring = usernel.attach()
        number = ring.stat()["workers"]["bounded"]["limit"] + 1
        paths = [tmp_path / f"{at}" for at in range(number)]
        for path in paths:
            os.mkfifo(path)
        tasks = [asyncio.ensure_future(opened(path)) for path in paths]
        await soon(lambda: ring.stat()["workers"]["unbounded"]["unfinished"] == number)
        await asyncio.wait_for(usernel.write_file(tmp_path / "file", b"x"), DEADLINE_S)
        for path in paths:
            os.close(os.open(path, os.O_RDONLY))
        await asyncio.wait(tasks, timeout=DEADLINE_S)
        for task in tasks:
            assert isinstance(task.exception(), BrokenPipeError | None)

    usernel.run(main())


# ------------------------------------------------------------------------------------------------------- closed, forked


def test_a_loop_is_closed_with_everything_in_flight(tmp_path: Path) -> None:
    loop = usernel.new_event_loop()
    before = descriptors()
    begun, gate = threading.Event(), threading.Event()
    held: list[Any] = []

    async def main() -> None:
        ring = usernel.attach()
        file = await usernel.open(tmp_path / "file", "wb")
        held.append(file)
        await file.write(b"x" * 100_000)
        reader, writer = os.pipe()
        stream = await usernel.open(reader, "rb")
        held.extend((stream, writer))
        for coroutine in (
            stream.read(1), ring.request(Sqe(TIMEOUT, addr=Nanoseconds(10**12), len=1)), ring.call(wait, hash_key=1),
            ring.call(wait, hash_key=1),
        ):  # fmt: skip
            task = loop.create_task(coroutine)
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            held.append(task)
        await soon(begun.is_set)

    def wait() -> None:
        begun.set()
        gate.wait(DEADLINE_S)

    loop.run_until_complete(main())
    gate.set()
    ring = loop.ring
    loop.close()
    assert ring.closed
    assert ring.left_behind == []
    file, stream, writer, *tasks = held
    asyncio.run(_close(file, stream))
    os.close(writer)
    assert (tmp_path / "file").read_bytes() == b"x" * 100_000
    assert not any(task.done() for task in tasks)
    assert descriptors().items() <= before.items()


async def _close(*files: Any) -> None:
    for file in files:
        await file.close()
        assert file.closed


def test_whoever_waits_for_a_ring_that_is_closed_is_told() -> None:
    async def main() -> list[int]:
        ring = usernel.attach()
        reader, writer = os.pipe()
        waiting = asyncio.ensure_future(ring.request(Sqe(22, fd=reader, addr=bytearray(1), len=1)))
        timed = asyncio.ensure_future(ring.request(Sqe(TIMEOUT, addr=Nanoseconds(10**12), len=1)))
        await asyncio.sleep(0)
        ring.close()
        os.close(reader)
        os.close(writer)
        found = await asyncio.wait_for(asyncio.gather(waiting, timed), DEADLINE_S)
        assert await usernel.attach().call(lambda: 7) == 7  # the next use makes a new one
        return found

    assert all(res < 0 for res in usernel.run(main()))


def test_a_worker_that_is_left_behind_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_ring, "CLOSE_S", 0.01)
    begun, gate, over = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        gate.wait(DEADLINE_S)
        over.set()

    loop = usernel.new_event_loop()

    async def main() -> None:
        usernel.attach().start(wait, hash_key=1)
        await soon(begun.is_set)

    loop.run_until_complete(main())
    with pytest.warns(RuntimeWarning, match="usernel-wrk-.*: still in a call"):
        loop.close()
    gate.set()
    assert over.wait(DEADLINE_S)


def test_a_loop_that_runs_cannot_be_closed_and_keeps_its_ring() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ring = usernel.attach()
        with pytest.raises(RuntimeError, match="running"):
            loop.close()
        assert usernel.attach() is ring
        assert await ring.call(lambda: 7) == 7

    usernel.run(main())
    asyncio.run(main())


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_ring_beside_another_loop_ends_with_it(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> LoopRing:
        ring = usernel.attach()
        await ring.call(lambda: None)
        return ring

    before, threads = descriptors(), set(threading.enumerate())
    loop = factory()
    ring = loop.run_until_complete(main())
    assert usernel.attach(loop) is ring
    assert not ring.closed
    loop.close()
    assert ring.closed
    assert loop.is_closed()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        usernel.attach(loop)
    assert descriptors().items() <= before.items()
    assert set(threading.enumerate()) <= threads


def test_a_ring_beside_a_loop_that_nobody_closes_is_collected_with_it() -> None:
    async def main() -> weakref.ref[LoopRing]:
        await usernel.attach().call(lambda: None)
        return weakref.ref(usernel.attach())

    before = descriptors()
    loop = asyncio.new_event_loop()
    ring, known = loop.run_until_complete(main()), weakref.ref(loop)
    with pytest.warns(ResourceWarning, match="unclosed event loop"):  # noqa: PT031 - whenever it is
        del loop
        collect(known)
    assert ring() is None
    assert descriptors().items() <= before.items()


def collect(known: weakref.ref[Any]) -> None:
    """A worker that has just ended a call has it in hand for a moment more."""
    deadline = time.monotonic() + DEADLINE_S
    while known() is not None:
        assert time.monotonic() < deadline
        gc.collect()


def forked(child: Callable[[], bool]) -> bool:
    """Whether a forked child finds what it should."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    code = 1
    try:
        code = 0 if child() else 1
    finally:
        os._exit(code)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("factory", [usernel.new_event_loop, asyncio.new_event_loop], ids=["ours", "attached"])
def test_a_fork_with_requests_in_flight(factory: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    async def main() -> None:
        ring = usernel.attach()
        inside, gate = threading.Event(), threading.Event()
        file = await usernel.open(tmp_path / "file", "ab")
        await file.write(b"parent")
        reader, writer = os.pipe()
        stream = await usernel.open(reader, "rb")
        reading = asyncio.create_task(stream.read(1))
        calling = asyncio.create_task(ring.call(lambda: inside.set() or gate.wait(DEADLINE_S), hash_key=1))
        await soon(inside.is_set)
        assert forked(lambda: ring.closed and _works(tmp_path, file))
        gate.set()
        os.write(writer, b"x")
        assert await asyncio.wait_for(reading, DEADLINE_S) == b"x"
        assert await asyncio.wait_for(calling, DEADLINE_S)
        await file.close()
        await stream.close()
        os.close(writer)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert (tmp_path / "file").read_bytes() == b"parent"


def _works(directory: Path, inherited: Any) -> bool:
    """In the child: a loop of its own works, and the parent's file is closed without being written."""
    asyncio.events._set_running_loop(None)
    directory = directory / "child"
    directory.mkdir()
    usernel.run(use_files(directory, "name"))
    usernel.run(_close(inherited))
    return True


# ------------------------------------------------------------------------------------------- threads and other programs


def test_loops_in_two_threads_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(2)
    failed: list[BaseException] = []

    def run(name: str) -> None:
        async def main() -> None:
            usernel.attach()
            together.wait(DEADLINE_S)
            for at in range(3):
                await use_files(tmp_path, f"{name}{at}")

        try:
            usernel.run(main())
        except BaseException as error:  # noqa: BLE001 - it is the test's
            failed.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert failed == []


def test_other_programs_run_beside_files(tmp_path: Path) -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        stream = await usernel.open(reader, "rb")
        reading = asyncio.create_task(stream.read(1))
        echoing = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        (found, _), _ = await asyncio.gather(echoing.communicate(b"echo"), use_files(tmp_path, "name"))
        assert found == b"echo"
        assert echoing.returncode == 0
        os.write(writer, b"x")
        assert await reading == b"x"
        await stream.close()
        os.close(writer)

    usernel.run(main())


def test_a_signal_is_handled_while_a_file_is_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reader, writer = os.pipe()
        came: list[int] = []
        loop.add_signal_handler(signal.SIGUSR1, lambda: came.append(1) or os.write(writer, b"x"))
        stream = await usernel.open(reader, "rb")
        reading = asyncio.create_task(stream.read(1))
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert await asyncio.wait_for(reading, DEADLINE_S) == b"x"
        assert came == [1]
        loop.remove_signal_handler(signal.SIGUSR1)
        await stream.close()
        os.close(writer)

    usernel.run(main())
