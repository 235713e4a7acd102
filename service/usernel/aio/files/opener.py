"""open(2) by a worker, which sleeps where a FIFO has no other end yet: interrupted when nobody waits any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD, O_CREAT

from .. import host_unsafe
from ..called import Called
from ..loop_ring import LoopRing
from ..os.by_worker import Stop

T = TypeVar("T")
Opener = Callable[[str, int], int]
MODE: Final = 0o666


async def by_worker(ring: LoopRing, open_by: Callable[[Opener], T], *, bound: bool) -> T:
    """Have a worker call what opens a file by an opener. What was opened for a task that is cancelled is its own."""
    stop = Stop()

    def interrupt(called: Called) -> None:
        stop.ask()
        ring.interrupt(called)

    call = partial(open_by, partial(_open, stop))
    return await ring.call(call, bound=bound, stop=interrupt)  # type: ignore[no-any-return]


def _open(stop: Stop, path: Any, flags: int) -> int:
    """As ``os.open``, which would begin anew when it is interrupted."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        return os.open(path, flags, MODE)
    mode = MODE if flags & O_CREAT else 0
    while (fd := host_unsafe.openat2(AT_FDCWD, encoded, flags, mode, 0)) == -Errno.EINTR:
        stop.check()
    return fd if fd >= 0 else os.open(path, flags, MODE)  # which fails as it does, or is allowed more than openat2
