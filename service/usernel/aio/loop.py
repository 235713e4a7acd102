"""An asyncio event loop whose file I/O is a ring: uvloop's, with one more thing that it owns."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvloop

from .loop_ring import LoopRing
from .routing import Router


class EventLoop(uvloop.Loop):
    """A ``uvloop.Loop`` with a ring, which is made when it is first used and ends with the loop.

    With ``route`` (the default) calls on files that are handed to the default executor, by ``asyncio.to_thread``,
    ``run_in_executor(None, ...)`` or a library such as aiofiles, go through the ring; all others go to it as before.
    """

    def __init__(self, *, route: bool = True) -> None:
        super().__init__()
        self._usernel_ring: LoopRing | None = None
        self._usernel_router = Router(self) if route else None
        self._usernel_route = self._usernel_router.route if self._usernel_router is not None else None

    @property
    def ring(self) -> LoopRing:
        """The loop's ring. After a fork the parent's is closed for the child, which gets its own."""
        if self._usernel_ring is None or self._usernel_ring.closed:
            if self.is_closed():
                raise RuntimeError("Event loop is closed")
            self._usernel_ring = LoopRing(self)
            if self._usernel_router is not None:
                self._usernel_ring.routing = self._usernel_router.stat
        return self._usernel_ring

    @property
    def router(self) -> Router | None:
        """What sends calls on files through the ring; None where it is turned off."""
        return self._usernel_router

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call a function without holding up the loop: a call on a file through the ring, another by the executor."""
        if executor is None and self._usernel_route is not None:
            routed = self._usernel_route(func, args)
            if routed is not None:
                return routed
        return cast("asyncio.Future[Any]", super().run_in_executor(executor, func, *args))

    if (3, 13) <= sys.version_info < (3, 13, 3):

        def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
            """A task of a coroutine. uvloop tells each factory of ``eager_start``: of these versions none takes it."""
            factory = self.get_task_factory()
            if factory is None:
                return super().create_task(coro, name=name, context=context)
            if self.is_closed():
                raise RuntimeError("Event loop is closed")
            task = cast("Any", factory)(self, coro, context=context)
            if name is not None and hasattr(task, "set_name"):
                task.set_name(name)
            return cast("asyncio.Task[Any]", task)

    def close(self) -> None:
        """Close the loop, and its ring first: what is in flight is cancelled."""
        if not self.is_running():
            self._usernel_route = None
            _end(self)
        super().close()


def new_event_loop(*, route: bool = True) -> EventLoop:
    """A new loop, as ``asyncio.Runner(loop_factory=usernel.new_event_loop)`` wants it."""
    return EventLoop(route=route)


def attach(loop: asyncio.AbstractEventLoop | None = None) -> LoopRing:
    """The ring of a loop of any kind, by default of the running one; made beside it where it has none, and closed by
    the loop's ``close``.

    Of a loop of ours it is its own. RuntimeError where no loop runs and none is given, or the loop is closed.
    """
    loop = loop or asyncio.get_running_loop()
    if isinstance(loop, EventLoop):
        return loop.ring
    ring: LoopRing | None = getattr(loop, "_usernel_ring", None)
    if ring is None or ring.closed:
        ring = _made_beside(loop)
    return ring


def _made_beside(loop: asyncio.AbstractEventLoop) -> LoopRing:
    """A ring that the loop itself keeps, so that both are collected together where nobody closes the loop."""
    if loop.is_closed():
        raise RuntimeError("Event loop is closed")
    known: Any = loop
    if not hasattr(loop, "_usernel_ring"):
        known.close = partial(_close_both, loop, loop.close)
    known._usernel_ring = ring = LoopRing(loop)  # noqa: SLF001 - it is ours
    return ring


def _close_both(loop: asyncio.AbstractEventLoop, close: Callable[[], object]) -> None:
    if not loop.is_running():
        _end(loop)
    close()


def _end(loop: Any) -> None:
    ring, loop._usernel_ring = loop._usernel_ring, None  # noqa: SLF001 - it is ours
    if ring is not None and not loop.is_closed():
        ring.close()
