"""Functions that a worker of the ring calls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from ..loop import attach

P = ParamSpec("P")
T = TypeVar("T")


def by_worker(func: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The same function, to be awaited. A task that is cancelled takes the call back, or waits for its end."""

    @wraps(func)
    async def awaited(*args: P.args, **named: P.kwargs) -> T:
        return cast("T", await attach().call(partial(func, *args, **named)))

    awaited.__module__ = "usernel.os"
    return awaited


class Stopped(BaseException):
    """Whoever wanted this has been cancelled."""


class Stop:
    """Whether what a worker does in several steps is to stop before the next."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False

    def ask(self, _called: object = None) -> None:
        """Stop before the next step."""
        self.asked = True

    def check(self) -> None:
        """Between two steps. Stopped."""
        if self.asked:
            raise Stopped


async def in_steps(func: Callable[[Stop], T]) -> T:
    """Have a worker do something in steps; a task that is cancelled waits for the end of the step."""
    stop = Stop()
    return cast("T", await attach().call(partial(func, stop), stop=stop.ask))
