"""What is done at once, and how a turn of the loop is shared."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import usernel
from usernel.aio import hits
from usernel.aio.hits import EACH, MISSES, MOST, OWN, Hits


def on_hits(program: Callable[[Hits], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        ring = asyncio.get_running_loop().ring  # type: ignore[attr-defined]
        return await asyncio.wait_for(program(ring.hits), 20)

    return usernel.run(main())


def use_up(hits: Hits) -> None:
    """This turn has no time left."""
    if not hits.until:
        assert not hits.used_up  # its budget begins
    hits.until = 1


def test_a_turn_that_is_used_up_leaves_each_task_a_few_operations_of_its_own() -> None:
    async def program(hits: Hits) -> list[int]:
        async def one() -> int:
            use_up(hits)
            done = 0
            while not hits.used_up:
                done += 1
            return done

        return await asyncio.gather(one(), one())

    assert on_hits(program) == [OWN, OWN]


def test_a_batch_counts_as_all_of_them() -> None:
    async def program(hits: Hits) -> int:
        use_up(hits)
        before = hits.turns
        await hits.pause_after_many()
        return hits.turns - before

    assert on_hits(program) == 1


def test_those_that_wait_go_on_one_after_another_and_nobody_twice_before_all_have() -> None:
    async def program(hits: Hits) -> list[int]:
        order: list[int] = []

        async def hog(number: int) -> None:
            for _ in range(3):
                use_up(hits)
                await hits.turn()
                order.append(number)

        await asyncio.gather(*(hog(number) for number in range(5)))
        return order

    assert on_hits(program) == [*range(5), *range(5), *range(5)]


def test_one_that_is_cancelled_while_it_waits_takes_nobodys_turn() -> None:
    async def program(hits: Hits) -> list[int]:
        order: list[int] = []

        async def hog(number: int) -> None:
            use_up(hits)
            await hits.turn()
            order.append(number)

        tasks = [asyncio.ensure_future(hog(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[1].cancelled()
        return order

    assert on_hits(program) == [0, 2]


def test_as_many_go_on_in_one_turn_as_the_last_ones_left_time_for() -> None:
    async def program(hits: Hits) -> int:
        turns = 0

        def count() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(count)

        async def waits() -> None:
            await hits.turn()

        tasks = [asyncio.ensure_future(waits()) for _ in range(1000)]
        count()
        await asyncio.gather(*tasks)
        return turns

    assert on_hits(program) < 30  # 1, 2, 4, ... of them, not one a turn


def test_readers_without_end_leave_a_timer_its_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hits, "BUDGET_NS", 0)  # a turn is over after the first operation
    (tmp_path / "file").write_bytes(bytes(4096))

    async def program(_hits: Hits) -> int:
        done = 0

        async def reader() -> None:
            nonlocal done
            async with usernel.open(tmp_path / "file", "rb") as file:
                while True:
                    await file.pread(4096, 0)
                    done += 1

        readers = [asyncio.ensure_future(reader()) for _ in range(64)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        before = done
        for _ in range(10):
            await asyncio.sleep(0)
        for each in readers:
            each.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        return done - before

    assert on_hits(program) <= 64 * (OWN + 1) + 10 * 8 * (OWN + 1)


def test_the_smallest_look_at_the_clock_once_in_a_few() -> None:
    async def program(hits: Hits) -> list[int]:
        async def one() -> int:
            use_up(hits)
            begun = hits.inline = hits.look = 100
            while True:
                hits.inline += 1
                if hits.inline >= hits.look and hits.used_up_by_each():
                    return hits.inline - begun

        return await asyncio.gather(one(), one())

    assert on_hits(program) == [1 + EACH, 1 + EACH]


def test_what_was_missing_is_there_or_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(bytes(4096))

    def not_cached(*_args: Any) -> int:
        raise BlockingIOError(errno.EAGAIN, "not yet")

    async def program(hits: Hits) -> None:
        with (tmp_path / "file").open("rb") as file:
            fd = file.fileno()
            hits.miss(fd)
            assert hits.there(fd, 0, 4096)
            assert hits.came == 1
            assert not hits.cold(fd)  # it is warm again
            assert not hits.there(fd, 1, 4096)  # its end is a worker's to find
            assert not hits.there(fd, 0, MOST + 1)
            for _ in range(MISSES):
                hits.miss(fd)
            assert not hits.there(fd, 0, 4096)  # nobody has asked for it
            hits.forget(fd)
            monkeypatch.setattr("usernel.aio.hits.preadv", not_cached)
            assert not hits.there(fd, 0, 4096)
            assert hits.came == 1

    on_hits(program)
