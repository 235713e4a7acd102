"""When a snapshot is made, and its making: in parts, each between two commits; then space is reclaimed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Final

from usernel.journal.port import JournalFullError, Record, Storage, join
from usernel.kernel.kernel import Kernel
from usernel.kernel.snapshot import Snapshot

from .codec import encode
from .commit import GroupCommit

log = logging.getLogger(__name__)

SNAPSHOT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of records behind the last snapshot from which on another is made, where that one is not larger still."""


class Snapshots:
    """Snapshots of one kernel into the storage of its journal.

    A new one is made when the records behind the last are more than it, and more than ``least`` bytes: so recovery
    reads at most about twice what the state needs, or ``least``.
    """

    def __init__(self, kernel: Kernel, commit: GroupCommit, least: int = SNAPSHOT_BYTES) -> None:
        self._kernel = kernel
        self._commit = commit
        self._storage: Storage = commit.storage
        self._least = least
        self._not_before = 0

    def consider(self) -> None:
        """Begin one if it is time."""
        storage = self._storage
        if storage.tail_bytes > max(self._least, storage.base_bytes, self._not_before) and not self._commit.working:
            self.begin()

    def begin(self) -> None:
        """Capture the state as it is now, and write it in the background."""
        self._commit.work(self._steps(Snapshot(self._kernel), time.monotonic()))

    def _steps(self, snapshot: Snapshot, started: float) -> Iterator[None]:
        """Each step is one transaction, in the journal's thread."""
        while self._storage.position < snapshot.position:
            yield  # the records that it stands for are still on their way to the disk
        try:
            yield from self._reclaim()  # also the parts of one that was not finished: this one may have its position
            yield from self._write(snapshot, started)
            self._not_before = 0
        except JournalFullError as error:
            # Its parts took the room that commits need now.
            self._not_before = self._storage.tail_bytes + self._least
            log.warning("the snapshot at %d was given up: %s", snapshot.position, error)
        yield
        yield from self._reclaim()

    def _write(self, snapshot: Snapshot, started: float) -> Iterator[None]:
        count = 0
        for count, facts in enumerate(snapshot.parts(), 1):
            record = Record(snapshot.position, len(facts), time.time_ns(), join([encode(facts)]))
            self._storage.add_part(count - 1, record)
            yield
        self._storage.finish_snapshot(snapshot.position, count, time.time_ns())
        seconds = time.monotonic() - started
        self._commit.commits.add_snapshot(seconds)
        told = {"position": snapshot.position, "parts": count, "messages": snapshot.messages}
        log.info("snapshot made", extra={**told, "seconds": round(seconds, 3)})

    def _reclaim(self) -> Iterator[None]:
        while self._storage.reclaim():
            yield
