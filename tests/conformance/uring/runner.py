"""Traces of cases, from a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .golden import Entry

ROOT = Path(__file__).parents[3]


class Runner:
    """Asks a worker."""

    def __init__(self, worker: subprocess.Popen[str]) -> None:
        self._worker = worker

    def trace(self, target: str, case: str) -> list[Entry]:
        """The trace of a case on a target; ends with ``raised``, ``hangs`` or ``died`` where it did not come to one."""
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(json.dumps({"target": target, "case": case}) + "\n")
        self._worker.stdin.flush()
        found: list[Entry] = []
        for line in self._worker.stdout:
            entry = json.loads(line)
            if "end" not in entry:
                found.append(entry)
            elif entry["end"] in {"hangs", "status 0"}:
                return found
            else:
                return [*found, {"died": entry["end"]}]
        raise AssertionError("the worker of the cases has ended")


def broken(trace: list[Entry]) -> bool:
    """Whether a case did not come to its end."""
    return bool(trace) and bool({"raised", "hangs", "died"} & trace[-1].keys())


@contextmanager
def runner() -> Iterator[Runner]:
    """A worker, to the end of the block."""
    command = [sys.executable, "-m", f"{__package__}.worker"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        try:
            yield Runner(worker)
        finally:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.wait(15)
