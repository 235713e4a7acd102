"""Opening POSIX queues: names, flags, the umask, and descriptors that outlive a connection."""

from __future__ import annotations

import errno
import os
import random
import string
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import KernelError
from ..sync import SyncPosixQueue
from .arguments import text
from .link import Link

SAFE_NAME_LENGTH: Final = 14
"""What every system takes, with the slash."""

_NAMED: Final = {os.O_CREAT: "O_CREAT", os.O_EXCL: "O_EXCL", os.O_NONBLOCK: "O_NONBLOCK"}


def checked(name: Any) -> str:
    """A queue's name as text. TypeError, ValueError."""
    if not isinstance(name, str | bytes):
        raise TypeError("Name must be None or a string")
    checked = text(os.fsdecode(name), "name")
    checked.encode()
    return checked


def slashed(name: str) -> str:
    """The name that mq_open(3) hands to the system call. KernelError (EINVAL) without a slash before it."""
    if not name.startswith("/"):
        raise KernelError(errno.EINVAL, "EINVAL", "a queue's name begins with a slash")
    return name


def random_name() -> str:
    """A name that is probably free."""
    length = random.randint(5, SAFE_NAME_LENGTH - 2)  # noqa: S311 - a name, not a secret
    return "/" + "".join(random.choices(string.ascii_lowercase, k=length))  # noqa: S311 - the same


def named(flags: int) -> list[int | str]:
    """Flags by name: their numbers differ from platform to platform."""
    return [name for bit, name in _NAMED.items() if flags & bit]


def _umask() -> int:
    """This process's umask; where /proc does not tell, it is read by setting it."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("\nUmask:")[2].split()[0], 8)
    except (OSError, ValueError, IndexError):
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


@dataclass(slots=True)
class Opened:
    """An open queue: its descriptor on the link that it was opened on, opened again on another.

    By its name: what was unlinked is gone for a new connection. KernelError, ConnectionLost.
    """

    name: str
    access: str
    block: bool = True
    closed: bool = False
    _bound: tuple[Link, SyncPosixQueue] | None = None
    _binding: threading.Lock = field(default_factory=threading.Lock)

    def create(self, link: Link, flags: int, mode: int, attr: dict[str, int]) -> None:
        """mq_open(3)."""
        if flags & os.O_CREAT:
            mode &= ~_umask()
        listed, made = [self.access, *named(flags)], attr if flags & os.O_CREAT else None
        self._bound = (link, link.client.mq_open(slashed(self.name), listed, mode=mode & 0o7777, attr=made))

    def on(self, link: Link) -> SyncPosixQueue:
        """The queue on a link. KernelError (EBADF where it was closed)."""
        with self._binding:
            if self.closed:
                raise KernelError(errno.EBADF, "EBADF", "the queue was closed")
            if self._bound is None or self._bound[0] is not link:
                flags = [self.access] if self.block else [self.access, "O_NONBLOCK"]
                self._bound = (link, link.client.mq_open(self.name, flags))
            return self._bound[1]

    def close(self, link: Link) -> None:
        """mq_close(3)."""
        queue = self.on(link)
        if link.listener is not None:
            link.listener.forget(queue.mqdes)
        self.closed = True
        queue.close()

    @property
    def mqdes(self) -> int:
        """The descriptor; -1 where it was closed."""
        return -1 if self.closed or self._bound is None else self._bound[1].mqdes
