"""What the kernel tells of directories (inotify(7))."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from fcntl import ioctl
from termios import FIONREAD
from typing import Final

from usernel.abi.fcntl import O_CLOEXEC, O_NONBLOCK
from usernel.abi.fs import FS_CASEFOLD_FL, FS_IOC_GETFLAGS
from usernel.abi.inotify import INOTIFY_EVENT

from .. import host_unsafe
from .descriptor import checked

NOTHING: Final = bytes(4)
EVENTS: Final = 64 << 10
"""Bytes of events that are read at once."""

Event = tuple[int, int, bytes]
"""Of which watch, what (``IN_*``), and the name in the directory, empty where it is of the directory itself."""


class Watches:
    """An inotify instance. OSError where there are too many (``max_user_instances``: EMFILE)."""

    __slots__ = ("_count", "_mountinfo", "_mounts", "fd")

    def __init__(self) -> None:
        self.fd = checked(host_unsafe.inotify_init1(O_NONBLOCK | O_CLOEXEC))
        self._count = bytearray(NOTHING)
        self._mounts = select.epoll()
        self._mountinfo = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._mounts.register(self._mountinfo, select.EPOLLPRI)  # it is always readable, and a mount is this

    @property
    def mounts(self) -> int:
        """A descriptor that is readable, once each, when something was mounted or unmounted."""
        return self._mounts.fileno()

    def told(self) -> bool:
        """Whether there are events that were not read."""
        ioctl(self.fd, FIONREAD, self._count)
        return self._count != NOTHING

    def add(self, directory: bytes, mask: int) -> int:
        """Watch a directory. OSError: of the path; ENOSPC: there are ``max_user_watches``."""
        return checked(host_unsafe.inotify_add_watch(self.fd, directory, mask))

    def remove(self, wd: int) -> None:
        """Watch it no more."""
        host_unsafe.inotify_rm_watch(self.fd, wd)

    def events(self) -> Iterator[Event]:
        """All there are."""
        while self.told():
            data = os.read(self.fd, EVENTS)
            at = 0
            while at < len(data):
                wd, mask, _cookie, size = INOTIFY_EVENT.unpack_from(data, at)
                at += INOTIFY_EVENT.size
                yield wd, mask, data[at : at + size].rstrip(b"\0")
                at += size

    def close(self) -> None:
        """Watch nothing any more."""
        self._mounts.close()
        os.close(self._mountinfo)
        os.close(self.fd)


def folds_case(fd: int) -> bool:
    """Whether names in an open directory are looked up without regard to case: events spell them as they are."""
    flags = bytearray(8)
    try:
        ioctl(fd, FS_IOC_GETFLAGS, flags)
    except OSError:
        return False  # it knows of no flags
    return bool(int.from_bytes(flags[:4], "little") & FS_CASEFOLD_FL)
