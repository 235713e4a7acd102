"""What ``--trace`` prints, and what is counted for the summary."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Final, TextIO

from usernel.kernel.error import KernelError

STAY: Final = {"semget": "semaphores", "shmget": "shared memory segments"}
"""What a program may use beside queues, and shares with others of its host alone."""


class Trace:
    """Counts of what was served and what was passed to the host; a line for each where ``to`` is given."""

    def __init__(self, to: TextIO | None = None) -> None:
        self._to = to
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.on_host: Counter[str] = Counter()

    def served(self, pid: int, name: str, args: Sequence[int], value: int, error: KernelError | None) -> None:
        """A call was served, and returned ``value`` or failed."""
        self.calls[name] += 1
        if error is not None:
            self.errors[name] += 1
        if self._to is not None:
            outcome = str(value) if error is None else f"-1 {error.name} ({error.why})"
            shown = ", ".join(f"{arg:#x}" if arg > 9 else str(arg) for arg in args[:5])
            print(f"[{pid}] {name}({shown}) = {outcome}", file=self._to, flush=True)

    def passed(self, pid: int, name: str) -> None:
        """A call went on to the host."""
        if name in STAY and not self.on_host[name]:
            os.write(2, f"usernel: process {pid} uses {name}(2): {STAY[name]} stay on the host\n".encode())
        self.on_host[name] += 1
        if self._to is not None:
            print(f"[{pid}] {name}(...) on the host", file=self._to, flush=True)
