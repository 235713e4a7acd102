"""What ``--trace`` prints, and what is counted for the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from usernel.kernel.error import KernelError


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
        self.on_host[name] += 1
        if self._to is not None:
            print(f"[{pid}] {name}(...) on the host", file=self._to, flush=True)
