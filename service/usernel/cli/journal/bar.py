"""How far a long command is: a bar on a terminal's stderr, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from time import monotonic
from typing import TYPE_CHECKING, Final

from .. import show

if TYPE_CHECKING:
    from rich.progress import Progress

BETWEEN: Final = 0.05
"""Seconds between two changes of what is shown."""


class Bar:
    """A bar, or none: the stages of a command, and the bytes that each has done."""

    def __init__(self, shown: Progress | None) -> None:
        self._shown = shown
        self._done = 0
        self._next = 0.0

    def stage(self, what: str, total: int | None) -> None:
        """Something else begins, with so many bytes; None where nobody knows."""
        self._done = 0
        if self._shown is not None:
            for task in self._shown.task_ids:
                self._shown.remove_task(task)
            self._shown.add_task(what, total=total)

    def add(self, size: int) -> None:
        """So many bytes more are done."""
        self._done += size
        if self._shown is not None and monotonic() >= self._next:
            self._shown.update(self._shown.task_ids[-1], completed=self._done)
            self._next = monotonic() + BETWEEN


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar for as long as the context lasts; it leaves nothing behind."""
    if not sys.stderr.isatty():
        yield Bar(None)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    shown = Progress(*columns, console=show.console(stderr=True), transient=True)
    try:
        with _uninterrupted():
            shown.start()
        yield Bar(shown)
    finally:
        with _uninterrupted():
            shown.stop()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the context ends: a bar that has half begun, or half ended, leaves the cursor hidden."""
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)
