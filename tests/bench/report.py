"""The tables: every row with its ratio to Redis one by one, every goal with its ratio, every peer that is missing."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.bench.contender import Ledger
from tests.bench.goals import verdicts

REFERENCE = "Redis, one by one"


def show(ledger: Ledger, rounds: int, seconds: float, console: Console) -> None:
    """Print both tables, then what failed and what is missing."""
    console.print(_rows(ledger, rounds, seconds))
    console.print(_goals(ledger))
    for name, reason in ledger.missing.items():
        console.print(f"not measured: {name}: {reason}")
    for name, reason in ledger.failures.items():
        console.print(f"failed: {name}: {reason}")


def as_json(ledger: Ledger) -> str:
    """Every row's median and every goal's ratio, for a machine to read."""
    rows = {name: asdict(sample) | {"spread": spread} for name, sample, spread in ledger.medians()}
    goals = [{"goal": f"{goal.row} / {goal.beside} {goal.words}", "ratio": ratio} for goal, ratio in verdicts(ledger)]
    return json.dumps({"rows": rows, "goals": goals, "missing": ledger.missing, "failures": ledger.failures}, indent=2)


def _rows(ledger: Ledger, rounds: int, seconds: float) -> Table:
    table = Table(title=f"256-byte messages, two processes: medians of {rounds} interleaved rounds of {seconds:g} s")
    table.add_column("")
    for heading in ("a second", "p50 us", "p99 us", "spread", f"x {REFERENCE}"):
        table.add_column(heading, justify="right")
    reference = ledger.median(REFERENCE)
    for name, sample, spread in ledger.medians():
        beside = f"{sample.rate / reference.rate:.2f}" if reference is not None else ""
        trips = [f"{value:,.0f}" if value is not None else "" for value in (sample.p50_us, sample.p99_us)]
        table.add_row(name, f"{sample.rate:,.0f}", *trips, f"{spread:.0%}", beside if not any(trips) else "")
    return table


def _goals(ledger: Ledger) -> Table:
    table = Table(title="goals")
    for heading in ("row", "beside", "goal", "measured", ""):
        table.add_column(heading)
    for goal, ratio in verdicts(ledger):
        if ratio is None:
            table.add_row(goal.row, goal.beside, goal.words, "not measured", "")
        else:
            verdict = "reached" if goal.reached(ratio) else "not reached"
            table.add_row(goal.row, goal.beside, goal.words, f"{ratio:.2f} x", verdict)
    return table
