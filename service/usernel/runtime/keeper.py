"""A kernel's journal on disk: replayed once, kept while the service runs, closed with a snapshot."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from time import monotonic

from usernel.journal.port import Storage

from .commit import GroupCommit
from .recovery import Progress, recover
from .runtime import Runtime
from .snapshots import Snapshots

log = logging.getLogger(__name__)


class Keeper:
    """What stands between a runtime and the storage of its journal; ``commit`` is the journal that it is given."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.commit = GroupCommit(storage)
        self._snapshots: Snapshots | None = None

    async def recover(self, runtime: Runtime, snapshot_bytes: int) -> None:
        """Bring the runtime's kernel to where the journal ends; snapshots follow. JournalDamagedError."""
        runtime.recovery = progress = runtime.recovery or Progress()
        await recover(runtime.kernel, self.storage, progress)
        self._snapshots = snapshots = Snapshots(runtime.kernel, self.commit, snapshot_bytes)
        self.commit.commits.observers.append(lambda _seconds, _facts: snapshots.consider())
        runtime.recovered()

    async def close(self, seconds: float) -> None:
        """Keep what is under way, make a last snapshot where anything came behind the one before, and let go.

        What does not end within ``seconds`` is left: the records are there, and only the next start takes longer.
        """
        ends = monotonic() + seconds
        await self._settled(ends)
        able = self.commit.failure is None and not self.commit.working
        if able and self._snapshots is not None and self.storage.tail_bytes:
            self._snapshots.begin()
            await self._settled(ends)
        await self.commit.close()

    async def _settled(self, ends: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(ends - monotonic(), 0)):
                await self.commit.settled()
