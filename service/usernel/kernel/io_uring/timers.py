"""Timers of a ring: one heap for each clock, and the port is asked to look after the soonest of all.

A timer of CLOCK_REALTIME is due by that clock as it was last told; a port whose clock is set tells by another ``tick``.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from ..call import Clock

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .request import Request

ORDER: Final = (Clock.MONOTONIC, Clock.REALTIME, Clock.BOOTTIME)
"""In which order Linux looks at its clocks (``hrtimer_interrupt``)."""
KTIME_MAX: Final = (1 << 63) - 1


class Timer:
    """A request's timer that is set: ``until`` (ns on ``clock``), then ``fire(req)``, once."""

    __slots__ = ("clock", "fire", "req", "until")

    def __init__(self, req: Request, clock: Clock, until: int, fire: Callable[[Request], None]) -> None:
        self.req = req
        self.clock = clock
        self.until = until
        self.fire = fire

    @property
    def void(self) -> bool:
        """Whether it was taken back, or set anew."""
        return self.req.timer is not self


class Timers:
    """All timers that are set. What is due at one time fires in the order in which it was set."""

    __slots__ = ("_asked", "_heaps", "_order", "_voids")

    def __init__(self) -> None:
        self._heaps: dict[Clock, list[tuple[int, int, Timer]]] = {clock: [] for clock in ORDER}
        self._order = count()
        self._voids = 0
        self._asked: Timer | None = None
        """What the port looks after."""

    def start(self, req: Request, clock: Clock, ns: int, fire: Callable[[Request], None], *, absolute: bool) -> None:
        """Set a request's timer: to ``ns`` from now, or to that time of the clock (``hrtimer_start``)."""
        until = ns if absolute else min(req.ctx.port.now(clock) + ns, KTIME_MAX)
        req.timer = timer = Timer(req, clock, until, fire)
        heappush(self._heaps[clock], (until, next(self._order), timer))
        self.rearm(req.ctx)

    def stop(self, req: Request) -> bool:
        """Take a request's timer back; False where it has fired already (``hrtimer_try_to_cancel``)."""
        if req.timer is None:
            return False
        req.timer = None
        self._voided()
        self.rearm(req.ctx)
        return True

    def expire(self, ctx: RingCtx) -> bool:
        """Fire what is due. Returns whether anything was."""
        self._asked = None
        due = [timer for clock in ORDER for timer in self._due(clock, ctx.port.now(clock))]
        for timer in due:
            if not timer.void:
                timer.req.timer = None
                timer.fire(timer.req)
        return bool(due)

    def rearm(self, ctx: RingCtx) -> None:
        """Ask the port to look after the soonest, unless it does so already."""
        now = ctx.port.now
        firsts = [first for clock in ORDER if (first := self._first(clock)) is not None]
        soonest = min(firsts, key=lambda timer: timer.until - now(timer.clock), default=None)
        if soonest is self._asked:
            return
        self._asked = soonest
        ctx.port.set_timer(ctx, None if soonest is None else max(soonest.until - now(soonest.clock), 0))

    def _first(self, clock: Clock) -> Timer | None:
        heap = self._heaps[clock]
        while heap and heap[0][2].void:
            heappop(heap)
            self._voids -= 1
        return heap[0][2] if heap else None

    def _due(self, clock: Clock, now: int) -> list[Timer]:
        due: list[Timer] = []
        while (first := self._first(clock)) is not None and first.until <= now:
            due.append(heappop(self._heaps[clock])[2])
        return due

    def _voided(self) -> None:
        # Heaps stay no larger than twice what is set.
        self._voids += 1
        if self._voids > 64 and self._voids * 2 > sum(map(len, self._heaps.values())):
            self._voids = 0
            for heap in self._heaps.values():
                heap[:] = [entry for entry in heap if not entry[2].void]
                heapify(heap)
