"""Locks on files, waited for without a thread: flock(2), and those of an open file (F_OFD_SETLK)."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from struct import Struct
from typing import Final

F_OFD_SETLK: Final = 37
FLOCK: Final = Struct("@hhqqi4x")
"""``struct flock``: l_type, l_whence, l_start, l_len, l_pid."""
SHORT_S: Final = 0.001
LONG_S: Final = 0.05
"""How long a lock that is taken is left alone before it is tried again, at first and at most."""


class Range:
    """Bytes of a file; ``length`` 0 goes to the end, wherever that is."""

    __slots__ = ("length", "start")

    def __init__(self, start: int, length: int) -> None:
        self.start = start
        self.length = length

    def set(self, fd: int, kind: int) -> None:
        """F_OFD_SETLK. OSError: EAGAIN where another has it."""
        fcntl.fcntl(fd, F_OFD_SETLK, FLOCK.pack(kind, os.SEEK_SET, self.start, self.length, 0))


def try_lock(fd: int, part: Range | None, *, shared: bool) -> bool:
    """Lock a file, or a part of it, if nobody else has it. OSError."""
    try:
        if part is None:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        else:
            part.set(fd, fcntl.F_RDLCK if shared else fcntl.F_WRLCK)
    except BlockingIOError:
        return False
    return True


async def lock(fileno: Callable[[], int], part: Range | None, *, shared: bool) -> None:
    """Wait for it. Whoever is cancelled has it not. ValueError of ``fileno``, where the file is closed meanwhile."""
    pause = SHORT_S
    while not try_lock(fileno(), part, shared=shared):
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONG_S)


def unlock(fd: int, part: Range | None) -> None:
    """Give it up. OSError."""
    if part is None:
        fcntl.flock(fd, fcntl.LOCK_UN)
    else:
        part.set(fd, fcntl.F_UNLCK)
