"""How a service is to die: by its own hand, at a place that fits on a command line, or by another's, at some time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Self

FILES = ("wal", "db")
LATEST = 0.6
"""Seconds of load after which a service is killed from outside, doomed or not."""
STOPPING = 0.1
"""Seconds between SIGTERM and SIGKILL, at most: what stops makes a snapshot, and does not come to its end always."""
CALLS = ("append", "add_part", "finish_snapshot", "reclaim")


@dataclass(frozen=True, slots=True)
class Doom:
    """Death at the ``nth`` time that something happens: ``before`` it, in its ``middle``, or ``after`` it.

    What happens: a ``write``, ``sync`` or ``truncate`` of a file (``wal``, ``db``), or a ``call`` of the storage.
    ``checkpoint`` is after how many pages the write-ahead log is moved into the database.
    """

    what: str
    where: str
    nth: int
    how: str
    checkpoint: int = 4000

    def __str__(self) -> str:
        return f"{self.what}:{self.where}:{self.nth}:{self.how}:{self.checkpoint}"

    @classmethod
    def of(cls, text: str) -> Self:
        """The one that ``str`` wrote."""
        what, where, nth, how, checkpoint = text.split(":")
        return cls(what, where, int(nth), how, int(checkpoint))

    @property
    def kind(self) -> str:
        """What the summary counts it as."""
        return f"{self.what} {self.where}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A death: at its ``doom``, or ``delay`` seconds after it was ready, or ``stopping`` seconds behind SIGTERM.

    ``plain`` is a service that is started as a user starts it.
    """

    doom: Doom | None
    plain: bool
    delay: float
    stopping: float | None

    def __str__(self) -> str:
        told = f", SIGTERM {self.stopping:.3f} s before" if self.stopping is not None else ""
        return f"{self.doom or ''} killed after {self.delay:.3f} s at the latest{told}{', plain' if self.plain else ''}"


def plan(rng: Random) -> Plan:
    """A death, as the seed wants it."""
    what = rng.random()
    stopping = rng.uniform(0, STOPPING) if rng.random() < 0.2 else None
    if what < 0.3:
        return Plan(None, what < 0.06, rng.uniform(0.05, LATEST), stopping)
    return Plan(choose(rng), False, LATEST, stopping)


def choose(rng: Random) -> Doom:
    """A place: an early time is as likely as one ten times as late."""
    what = rng.choices(["write", "sync", "truncate", "call"], [8, 4, 1, 8])[0]
    if what == "call":
        where = rng.choice(CALLS)
        most = {"append": 150, "add_part": 12, "finish_snapshot": 5, "reclaim": 30}[where]
        return Doom(what, where, _nth(rng, most), rng.choice(["before", "after"]), rng.choice([4000, 50]))
    where = "db" if what == "truncate" else rng.choices(FILES, [3, 1])[0]
    most = {"write": 1500, "sync": 300, "truncate": 3}[what] // (10 if where == "db" and what != "truncate" else 1)
    hows = ["before", "middle", "after"] if what == "write" else ["before", "after"]
    return Doom(what, where, _nth(rng, most), rng.choice(hows), rng.choice([4000, 50]) if where == "wal" else 20)


def _nth(rng: Random, most: int) -> int:
    return round(math.exp(rng.uniform(0, math.log(most))))
