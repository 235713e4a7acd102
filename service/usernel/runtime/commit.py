"""Group commit: facts that came while a commit was under way go together into the next; one is in flight at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from usernel.journal.port import Chunk, JournalError, JournalFullError, Record, Storage, join

from .isolated import isolated

log = logging.getLogger(__name__)

GROUP_BYTES: Final = 8 * 1024 * 1024
"""Bytes after which no more chunks join a group."""
RETRY_SECONDS: Final = 1.0
"""Between attempts while the disk is full."""
Pending = tuple[int, Chunk]


@dataclass(slots=True)
class Commits:
    """What the commits so far kept; ``observers`` hear of each, with its seconds and its facts."""

    count: int = 0
    facts: int = 0
    bytes: int = 0
    snapshots: int = 0
    snapshot_seconds: float = 0.0
    observers: list[Callable[[float, int], None]] = field(default_factory=list)

    def add(self, seconds: float, facts: int, size: int) -> None:
        """One more."""
        self.count += 1
        self.facts += facts
        self.bytes += size
        for observe in self.observers:
            isolated(observe, seconds, facts)

    def add_snapshot(self, seconds: float) -> None:
        """A snapshot was made, in so many seconds."""
        self.snapshots += 1
        self.snapshot_seconds = seconds


class GroupCommit:
    """A journal over a storage, which a thread of its own writes to.

    Between commits the thread takes one step of what is done in the background: a part of a snapshot, some space
    reclaimed. While the disk is full the same group is tried again and again; after any other failure nothing is.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.commits = Commits()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "usernel-journal")
        self._durable = self._appended = storage.position
        self._pending: deque[Pending] = deque()
        self._group: deque[Pending] = deque()
        self._steps: Iterator[None] | None = None
        self._seam = 0
        self._step_next = False
        self._busy = False
        self._scheduled = False
        self._retry: asyncio.TimerHandle | None = None
        self._failure: JournalError | None = None
        self._dead = False
        self._listener: Callable[[], None] = _nobody
        self._turned = asyncio.Event()

    @property
    def durable(self) -> int:
        """The position up to which facts are kept."""
        return self._durable

    @property
    def ephemeral(self) -> bool:
        """No."""
        return False

    @property
    def failure(self) -> JournalError | None:
        """Why nothing more can be kept: for now (JournalFullError), or for good; None where it can."""
        return self._failure

    @property
    def idle(self) -> bool:
        """Whether everything is kept that was appended."""
        return self._durable == self._appended

    @property
    def working(self) -> bool:
        """Whether something is under way in the background."""
        return self._steps is not None

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever ``durable`` has grown, and when a failure has come or gone."""
        self._listener = listener

    def append(self, position: int, chunk: Chunk) -> None:
        """Keep the facts up to ``position``: with the next group, which begins when the loop has its turn."""
        self._pending.append((position, chunk))
        self._appended = position
        self._schedule()

    def work(self, steps: Iterator[None]) -> None:
        """Let the thread go through these steps, each between two commits. Nothing else may be under way there.

        A record ends with what is appended so far: a snapshot of now stands between two records.
        """
        self._steps = steps
        self._seam = self._appended
        self._schedule()

    # ------------------------------------------------------------------------------------------------------- the cycle

    def _schedule(self) -> None:
        if not (self._busy or self._scheduled or self._dead or self._retry):
            self._scheduled = True
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        """Begin the next commit, or where a commit has just been made or none is wanted, a step."""
        self._scheduled = False
        if self._dead:
            return
        if self._steps is not None and (self._step_next or not self._pending):
            self._step_next = False
            self._submit(self._step, self._stepped)
        elif self._pending:
            self._step_next = True
            self._group, self._pending = self._pending, deque()
            self._submit(self._write, self._written)

    def _submit(self, job: Callable[[], Any], then: Callable[[Future[Any]], None]) -> None:
        self._busy = True
        future = self._thread.submit(job)
        future.add_done_callback(lambda done: self._tell(then, done))

    def _tell(self, then: Callable[[Future[Any]], None], done: Future[Any]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._done, then, done)
        except RuntimeError:
            log.debug("the loop was closed before the journal's thread had done its work")

    def _done(self, then: Callable[[Future[Any]], None], done: Future[Any]) -> None:
        self._busy = False
        self._turned.set()
        isolated(then, done)
        if self._pending or self._steps is not None:
            self._schedule()

    def _write(self) -> tuple[Record, float]:
        """Make a record of the group and keep it; what has no room in it is left in the group. In the thread."""
        started = time.monotonic()
        chunks: list[bytes] = []
        position = size = 0
        left = self._group.copy()
        while left and size < GROUP_BYTES and (not chunks or position != self._seam):
            position, chunk = left.popleft()
            chunks.append(chunk())
            size += len(chunks[-1])
        record = Record(position, position - self._durable, time.time_ns(), join(chunks))
        self.storage.append(record)
        self._group = left
        return record, time.monotonic() - started

    def _written(self, done: Future[tuple[Record, float]]) -> None:
        self._pending.extendleft(reversed(self._group))
        error = done.exception()
        if error is not None:
            self._fail(error)
            return
        record, seconds = done.result()
        self._durable = record.position
        self._recover()
        self.commits.add(seconds, record.facts, len(record.data))
        self._listener()

    def _step(self) -> bool:
        """Take one step; False where there was none left. In the thread."""
        for _ in self._steps or ():
            return True
        return False

    def _stepped(self, done: Future[bool]) -> None:
        error = done.exception()
        if error is not None:
            # What was begun in the background is begun anew another time; only commits decide what the disk can do.
            self._steps = None
            log.warning("a snapshot or its tidying was given up: %s", error)
            if not isinstance(error, JournalFullError):
                self._fail(error)
        elif not done.result():
            self._steps = None

    # --------------------------------------------------------------------------------------------------------- failing

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, JournalFullError):
            self._retry = self._loop.call_later(RETRY_SECONDS, self._try_again)
        else:
            self._dead = True
        failure = error if isinstance(error, JournalError) else JournalError(f"a bug in usernel: {error!r}")
        if str(self._failure) != str(failure):
            log.error("nothing is acknowledged: %s", failure, exc_info=None if failure is error else error)
        self._failure = failure
        self._listener()

    def _try_again(self) -> None:
        self._retry = None
        self._schedule()

    def _recover(self) -> None:
        if self._failure is not None:
            self._failure = None
            log.warning("the journal can be written again: what waited is acknowledged")

    async def settled(self) -> None:
        """Wait until everything is kept and nothing is under way in the background; not where nothing can be kept."""
        while not (self.idle and not self.working) and self._failure is None:
            self._turned.clear()
            await self._turned.wait()

    async def close(self) -> None:
        """Wait for the step that is under way, and let go of the storage."""
        if self._retry is not None:
            self._retry.cancel()
        self._dead = True
        await self._loop.run_in_executor(self._thread, self.storage.close)
        self._thread.shutdown(wait=False)

    def stat(self) -> dict[str, Any]:
        """Its positions and sizes, and what the commits so far kept."""
        return {
            "durable": self._durable, "ephemeral": False, "appended": self._appended,
            "failure": None if self._failure is None else str(self._failure),
            "commits": self.commits.count, "committed_facts": self.commits.facts, "committed_bytes": self.commits.bytes,
            "snapshots": self.commits.snapshots, "snapshot_seconds": round(self.commits.snapshot_seconds, 6),
            **self.storage.stat(),
        }  # fmt: skip


def _nobody() -> None:
    """Nobody listens yet."""
