"""What a function that tries a call at once answers where it might sleep."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final


class Outcome(Enum):
    """Who makes the call instead."""

    LATER = "a worker: it may wait for a disk"
    WAITS = "a worker of those that there are many of: it may wait without end, for a pipe's other side or a lock"


class Instead:
    """A worker, which calls this and not the call itself."""

    __slots__ = ("func",)

    def __init__(self, func: Callable[[], Any]) -> None:
        self.func = func


class InFile:
    """A worker, which is in a call of this file meanwhile, though the call is not one of its methods."""

    __slots__ = ("seen",)

    def __init__(self, seen: Any) -> None:
        self.seen = seen


class Cold:
    """A worker, which is asked for nothing but to read so much of a regular file."""

    __slots__ = ("part",)

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self.part = (fd, offset, size)


LATER: Final = Outcome.LATER
WAITS: Final = Outcome.WAITS
