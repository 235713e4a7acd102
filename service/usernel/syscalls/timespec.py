"""``struct timespec`` on its way in."""

from __future__ import annotations

from typing import Final

from usernel.abi.errno import Errno
from usernel.kernel.error import KernelError

from .kinds import LONG, Field, Structure

NSEC_PER_SEC = 1_000_000_000
TIMESPEC: Final = Structure("timespec", (Field("tv_sec", LONG), Field("tv_nsec", LONG)))


def nanoseconds(timespec: tuple[int, int] | None) -> int | None:
    """A timespec as nanoseconds. EINVAL for one below 0, or with a tv_nsec outside 0 to 999,999,999."""
    if timespec is None:
        return None
    tv_sec, tv_nsec = timespec
    if tv_sec < 0 or not 0 <= tv_nsec < NSEC_PER_SEC:
        raise KernelError(Errno.EINVAL, f"{tv_sec} s and {tv_nsec} ns are no time")
    return tv_sec * NSEC_PER_SEC + tv_nsec


def timespec(seconds: float) -> tuple[int, int]:
    """Seconds as a timespec."""
    return divmod(round(seconds * NSEC_PER_SEC), NSEC_PER_SEC)
