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


class WaitQueue:
    """Sleepers in the order of their arrival (System V senders and receivers, poll)."""

    __slots__ = ("_sleepers",)

    def __init__(self) -> None:
        self._sleepers: OrderedDict[Call, Any] = OrderedDict()

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
    """Sleepers by their task's priority, then first come first (``wq_add`` of ``ipc/mqueue.c``)."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[Call, Any]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._levels.values()))

    def __bool__(self) -> bool:
        return bool(self._levels)

    def __iter__(self) -> Iterator[tuple[Call, Any]]:
        """The sleepers and their entries, the next to be woken first."""
        return iter([item for prio in sorted(self._levels) for item in self._levels[prio].items()])

    def add(self, call: Call, entry: Any) -> None:
        """Put a call behind those of its priority; a smaller number is more urgent."""
        self._levels.setdefault(call.task.prio, OrderedDict())[call] = entry

    def remove(self, call: Call) -> None:
        """Take a call out, if it is in."""
        for prio, level in self._levels.items():
            if call in level:
                del level[call]
                if not level:
                    del self._levels[prio]
                return

    def first(self) -> tuple[Call, Any] | None:
        """The sleeper to be woken next, which stays in (``wq_get_first_waiter``)."""
        if not self._levels:
            return None
        return next(iter(self._levels[min(self._levels)].items()))
