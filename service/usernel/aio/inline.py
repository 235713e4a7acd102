"""Jobs that are done at once, by whoever submits, where that cannot sleep (``IO_URING_F_NONBLOCK``).

A cached read takes two microseconds so, and forty by a worker. What might sleep is left alone: ``AGAIN``, with nothing
done. The errno of what fails for another reason is the result.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_CREAT, O_NONBLOCK, O_PATH, O_TMPFILE, O_TRUNC
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.openat2 import RESOLVE_CACHED
from usernel.abi.poll import POLLIN, POLLOUT
from usernel.kernel.io_uring.port import AGAIN, Again, Job

from . import host_unsafe
from .file import HostFile
from .host import HERE, JOBS, Move, Views, behind, once
from .poller import ready
from .resident_unsafe import Told, told_by

MOST: Final = 256 << 10
"""Bytes of a regular file that are moved at once: more would hold up whoever submits."""
PIPE_BUF: Final = 4096
"""Bytes that a file takes without sleeping once it is writable."""
WAITS: Final = frozenset({Errno.EAGAIN, Errno.EOPNOTSUPP})
MAKES: Final = O_CREAT | O_TRUNC | O_TMPFILE & ~os.O_DIRECTORY


def attempt(job: Job) -> Any:
    """The result of a job that need not sleep, or ``AGAIN``."""
    function = NOW.get(job.name)
    if function is None:
        return AGAIN
    try:
        return function(*job.args)
    except OSError as error:
        return -(error.errno or Errno.EIO)
    except OverflowError:
        return -Errno.EINVAL


# --------------------------------------------------------------------------------------------------- read and write


def read(file: HostFile, views: Views, off: int, flags: int) -> int | Again:
    """Read what is cached, or there."""
    if flags & RWF_NOWAIT:
        return once(os.preadv, file.fd, views, off, flags)
    wanted = sum(map(len, views))
    if off >= 0 and wanted <= MOST and not file.direct:
        # Most of the time it is a regular file, all of it is cached, and nothing else need be known.
        try:
            if os.preadv(file.fd, views, off, flags | RWF_NOWAIT) == wanted:
                return wanted
        except OSError as error:
            if error.errno == Errno.EAGAIN and file.regular:
                return AGAIN
    if not file.regular:
        return _stream(os.preadv, file, views, off, flags, POLLIN)
    if wanted > MOST or file.direct:
        return AGAIN
    return _cached(file.fd, views, off, flags)


def _cached(fd: int, views: Views, off: int, flags: int) -> int | Again:
    got, wanted = 0, sum(map(len, views))
    try:
        while (more := _nowait(os.preadv, fd, behind(views, got) if got else views, off, got, flags)) > 0:
            got += more
            if got == wanted:
                break
    except OSError as error:
        if off == HERE and got:
            os.lseek(fd, -got, os.SEEK_CUR)
        if error.errno == Errno.EOPNOTSUPP and not flags and told_by(fd) is Told.TMPFS:
            return os.preadv(fd, views, off)
        if error.errno in WAITS:
            return AGAIN
        raise
    return got


def _nowait(move: Move, fd: int, views: Views, off: int, done: int, flags: int) -> int:
    return move(fd, views, off if off == HERE else off + done, flags | RWF_NOWAIT)


def write(file: HostFile, views: Views, off: int, flags: int) -> int | Again:
    """Write what is taken at once."""
    if flags & RWF_NOWAIT:
        return once(os.pwritev, file.fd, views, off, flags)
    if not file.regular:
        return _stream(os.pwritev, file, views, off, flags, POLLOUT)
    wanted = sum(map(len, views))
    if wanted > MOST or file.direct:
        return AGAIN
    try:
        done = _nowait(os.pwritev, file.fd, views, off, 0, flags)
    except OSError as error:
        if error.errno in WAITS:
            return AGAIN
        raise
    while 0 < done < wanted:
        # Part of it is written: the rest follows, whatever it takes.
        more = os.pwritev(file.fd, behind(views, done), off if off == HERE else off + done, flags)
        if not more:
            break
        done += more
    return done


def _stream(move: Move, file: HostFile, views: Views, off: int, flags: int, event: int) -> int | Again:
    if file.stream:
        off = HERE
    try:
        return once(move, file.fd, views, off, flags | RWF_NOWAIT)
    except OSError as error:
        if error.errno == Errno.EAGAIN:
            return AGAIN
        if error.errno != Errno.EOPNOTSUPP:
            raise
    return _ready(move, file, views, off, flags, event)


def _ready(move: Move, file: HostFile, views: Views, off: int, flags: int, event: int) -> int | Again:
    """As ``_stream``, of a file that knows no RWF_NOWAIT: a FIFO, a terminal, an inotify instance."""
    if file.nonblock:
        return _unless_again(move, file.fd, views, off, flags)
    if not file.can_poll or not ready(file.fd, event):
        return AGAIN
    if event == POLLIN or sum(map(len, views)) <= PIPE_BUF:
        return once(move, file.fd, views, off, flags)
    if not file.fifo:
        return AGAIN
    try:
        again = os.open(f"/proc/self/fd/{file.fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return AGAIN
    try:
        return _unless_again(move, again, views, off, flags)
    finally:
        os.close(again)


def _unless_again(move: Move, fd: int, views: Views, off: int, flags: int) -> int | Again:
    try:
        return once(move, fd, views, off, flags)
    except BlockingIOError:
        return AGAIN


# --------------------------------------------------------------------------------------------------------- the others


def openat2(dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> int | Again:
    """Open what the dentry cache knows (RESOLVE_CACHED). ENXIO for the writing end of a FIFO that nobody reads."""
    if resolve & RESOLVE_CACHED:
        return host_unsafe.openat2(dirfd, path, flags, mode, resolve)
    if flags & MAKES:
        return AGAIN
    nonblock = 0 if flags & O_PATH else O_NONBLOCK
    fd = host_unsafe.openat2(dirfd, path, flags | nonblock, mode, resolve | RESOLVE_CACHED)
    if fd == -Errno.EAGAIN:
        return AGAIN
    if fd >= 0 and nonblock & ~flags:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)
    return fd


NOW: Final[Mapping[str, Callable[..., Any]]] = {
    "read": read,
    "write": write,
    "openat2": openat2,
    "fadvise": JOBS["fadvise"],
    "epoll_ctl": JOBS["epoll_ctl"],
    "pipe2": JOBS["pipe2"],
}
"""The jobs that may be done at once."""
