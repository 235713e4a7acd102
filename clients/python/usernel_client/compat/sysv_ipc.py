"""``sysv_ipc`` over a usernel service: ``from usernel_client.compat import sysv_ipc`` for ``import sysv_ipc``.

Message queues as in sysv_ipc 1.2 (https://pypi.org/project/sysv_ipc), on the service that USERNEL_URL and USERNEL_TOKEN
name. The process connects on first use, again after the connection was lost, and anew in a forked child; threads share
the connection, and none waits for another.

What differs:

- A signal whose handler returns does not end a call that waits (``Error``, "Signaled while waiting"): it goes on. A
  handler that raises, or Ctrl-C, ends it; a message that had come by then is what this object receives next.
- Process ids are the service's: ``last_send_pid`` and ``last_receive_pid`` are ``os.getpid()`` where it was this
  process, and the pid of the service's task where it was another. User and group ids are those that the service
  gave: over a Unix socket (USERNEL_URL=unix:///path) the process's own, else those of its default task.
- ``ConnectionLost``, an OSError, where the service cannot be reached; what was under way then may have happened or not.
  What the service refuses before it is a call (a token it does not know) is ``Error``.
- A random key is looked for in the service's namespace; ``ftok`` looks at this host's files.

What is missing: usernel has no semaphores and no shared memory. ``Semaphore``, ``SharedMemory``, ``attach``,
``remove_semaphore`` and ``remove_shared_memory`` raise ``NotSupportedError``, an ``Error`` and a NotImplementedError.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, Final

from ..errors import ConnectionLost, KernelError, ProtocolError
from ..msg import Message
from ..sync import SyncMessageQueue
from .arguments import C_LONG, c_int, octets, text
from .attributes import Attribute, member
from .failures import refusing
from .link import Link
from .sysv_errors import (
    OPENING,
    RECEIVING,
    REMOVING,
    SENDING,
    BusyError,
    Error,
    ExistentialError,
    InternalError,
    NotAttachedError,
    NotSupportedError,
    PermissionsError,
    kernel,
)
from .sysv_stat import kept, told

__all__ = [
    "IPC_CREAT", "IPC_CREX", "IPC_EXCL", "IPC_PRIVATE", "KEY_MAX", "KEY_MIN", "PAGE_SIZE",
    "SEMAPHORE_TIMEOUT_SUPPORTED", "SEMAPHORE_VALUE_MAX", "SHM_HUGETLB", "SHM_NORESERVE", "SHM_RDONLY", "SHM_REMAP",
    "SHM_RND", "VERSION", "BusyError", "Error", "ExistentialError", "InternalError", "MessageQueue", "NotAttachedError",
    "NotSupportedError", "PermissionsError", "Semaphore", "SharedMemory", "attach", "ftok", "remove_message_queue",
    "remove_semaphore", "remove_shared_memory",
]  # fmt: skip

VERSION: Final = "1.2.0"
"""The version of the package whose interface this is."""
__version__ = VERSION
__author__ = "the authors of usernel"
__copyright__ = "the authors of usernel"
__license__ = "Apache-2.0"

IPC_CREAT: Final = 0o1000
IPC_EXCL: Final = 0o2000
IPC_CREX: Final = IPC_CREAT | IPC_EXCL
IPC_PRIVATE: Final = 0
KEY_MAX: Final = sys.maxsize
KEY_MIN: Final = -sys.maxsize - 1
PAGE_SIZE: Final = os.sysconf("SC_PAGE_SIZE")
SEMAPHORE_TIMEOUT_SUPPORTED: Final = False
SEMAPHORE_VALUE_MAX: Final = 32767
SHM_HUGETLB: Final = 0o4000
SHM_NORESERVE: Final = 0o10000
SHM_RDONLY: Final = 0o10000
SHM_REMAP: Final = 0o40000
SHM_RND: Final = 0o20000

QUEUE_MESSAGE_SIZE_MAX_DEFAULT: Final = 2048
_SHORTEST_KEY_MAX: Final = 0x7FFF
"""The largest key that every platform has."""


def _key(key: Any) -> int:
    """A key as a 32-bit ``key_t`` holds it."""
    if not isinstance(key, int):
        raise TypeError("Key must be an integer or None")
    if not KEY_MIN <= key <= KEY_MAX:
        raise TypeError(f"Key must be between {KEY_MIN} (KEY_MIN) and {KEY_MAX} (KEY_MAX)")
    return (int(key) + (1 << 31)) % (1 << 32) - (1 << 31)


def _open(link: Link, key: int | None, flags: int) -> tuple[int, int]:
    """The key and the id of a queue; without a key, of a new one with a random one."""
    if key is not None:
        return key, link.client.msgget(key, flags).msqid
    while True:
        key = random.randint(1, _SHORTEST_KEY_MAX)  # noqa: S311 - a name, not a secret
        try:
            return key, link.client.msgget(key, flags).msqid
        except KernelError as error:
            if error.name != "EEXIST":
                raise


class MessageQueue:
    """A handle to a System V message queue."""

    __slots__ = ("_binding", "_bound", "_come", "_id", "_key", "_most")

    def __init__(
        self, key: int | None, flags: int = 0, mode: int = 0o600,
        max_message_size: int = QUEUE_MESSAGE_SIZE_MAX_DEFAULT,
    ) -> None:  # fmt: skip
        """Open the queue of ``key``, or make it (IPC_CREAT); ``key`` may be None with IPC_CREX.

        ExistentialError, PermissionsError, MemoryError, OSError, ValueError.
        """
        asked = None if key is None else _key(key)
        flags, mode, self._most = c_int(flags), c_int(mode), c_int(max_message_size, C_LONG)
        if self._most < 0:
            raise ValueError(f"The message length must be <= {sys.maxsize}")
        if flags & IPC_EXCL and not flags & IPC_CREAT:
            raise ValueError("IPC_EXCL must be combined with IPC_CREAT")
        if key is None and not flags & IPC_EXCL:
            raise ValueError("Key can only be None if IPC_EXCL is set")
        self._binding = threading.Lock()
        self._bound: tuple[Link, SyncMessageQueue] | None = None
        self._come: list[Message] = []
        with kernel(OPENING) as link:
            self._key, self._id = _open(link, asked, flags & IPC_CREX | mode & 0o777)

    @Attribute
    def key(self) -> int:
        """The key that it was opened by."""
        return self._key

    @member
    def id(self) -> int:
        """Its id."""
        return self._id

    max_size = kept("msg_qbytes", "The most bytes that it holds.", bits=64)
    current_messages = told("msg_qnum", "How many messages it holds.")
    last_send_time = told("msg_stime", "When a message was sent last, as a Unix timestamp.")
    last_receive_time = told("msg_rtime", "When a message was received last, as a Unix timestamp.")
    last_change_time = told("msg_ctime", "When it was changed last, as a Unix timestamp.")
    last_send_pid = told("msg_lspid", "Who sent last.")
    last_receive_pid = told("msg_lrpid", "Who received last.")
    mode = kept("mode", "Its permissions.")
    uid = kept("uid", "Its owner.")
    gid = kept("gid", "Its owner's group.")
    cuid = told("cuid", "Who made it.")
    cgid = told("cgid", "The group of who made it.")

    def send(self, message: Any, block: Any = True, type: int = 1) -> None:  # noqa: A002 - the package calls it so
        """Send a message, and wait for room if need be; without ``block``, BusyError.

        ExistentialError, PermissionsError, ValueError (the type is not positive, the message too long), OSError.
        """
        data, mtype = octets(message), c_int(type)
        if mtype <= 0:
            raise ValueError("The type must be > 0")
        if len(data) > self._most:
            raise ValueError(f"The message length exceeds queue's max_message_size ({self._most})")
        with kernel(SENDING) as link:
            self._queue(link).send(data, mtype, flags=0 if block else "IPC_NOWAIT")

    def receive(self, block: Any = True, type: int = 0) -> tuple[bytes, int]:  # noqa: A002 - the same
        """The first message, the first of a type, or (negative) of the lowest type; wait for one, or BusyError.

        ExistentialError, PermissionsError, OSError (E2BIG: it is longer than ``max_message_size``).
        """
        mtype = c_int(type)
        with kernel(RECEIVING) as link:
            message = self._came(mtype) or self._receive(link, mtype, "" if block else "IPC_NOWAIT")
        return message.data, message.mtype

    def _receive(self, link: Link, mtype: int, flags: str) -> Message:
        queue = self._queue(link)
        try:
            return queue.receive(mtype, flags=flags, msgsz=self._most)
        except (KernelError, ProtocolError, ConnectionLost):
            raise
        except BaseException:
            self._come += queue.withdrawn()
            raise

    def _came(self, mtype: int) -> Message | None:
        """Out of what came for receives that were interrupted: the message that msgrcv(2) would choose."""
        with self._binding:
            fit = [m for m in self._come if not mtype or m.mtype == mtype or m.mtype <= -mtype]
            chosen = min(fit, key=lambda m: m.mtype if mtype < 0 else 0, default=None)
            if chosen is not None:
                self._come.remove(chosen)
            return chosen

    def _queue(self, link: Link) -> SyncMessageQueue:
        with self._binding:
            if self._bound is None or self._bound[0] is not link:
                self._bound = (link, link.client.msg(self._id))
            return self._bound[1]

    def remove(self) -> None:
        """Remove the queue; whoever waits on it gets ExistentialError. ExistentialError, PermissionsError."""
        remove_message_queue(self._id)

    def __repr__(self) -> str:
        return f"sysv_ipc.MessageQueue({self._key})"

    def __str__(self) -> str:
        return f"Key={self._key}, id={self._id}"


def remove_message_queue(id: int) -> None:  # noqa: A002 - the package calls it so
    """Remove the queue of an id. ExistentialError, PermissionsError."""
    with kernel(REMOVING) as link:
        link.client.msg(c_int(id)).remove()


def ftok(path: str, id: int, silence_warning: int = False) -> int:  # noqa: A002 - the package calls it so
    """ftok(3): a key out of a file's inode, its device and ``id``; which another file may have too. OSError."""
    if not silence_warning:
        warnings.warn("Use of ftok() is not recommended; see sysv_ipc documentation", Warning, stacklevel=2)
    status = Path(text(path, "path")).stat()
    return _key((c_int(id) & 0xFF) << 24 | (status.st_dev & 0xFF) << 16 | status.st_ino & 0xFFFF)


class Semaphore:
    """Raises NotSupportedError."""

    __init__ = refusing(NotSupportedError, "semaphores")


class SharedMemory:
    """Raises NotSupportedError."""

    __init__ = refusing(NotSupportedError, "shared memory")


attach = refusing(NotSupportedError, "shared memory")
remove_semaphore = refusing(NotSupportedError, "semaphores")
remove_shared_memory = refusing(NotSupportedError, "shared memory")
