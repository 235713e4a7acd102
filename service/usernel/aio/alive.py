"""The rings of this process: which descriptor is which, one lock for all, and their end in a forked child.

This is the one state of a module: ``os.register_at_fork`` must find the rings, and a message finds the other ring.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet

from .file import RingRef


class Forkable(Protocol):
    """What ends in a forked child."""

    def forked(self) -> None:
        """This is the child: whatever this was made of is the parent's."""


class Rings(Forkable, Protocol):
    """What has rings."""

    def ring_at(self, fd: int) -> RingRef | None:
        """The ring of a descriptor, if it is one of these."""


class Alive:
    """All rings that were not ended."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._all: WeakSet[Rings] = WeakSet()

    def add(self, rings: Rings) -> None:
        """One more."""
        self._all.add(rings)

    def remove(self, rings: Rings) -> None:
        """One less."""
        self._all.discard(rings)

    def ring_at(self, fd: int) -> RingRef | None:
        """The ring of a descriptor."""
        return next((ring for rings in self._all if (ring := rings.ring_at(fd)) is not None), None)

    def forked(self) -> None:
        """In a child: another thread of the parent may have held the lock, and nobody will let go of it here."""
        self.lock = threading.RLock()
        rings, self._all = list(self._all), WeakSet()
        for each in rings:
            each.forked()


ALIVE = Alive()
os.register_at_fork(after_in_child=ALIVE.forked)
