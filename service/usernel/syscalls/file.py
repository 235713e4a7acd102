"""The calls on descriptors, which are POSIX message queues', namespaces' and processes' as yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from usernel.abi import fcntl as abi_fcntl
from usernel.abi.errno import Errno
from usernel.abi.poll import POLL_EVENTS
from usernel.kernel import fdtable, poll
from usernel.kernel.call import Block, Call, Return
from usernel.kernel.error import KernelError
from usernel.kernel.kernel import Kernel

from .kinds import DATA, INT, LONG, UINT, Enumeration, Field, Flags, ListOf, Structure
from .row import Row, errnos

NSEC_PER_MSEC = 1_000_000
ONLY_QUEUES = "the files as yet are POSIX message queues, namespaces and pidfds"


def sys_read(kernel: Kernel, call: Call, fd: int, count: int) -> Return:
    """read(2)."""
    file = call.task.fds.get(fd)
    if not file.readable:
        raise KernelError(Errno.EBADF, f"descriptor {fd} is not open for reading")
    data = file.read(kernel, call.task, count)
    return Return(len(data), {"data": data})


def sys_close(kernel: Kernel, call: Call, fd: int) -> Return:
    """close(2)."""
    fdtable.close(kernel, call.task, fd)
    return Return(0)


def sys_dup(kernel: Kernel, call: Call, fd: int) -> Return:
    """dup(2)."""
    return Return(fdtable.dup(call.task, fd))


def sys_dup2(kernel: Kernel, call: Call, oldfd: int, newfd: int) -> Return:
    """dup2(2)."""
    return Return(fdtable.dup2(kernel, call.task, oldfd, newfd))


def sys_dup3(kernel: Kernel, call: Call, oldfd: int, newfd: int, flags: int) -> Return:
    """dup3(2)."""
    return Return(fdtable.dup3(kernel, call.task, oldfd, newfd, flags))


def sys_fcntl(kernel: Kernel, call: Call, fd: int, cmd: int, arg: int) -> Return:
    """fcntl(2)."""
    return Return(fdtable.fcntl(call.task, fd, cmd, arg))


def sys_fstat(kernel: Kernel, call: Call, fd: int) -> Return:
    """fstat(2)."""
    return Return(0, call.task.fds.get(fd).fstat(call.task))


def sys_poll(kernel: Kernel, call: Call, fds: Sequence[tuple[int, int]], timeout: int) -> Return | Block:
    """poll(2)."""
    return poll.poll(kernel, call, fds, None if timeout < 0 else timeout * NSEC_PER_MSEC)


EVENTS: Final = Flags(POLL_EVENTS)
POLLFD: Final = Structure("pollfd", (Field("fd", INT), Field("events", EVENTS, 0)))
POLLED: Final = Structure("pollfd_out", (Field("fd", INT), Field("events", EVENTS), Field("revents", EVENTS)))
STAT: Final = Structure(
    "stat",
    tuple(
        Field(f"st_{name}", UINT if name in {"uid", "gid", "mode", "nlink"} else LONG)
        for name in "ino mode nlink uid gid size atime mtime ctime".split()
    ),
)
FD: Final = Field("fd", INT)

ROWS: Final = (
    Row(
        "read",
        "Read a queue's status line; returns how many bytes.",
        "read(2)",
        (FD, Field("count", LONG, 80)),
        errnos("EBADF EINVAL"),
        sys_read,
        Structure("read", (Field("data", DATA),)),
        partial=ONLY_QUEUES,
    ),
    Row("close", "Close a descriptor.", "close(2)", (FD,), errnos("EBADF"), sys_close, partial=ONLY_QUEUES),
    Row(
        "dup",
        "Another descriptor of the same open file.",
        "dup(2)",
        (Field("fd", INT),),
        errnos("EBADF EMFILE"),
        sys_dup,
        partial=ONLY_QUEUES,
    ),
    Row(
        "dup2",
        "Another descriptor, by its number, of the same open file.",
        "dup(2)",
        (Field("oldfd", INT), Field("newfd", INT)),
        errnos("EBADF"),
        sys_dup2,
    ),
    Row(
        "dup3",
        "The same, and close-on-exec if wanted.",
        "dup(2)",
        (Field("oldfd", INT), Field("newfd", INT), Field("flags", Flags(abi_fcntl.MQ_OFLAGS), 0)),
        errnos("EBADF EINVAL"),
        sys_dup3,
    ),
    Row(
        "fcntl",
        "Duplicate a descriptor, read and set its flags.",
        "fcntl(2)",
        (FD, Field("cmd", Enumeration(abi_fcntl.FCNTL)), Field("arg", LONG, 0)),
        errnos("EBADF EINVAL EMFILE"),
        sys_fcntl,
        partial="F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL",
    ),
    Row("fstat", "Status of an open file.", "fstat(2)", (FD,), errnos("EBADF"), sys_fstat, STAT, partial=ONLY_QUEUES),
    Row(
        "poll",
        "Wait until a descriptor is ready; returns how many are.",
        "poll(2)",
        (Field("fds", ListOf(POLLFD)), Field("timeout", INT, -1, "milliseconds; below 0 waits for ever")),
        errnos("EINTR EINVAL"),
        sys_poll,
        Structure("polled", (Field("fds", ListOf(POLLED)),)),
        partial=ONLY_QUEUES,
    ),
)
