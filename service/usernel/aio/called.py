"""Calls that a worker of a loop's ring makes, and who is told of their end."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

Part = tuple[int, int, int]
"""What a read is of: descriptor, offset and size."""


class Pending:
    """One awaited request: ``res`` once it has ended, and the future that somebody waits on until then."""

    __slots__ = ("future", "res")

    def __init__(self) -> None:
        self.res: int | None = None
        self.future: asyncio.Future[None] | None = None

    def end(self, res: int) -> None:
        """It has ended; whoever waits goes on."""
        self.res = res
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class Maker(Protocol):
    """Who has calls made."""

    def work_done(self, called: Called, result: Any) -> None:
        """The poller brings the outcome of a call."""

    def take_back(self, called: Called) -> bool:
        """Take back a call that has not begun."""


class Called:
    """One call that a worker makes: its outcome, kept for whoever waits."""

    __slots__ = ("among", "ctx", "error", "func", "part", "pending", "value")

    def __init__(self, ctx: Maker, func: Callable[[], Any]) -> None:
        self.ctx = ctx
        self.func = func
        self.value: Any = None
        self.error: BaseException | None = None
        self.pending = Pending()
        self.among: deque[Called] | None = None
        """Those that it is taken out of by whoever makes it, or gives it up."""
        self.part: Part | None = None
        """What it reads, where the kernel has begun to."""

    def run(self) -> int:
        """On a worker: make the call. Whatever it raises is its caller's."""
        try:
            self.value = self.func()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            self.error = error
        return 0

    def ended(self, result: int) -> None:
        """On the loop: it was made, or failed for want of a thread."""
        if result < 0 and self.error is None:
            self.error = OSError(-result, os.strerror(-result))
        self.pending.end(result)


class Handed(Called):
    """One that a future tells the outcome of; what is cancelled is taken back, where it has not begun."""

    __slots__ = ("future", "over")

    def __init__(
        self,
        ctx: Maker,
        func: Callable[[], Any],
        future: asyncio.Future[Any],
        over: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(ctx, func)
        self.future = future
        self.over = over
        """Told, on the loop, when no worker is in the call or ever will be."""
        future.add_done_callback(self._over)

    def ended(self, result: int) -> None:
        """Tell the future."""
        super().ended(result)
        if self.over is not None:
            self.over()
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(_tellable(self.error))
        else:
            self.future.set_result(self.value)

    def _over(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled() and self.pending.res is None and self.ctx.take_back(self) and self.over is not None:
            self.over()


def _tellable(error: BaseException) -> BaseException:
    """An error as a future can be told of it: a StopIteration would end whoever awaits it."""
    if not isinstance(error, StopIteration):
        return error
    wrong = RuntimeError("StopIteration interacts badly with generators and cannot be raised into a Future")
    wrong.__cause__ = error
    return wrong
