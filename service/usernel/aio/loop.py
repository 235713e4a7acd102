"""An asyncio event loop whose file I/O is a ring: uvloop's, with one more thing that it owns."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import uvloop

from .loop_ring import LoopRing
from .routing import Router

ATTACHED: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopRing]] = WeakKeyDictionary()
"""The rings of loops that are not ours, which have no place of their own for one."""


class EventLoop(uvloop.Loop):
    """A ``uvloop.Loop`` with a ring, which is made when it is first used and ends with the loop.

    With ``route`` (the default) calls on files that are handed to the default executor, by ``asyncio.to_thread``,
    ``run_in_executor(None, ...)`` or a library such as aiofiles, go through the ring; all others go to it as before.
    """

    def __init__(self, *, route: bool = True) -> None:
        super().__init__()
        self._usernel_ring: LoopRing | None = None
        self._usernel_pid = os.getpid()
        self._usernel_router = Router(self) if route else None
        self._usernel_route = self._usernel_router.route if self._usernel_router is not None else None

    @property
    def ring(self) -> LoopRing:
        """The loop's ring. After a fork the parent's is of no use to the child, which gets its own."""
        if self._usernel_ring is None or self._usernel_pid != os.getpid():
            if self.is_closed():
                raise RuntimeError("Event loop is closed")
            self._usernel_pid = os.getpid()
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
        ring, self._usernel_ring = self._usernel_ring, None
        if not self.is_running():
            self._usernel_route = None
        if ring is not None and not self.is_closed() and not self.is_running() and self._usernel_pid == os.getpid():
            ring.close()
        super().close()


def new_event_loop(*, route: bool = True) -> EventLoop:
    """A new loop, as ``asyncio.Runner(loop_factory=usernel.new_event_loop)`` wants it."""
    return EventLoop(route=route)


def attach(loop: asyncio.AbstractEventLoop | None = None) -> LoopRing:
    """The ring of a running loop of any kind, made beside it where it has none. It is closed by whoever attached it.

    Of a loop of ours it is its own. RuntimeError where no loop runs and none is given.
    """
    loop = loop or asyncio.get_running_loop()
    if isinstance(loop, EventLoop):
        return loop.ring
    ring = ATTACHED.get(loop)
    if ring is None or ring.closed or ring.pid != os.getpid():
        ring = ATTACHED[loop] = LoopRing(loop)
    return ring
