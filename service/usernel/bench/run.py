"""One interleaved run: round after round, each row once a round, in a fresh process, in an order that turns."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from . import handler, lateness, limit, lines, reads, small
from .corpus import corpus
from .row import Corpus, Ledger, Measure, Row

SLACK_S: Final = 120.0
"""How much longer than its time a measurement may take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured, on which files."""

    rounds: int = 5
    seconds: float = 0.5
    only: Sequence[str] = ()
    directory: str = "/var/tmp"  # noqa: S108 - on a disk, by convention
    blocks: int = 16384
    files: int = 2000


QUICK: Final = Plan(rounds=1, seconds=0.15, blocks=4096, files=320)
"""To see that all of it works."""


def rows() -> Iterator[Row]:
    """All rows, work by work."""
    limits = list(limit.rows())
    for work in (reads.rows(), small.rows(), lines.rows(), lateness.rows(), handler.rows()):
        yield from work
    yield from limits


def chosen(only: Sequence[str]) -> list[Row]:
    """The rows in whose work or name one of these words is, all where there are none; each work's together."""
    words = [word.lower() for word in only]
    found = [row for row in rows() if not words or any(word in f"{row.work} {row.name}".lower() for word in words)]
    works = list(dict.fromkeys(row.work for row in found))
    return sorted(found, key=lambda row: works.index(row.work))


def run(plan: Plan, progress: Callable[[str], None]) -> Ledger:
    """Measure all that can be measured here."""
    ledger, here = Ledger(), []
    for row in chosen(plan.only):
        if row.missing:
            ledger.missing[row.needs] = row.missing
        else:
            here.append(row)
            ledger.samples[row.work, row.name] = []
    with corpus(plan.directory, plan.blocks, plan.files) as files:
        for number in range(plan.rounds):
            turn = number * len(here) // max(plan.rounds, 1)
            for row in here[turn:] + here[:turn]:
                progress(f"round {number + 1}/{plan.rounds}: {row.work}: {row.name}")
                _measure(row, files, plan.seconds, ledger)
    return ledger


def _measure(row: Row, files: Corpus, seconds: float, ledger: Ledger) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=child, args=(row.measure, files, seconds, there))
    process.start()
    there.close()
    said: object = "it hung"
    try:
        if here.poll(seconds + SLACK_S):
            said = here.recv()
    except EOFError:
        said = "it ended without a word"
    finally:
        here.close()
        if isinstance(said, float):
            process.join(10)
        process.kill()
        process.join()
    ledger.samples[row.work, row.name].append(said if isinstance(said, float) else None)
    if not isinstance(said, float):
        ledger.failed[f"{row.work}: {row.name}"] = str(said)


def child(measure: Measure, files: Corpus, seconds: float, pipe: Connection) -> None:
    """In a process of its own: measure, and tell."""
    try:
        said: float | str = measure(files, seconds)
    except BaseException as error:  # noqa: BLE001 - it is the row's
        said = f"{type(error).__name__}: {error} ({traceback.format_exc().splitlines()[-2].strip()})"
    with suppress(BrokenPipeError):
        pipe.send(said)
