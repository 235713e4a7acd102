"""What is measured: rows, and the samples of all rounds."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

AS_INSTALLED: Final = {"asyncfiles": "py-asyncfiles", "caio": "caio", "aiofile": "aiofile"}
"""What pip calls a package, where that is not its own name."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files to work on: one of many blocks, many of one, and room for more."""

    directory: Path
    blocks: int
    files: int

    @property
    def big(self) -> str:
        """The path of the one file."""
        return str(self.directory / "big")

    def small(self, number: int) -> str:
        """The path of one of the many."""
        return str(self.directory / "small" / f"{number % self.files:05}")

    def smalls(self) -> list[str]:
        """Those of all of the many, made beforehand: to put one together takes as long as to open it."""
        return [self.small(number) for number in range(self.files)]


Measure = Callable[[Corpus, float], float]
"""Measure for about so many seconds: how many a second, or milliseconds, as the work says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to do a work. ``measure`` is sent to a process of its own: a function, or a partial of one."""

    work: str
    name: str
    measure: Measure
    needs: str = ""
    """A package of PyPI that it imports, or a program that it runs."""

    @property
    def missing(self) -> str | None:
        """What installs it, where it is not here."""
        if not self.needs or find_spec(self.needs) is not None or shutil.which(self.needs):
            return None
        return (
            "apt-get install fio" if self.needs == "fio" else f"pip install {AS_INSTALLED.get(self.needs, self.needs)}"
        )


@dataclass(slots=True)
class Ledger:
    """Each row's sample of each round; None in a round that failed."""

    samples: dict[tuple[str, str], list[float | None]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Peers that are not here, and what installs them."""
    failed: dict[str, str] = field(default_factory=dict)
    """Rows that failed, and how they did last."""

    def found(self, work: str, name: str) -> list[float]:
        """A row's samples."""
        return [sample for sample in self.samples.get((work, name), ()) if sample is not None]

    def median(self, work: str, name: str) -> float | None:
        """A row's median; None where it was not measured."""
        found = self.found(work, name)
        return statistics.median(found) if found else None

    def paired(self, ours: tuple[str, str], theirs: tuple[str, str]) -> list[tuple[float, float]]:
        """Both samples of each round that has both."""
        both = zip(self.samples.get(ours, ()), self.samples.get(theirs, ()), strict=False)
        return [(one, other) for one, other in both if one is not None and other is not None]

    def ratio(self, ours: tuple[str, str], theirs: tuple[str, str]) -> float | None:
        """The median of the rounds' ratios."""
        pairs = self.paired(ours, theirs)
        return statistics.median(one / other for one, other in pairs) if pairs else None

    def difference(self, ours: tuple[str, str], theirs: tuple[str, str]) -> float | None:
        """The median of the rounds' differences."""
        pairs = self.paired(ours, theirs)
        return statistics.median(one - other for one, other in pairs) if pairs else None
