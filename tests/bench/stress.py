"""``python -m tests.bench.stress``: stress-ng's queue stressors under ``usernel run``, and what the host does."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

STRESSORS = ("msg", "mq")
UNDER_US = (sys.executable, "-m", "usernel.cli", "run", "--")
RATE = 8
"""Which column of ``--metrics`` says operations a second, of real time."""


def rate(command: Sequence[str], stressor: str, operations: int) -> float:
    """Operations a second of one run. RuntimeError where stress-ng finds something wrong."""
    words = ["stress-ng", f"--{stressor}", "1", f"--{stressor}-ops", str(operations), "--verify", "--metrics"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=300)
    said = done.stdout + done.stderr
    lines = [line.split() for line in said.splitlines() if f"] {stressor} " in line and "metrc" in line]
    if done.returncode or not lines:
        raise RuntimeError(said)
    return float(lines[-1][RATE])


def main() -> int:
    """Run them in turns."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--operations", type=int, default=5000)
    chosen = options.parse_args()
    if shutil.which("stress-ng") is None:
        print("stress-ng is not here: apt-get install stress-ng", file=sys.stderr)
        return 2
    table = Table(title=f"stress-ng, operations a second, medians of {chosen.rounds} interleaved rounds")
    for heading in ("stressor", "host", "usernel run", "of the host"):
        table.add_column(heading, justify="right")
    for stressor in STRESSORS:
        rounds = [
            (rate((), stressor, chosen.operations), rate(UNDER_US, stressor, chosen.operations))
            for _ in range(chosen.rounds)
        ]
        host, ours = (median(column) for column in zip(*rounds, strict=True))
        table.add_row(stressor, f"{host:,.0f}", f"{ours:,.0f}", f"1/{host / ours:.0f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
