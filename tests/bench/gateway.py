"""``python -m tests.bench.gateway``: what a trapped call costs, beside the host's own and gVisor's (``runsc do``).

The floor is a supervisor that answers every call at once (``floor.py``): what is above it is our work.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

SOURCE = Path(__file__).parent / "latency.c"
CALLS = ("getppid", "msgsnd", "msgrcv", "mq_send", "mq_receive")
GOALS = {"msgsnd": 30.0, "msgrcv": 30.0, "mq_send": 40.0, "mq_receive": 40.0}
"""Microseconds at the median, with a kernel of its own."""
PEERS: Mapping[str, Sequence[str]] = {
    "host": (),
    "floor": (sys.executable, "-m", "tests.bench.floor"),
    "usernel run": (sys.executable, "-m", "usernel.cli", "run", "--"),
    "gVisor": ("runsc", "--network=none", "--ignore-cgroups", "--platform=ptrace", "do"),
}
Taken = dict[str, tuple[float, float]]
"""For each call its median and 99th percentile, in microseconds; below 0 where it was refused."""


def built(directory: str) -> Path:
    """The program that measures. SystemExit where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("this needs a C compiler: the calls are faster than Python")
    program = Path(directory) / "latency"
    subprocess.run([compiler, "-O2", "-o", program, SOURCE, "-lrt"], check=True)
    return program


def measured(command: Sequence[str], program: Path, calls: int) -> Taken | None:
    """One run; None where the peer cannot run here."""
    done = subprocess.run([*command, program, str(calls)], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        return None
    rows = [line.split() for line in done.stdout.splitlines()]
    return {call: (int(middle) / 1000, int(high) / 1000) for call, middle, high in rows}


def medians(runs: Sequence[Taken]) -> Taken:
    """Call by call, the median of several runs."""
    return {call: (median(run[call][0] for run in runs), median(run[call][1] for run in runs)) for call in CALLS}


def show(found: Mapping[str, Taken], rounds: int) -> None:
    """A table: microseconds, and how they compare with gVisor's and the goal."""
    table = Table(title=f"microseconds a call, p50 (p99), medians of {rounds} interleaved rounds")
    for column in ("call", *found, "goal", "x gVisor"):
        table.add_column(column, justify="left" if column == "call" else "right")
    for call in CALLS:
        cells = [_cell(taken[call]) for taken in found.values()]
        ours, theirs = found["usernel run"][call][0], found.get("gVisor", {}).get(call, (-1.0, -1.0))[0]
        goal = f"<= {GOALS[call]:g}" if call in GOALS else ""
        table.add_row(call, *cells, goal, f"{ours / theirs:.2f}" if theirs > 0 else "")
    Console(width=100).print(table)


def _cell(taken: tuple[float, float]) -> str:
    return "refused" if taken[0] < 0 else f"{taken[0]:.1f} ({taken[1]:.1f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()
    runs: dict[str, list[Taken]] = {peer: [] for peer in PEERS if not PEERS[peer] or shutil.which(PEERS[peer][0])}
    with tempfile.TemporaryDirectory() as directory:
        program = built(directory)
        for number in range(given.rounds):
            for peer in list(runs):
                print(f"\rround {number + 1} of {given.rounds}: {peer}      ", end="", file=sys.stderr, flush=True)
                taken = measured(PEERS[peer], program, given.calls)
                if taken is None:
                    print(f"\n{peer} does not run here", file=sys.stderr)
                    del runs[peer]
                else:
                    runs[peer].append(taken)
    print(file=sys.stderr)
    show({peer: medians(taken) for peer, taken in runs.items()}, given.rounds)


if __name__ == "__main__":
    main()
