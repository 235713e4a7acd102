"""``python -m usernel.bench [--rounds N] [--seconds S] [--only WORD]... [--quick] [--json] [--svg PATH]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where something failed."""
    from .run import QUICK, Plan, run

    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m usernel.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds ({plan.rounds})")
    parser.add_argument("--seconds", type=float, help=f"how long each row is measured in a round ({plan.seconds:g})")
    parser.add_argument("--only", action="append", default=[], help="rows with this word in their work or name")
    parser.add_argument("--directory", default=plan.directory, help="where the files are made (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all of it works")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    parser.add_argument("--svg", type=Path, metavar="PATH", help="write a chart there")
    options = parser.parse_args(arguments)
    plan = replace(QUICK if options.quick else plan, only=tuple(options.only), directory=options.directory)
    plan = replace(plan, rounds=options.rounds or plan.rounds, seconds=options.seconds or plan.seconds)
    ledger = run(plan, lambda line: print(line, file=sys.stderr, flush=True))

    from rich.console import Console

    from .chart import chart
    from .table import as_json, show

    if options.svg:
        options.svg.write_text(chart(ledger), "utf-8")
    if options.json:
        print(as_json(ledger, plan))
    else:
        show(ledger, plan, Console(width=max(Console().width, 110)))
    return 1 if ledger.failed else 0


if __name__ == "__main__":
    sys.exit(main())
