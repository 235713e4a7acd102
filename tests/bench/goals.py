"""The goals of the queues, as ratios between two rows of the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.contender import Ledger, Sample


@dataclass(frozen=True, slots=True)
class Goal:
    """`row` to `beside`: at least `least` times its rate, or at most `most` times its p50."""

    row: str
    beside: str
    least: float | None = None
    most: float | None = None
    stretch: float | None = None

    @property
    def words(self) -> str:
        """The goal as the table prints it."""
        stretch = f" (stretch {self.stretch:g} x)" if self.stretch is not None else ""
        return (f"≥ {self.least:g} x" if self.least is not None else f"p50 ≤ {self.most:g} x") + stretch

    def ratio(self, ledger: Ledger) -> float | None:
        """The measured ratio; None where one of the rows is missing."""
        ours, theirs = ledger.median(self.row), ledger.median(self.beside)
        if ours is None or theirs is None:
            return None
        return ours.rate / theirs.rate if self.most is None else _p50(ours) / _p50(theirs)

    def reached(self, ratio: float) -> bool:
        """Whether the ratio is within the goal."""
        return ratio >= self.least if self.least is not None else ratio <= (self.most or 0.0)


REDIS = ("Redis", "Redis, blocking client")
"""The like of an asyncio client, and the faster one beside it."""

GOALS = (
    *(Goal("WebSocket, batch 100, window 8", f"{redis}, pipelined 100", least=9) for redis in REDIS),
    *(Goal("WebSocket, batch 100, window 8", f"{redis}, variadic 100", least=2) for redis in REDIS),
    *(Goal("WebSocket, batch 1, window 1", f"{redis}, one by one", least=0.5, stretch=0.9) for redis in REDIS),
    *(Goal("WebSocket, round trip", f"{redis}, round trip", most=1.3, stretch=1.0) for redis in REDIS),
    Goal("256 tasks, auto-batching", "256 tasks, one frame per send", least=4),
)


def verdicts(ledger: Ledger) -> Iterator[tuple[Goal, float | None]]:
    """Every goal with its measured ratio."""
    for goal in GOALS:
        yield goal, goal.ratio(ledger)


def _p50(sample: Sample) -> float:
    if sample.p50_us is None:
        raise ValueError("this row has no round trips")
    return sample.p50_us
