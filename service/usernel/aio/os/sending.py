"""sendfile(2), which may sleep without end: a worker sleeps in it, and is interrupted when nobody waits any more."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT

from .. import host_unsafe
from ..called import Called
from ..loop import attach
from .by_worker import Stop
from .place import check, descriptor

LONGEST: Final = 2**63


async def sendfile(out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """sendfile(2), as ``os.sendfile``. What a cancelled one has sent is sent."""
    ring, stop = attach(), Stop()
    call = partial(_sendfile, stop, out_fd, in_fd, offset, count)

    def interrupt(called: Called) -> None:
        stop.ask()
        ring.interrupt(called)

    return await ring.call(call, bound=False, stop=interrupt)  # type: ignore[no-any-return]


def _sendfile(stop: Stop, out_fd: Any, in_fd: Any, offset: Any, count: Any) -> int:
    plain = descriptor(out_fd) is not None and descriptor(in_fd) is not None and type(count) is int
    if not plain or not 0 <= count <= MAX_RW_COUNT or not _is_offset(offset):
        return os.sendfile(out_fd, in_fd, offset, count)
    while (sent := host_unsafe.sendfile(out_fd, in_fd, offset, count)) == -Errno.EINTR:
        stop.check()
    return check(sent)


def _is_offset(offset: Any) -> bool:
    return offset is None or (type(offset) is int and 0 <= offset < LONGEST)
