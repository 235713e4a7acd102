"""From a journal to a kernel: fold the snapshot and what happened since, in turns, so that the loop stays awake."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from usernel.journal.port import JournalDamagedError, Record, Storage, split
from usernel.kernel.error import KernelError
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel
from usernel.kernel.reboot import end_what_tasks_kept

from .codec import decode

log = logging.getLogger(__name__)

TURN: Final = 0.02
"""Seconds of folding between two looks at the loop."""
SENSELESS: Final = (KernelError, ValueError, LookupError, AssertionError, AttributeError, TypeError, StopIteration)
"""What folding a fact may raise that cannot have happened: of a queue that is not there, of a message that was not."""


@dataclass(slots=True)
class Progress:
    """How far a recovery is, in bytes of the journal."""

    total: int = 0
    done: int = 0
    facts: int = 0

    def stat(self) -> dict[str, Any]:
        """Bytes and facts, and the share of the whole."""
        share = round(self.done / self.total, 4) if self.total else 1.0
        return {"bytes": self.done, "of_bytes": self.total, "facts": self.facts, "share": share}


def fold(kernel: Kernel, record: Record, good: int) -> int:
    """Fold a record; how many facts it had. JournalDamagedError behind ``good`` for one that makes no sense there."""
    count = 0
    try:
        for chunk in split(record.data):
            for fact in decode(chunk):
                FOLDS[type(fact)](kernel, fact)
                count += 1
    except SENSELESS as error:
        raise JournalDamagedError(good, f"fact {count + 1} of the record up to {record.position}: {error!r}") from error
    return count


async def recover(kernel: Kernel, storage: Storage, progress: Progress) -> None:
    """Bring a fresh kernel to where the journal ends, then end what does not outlive a reboot.

    That end is recorded: the kernel's owner takes the facts as any others. JournalDamagedError.
    """
    started = monotonic()
    progress.total = storage.base_bytes + storage.tail_bytes
    with _no_collections():
        turn_ends = started + TURN
        for record in storage.read():
            progress.facts += fold(kernel, record, kernel.position)
            kernel.position = record.position
            progress.done += len(record.data)
            if monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = monotonic() + TURN
    end_what_tasks_kept(kernel)
    seconds = round(monotonic() - started, 3)
    log.info("recovered", extra={"position": kernel.position, "facts": progress.facts, "seconds": seconds})


@contextmanager
def _no_collections() -> Iterator[None]:
    """Nothing that is folded is garbage; looking at it again and again would double the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
