"""open(2) by a worker, which sleeps where a FIFO has no other end yet: interrupted when nobody waits any more.

The reading end of a FIFO was opened in the loop by then, without waiting, and somebody who opens the other end may find
that, write, and be gone before the worker comes to it, which would wait for another. So both are waited for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from stat import S_ISFIFO
from typing import Any, Final, TypeVar

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD, O_NONBLOCK
from usernel.abi.io_uring_op import IORING_OP_POLL_ADD
from usernel.abi.poll import POLLIN
from usernel.kernel.io_uring.sqe import Sqe

from .. import host_unsafe
from ..called import Called
from ..loop_ring import LoopRing
from ..os.by_worker import Stop

T = TypeVar("T")
Opener = Callable[[str, int], int]
MODE: Final = 0o666


class NobodyThere(Exception):  # noqa: N818 - it is caught here
    """To open it waits for somebody: such a wait must not use up the workers of files."""


async def by_worker(ring: LoopRing, open_by: Callable[[Opener], T], *, bound: bool) -> T:
    """Have a worker call what opens a file by an opener. What was opened for a task that is cancelled is its own.

    ``bound`` is for files; what turns out to be a FIFO goes to a worker of the other kind.
    """
    try:
        return await _by_worker(ring, open_by, bound=bound)
    except NobodyThere:
        pass  # what comes of the wait has nothing to do with it
    return await _by_worker(ring, open_by, bound=False)


async def _by_worker(ring: LoopRing, open_by: Callable[[Opener], T], *, bound: bool) -> T:
    stop = Stop()

    def interrupt(called: Called) -> None:
        stop.ask()
        ring.interrupt(called)

    call = partial(open_by, partial(_open_file if bound else _open, stop))
    return await ring.call(call, bound=bound, stop=interrupt)  # type: ignore[no-any-return]


async def or_there(ring: LoopRing, open_by: Callable[[Opener], object], opened: list[Any], fd: int) -> None:
    """Have a worker open what ``fd`` is of already; or take that, once there is something to be read from it.

    ``opened`` has what ``open_by`` opened.
    """
    again = asyncio.ensure_future(by_worker(ring, open_by, bound=False))
    there = asyncio.ensure_future(ring.request(Sqe(IORING_OP_POLL_ADD, fd=fd, rw_flags=POLLIN)))
    cancelled: asyncio.CancelledError | None = None
    while not (again.done() and there.done()):
        try:
            await asyncio.wait((again, there), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError as error:
            cancelled = error
        again.cancel()
        there.cancel()
    if cancelled is not None:
        try:
            raise cancelled
        finally:
            del cancelled  # its traceback has this frame
    if not again.cancelled():
        again.result()
    elif not opened:
        os.set_blocking(fd, True)
        open_by(lambda _path, _flags: os.dup(fd))


def _open_file(stop: Stop, path: Any, flags: int) -> int:
    try:
        waits = S_ISFIFO(os.stat(path).st_mode) and not flags & O_NONBLOCK  # noqa: PTH116 - it may be bytes
    except (OSError, ValueError):
        waits = False  # there is none yet, or the path is at fault
    if waits:
        raise NobodyThere
    return _open(stop, path, flags)


def _open(stop: Stop, path: Any, flags: int) -> int:
    """As ``os.open``, which would begin anew when it is interrupted."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        return os.open(path, flags, MODE)
    while (fd := host_unsafe.openat(AT_FDCWD, encoded, flags, MODE)) == -Errno.EINTR:
        stop.check()
    return fd if fd >= 0 else os.open(path, flags, MODE)  # which fails as it does, and with the path
