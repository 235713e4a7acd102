"""Reads that do not sleep, also of files whose file system knows no RWF_NOWAIT.

Files of tmpfs are in memory (what of them is swapped out is the exception that is waited for). Of overlayfs, on which
containers stand, mincore(2) tells which pages of the file beneath are resident: but the truth only to who owns the file
or may write it, and only where the file stays open, for it has to be mapped. Of all others nobody tells.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from ctypes import byref
from enum import Enum, auto
from functools import lru_cache
from os import preadv
from stat import S_ISREG
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.magic import OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC

PAGE: Final = os.sysconf("SC_PAGESIZE")
STATFS: Final = ctypes.c_long * 32
"""More than ``struct statfs`` has; ``f_type`` is its first word."""
PROT_NONE: Final = 0
MAP_SHARED: Final = 1
MAP_FAILED: Final = ctypes.c_void_p(-1).value

Views = Sequence[bytearray | memoryview]


class Told(Enum):
    """By what it is told whether a read of a file would sleep."""

    RWF_NOWAIT = auto()
    """Or by nobody, if it is not supported."""
    TMPFS = auto()
    """It would not."""
    MINCORE = auto()


@lru_cache(1)
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fstatfs.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64
    )  # fmt: skip
    libc.mmap.restype = ctypes.c_void_p
    libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return libc


def filesystem(fd: int) -> int:
    """The file system that something open is on (``f_type`` of statfs(2)). OSError."""
    found = STATFS()
    if _libc().fstatfs(fd, byref(found)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    kind: int = found[0]
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

    __slots__ = ("_at", "_fd", "_pages", "_size")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at: int | None = None
        self._size = 0
        self._pages: Any = ctypes.create_string_buffer(1)

    def has(self, offset: int, size: int) -> bool:
        """Whether all of so many bytes is resident, as far as there are so many. OSError."""
        end = min(offset + size, os.fstat(self._fd).st_size)
        if end <= offset:
            return True
        if end > self._size and not self._map(end):
            return False
        first, pages = offset // PAGE, (end - 1) // PAGE - offset // PAGE + 1
        if len(self._pages) < pages:
            self._pages = ctypes.create_string_buffer(pages)
        if _libc().mincore((self._at or 0) + first * PAGE, pages * PAGE, self._pages) < 0:
            return False
        return all(page & 1 for page in self._pages.raw[:pages])

    def _map(self, size: int) -> bool:
        self.close()
        at = _libc().mmap(None, size, PROT_NONE, MAP_SHARED, self._fd, 0)
        if at == MAP_FAILED:
            return False
        self._at, self._size = at, size
        return True

    def close(self) -> None:
        """Map it no more."""
        if self._at is not None:
            _libc().munmap(self._at, self._size)
            self._at, self._size = None, 0


class Now:
    """Reads of one file that stays open."""

    __slots__ = ("_fd", "_resident", "told")

    def __init__(self, fd: int) -> None:
        """OSError."""
        self._fd = fd
        self.told = told_by(fd)
        self._resident = Resident(fd) if self.told is Told.MINCORE else None

    @property
    def flags(self) -> int | None:
        """With which flags of preadv(2) it does not sleep; None where that is not all there is to it."""
        return {Told.RWF_NOWAIT: RWF_NOWAIT, Told.TMPFS: 0}.get(self.told)

    def preadv(self, views: Views, size: int, offset: int) -> int:
        """preadv(2) of ``size`` bytes or less. OSError: EAGAIN where it might sleep, EOPNOTSUPP where nobody tells."""
        if self.told is Told.RWF_NOWAIT:
            return preadv(self._fd, views, offset, RWF_NOWAIT)
        if self._resident is not None and not self._resident.has(offset, size):
            os.posix_fadvise(self._fd, offset, size, os.POSIX_FADV_WILLNEED)  # as RWF_NOWAIT does
            raise BlockingIOError(Errno.EAGAIN, os.strerror(Errno.EAGAIN))
        return preadv(self._fd, views, offset)

    def close(self) -> None:
        """It does not stay open."""
        if self._resident is not None:
            self._resident.close()


def preadv_now(fd: int, views: Views, offset: int) -> int:
    """preadv(2) of any file. OSError: EAGAIN where it might sleep, EOPNOTSUPP where nobody tells."""
    try:
        return preadv(fd, views, offset, RWF_NOWAIT)
    except OSError as error:
        if error.errno != Errno.EOPNOTSUPP or told_by(fd) is not Told.TMPFS:
            raise
    return preadv(fd, views, offset)
