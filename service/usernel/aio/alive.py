"""The rings of this process: which descriptor is which, one lock for all, and their end in a forked child.

This is the one state of a module: ``os.register_at_fork`` must find the rings, and a message finds the other ring.
"""

from __future__ import annotations

import os
import threading
from typing import Final, Protocol
from weakref import WeakSet, ref

from .file import RingRef

FORKED: Final = "the ring is the parent process's: a child makes its own"


class Forkable(Protocol):
    """What has descriptors, threads and locks, and is of no use in a forked child."""

    def forked(self) -> None:
        """This is the child: whatever it was made of is the parent's."""


class Ring(Forkable, RingRef, Protocol):
    """A ring that others find by its descriptor."""


class Alive:
    """All rings that were not ended."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._all: WeakSet[Forkable] = WeakSet()
        self._fds: dict[int, ref[Ring]] = {}

    def watch(self, made: Forkable) -> None:
        """Tell it when it finds itself in a forked child."""
        self._all.add(made)

    def forget(self, made: Forkable) -> None:
        """It has ended."""
        self._all.discard(made)

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
        found, self._all = list(self._all), WeakSet()
        self._fds.clear()
        for each in found:
            each.forked()


ALIVE = Alive()
os.register_at_fork(after_in_child=ALIVE.forked)
