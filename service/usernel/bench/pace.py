"""How a contender is driven: pieces of work until a deadline, by so many tasks on a loop of one kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any, Final, TypeVar

T = TypeVar("T")
CHUNK: Final = 32
"""Pieces of work between two looks at the clock."""
WARM_UP: Final = 0.2
"""How much of the time is spent before it counts."""


def on(loop: str, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a new loop: ``asyncio``, ``uvloop`` or ``usernel``; on ours anyio is routed, too."""
    import uvloop

    import usernel

    factory: Callable[[], asyncio.AbstractEventLoop] = {
        "asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop, "usernel": usernel.new_event_loop,
    }[loop]  # fmt: skip
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def p99(samples: Iterable[float]) -> float:
    """What one in a hundred is above."""
    ordered = sorted(samples)
    return ordered[int(len(ordered) * 0.99)]


class Pace:
    """Hands out pieces of work until the time is over."""

    def __init__(self, seconds: float) -> None:
        self._until = perf_counter() + seconds
        self.begun = perf_counter()
        self.done = 0

    def again_and_again(self, pieces: Sequence[T], chunk: int = CHUNK) -> Iterator[Sequence[T]]:
        """The same pieces, in chunks, from the first again after the last."""
        at = 0
        while perf_counter() < self._until:
            if at >= len(pieces):
                at = 0
            found = pieces[at : at + chunk]
            yield found
            self.done += len(found)
            at += chunk

    def once(self, pieces: Sequence[T], chunk: int = CHUNK) -> Iterator[Sequence[T]]:
        """Each piece once, in chunks."""
        for at in range(0, len(pieces), chunk):
            if perf_counter() >= self._until:
                return
            found = pieces[at : at + chunk]
            yield found
            self.done += len(found)

    def rate(self) -> float:
        """Pieces a second until now."""
        return self.done / (perf_counter() - self.begun)


async def paced(tasks: int, seconds: float, task: Callable[[Pace, int], Awaitable[None]]) -> float:
    """Have so many tasks work until the time is over; pieces a second."""
    pace = Pace(seconds)
    await asyncio.gather(*(task(pace, number) for number in range(tasks)))
    return pace.rate()
