"""The run as one table, and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from typing import Final

from rich.console import Console
from rich.table import Table

from usernel.version import __version__

from . import handler, lateness, reads
from .goals import GOALS
from .row import Ledger
from .run import Plan

LOWER_IS_BETTER: Final = frozenset({lateness.WORK, handler.WORK, handler.CALM})
"""Works that are measured in milliseconds; the others are so many a second."""


def machine() -> str:
    """Where it was measured."""
    return (
        f"{os.cpu_count()} processors, Linux {platform.release()}, Python {platform.python_version()}, "
        f"usernel {__version__}"
    )


def unit(work: str, value: float) -> str:
    """A value as it is printed."""
    return f"{value:.2f} ms" if work in LOWER_IS_BETTER else f"{value:,.0f}"


def show(ledger: Ledger, plan: Plan, console: Console) -> None:
    """Print the rows, work by work, then the goals, then what failed or is missing."""
    table = Table(title=f"medians of {plan.rounds} interleaved rounds of {plan.seconds:g} s\n{machine()}")
    table.add_column("")
    for heading in ("a second, or ms", "spread", "x aiofiles", "x synchronous"):
        table.add_column(heading, justify="right")
    shown = ""
    for work, name in ledger.samples:
        found = ledger.found(work, name)
        if work != shown:
            table.add_section()
            table.add_row(f"[bold]{work}[/bold]")
            shown = work
        if found:
            middle = statistics.median(found)
            spread = f"{(max(found) - min(found)) / middle:.0%}" if len(found) > 1 and middle else ""
            table.add_row(f"  {name}", unit(work, middle), spread, *_beside(ledger, work, name))
    console.print(table)
    console.print(_goals(ledger))
    for package, installs in ledger.missing.items():
        console.print(f"not measured: {package}: {installs}")
    for row, reason in ledger.failed.items():
        console.print(f"failed: {row}: {reason}", markup=False)


def synchronous(ledger: Ledger, work: str) -> str | None:
    """The name of a work's row that has no loop."""
    return next((name for of, name in ledger.samples if of == work and name.endswith("synchronous")), None)


def _beside(ledger: Ledger, work: str, name: str) -> list[str]:
    if work in LOWER_IS_BETTER:
        return ["", ""]
    ratios = [ledger.ratio((work, name), (work, other or "")) for other in (reads.AIOFILES, synchronous(ledger, work))]
    return [f"{ratio:.2f}" if ratio is not None else "" for ratio in ratios]


def _goals(ledger: Ledger) -> Table:
    table = Table(title="goals: medians of the rounds' ratios and differences")
    for heading in ("", "beside", "goal", "measured", ""):
        table.add_column(heading)
    shown = ""
    for goal in GOALS:
        measured = goal.measured(ledger)
        if measured is None:
            continue
        if goal.work != shown:
            table.add_section()
            table.add_row(f"[bold]{goal.work}[/bold]")
            shown = goal.work
        verdict = "reached" if goal.reached(measured) else "not reached"
        table.add_row(f"  {goal.ours}", goal.theirs, goal.words, goal.shown(measured), verdict)
    return table


def as_json(ledger: Ledger, plan: Plan) -> str:
    """All samples, medians and goals, for a machine to read."""
    rows = [
        {
            "work": work, "name": name, "unit": "ms" if work in LOWER_IS_BETTER else "1/s",
            "median": ledger.median(work, name), "samples": samples,
        }
        for (work, name), samples in ledger.samples.items()
    ]  # fmt: skip
    goals = []
    for goal in GOALS:
        measured = goal.measured(ledger)
        reached = None if measured is None else goal.reached(measured)
        goals.append(
            {"work": goal.work, "ours": goal.ours, "beside": goal.theirs, "goal": goal.words, "measured": measured,
             "reached": reached}
        )  # fmt: skip
    return json.dumps(
        {
            "machine": machine(), "rounds": plan.rounds, "seconds": plan.seconds, "rows": rows, "goals": goals,
            "missing": ledger.missing, "failed": ledger.failed,
        },
        indent=2,
    )  # fmt: skip
