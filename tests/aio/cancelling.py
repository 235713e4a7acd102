"""Cancelling a coroutine where it is suspended for the n-th time, and looking at what is left of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import usernel
from usernel.aio.loop_ring import LoopRing

DEADLINE_S = 10.0


class Turns:
    """Whether a turn of the loop has time left: three times out of four not, and not when it is asked first."""

    def __init__(self) -> None:
        self.asked = 0

    def used_up(self) -> bool:
        self.asked += 1
        return bool(self.asked % 4)


class Written:
    """What a program has written: pieces that it was told are, and one of which it was told nothing."""

    def __init__(self) -> None:
        self.sure = b""
        self.maybe = b""

    async def write(self, file: Any, piece: bytes, how: Callable[[Any], Any] = lambda piece: piece) -> None:
        self.maybe = piece
        await file.write(how(piece))
        self.sure, self.maybe = self.sure + piece, b""

    def is_right(self, found: bytes) -> bool:
        return found in (self.sure, self.sure + self.maybe)


class CancelledAt:
    """A coroutine whose task is cancelled where it is suspended for the n-th time.

    ``late``: only when what it waits for has ended, but before the task is told.
    """

    def __init__(self, inner: Coroutine[Any, Any, Any], at: int, *, late: bool = False) -> None:
        self.inner = inner
        self.left = at
        self.late = late
        self.thrown: BaseException | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        while True:
            try:
                future = self._step()
            except StopIteration as end:
                return end.value
            self.left -= 1
            if not self.left:
                self._cancel(future)
            try:
                yield future
            except BaseException as error:  # noqa: BLE001 - it is the inner one's
                self.thrown = error

    def _step(self) -> Any:
        error, self.thrown = self.thrown, None
        try:
            return self.inner.send(None) if error is None else self.inner.throw(error)
        finally:
            del error  # else it would keep itself, and whatever its frames have

    def _cancel(self, future: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.late and future is not None:
            future.add_done_callback(lambda _future: task.cancel())
        else:
            task.cancel()


async def cancelled_at(inner: Coroutine[Any, Any, Any], at: int, *, late: bool = False) -> bool:
    """Whether it was cancelled; it has ended before where it is not suspended as often. What it raises else is."""

    async def awaited() -> None:
        await CancelledAt(inner, at, late=late)

    task = asyncio.ensure_future(awaited())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return task.cancelled()


def descriptors() -> dict[str, str]:
    """What is open, and what it is."""
    found = {}
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found[fd.name] = str(fd.readlink())
        except OSError:
            continue  # the one that lists them
    return found


async def all_closed(before: dict[str, str]) -> None:
    """No new descriptor is left, but for a moment: a worker that has just ended a call has its function in hand."""
    until = time.monotonic() + DEADLINE_S
    while new := descriptors().items() - before.items():
        assert time.monotonic() < until, new
        await asyncio.sleep(0.001)


class Watch:
    """What is there before and has to be there again afterwards; and that nobody complained meanwhile."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ring: LoopRing = usernel.attach()
        self.before = descriptors()
        self.tasks = asyncio.all_tasks()
        self.complaints: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _loop, context: self.complaints.append(context))

    async def nothing_left(self) -> None:
        until = time.monotonic() + DEADLINE_S
        while self.left():
            assert time.monotonic() < until, self.left()
            await asyncio.sleep(0.001)
        await all_closed(self.before)
        self.loop.set_exception_handler(None)
        assert self.complaints == []

    def left(self) -> dict[str, int]:
        found = self.ring.stat()
        unfinished = {kind: found["workers"][kind]["unfinished"] for kind in ("bounded", "unbounded")}
        unfinished |= {"requests": found["requests"], "tasks": len(asyncio.all_tasks() - self.tasks)}
        return {what: number for what, number in unfinished.items() if number}


async def each_await(once: Callable[[int], Coroutine[Any, Any, bool]]) -> int:
    """Cancel at the first await, at the second, and so on until it ends before. At how many it was."""
    times = 0
    while True:
        watch = Watch()
        cancelled = await once(times + 1)
        await watch.nothing_left()
        if not cancelled:
            return times
        times += 1
