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


LATER: Final = Outcome.LATER
WAITS: Final = Outcome.WAITS
