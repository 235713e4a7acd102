"""When the messages of a queue came, to the second: what tells how old the oldest is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

Arrival = tuple[int, int]
"""The place of the first message of a second, and that second."""
ARRIVALS_MAX: Final = 512
"""Most seconds that a queue remembers; beyond it neighbours share one, and a message counts as older than it is."""
_PLACE: Final = itemgetter(0)


class Arrivals:
    """The seconds in which messages came, ascending by place: one entry for all of a second, not one a message."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[Arrival] = ()) -> None:
        self._entries = list(entries)

    def put(self, seq: int, seconds: int) -> None:
        """A message stands in place ``seq``; those behind it in the same second are covered."""
        entries = self._entries
        if entries and entries[-1][1] == seconds:
            return
        entries.append((seq, seconds))
        if len(entries) > ARRIVALS_MAX:
            del entries[1:-1:2]

    def since(self, oldest: int | None) -> int | None:
        """The second in which the message in place ``oldest`` came; None for no message. What is older is forgotten."""
        if oldest is None:
            return None
        index = bisect_right(self._entries, oldest, key=_PLACE) - 1
        del self._entries[: max(index, 0)]
        return self._entries[0][1] if self._entries else None

    def forget(self) -> None:
        """The queue is empty."""
        self._entries.clear()

    def entries(self) -> tuple[Arrival, ...]:
        """All of them."""
        return tuple(self._entries)
