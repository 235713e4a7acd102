"""Reads of what is not cached, made together: the disk is asked for all of them, then one worker waits for each.

A worker apiece costs more than the read does: the threads fight for the interpreter, and each wakes the loop by itself.
``posix_fadvise(POSIX_FADV_WILLNEED)`` asks without waiting, so one thread keeps as much in flight as many would.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from usernel.abi.errno import Errno

from .called import Called, Maker

MOST: Final = 32
"""Reads that one worker makes."""
SMALL: Final = 64 << 10
"""Larger ones have a worker of their own: the kernel reads ahead of them by itself."""
AT_ONCE: Final = 2
"""As long as so many workers read, what comes waits, so that more goes together; but no longer than ``LATE_S``."""
LATE_S: Final = 0.002
Part = tuple[int, int, int]
"""What a read is of: descriptor, offset and size."""


class Reads(Called):
    """Reads that one worker makes. Whoever gives up one of them takes it out of ``left``."""

    __slots__ = ("done", "left")

    def __init__(self, ctx: Maker) -> None:
        super().__init__(ctx, tuple)  # ``run`` is what makes them; a method of its own would keep it for ever
        self.left: dict[Called, Part] = {}
        """Those that have not begun. Threads take out what is theirs in one step."""
        self.done: list[Called] = []

    def run(self) -> int:
        """On a worker: make all that nobody has taken out."""
        ask_for(list(self.left.values()))
        while True:
            try:
                called, _part = self.left.popitem()
            except KeyError:
                return 0
            called.run()
            self.done.append(called)

    def ended(self, result: int) -> None:
        """On the loop: all that were not taken out were made, or no thread could be had."""
        super().ended(result)
        for called in self.done:
            called.ended(0)
        for called in list(self.left):
            del self.left[called]
            called.ended(result if result < 0 else -Errno.EIO)


def ask_for(parts: Iterable[Part]) -> None:
    """Have the disk read all of some parts of files, without waiting for it; unless there is only one."""
    wanted = list(parts)
    for fd, offset, size in wanted if len(wanted) > 1 else ():
        try:
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)
        except (OSError, OverflowError):
            pass  # whoever reads it is told what is wrong with it
