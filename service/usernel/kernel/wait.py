"""Wait queues: who sleeps on an object, in the order in which Linux wakes them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Protocol

from .call import Call


class Sleepers(Protocol):
    """What a parked call needs of each queue that it sleeps on."""

    def add(self, call: Call, entry: Any) -> None:
        """Let a call sleep."""

    def remove(self, call: Call) -> None:
        """Let it sleep no more."""


class Watcher(Protocol):
    """Who is told of each change without sleeping: a request of a ring that polls."""

    def woke(self) -> None:
        """The queue was woken: called once whatever woke it has ended."""


class WaitQueue:
    """Sleepers in the order of their arrival (System V senders and receivers, poll), and who watches besides."""

    __slots__ = ("_sleepers", "watchers")

    def __init__(self) -> None:
        self._sleepers: OrderedDict[Call, Any] = OrderedDict()
        self.watchers: dict[Watcher, None] = {}

    def __len__(self) -> int:
        return len(self._sleepers)

    def __iter__(self) -> Iterator[tuple[Call, Any]]:
        """The sleepers and their entries, first come first; safe against changes while it is walked."""
        return iter(list(self._sleepers.items()))

    def add(self, call: Call, entry: Any) -> None:
        """Put a call at the tail."""
        self._sleepers[call] = entry

    def remove(self, call: Call) -> None:
        """Take a call out, if it is in."""
        self._sleepers.pop(call, None)

    def rotate(self, call: Call) -> None:
        """Move a sleeper to the tail (``list_move_tail``)."""
        self._sleepers.move_to_end(call)


class PriorityWaitQueue:
    """Sleepers by their task's priority, then first come first (``wq_add`` of ``ipc/mqueue.c``).

    The most urgent stands last. A newcomer is measured against the priorities of now, as Linux does: a sleeper whose
    task was reniced keeps its place.
    """

    __slots__ = ("_sleepers",)

    def __init__(self) -> None:
        self._sleepers: list[tuple[Call, Any]] = []

    def __len__(self) -> int:
        return len(self._sleepers)

    def __iter__(self) -> Iterator[tuple[Call, Any]]:
        """The sleepers and their entries, the next to be woken first."""
        return iter(self._sleepers[::-1])

    def add(self, call: Call, entry: Any) -> None:
        """Put a call behind those that are as urgent; a smaller number is more urgent."""
        prio = call.task.prio
        for index, (other, _) in enumerate(self._sleepers):
            if other.task.prio <= prio:
                self._sleepers.insert(index, (call, entry))
                return
        self._sleepers.append((call, entry))

    def remove(self, call: Call) -> None:
        """Take a call out, if it is in."""
        if self._sleepers and self._sleepers[-1][0] is call:
            self._sleepers.pop()
        else:
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] is not call]

    def first(self) -> tuple[Call, Any] | None:
        """The sleeper to be woken next, which stays in (``wq_get_first_waiter``)."""
        return self._sleepers[-1] if self._sleepers else None
