"""Where a call that was meant for the default executor goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any

from .known import AT_ONCE, METHODS_AT_ONCE, METHODS_BY_WORKERS, WORKERS
from .outcome import LATER

if TYPE_CHECKING:
    from ..loop import EventLoop
    from ..loop_ring import LoopRing


AtOnce = Callable[..., Any]


class Router:
    """One loop's. ``inline``, ``by_workers`` and ``handed_on`` count where calls went."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self.inline = 0
        self.by_workers = 0
        self.handed_on = 0

    def route(self, func: Callable[..., Any], args: tuple[Any, ...]) -> asyncio.Future[Any] | None:
        """A future of the call's outcome, done already where it was a hit; None for a call that is to be handed on."""
        target, given, named = unwrapped(func, args)
        at_once, known = _find(target)
        if not known:
            self.handed_on += 1
            return None
        ring = self._loop.ring
        future: asyncio.Future[Any] = self._loop.create_future()
        if at_once is None:
            self._by_worker(ring, future, func, args)
        elif ring.hits.used_up:
            ring.hits.turns += 1
            self._loop.call_soon(self._try, ring, future, at_once, target, given, named)
        else:
            self._try(ring, future, at_once, target, given, named)
        return future

    def _try(
        self,
        ring: LoopRing,
        future: asyncio.Future[Any],
        at_once: AtOnce,
        target: Callable[..., Any],
        args: tuple[Any, ...],
        named: Mapping[str, Any],
    ) -> None:
        """Make a call at once, or have a worker make it."""
        if future.done():
            return  # cancelled while it waited for its turn
        try:
            value = at_once(ring, target, *args, **named)
        except Exception as error:  # noqa: BLE001 - whatever the call raises is its caller's
            self.inline += 1
            future.set_exception(error)
            return
        if value is LATER:
            self._by_worker(ring, future, partial(target, **named) if named else target, args)
        else:
            self.inline += 1
            future.set_result(value)

    def _by_worker(
        self, ring: LoopRing, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.by_workers += 1
        ring.call_soon(partial(func, *args), future)

    def stat(self) -> dict[str, int]:
        """Where calls went."""
        return {"inline": self.inline, "by_workers": self.by_workers, "handed_on": self.handed_on}


def unwrapped(
    func: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]:
    """What is really called: behind functools.partial, and behind the Context.run of asyncio.to_thread."""
    named: dict[str, Any] = {}
    while True:
        if isinstance(func, partial):
            args, named, func = (*func.args, *args), {**func.keywords, **named}, func.func
        elif isinstance(func, BuiltinMethodType) and isinstance(func.__self__, Context) and func.__name__ == "run":
            func, *rest = args
            args = tuple(rest)
        else:
            return func, args, named


def _find(target: Callable[..., Any]) -> tuple[AtOnce | None, bool]:
    try:
        if target in AT_ONCE:
            return AT_ONCE[target], True
        if target in WORKERS:
            return None, True
    except TypeError:
        return None, False  # not hashable
    if isinstance(target, (BuiltinMethodType, MethodType)):
        key = (type(target.__self__), target.__name__)
        if key in METHODS_AT_ONCE:
            return METHODS_AT_ONCE[key], True
        return None, key in METHODS_BY_WORKERS
    return None, False
