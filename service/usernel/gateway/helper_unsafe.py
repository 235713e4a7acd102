"""SIGEV_THREAD: how glibc hears of a message, and how it hears it from us.

``mq_notify(3)`` starts a helper thread that reads cookies from a netlink socket which the kernel writes to. We cannot
write to that, so the program's descriptor becomes one end of a socket pair of ours; and since the helper sleeps in the
old socket, an acknowledgement that it asks the host for itself wakes it once, and it reads from the new one.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from itertools import count
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.seccomp import SECCOMP_ADDFD_FLAG_SETFD, SECCOMP_IOCTL_NOTIF_ADDFD, SECCOMP_NOTIF_ADDFD
from usernel.kernel.error import KernelError

from .pipe_unsafe import Reach
from .process import Process

COOKIE: Final = 32
WOKENUP, REMOVED = 1, 2
"""What the last byte of a cookie says (NOTIFY_WOKENUP, NOTIFY_REMOVED)."""
NLMSG_NOOP_ACK: Final = struct.pack("=IHHII", 16, 1, 1 | 4, 0, 0)
"""A netlink message that does nothing and asks for an acknowledgement (NLM_F_REQUEST, NLM_F_ACK)."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a cookie goes when a message comes."""

    pid: int
    ours: socket.socket
    cookie: bytes


class Helpers:
    """The helper threads of programs that asked for SIGEV_THREAD, each with the socket that it reads from."""

    def __init__(self, listener: int) -> None:
        self._listener = listener
        self._reach = Reach()
        self._sockets: dict[tuple[int, int], tuple[socket.socket, int]] = {}
        self._registered: dict[int, Registration] = {}
        self._values = count(1)
        self._waiting: dict[int, tuple[Process, int, socket.socket, int]] = {}

    def register(self, process: Process, fd: int, cookie: bytes) -> int:
        """Keep a cookie; what the kernel is to hand back when it is due.

        EBADF for a descriptor that is none; ENOSYS where the host refuses pidfd_getfd(2): nothing else wakes a helper.
        """
        known = self._sockets.get((process.pid, fd))
        ours = known[0] if known is not None and self._inode(process, fd) == known[1] else None
        value = next(self._values)
        if ours is None:
            self._inode(process, fd)
        self._registered[value] = Registration(process.pid, ours or self._pair(process, fd, value), cookie)
        return value

    def refuse(self, value: int) -> None:
        """The kernel did not take a registration."""
        self._registered.pop(value, None)
        if value in self._waiting:
            process, fd, theirs, old = self._waiting.pop(value)
            self._sockets.pop((process.pid, fd))[0].close()
            theirs.close()
            os.close(old)

    def _inode(self, process: Process, fd: int) -> int:
        try:
            return self._reach.identity(process.pid, process.pidfd, fd)[0]
        except OSError:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open") from None

    def _pair(self, process: Process, fd: int, value: int) -> socket.socket:
        try:
            old = self._reach.copy(process.pidfd, fd)
        except PermissionError:
            raise KernelError(Errno.ENOSYS, "SIGEV_THREAD, where the host refuses pidfd_getfd") from None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sockets[process.pid, fd] = (ours, os.fstat(theirs.fileno()).st_ino)
        self._waiting[value] = (process, fd, theirs, old)
        return ours

    def connect(self, ident: int, value: int) -> None:
        """While its mq_notify waits for the answer: put our socket into the program's hand, and wake its helper."""
        waiting = self._waiting.pop(value, None)
        if waiting is None:
            return
        _, fd, theirs, old = waiting
        try:
            added = SECCOMP_NOTIF_ADDFD.pack(ident, SECCOMP_ADDFD_FLAG_SETFD, theirs.fileno(), fd, os.O_CLOEXEC)
            fcntl.ioctl(self._listener, SECCOMP_IOCTL_NOTIF_ADDFD, bytearray(added))
            os.write(old, NLMSG_NOOP_ACK)
        finally:
            os.close(old)
            theirs.close()

    def tell(self, value: int, *, removed: bool) -> None:
        """A message came, or the registration ended."""
        registered = self._registered.pop(value, None)
        if registered is not None:
            state = REMOVED if removed else WOKENUP
            try:
                registered.ours.send(registered.cookie[: COOKIE - 1] + bytes((state,)))
            except OSError:
                pass  # its program is gone

    def forget(self, pid: int) -> None:
        """A program has ended."""
        for key in [key for key in self._sockets if key[0] == pid]:
            self._sockets.pop(key)[0].close()
        for value in [value for value, known in self._registered.items() if known.pid == pid]:
            del self._registered[value]
