"""``python -m tests.bench.durable [--rounds N] [--seconds S] [--only WORD]... [--directory DIR] [--json]``.

Sends a second that are acknowledged when they are on disk, beside Redis with ``appendfsync always`` and PostgreSQL:
all on one file system, in one interleaved run. usernel's side is one process of so many tasks, each of which awaits
one ``send``; Redis' and PostgreSQL's C clients have as many connections.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.contender import Contender, Ledger, Peer
from tests.bench.durable_peers import MANY, PAIRS, SENDERS, RedisDurable, UsernelDurable, senders
from tests.bench.durable_postgres import PostgresDurable
from tests.bench.goals import Goal
from tests.bench.served import DIRECTORY, filesystem, workplace

GOALS = (
    Goal(f"{senders(MANY)}: usernel", f"{senders(MANY)}: Redis AOF, C client", least=2.5),
    Goal(f"{senders(MANY)}: usernel", f"{senders(MANY)}: PostgreSQL, pgbench", least=2.5),
)


GROUPS = (*map(senders, SENDERS), PAIRS)


def group(name: str) -> str:
    """What a row's like is: as many at once."""
    return name.split(":", maxsplit=1)[0]


def peers(directory: Path) -> list[Peer]:
    """Everything that is measured, in the order of the table."""
    return [
        UsernelDurable(directory / "usernel"), RedisDurable(directory / "redis"),
        PostgresDurable(directory / "postgres"),
    ]  # fmt: skip


def run(parent: str, rounds: int, seconds: float, only: Sequence[str], progress: Callable[[str], None]) -> Ledger:
    """Measure `rounds` times each row whose name has one of the words `only` in it (all where there are none)."""
    ledger = Ledger()
    with workplace(parent) as directory, ExitStack() as servers:
        rows: list[Contender] = []
        for peer in peers(directory):
            reason = peer.missing()
            if reason is not None:
                ledger.missing[peer.name] = reason
            else:
                rows += servers.enter_context(peer.serve())
        rows = [row for row in rows if not only or any(word.lower() in row.name.lower() for word in only)]
        rows.sort(key=lambda row: GROUPS.index(group(row.name)))
        for number in range(rounds):
            turn = number % max(len(rows), 1)
            for row in rows[turn:] + rows[:turn]:
                progress(f"round {number + 1}/{rounds}: {row.name}")
                ledger.measure(row, seconds)
        ledger.order([row.name for row in rows])
    return ledger


def show(ledger: Ledger, title: str, console: Console) -> None:
    """Print the rows, group by group, then the goals, what failed and what is missing."""
    table = Table(title=title)
    table.add_column("")
    for heading in ("a second", "p50 ms", "p99 ms", "spread", "usernel is"):
        table.add_column(heading, justify="right")
    shown = ""
    for name, sample, spread in ledger.medians():
        if group(name) != shown:
            table.add_section()
            shown = group(name)
        ours = ledger.median(f"{shown}: usernel")
        beside = f"{ours.rate / sample.rate:.2f} x" if ours is not None and not name.endswith(": usernel") else ""
        trips = [f"{us / 1e3:,.2f}" if us is not None else "" for us in (sample.p50_us, sample.p99_us)]
        table.add_row(name, f"{sample.rate:,.0f}", *trips, f"{spread:.0%}", beside)
    console.print(table)
    for goal in GOALS:
        ratio = goal.ratio(ledger)
        found = "not measured" if ratio is None else f"{ratio:.2f} x"
        console.print(f"goal: {goal.row} / {goal.beside} {goal.words}: {found}")
    for name, reason in ledger.missing.items():
        console.print(f"not measured: {name}: {reason}")
    for name, reason in ledger.failures.items():
        console.print(f"failed: {name}: {reason}")


def as_json(ledger: Ledger) -> str:
    """Every row's median and every goal's ratio, for a machine to read."""
    rows = {name: asdict(sample) | {"spread": spread} for name, sample, spread in ledger.medians()}
    goals = [{"goal": f"{goal.row} / {goal.beside} {goal.words}", "ratio": goal.ratio(ledger)} for goal in GOALS]
    return json.dumps({"rows": rows, "goals": goals, "missing": ledger.missing, "failures": ledger.failures}, indent=2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.durable", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the table shows medians")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row is measured in a round")
    parser.add_argument("--only", action="append", default=[], help="rows whose name has this word in it")
    parser.add_argument("--directory", default=DIRECTORY, help="on the disk to measure")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    ledger = run(options.directory, options.rounds, options.seconds, options.only, progress)
    if options.json:
        print(as_json(ledger))
    else:
        kind = filesystem(options.directory)
        title = f"acknowledged when on disk ({kind}): medians of {options.rounds} rounds of {options.seconds:g} s"
        show(ledger, title, Console(width=120))


if __name__ == "__main__":
    main()
