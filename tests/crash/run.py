"""So many rounds, life after life."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .life import Life, Summary
from .service import Nursery

ENDLESS = 1e9


def run(
    seed: int, rounds: int, path: Path, tell: Callable[[str], None], *, every: int = 50, seconds: float = ENDLESS,
    least: int = 0,
) -> Summary:  # fmt: skip
    """So many rounds, or fewer where they would take longer than that, but at least ``least``. BrokenError."""
    summary, started = Summary(), time.monotonic()

    def on_round(so_far: Summary) -> None:
        if so_far.rounds % every == 0:
            taken = time.monotonic() - started
            tell(f"{so_far.rounds}/{rounds} rounds, {taken:.0f} s, {taken / so_far.rounds:.2f} s a round")

    with Nursery() as nursery:
        while summary.rounds < rounds and (summary.rounds < least or time.monotonic() - started < seconds):
            life = Life(seed + summary.lives, path, nursery, summary)
            life.run(rounds - summary.rounds, on_round)
    return summary
