"""``python -m tests.bench [--rounds N] [--seconds S] [--only WORD]... [--json]``."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from tests.bench.report import as_json, show
from tests.bench.run import run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the table shows medians")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each row is measured in a round")
    parser.add_argument("--only", action="append", default=[], help="rows whose name has this word in it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    options = parser.parse_args()
    ledger = run(options.rounds, options.seconds, options.only, lambda line: print(line, file=sys.stderr, flush=True))
    if options.json:
        print(as_json(ledger))
    else:
        show(ledger, options.rounds, options.seconds, Console(width=120))


if __name__ == "__main__":
    main()
