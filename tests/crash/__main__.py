"""``python -m tests.crash [--rounds N] [--seed N] [--dir PATH]``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.crash.life import BrokenError
from tests.crash.run import run


def main() -> None:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how often a service is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the first life; the next has the next")
    parser.add_argument("--dir", type=Path, default=None, help="where the data directories are made")
    options = parser.parse_args()
    path = options.dir or Path(tempfile.mkdtemp(prefix="usernel-crash-"))
    started = time.monotonic()
    try:
        summary = run(options.seed, options.rounds, path, lambda line: print(line, flush=True))
    except BrokenError as broken:
        raise SystemExit(f"BROKEN: {broken}") from broken.__cause__
    print(f"{summary}\nclean, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
