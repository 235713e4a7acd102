"""Open files of the host, as a ring holds them: by a descriptor."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Hashable
from stat import S_ISBLK, S_ISDIR, S_ISFIFO, S_ISREG, S_ISSOCK
from typing import TYPE_CHECKING, Final, Protocol

from usernel.abi.errno import Errno
from usernel.kernel.error import KernelError

from .host_unsafe import same_file

if TYPE_CHECKING:
    from usernel.kernel.io_uring.ctx import RingCtx
    from usernel.kernel.io_uring.port import RingFile

LOWEST: Final = 512
"""From where on a ring's own descriptors are: the program's have the low numbers, as it expects."""
F_DUPFD_CLOEXEC: Final = 1030


def dup_high(fd: int) -> int:
    """Another descriptor of the same open file, out of the way. EBADF, EMFILE."""
    try:
        return fcntl.fcntl(fd, F_DUPFD_CLOEXEC, LOWEST)
    except OSError:
        # No number from there on is free, or allowed at all.
        return fcntl.fcntl(fd, F_DUPFD_CLOEXEC, 0)


class RingRef(Protocol):
    """A reference to a ring, which lives until the last is given up."""

    ctx: RingCtx

    def get(self) -> RingRef:
        """Another reference."""

    def put(self) -> None:
        """Give one up."""


class HostFile:
    """A reference to an open file of the host.

    While it is only looked at within a call it is the program's own descriptor; ``hold`` makes a descriptor of our own
    of it, so that it outlives whatever the program does. Closing that one drops the POSIX locks (fcntl(2)) that the
    process has on the file, as closing any descriptor does.
    """

    __slots__ = ("_can_poll", "_flags", "_mode", "_owned", "_refs", "_ring", "_st_dev", "_st_ino", "fd", "polls")

    def __init__(
        self,
        fd: int,
        can_poll: Callable[[int], bool],
        *,
        flags: int = -1,
        owned: bool = False,
        ring: RingRef | None = None,
    ) -> None:
        self.fd = fd
        self._flags = flags
        self._ring = ring
        self.polls = False
        """Whether this very descriptor is armed."""
        self._can_poll: bool | Callable[[int], bool] = can_poll
        self._mode: int | None = None
        self._st_dev = self._st_ino = 0
        self._owned = owned
        self._refs = 1

    def _stat(self) -> int:
        if self._mode is None:
            status = os.fstat(self.fd)
            self._mode, self._st_dev, self._st_ino = status.st_mode, status.st_dev, status.st_ino
        return self._mode

    @property
    def regular(self) -> bool:
        """Whether it is a regular file, or a block device."""
        mode = self._stat()
        return S_ISREG(mode) or S_ISBLK(mode)

    @property
    def fifo(self) -> bool:
        """Whether it is a pipe, with a name or without."""
        return S_ISFIFO(self._stat())

    @property
    def stream(self) -> bool:
        """Whether it has no position: a pipe or a socket. Of other files the call itself says so (ESPIPE)."""
        return S_ISFIFO(self._stat()) or S_ISSOCK(self._stat())

    @property
    def can_poll(self) -> bool:
        """Whether it can be polled."""
        if not isinstance(self._can_poll, bool):
            ask = self._can_poll
            self._can_poll = not self.regular and not S_ISDIR(self._stat()) and ask(self.fd)
        return self._can_poll

    @property
    def flags(self) -> int:
        """Its flags now (F_GETFL); as they were found, while it is the program's own descriptor."""
        if self._owned or self._flags < 0:
            return fcntl.fcntl(self.fd, fcntl.F_GETFL)
        return self._flags

    @property
    def nonblock(self) -> bool:
        """Whether it is O_NONBLOCK."""
        return bool(self.flags & os.O_NONBLOCK)

    @property
    def direct(self) -> bool:
        """Whether it goes past the page cache (O_DIRECT): such I/O waits for the device."""
        return bool(self.flags & os.O_DIRECT)

    @property
    def inode(self) -> Hashable:
        """Its device and inode."""
        self._stat()
        return self._st_dev, self._st_ino

    @property
    def ring(self) -> RingCtx | None:
        """The ring that it is, if it is one."""
        return None if self._ring is None else self._ring.ctx

    def same(self, other: RingFile) -> bool:
        """Whether both are references to one open file."""
        return isinstance(other, HostFile) and same_file(self.fd, other.fd)

    def hold(self) -> None:
        """Keep it open whatever the program does. KernelError: EBADF, EMFILE."""
        if self._owned:
            return
        try:
            self.fd = dup_high(self.fd)
        except OSError as error:
            raise KernelError(Errno(error.errno or Errno.EMFILE), "no descriptor to keep a file open by") from None
        self._owned = True

    def get(self) -> HostFile:
        """Another reference, which holds it."""
        self.hold()
        self._refs += 1
        return self

    def put(self) -> None:
        """Give one up; with the last the file is closed."""
        self._refs -= 1
        if not self._refs:
            self._close()

    def _close(self) -> None:
        if self._owned:
            self._owned = False
            os.close(self.fd)
        if self._ring is not None:
            ring, self._ring = self._ring, None
            ring.put()

    def __del__(self) -> None:
        # Of a reference that nobody gave up: one of a thread's registered rings, when the thread has ended.
        self._close()
