"""The rings of this process: which descriptor is which, one lock for all, and their end in a forked child.

This is the one state of a module: ``os.register_at_fork`` must find the rings, and a message finds the other ring.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet, ref

from .file import RingRef


class Ring(RingRef, Protocol):
    """A ring that ends in a forked child."""

    def forked(self) -> None:
        """This is the child: whatever the ring was made of is the parent's."""


class Alive:
    """All rings that were not ended."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._all: WeakSet[Ring] = WeakSet()
        self._fds: dict[int, ref[Ring]] = {}

    def add(self, fd: int, ring: Ring) -> None:
        """One more, which others find by its descriptor."""
        self._all.add(ring)
        self._fds[fd] = ref(ring)

    def remove(self, fd: int, ring: Ring) -> None:
        """One less."""
        self._all.discard(ring)
        self._fds.pop(fd, None)

    def ring_at(self, fd: int) -> Ring | None:
        """The ring of a descriptor."""
        found = self._fds.get(fd)
        return None if found is None else found()

    def forked(self) -> None:
        """In a child: another thread of the parent may have held the lock, and nobody will let go of it here."""
        self.lock = threading.RLock()
        rings, self._all = list(self._all), WeakSet()
        self._fds.clear()
        for each in rings:
            each.forked()


ALIVE = Alive()
os.register_at_fork(after_in_child=ALIVE.forked)
