"""The jobs of a ring (``kernel/io_uring/jobs.py``) on the host's descriptors, done to their end: they may sleep.

Each returns what the system call of that name returns, a negative errno too; nothing is raised. What need not sleep is
also in ``inline``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT, RWF_NOWAIT
from usernel.kernel.io_uring.port import Job

from . import host_unsafe
from .file import HostFile

HERE: Final = -1
"""The current position."""

Move = Callable[[int, Sequence[memoryview], int, int], int]
Views = tuple[memoryview, ...]


def perform(job: Job) -> Any:
    """Do a job, however long it takes."""
    try:
        return JOBS[job.name](*job.args)
    except OSError as error:
        return -(error.errno or Errno.EIO)
    except OverflowError:
        # A number of the program's that C's type of it cannot hold is out of range for every system call.
        return -Errno.EINVAL


# --------------------------------------------------------------------------------------------------- read and write


def read(file: HostFile, views: Views, off: int, flags: int) -> int:
    """Read until all is there, or the file's end; of what is no regular file, what there is."""
    return _whole(os.preadv, file, views, off, flags) if file.regular else once(os.preadv, file.fd, views, off, flags)


def write(file: HostFile, views: Views, off: int, flags: int) -> int:
    """Write all; to what is no regular file, what it takes."""
    return _whole(os.pwritev, file, views, off, flags) if file.regular else once(os.pwritev, file.fd, views, off, flags)


def once(move: Move, fd: int, views: Views, off: int, flags: int) -> int:
    """One system call. The offset is ignored where the file has no position. OSError."""
    try:
        return move(fd, views, off, flags)
    except OSError as error:
        if error.errno != Errno.ESPIPE or off == HERE:
            raise
    return move(fd, views, HERE, flags)


def _whole(move: Move, file: HostFile, views: Views, off: int, flags: int) -> int:
    done = move(file.fd, views, off, flags)
    wanted = min(sum(map(len, views)), MAX_RW_COUNT)
    while 0 < done < wanted and not flags & RWF_NOWAIT:
        try:
            moved = move(file.fd, behind(views, done), off if off == HERE else off + done, flags)
        except OSError:
            break
        if not moved:
            break
        done += moved
    return done


def behind(views: Views, done: int) -> Views:
    """What of some buffers comes after so many bytes."""
    for at, view in enumerate(views):
        if done < len(view):
            return (view[done:], *views[at + 1 :])
        done -= len(view)
    return ()


# ----------------------------------------------------------------------------------------------------- of descriptors


def fsync(file: HostFile, datasync: int, off: int, end: int) -> int:  # noqa: ARG001 - the whole file will do
    """fsync(2), fdatasync(2)."""
    (os.fdatasync if datasync else os.fsync)(file.fd)
    return 0


def sync_file_range(file: HostFile, off: int, length: int, flags: int) -> int:
    """sync_file_range(2)."""
    return host_unsafe.sync_file_range(file.fd, off, length, flags)


def fallocate(file: HostFile, mode: int, off: int, length: int) -> int:
    """fallocate(2)."""
    return host_unsafe.fallocate(file.fd, mode, off, length)


def ftruncate(file: HostFile, length: int) -> int:
    """ftruncate(2)."""
    os.ftruncate(file.fd, length)
    return 0


def fadvise(file: HostFile, off: int, length: int, advice: int) -> int:
    """posix_fadvise(2)."""
    os.posix_fadvise(file.fd, off, length, advice)
    return 0


def fsetxattr(file: HostFile, name: bytes, value: bytes, flags: int) -> int:
    """fsetxattr(2)."""
    return host_unsafe.fsetxattr(file.fd, name, value, flags)


def fgetxattr(file: HostFile, name: bytes, size: int) -> int | bytes:
    """fgetxattr(2)."""
    return host_unsafe.fgetxattr(file.fd, name, size)


def splice(in_file: HostFile, off_in: int, out_file: HostFile, off_out: int, length: int, flags: int) -> int:
    """splice(2)."""
    return host_unsafe.splice(in_file.fd, off_in, out_file.fd, off_out, length, flags)


def tee(in_file: HostFile, out_file: HostFile, length: int, flags: int) -> int:
    """tee(2)."""
    return host_unsafe.tee(in_file.fd, out_file.fd, length, flags)


class Runs(Protocol):
    """A call that a program wants made by a worker; it keeps its outcome itself."""

    def run(self) -> int:
        """Make it."""


def call(called: Runs) -> int:
    """A function of the program's: no opcode asks for it, an event loop does."""
    return called.run()


JOBS: Final[Mapping[str, Callable[..., Any]]] = {
    "read": read,
    "write": write,
    "fsync": fsync,
    "sync_file_range": sync_file_range,
    "fallocate": fallocate,
    "ftruncate": ftruncate,
    "fadvise": fadvise,
    "madvise": host_unsafe.madvise,
    "openat2": host_unsafe.openat2,
    "statx": host_unsafe.statx,
    "renameat2": host_unsafe.renameat2,
    "unlinkat": host_unsafe.unlinkat,
    "mkdirat": host_unsafe.mkdirat,
    "symlinkat": host_unsafe.symlinkat,
    "linkat": host_unsafe.linkat,
    "fsetxattr": fsetxattr,
    "setxattr": host_unsafe.setxattr,
    "fgetxattr": fgetxattr,
    "getxattr": host_unsafe.getxattr,
    "splice": splice,
    "tee": tee,
    "pipe2": host_unsafe.pipe2,
    "epoll_ctl": host_unsafe.epoll_ctl,
    "call": call,
}
"""Every job, by its name."""
