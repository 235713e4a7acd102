"""What a program has in its hand for a POSIX queue: a pipe, whose fill shows poll(2) what is in the queue.

Two pages: none filled is an empty queue, one is a queue with messages and places, both is a full one.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct
from pathlib import Path
from typing import Final

F_SETPIPE_SZ: Final = 1031
PAGE: Final = 4096
SIZE: Final = 2 * PAGE
PIDFD_GETFD: Final = 438
"""The same number on every architecture."""
IN_CLOSE: Final = 0x18
IN_CLOSE_WRITE: Final = 0x8
IN_NONBLOCK_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
INOTIFY_EVENT: Final = struct.Struct("=iIII")
FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
_FILLED: Final = bytes(PAGE)


class Pipe:
    """One pipe, kept by both ends; every opener gets an open file of its own on it."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(FLAGS)
        fcntl.fcntl(self._write, F_SETPIPE_SZ, SIZE)
        self.ino = os.fstat(self._read).st_ino
        self._path = os.open(f"/proc/self/fd/{self._read}", os.O_PATH | os.O_CLOEXEC)
        self.level = 0

    def open(self, flags: int) -> int:
        """An open file on it, with these access mode and status flags."""
        return os.open(f"/proc/self/fd/{self._path}", flags | os.O_CLOEXEC)

    def show(self, level: int) -> None:
        """Fill so many pages. A program may have read or written it itself: then what is there counts."""
        try:
            while self.level < level:
                os.write(self._write, _FILLED)
                self.level += 1
            while self.level > level:
                os.read(self._read, PAGE)
                self.level -= 1
        except BlockingIOError:
            self.level = level

    @property
    def held(self) -> bool:
        """Whether anybody but us has it open, found out by letting go of it for a moment."""
        os.close(self._read)
        os.close(self._write)
        self._write = self.open(os.O_WRONLY | os.O_NONBLOCK)
        poll = select.poll()
        poll.register(self._write, select.POLLOUT)
        if any(mask & select.POLLERR for _, mask in poll.poll(0)):
            return self._held_for_writing()
        self._read = self.open(os.O_RDONLY | os.O_NONBLOCK)
        return True

    def _held_for_writing(self) -> bool:
        """Nobody reads: whether somebody may write, which reading to the end tells."""
        os.close(self._write)
        self._read = self.open(os.O_RDONLY | os.O_NONBLOCK)
        held, empty = True, False
        while held and not empty:
            try:
                held = bool(os.read(self._read, SIZE))
            except BlockingIOError:
                empty = True
        self._write = self.open(os.O_WRONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._write, F_SETPIPE_SZ, SIZE)
        level, self.level = self.level, 0
        self.show(level)
        return held

    def watch_path(self) -> str:
        """What inotify can watch."""
        return f"/proc/self/fd/{self._path}"

    def close(self) -> None:
        """Let go of it."""
        for fd in (self._read, self._write, self._path):
            os.close(fd)


class Watch:
    """Tells when an open file on a watched pipe was closed for the last time (inotify's IN_CLOSE)."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.inotify_init1(IN_NONBLOCK_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), f"inotify_init1: {os.strerror(ctypes.get_errno())}")

    def add(self, pipe: Pipe) -> int:
        """Watch a pipe."""
        added: int = self._libc.inotify_add_watch(self.fd, pipe.watch_path().encode(), IN_CLOSE)
        if added < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")
        return added

    def add_file(self, path: Path, mask: int) -> int:
        """Watch a file for other events."""
        added: int = self._libc.inotify_add_watch(self.fd, bytes(path), mask)
        if added < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch of {path}")
        return added

    def remove(self, watched: int) -> None:
        """Watch it no more."""
        self._libc.inotify_rm_watch(self.fd, watched)

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.fd)

    def take(self) -> set[int]:
        """The pipes on which something was closed since the last time."""
        try:
            data = os.read(self.fd, 64 * 1024)
        except BlockingIOError:
            return set()
        seen, at = set(), 0
        while at < len(data):
            watched, mask, _, length = INOTIFY_EVENT.unpack_from(data, at)
            at += INOTIFY_EVENT.size + length
            if mask & (IN_CLOSE | IN_CLOSE_WRITE):
                seen.add(watched)
        return seen


class Reach:
    """Reaches for descriptors of other processes: by pidfd_getfd(2), or where that is refused by ``/proc``."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._refused = False

    def copy(self, pidfd: int, fd: int) -> int:
        """A copy of a process's descriptor. OSError: EBADF, EPERM."""
        copied: int = self._libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if copied < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return copied

    def count(self, pid: int, ino: int) -> int:
        """How many descriptors of a pipe a process has."""
        link = f"pipe:[{ino}]"
        try:
            return sum(str(entry.readlink()) == link for entry in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return 0

    def identity(self, pid: int, pidfd: int, fd: int) -> tuple[int, int]:
        """The inode of what a descriptor refers to, and its status flags. OSError: EBADF."""
        if not self._refused:
            try:
                return self._by_copy(pidfd, fd)
            except PermissionError:
                self._refused = True
        try:
            ino = os.stat(f"/proc/{pid}/fd/{fd}").st_ino  # noqa: PTH116 - of what the link leads to, whatever it reads
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="utf-8") as info:  # noqa: PTH123 - as above
                flags = next(line for line in info if line.startswith("flags:"))
        except FileNotFoundError:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None
        return ino, int(flags.split()[1], 8)

    def _by_copy(self, pidfd: int, fd: int) -> tuple[int, int]:
        copied = self.copy(pidfd, fd)
        try:
            return os.fstat(copied).st_ino, fcntl.fcntl(copied, fcntl.F_GETFL)
        finally:
            os.close(copied)
