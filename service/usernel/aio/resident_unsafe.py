"""Reads that do not sleep, also of files whose file system knows no RWF_NOWAIT.

Files of tmpfs are in memory (what of them is swapped out is the exception that is waited for). Of overlayfs, on which
containers stand, mincore(2) tells which pages of the file beneath are resident: but the truth only to who owns the file
or may write it, and only where the file stays open, for it has to be mapped. Of all others nobody tells.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum, auto
from os import preadv
from stat import S_ISREG
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.magic import OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC

from . import host_unsafe

PAGE: Final = os.sysconf("SC_PAGESIZE")
Views = Sequence[bytearray | memoryview]


class Told(Enum):
    """By what it is told whether a read of a file would sleep."""

    RWF_NOWAIT = auto()
    """Or by nobody, if it is not supported."""
    TMPFS = auto()
    """It would not."""
    MINCORE = auto()


def filesystem(fd: int) -> int:
    """The file system that something open is on (``f_type`` of statfs(2)). OSError."""
    kind = host_unsafe.fstatfs(fd)
    if kind < 0:
        raise OSError(-kind, os.strerror(-kind))
    return kind


def told_by(fd: int) -> Told:
    """By what it is told of an open file. OSError."""
    status = os.fstat(fd)
    kind = filesystem(fd) if S_ISREG(status.st_mode) else 0  # a FIFO may be on a tmpfs, too, and a terminal is
    if kind == TMPFS_MAGIC:
        return Told.TMPFS
    if kind == OVERLAYFS_SUPER_MAGIC and (status.st_uid == os.geteuid() or _writable(fd)):
        return Told.MINCORE  # which tells all others that each page is resident (can_do_mincore)
    return Told.RWF_NOWAIT


def _writable(fd: int) -> bool:
    return os.access(f"/proc/self/fd/{fd}", os.W_OK, effective_ids=True)


class Resident:
    """Which pages of one open file are in memory. It maps the file, and never looks at what it mapped."""

    __slots__ = ("_at", "_fd", "_size")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = self._size = 0
        """Where it is mapped, and how much; nothing is where that is 0."""

    def has(self, offset: int, size: int) -> bool:
        """Whether all of so many bytes is resident, as far as there are so many. OSError."""
        end = min(offset + size, os.fstat(self._fd).st_size)
        if end <= offset:
            return True
        if end > self._size and not self._map(end):
            return False
        first, pages = offset // PAGE, (end - 1) // PAGE - offset // PAGE + 1
        found = host_unsafe.mincore(self._at + first * PAGE, pages * PAGE, pages)
        return not isinstance(found, int) and all(page & 1 for page in found)

    def _map(self, size: int) -> bool:
        self.close()
        at = host_unsafe.map_unread(self._fd, size)
        if at > 0:
            self._at, self._size = at, size
        return at > 0

    def close(self) -> None:
        """Map it no more."""
        if self._size:
            host_unsafe.munmap(self._at, self._size)
            self._at = self._size = 0


class Now:
    """Reads of one file that stays open."""

    __slots__ = ("_resident", "fd", "told")

    def __init__(self, fd: int) -> None:
        """OSError."""
        self.fd = fd
        self.told = told_by(fd)
        self._resident = Resident(fd) if self.told is Told.MINCORE else None

    @property
    def flags(self) -> int | None:
        """With which flags of preadv(2) it does not sleep; None where that is not all there is to it."""
        return {Told.RWF_NOWAIT: RWF_NOWAIT, Told.TMPFS: 0}.get(self.told)

    def preadv(self, views: Views, size: int, offset: int) -> int:
        """preadv(2) of ``size`` bytes or less. OSError: EAGAIN where it might sleep, EOPNOTSUPP where nobody tells."""
        if self.told is Told.RWF_NOWAIT:
            return preadv(self.fd, views, offset, RWF_NOWAIT)
        if self._resident is not None and not self._resident.has(offset, size):
            os.posix_fadvise(self.fd, offset, size, os.POSIX_FADV_WILLNEED)  # as RWF_NOWAIT does
            raise BlockingIOError(Errno.EAGAIN, os.strerror(Errno.EAGAIN))
        return preadv(self.fd, views, offset)

    def close(self) -> None:
        """It does not stay open."""
        if self._resident is not None:
            self._resident.close()


def is_all(fd: int, got: int) -> bool:
    """Whether a read from a file's beginning on that gave so many bytes came to its end. It moves the position.

    What is not cached begins with a page.
    """
    return bool(got % PAGE) or got == os.lseek(fd, 0, os.SEEK_END)
