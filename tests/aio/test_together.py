import asyncio
import errno
import os
import threading
import time

import pytest

import usernel
from usernel.aio import together
from usernel.aio.hits import Hits
from usernel.aio.together import MOST

SIZE = 4096


@pytest.fixture
def fd(tmp_path):
    (tmp_path / "file").write_bytes(b"".join(bytes([number]) * SIZE for number in range(2 * MOST + 1)))
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    yield fd
    os.close(fd)


def reading(ring, fd, number, func=os.pread):
    offset = number * SIZE
    return ring.call(lambda: func(fd, SIZE, offset), part=(fd, offset, SIZE))


@pytest.mark.parametrize(("reads", "workers"), [(1, 1), (MOST, 1), (MOST + 1, 2)])
def test_calls_of_one_turn_are_made_by_one_worker(monkeypatch, fd, reads, workers):
    """A worker that is done with one group may make the next, so here each waits in its first call for all of them."""
    monkeypatch.setattr(together, "LATE_S", 60)
    monkeypatch.setattr(together, "BUSY_S", 60)

    async def main():
        ring = asyncio.get_running_loop().ring
        made_by, met = set(), threading.Barrier(workers)

        def pread(*args):
            if threading.get_ident() not in made_by:
                made_by.add(threading.get_ident())
                met.wait(20)
            return os.pread(*args)

        found = await asyncio.gather(*(reading(ring, fd, number, pread) for number in range(reads)))
        assert found == [bytes([number]) * SIZE for number in range(reads)]
        assert len(made_by) == ring.stat()["workers"]["bounded"]["workers"] == workers

    usernel.run(main())


@pytest.mark.parametrize("busy", [True, False])
def test_reads_that_were_begun_and_have_come_need_no_worker_where_the_loop_is_busy(monkeypatch, fd, busy):
    monkeypatch.setattr(together, "BUSY_S", -1 if busy else 60)

    async def main():
        loop = asyncio.get_running_loop()
        there = {SIZE, 3 * SIZE}
        monkeypatch.setattr(Hits, "there", lambda _hits, _fd, offset, _size: offset in there)
        found, made_by = [loop.create_future() for _ in range(4)], []

        def pread(*args):
            made_by.append(threading.current_thread() is threading.main_thread())
            return os.pread(*args)

        for number, future in enumerate(found):
            at = number * SIZE
            loop.ring.call_soon(lambda at=at: pread(fd, SIZE, at), future, part=(fd, at, SIZE))
        assert await asyncio.gather(*found) == [bytes([number]) * SIZE for number in range(4)]
        assert made_by == ([True, True, False, False] if busy else [False] * 4)

    usernel.run(main())


def test_calls_that_sleep_hold_up_nobody(fd):
    """They wait for one another: each has to have a worker, in the end."""

    async def main():
        ring = asyncio.get_running_loop().ring
        met = threading.Barrier(5)

        async def five():
            await asyncio.gather(*(ring.call(lambda: met.wait(20)) for _ in range(5)))

        async def later():
            await asyncio.sleep(0)
            return await asyncio.gather(*(reading(ring, fd, number) for number in range(2 * MOST)))

        _none, found = await asyncio.gather(five(), later())
        assert len(found) == 2 * MOST
        while any(ring.stat()["together"].values()):  # noqa: ASYNC110 - the last worker is on its way out
            await asyncio.sleep(0.001)

    usernel.run(asyncio.wait_for(main(), 20))


def test_what_is_done_is_told_though_its_worker_sleeps():
    async def main():
        ring = asyncio.get_running_loop().ring
        go_on = threading.Event()
        slow = [asyncio.ensure_future(ring.call(lambda: go_on.wait(20))) for _ in range(2)]
        quick = asyncio.ensure_future(ring.call(lambda: "done"))
        sleeps = asyncio.ensure_future(ring.call(lambda: go_on.wait(20)))
        assert await quick == "done"
        assert not sleeps.done()
        go_on.set()
        assert await asyncio.gather(*slow, sleeps) == [True] * 3

    usernel.run(asyncio.wait_for(main(), 20))


def test_calls_are_made_in_the_order_in_which_they_came(monkeypatch):
    monkeypatch.setattr(together, "LATE_S", 60)

    async def main():
        ring = asyncio.get_running_loop().ring
        order = []
        await asyncio.gather(*(ring.call(lambda number=number: order.append(number)) for number in range(MOST)))
        assert order == list(range(MOST))

    usernel.run(main())


def test_where_no_thread_can_be_had_all_are_told(monkeypatch, fd):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    async def main():
        ring = asyncio.get_running_loop().ring
        monkeypatch.setattr(threading.Thread, "start", start)
        found = await asyncio.gather(*(reading(ring, fd, number) for number in range(3)), return_exceptions=True)
        monkeypatch.undo()
        assert [error.errno for error in found] == [errno.EAGAIN] * 3
        assert await reading(ring, fd, 1) == bytes([1]) * SIZE

    usernel.run(main())


def test_what_one_raises_is_its_own(fd):
    async def main():
        ring = asyncio.get_running_loop().ring
        found = await asyncio.gather(
            reading(ring, fd, 0), reading(ring, -1, 1), reading(ring, fd, 2), return_exceptions=True
        )
        assert found[0] == bytes(SIZE)
        assert isinstance(found[1], OSError)
        assert found[2] == bytes([2]) * SIZE

    usernel.run(main())


def test_one_that_is_cancelled_before_it_has_begun_is_never_made(fd):
    async def main():
        ring = asyncio.get_running_loop().ring
        made = []

        def pread(*args):
            made.append(args[2] // SIZE)
            return os.pread(*args)

        tasks = [asyncio.ensure_future(reading(ring, fd, number, pread)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[1], asyncio.CancelledError)
        assert sorted(made) == [0, 2, 3]

    usernel.run(main())


def test_one_that_is_cancelled_while_it_is_made_is_waited_for_and_the_others_are_made(monkeypatch, fd):
    monkeypatch.setattr(together, "LATE_S", 60)

    async def main():
        ring = asyncio.get_running_loop().ring
        begun, go_on = threading.Event(), threading.Event()

        def slow(*args):
            begun.set()
            go_on.wait(10)
            return os.pread(*args)

        tasks = [asyncio.ensure_future(reading(ring, fd, number, slow)) for number in range(2)]
        await asyncio.to_thread(begun.wait, 10)
        for task in tasks:
            task.cancel()
        done, _pending = await asyncio.wait(tasks, timeout=0.05)
        assert len(done) == 1  # the one that had not begun
        go_on.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in found)

    usernel.run(main())


def test_a_ring_that_is_closed_tells_whoever_waits():
    async def main():
        ring = asyncio.get_running_loop().ring
        begun = threading.Event()

        def slow():
            begun.set()
            time.sleep(0.05)
            return "done"

        calls = [asyncio.ensure_future(ring.call(func)) for func in (slow, lambda: None)]
        await asyncio.to_thread(begun.wait, 10)
        late = asyncio.ensure_future(ring.call(lambda: None))
        await asyncio.sleep(0)
        ring.close()
        found = await asyncio.gather(*calls, late, return_exceptions=True)
        assert found[0] == "done"
        assert [error.errno for error in found[1:] if error is not None][-1] == errno.ECANCELED

    usernel.run(asyncio.wait_for(main(), 20))


def test_cold_files_read_as_warm_ones_do(tmp_path):
    paths = [tmp_path / f"{number}" for number in range(2 * MOST)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 3 * SIZE)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    async def one(number, path):
        async with usernel.open(path, "rb") as file:
            first = await file.pread(SIZE, SIZE)
            return first == (await file.read())[:SIZE] == bytes([number]) * SIZE

    async def main():
        assert all(await asyncio.gather(*(one(*each) for each in enumerate(paths))))

    usernel.run(main())
