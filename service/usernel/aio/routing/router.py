"""Where a call that was meant for the default executor goes."""

from __future__ import annotations

import asyncio
import io
import re
from abc import ABCMeta
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from pathlib import PosixPath
from time import perf_counter_ns
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from ..hits import BUDGET_NS
from . import web
from .known import BOUND, BY_WORKERS, CALLS, METHODS, WRAPPER, WRAPPERS
from .moving import plainly
from .outcome import LATER, WAITS, Cold, InFile, Instead, Outcome
from .sight import BUFFERED, Seen, Sight

if TYPE_CHECKING:
    from usernel.aio.loop import EventLoop

NOT_YET: Final = frozenset({Outcome, Cold, InFile, Instead})
NO_ARGUMENTS: Final[Mapping[str, Any]] = {}
UNKNOWN: Final = object()
BENEATH: Final = BUFFERED | {io.FileIO}
BUILTIN_KINDS: Final = frozenset({BuiltinFunctionType, type(re.compile("").match)})
"""Of functions and methods that are not written in Python; the second of those that are told of their class, as from
Python 3.12 on some of io's are."""
PLAIN_KINDS: Final = frozenset({FunctionType, type, ABCMeta})
"""Of functions and classes, which are themselves and equal to nothing else."""
Found = tuple[Any, Any]
"""What tries a call at once (None: a worker makes it), and what that is told of: a file, a path."""
Attempt = tuple[
    asyncio.Future[Any],
    Found,
    Callable[..., Any],
    tuple[Any, ...],
    Mapping[str, Any],
    Callable[..., Any],
    tuple[Any, ...],
]
"""The arguments of ``Router._try``: what is called in the end, and what was handed in."""


class Router:
    """One loop's. ``inline``, ``punted`` and ``handed_on`` count where calls went."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._new_future: Callable[[], asyncio.Future[Any]] = loop.create_future
        self._sight: Sight | None = None
        self._waiting: deque[Attempt] = deque()
        """What is tried in the next turn of the loop."""
        self.inline = 0
        self.punted = 0
        self.handed_on = 0

    @property
    def sight(self) -> Sight:
        """What the loop can tell of files; with it the loop's ring is made."""
        if self._sight is None:
            self._sight = Sight(self._loop.ring.hits)
        return self._sight

    def route(self, func: Callable[..., Any], args: tuple[Any, ...]) -> asyncio.Future[Any] | None:
        """A future of the call's outcome, done already where it was a hit; None for a call that is to be handed on."""
        if type(func) is partial:
            target, given, named = unwrapped(func, args)
        else:
            target, given, named = func, args, NO_ARGUMENTS
        found = find(self, target)
        if found is None:
            self.handed_on += 1
            return None
        future = self._new_future()
        sight = self._sight or self.sight
        if self._waiting or (perf_counter_ns() >= sight.hits.until and sight.hits.used_up):
            self._wait((future, found, target, given, named, func, args))
        else:
            self._try(future, found, target, given, named, func, args)
        return future

    def knows(self, func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
        """Whether a call is routed; it is counted as handed on where not."""
        if find(self, unwrapped(func, args)[0]) is not None:
            return True
        self.handed_on += 1
        return False

    def _wait(self, attempt: Attempt) -> None:
        """Leave it to the next turn of the loop, behind what waits already."""
        self.sight.hits.turns += 1
        if not self._waiting:
            self._loop.call_soon(self._go_on)
        self._waiting.append(attempt)

    def _go_on(self) -> None:
        # Its own: what else ran in this turn would leave it nothing, turn by turn.
        until = perf_counter_ns() + BUDGET_NS
        try:
            while self._waiting:
                self._try(*self._waiting.popleft())
                if perf_counter_ns() >= until:
                    break
        finally:
            if self._waiting:
                self._loop.call_soon(self._go_on)

    def _try(
        self,
        future: asyncio.Future[Any],
        found: Found,
        target: Callable[..., Any],
        given: tuple[Any, ...],
        named: Mapping[str, Any],
        func: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        """Make a call at once, or have a worker make it."""
        if future.cancelled():
            return  # while it waited for its turn
        handler, subject = found
        value: Any = LATER
        if handler is not None and (type(subject) is not Seen or not subject.busy[0]):
            try:
                value = handler(self._sight, subject, target, given, named)
            except Exception as error:  # noqa: BLE001 - whatever the call raises is its caller's
                self.inline += 1
                future.set_exception(error)
                del future  # the error's traceback holds this frame
                return
        if type(value) in NOT_YET:
            self._punt(future, value, subject, partial(func, *args) if args else func)
        else:
            self.inline += 1
            future.set_result(value)

    def _punt(self, future: asyncio.Future[Any], value: Any, subject: Any, func: Callable[[], Any]) -> None:
        self.punted += 1
        bound, over = value is not WAITS, None
        if type(value) is InFile:
            subject = value.seen
        if type(subject) is Seen:
            bound = subject.regular
            subject.left = 0
            subject.pending = None  # unless the worker tells
            subject.busy[0] += 1
            over = partial(_free, subject)
        if type(value) is Instead:
            func = value.func
        part = value.part if type(value) is Cold else None
        self._loop.ring.call_soon(func, future, bound=bound, over=over, part=part)

    def stat(self) -> dict[str, int]:
        """Where calls went: of those that were routed, how many were done at once, and how many by a worker."""
        return {
            "routed": self.inline + self.punted, "inline": self.inline, "punted": self.punted,
            "handed_on": self.handed_on,
        }  # fmt: skip


def _free(seen: Seen) -> None:
    seen.busy[0] -= 1


def unwrapped(
    func: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]:
    """What is really called: behind functools.partial, and behind the Context.run of asyncio.to_thread."""
    named: Mapping[str, Any] = NO_ARGUMENTS
    while True:
        if type(func) is partial:
            args = func.args + args if args else func.args
            if func.keywords:
                named = {**func.keywords, **named}
            func = func.func
        elif type(func) is BuiltinFunctionType and args and type(func.__self__) is Context and func.__name__ == "run":
            func, args = args[0], args[1:]
            if type(func) is not partial:
                return func, args, named
        else:
            return func, args, named


def find(router: Router, target: Any) -> Found | None:
    """What tries a call, and what that is told; None for one that is handed on."""
    kind = type(target)
    if kind in BUILTIN_KINDS:
        if type(target.__self__) is not ModuleType:
            return _find_method(router, target.__self__, target.__name__)
    elif kind is MethodType:
        return _find_bound(target)
    elif kind not in PLAIN_KINDS:
        return None
    elif kind is FunctionType and target.__code__ is WRAPPER:
        return None, None
    handler = CALLS.get(target, UNKNOWN)
    if handler is not UNKNOWN:
        return handler, None
    return (None, None) if target in BY_WORKERS else None


def _find_method(router: Router, file: Any, name: str) -> Found | None:
    handler = METHODS.get((type(file), name), UNKNOWN)
    if handler is UNKNOWN:
        return None
    seen = router.sight.file(file)
    if seen is not None:
        return handler, seen
    return (plainly, None) if _is_over(file) else None


def _is_over(file: Any) -> bool:
    """Whether an io object is closed, or has nothing beneath any more: each method says so at once."""
    try:
        beneath = file.buffer if type(file) is io.TextIOWrapper else getattr(file, "raw", file)
    except ValueError:
        return True
    return beneath is None or (type(beneath) in BENEATH and file.closed)


def _find_bound(target: MethodType) -> Found | None:
    owner, func = target.__self__, target.__func__
    if type(owner) is PosixPath:
        handler = BOUND.get(func, UNKNOWN)
        return None if handler is UNKNOWN else (handler, owner)
    if type(owner) in WRAPPERS:
        return None, None
    known = web.known(target)
    return None if known is None else (known, owner)
