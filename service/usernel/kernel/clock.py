"""Deadlines as data: what is due, on which of the clocks that are handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Protocol

from .call import Block, Call, Clock

if TYPE_CHECKING:
    from .task import Task


@dataclass(slots=True)
class Clocks:
    """Both clocks, in nanoseconds, as they were last told."""

    realtime_ns: int = 0
    monotonic_ns: int = 0

    def now(self, clock: Clock) -> int:
        """The time on one of them."""
        return self.realtime_ns if clock is Clock.REALTIME else self.monotonic_ns  # BOOTTIME: nothing ever suspends it


@dataclass(frozen=True, slots=True)
class Sleep:
    """The deadline of one sleep of one call; void once the call sleeps no more, or sleeps anew."""

    call: Call
    block: Block

    @property
    def void(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.call.block is not self.block


@dataclass(frozen=True, slots=True)
class Lease:
    """The end of a task's lease; void once the task is gone or its lease renewed."""

    task: Task
    until: int

    @property
    def void(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.task.lease != self.until


class Timer(Protocol):
    """Something that is due at ``until`` (ns MONOTONIC), or not at all: the soonest timeout of a ring."""

    until: int | None

    def expire(self) -> None:
        """The time has come."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """The time of a timer; void once the timer is set anew, or to nothing."""

    timer: Timer
    until: int

    @property
    def void(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.timer.until != self.until


Due = Sleep | Lease | Expiry


@dataclass(slots=True)
class Deadlines:
    """Everything that is due some day, soonest first on each clock; what falls together, in the order of its coming."""

    _heaps: dict[Clock, list[tuple[int, int, Due]]] = field(default_factory=lambda: {clock: [] for clock in Clock})
    _order: count[int] = field(default_factory=count)
    _voids: int = 0

    def add(self, clock: Clock, until: int, due: Due) -> None:
        """Put in a deadline."""
        heappush(self._heaps[clock], (until, next(self._order), due))

    def pop(self, clocks: Clocks) -> Due | None:
        """The next that is due by now, on either clock."""
        for clock in Clock:
            if self._first(clock) is not None and self._heaps[clock][0][0] <= clocks.now(clock):
                return heappop(self._heaps[clock])[2]
        return None

    def next_in(self, clocks: Clocks) -> int | None:
        """How many nanoseconds from now the next is due; 0 where one is overdue, None where there is none."""
        if not any(self._heaps.values()):
            return None
        left = [until - clocks.now(clock) for clock in Clock if (until := self._first(clock)) is not None]
        return max(min(left), 0) if left else None

    def voided(self) -> None:
        """A deadline was given up. When such outnumber the rest the heaps are cleared of them, to stay bounded."""
        self._voids += 1
        if self._voids > 64 and self._voids * 2 > sum(map(len, self._heaps.values())):
            self._voids = 0
            for heap in self._heaps.values():
                heap[:] = sorted(entry for entry in heap if not entry[2].void)

    def _first(self, clock: Clock) -> int | None:
        heap = self._heaps[clock]
        while heap and heap[0][2].void:
            heappop(heap)
        return heap[0][0] if heap else None
