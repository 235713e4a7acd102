"""What is to be reached, as ratios and differences of rows of the same rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import handler, lateness, lines, reads, small
from .row import Ledger


@dataclass(frozen=True, slots=True)
class Goal:
    """A row is at least so many times another, or so many milliseconds more at most."""

    work: str
    ours: str
    theirs: str
    least: float | None = None
    most_ms: float = 0.0
    already: bool = False
    """Whether ours is measured as what it is more than theirs."""

    @property
    def words(self) -> str:
        """The goal as it is printed."""
        return f"≥ {self.least:g} x" if self.least is not None else f"≤ {self.most_ms:g} ms more"

    def measured(self, ledger: Ledger) -> float | None:
        """The ratio or the difference; None where a row is missing."""
        if self.already:
            return ledger.median(self.work, self.ours)
        ours, theirs = (self.work, self.ours), (self.work, self.theirs)
        return ledger.difference(ours, theirs) if self.least is None else ledger.ratio(ours, theirs)

    def shown(self, measured: float | None) -> str:
        """What was measured, as it is printed."""
        if measured is None:
            return "not measured"
        return f"{measured:.2f} x" if self.least is not None else f"{measured:+.2f} ms"

    def reached(self, measured: float) -> bool:
        """Whether that is enough."""
        return measured >= self.least if self.least is not None else measured <= self.most_ms


GOALS: Final = (
    Goal(reads.CACHED, reads.OURS, reads.AIOFILES, least=18),
    Goal(reads.CACHED, reads.OURS, reads.SYNC, least=0.40),
    Goal(reads.CACHED, reads.BATCH, reads.SYNC, least=1.0),
    Goal(reads.CACHED, reads.ROUTED, reads.AIOFILES, least=5),
    Goal(reads.CACHED, reads.ROUTED_THREADS, reads.THREADS, least=5),
    Goal(reads.COLD, reads.ROUTED, reads.AIOFILES, least=1.3),
    Goal(reads.COLD, reads.ROUTED_THREADS, reads.THREADS, least=1.3),
    Goal(reads.COLD, reads.OURS, reads.AIOFILES, least=1.5),
    Goal(reads.COLD, reads.OURS, reads.SYNC, least=1.0),
    Goal(small.WORK, reads.OURS, reads.AIOFILES, least=9),
    Goal(small.WORK, small.FUSED, reads.AIOFILES, least=25),
    Goal(lines.WORK, reads.OURS, reads.AIOFILES, least=80),
    *(
        Goal(lateness.WORK, row, lateness.IDLE, most_ms=2)
        for row in (reads.OURS, reads.BATCH, reads.ROUTED, reads.ROUTED_THREADS)
    ),
    *(
        Goal(work, row, handler.BESIDE, most_ms=2, already=True)
        for work in (handler.WORK, handler.CALM)
        for row in (handler.OPENED, handler.WHOLE, handler.FUSED)
    ),
)
