"""``posix_ipc`` over a usernel service: ``from usernel_client.compat import posix_ipc`` for ``import posix_ipc``.

Message queues as in posix_ipc 1.3 (https://pypi.org/project/posix_ipc), on the service that USERNEL_URL and
USERNEL_TOKEN name. The process connects on first use, again after the connection was lost, and anew in a forked child;
threads share the connection, and none waits for another.

What differs:

- A signal whose handler returns does not end a call that waits (``SignalError``): it goes on. A handler that raises, or
  Ctrl-C, ends it; a message that had come by then is what this object receives next.
- ``mqd`` and ``fileno()`` are no file descriptor of this process, and no number that could be one: ``select`` and its
  like refuse them with EBADF. Wait with ``receive(timeout)``, or with ``request_notification``.
- A forked child, and whoever goes on after a lost connection, opens its queues again, by their names: what was unlinked
  meanwhile is an ExistentialError, and a queue made anew by that name is what they get.
- ``request_notification``: when the connection is lost, what is registered is told once, as if a message had come.
  The service shows signal 64 as every request's; the signal of the program is sent by its own process, so it has no
  ``si_value`` and its sender is the process itself.
- User and group ids are those that the service gave: over a Unix socket (USERNEL_URL=unix:///path) the process's own,
  else those of its default task. The umask is this process's.
- The defaults and limits are Linux's, wherever the program runs; the service's ``fs.mqueue`` sysctls hold.
- ``ConnectionLost``, an OSError, where the service cannot be reached; what was under way then may have happened or not.
  What the service refuses before it is a call (a token it does not know) is ``Error``.

What is missing: usernel has no semaphores and no shared memory. ``Semaphore``, ``SharedMemory``, ``unlink_semaphore``
and ``unlink_shared_memory`` raise ``NotSupportedError``, an ``Error`` and a NotImplementedError.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import Any, Final

from ..errors import KernelError
from .arguments import C_LONG, c_int, octets, text
from .attributes import Attribute, member
from .failures import refusing
from .link import Link
from .notification import Told, listener
from .posix_errors import (
    ATTRIBUTES,
    NOTIFYING,
    OPENING,
    RECEIVING,
    SENDING,
    UNLINKING,
    BusyError,
    Error,
    ExistentialError,
    NotSupportedError,
    PermissionsError,
    SignalError,
    kernel,
)
from .posix_open import Opened, checked, random_name, slashed

__all__ = [
    "MESSAGE_QUEUES_SUPPORTED", "O_CREAT", "O_CREX", "O_EXCL", "O_NONBLOCK", "O_RDONLY", "O_RDWR", "O_TRUNC",
    "O_WRONLY", "PAGE_SIZE", "QUEUE_MESSAGES_MAX_DEFAULT", "QUEUE_MESSAGE_SIZE_MAX_DEFAULT", "QUEUE_PRIORITY_MAX",
    "SEMAPHORE_TIMEOUT_SUPPORTED", "SEMAPHORE_VALUE_MAX", "SEMAPHORE_VALUE_SUPPORTED", "VERSION", "BusyError", "Error",
    "ExistentialError", "MessageQueue", "NotSupportedError", "PermissionsError", "Semaphore", "SharedMemory",
    "SignalError", "unlink_message_queue", "unlink_semaphore", "unlink_shared_memory",
]  # fmt: skip

VERSION: Final = "1.3.2"
"""The version of the package whose interface this is."""
__version__ = VERSION
__author__ = "the authors of usernel"
__copyright__ = "the authors of usernel"
__license__ = "Apache-2.0"

O_CREAT: Final = os.O_CREAT
O_EXCL: Final = os.O_EXCL
O_CREX: Final = O_CREAT | O_EXCL
O_NONBLOCK: Final = os.O_NONBLOCK
O_RDONLY: Final = os.O_RDONLY
O_RDWR: Final = os.O_RDWR
O_TRUNC: Final = os.O_TRUNC
O_WRONLY: Final = os.O_WRONLY
MESSAGE_QUEUES_SUPPORTED: Final = True
QUEUE_MESSAGES_MAX_DEFAULT: Final = 10
QUEUE_MESSAGE_SIZE_MAX_DEFAULT: Final = 8192
QUEUE_PRIORITY_MAX: Final = 32767
PAGE_SIZE: Final = os.sysconf("SC_PAGE_SIZE")
SEMAPHORE_TIMEOUT_SUPPORTED: Final = False
SEMAPHORE_VALUE_SUPPORTED: Final = False
SEMAPHORE_VALUE_MAX: Final = 2147483647
if hasattr(signal, "SIGRTMIN"):
    USER_SIGNAL_MIN: Final = int(signal.SIGRTMIN)
    USER_SIGNAL_MAX: Final = int(signal.SIGRTMAX)

_LARGEST_SIGNAL: Final = 64
_NO_DESCRIPTOR: Final = 1 << 30
"""Where the numbers of queues begin: no process has that many files open."""
_LONGEST_WAIT: Final = 1e9
_ACCESS: Final = {(True, True): "O_RDWR", (True, False): "O_RDONLY", (False, True): "O_WRONLY"}


def _wait(timeout: Any, link: Link) -> float | None:
    """How long to wait by the service's clock; without waiting, until a time that is long over."""
    if timeout is None:
        return None
    return min(timeout, _LONGEST_WAIT) + link.ahead if timeout else 1 - time.time()


def _timeout(timeout: Any) -> None:
    if timeout is not None and (not isinstance(timeout, float | int) or timeout < 0):
        raise TypeError("The timeout must be None or a non-negative number")


def _told(notification: Any) -> Told | None:
    """How to notify. ValueError, OSError for no signal's number."""
    match notification:
        case None:
            return None
        case int() if 0 <= notification <= _LARGEST_SIGNAL:
            return int(notification)
        case int():
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        case (function, param) if isinstance(notification, tuple) and callable(function):
            return function, param
    raise ValueError("The notification must be None, an integer, or a tuple of (function, parameter)")


class MessageQueue:
    """A handle to a POSIX message queue."""

    __slots__ = ("_max_message_size", "_max_messages", "_mode", "_opened")

    def __init__(
        self, name: str | bytes | None, flags: int = 0, mode: int = 0o600,
        max_messages: int = QUEUE_MESSAGES_MAX_DEFAULT, max_message_size: int = QUEUE_MESSAGE_SIZE_MAX_DEFAULT,
        read: Any = True, write: Any = True,
    ) -> None:  # fmt: skip
        """Open the queue of ``name``, or make it (O_CREAT); ``name`` may be None with O_CREX.

        ExistentialError, PermissionsError, ValueError, MemoryError, OSError.
        """
        asked, flags, self._mode = None if name is None else checked(name), c_int(flags), c_int(mode)
        attr = {"mq_maxmsg": c_int(max_messages, C_LONG), "mq_msgsize": c_int(max_message_size, C_LONG)}
        if flags & O_EXCL and not flags & O_CREAT:
            raise ValueError("O_EXCL must be combined with O_CREAT")
        if asked is None and not flags & O_EXCL:
            raise ValueError("Name can only be None if O_EXCL is set")
        access = _ACCESS.get((bool(read), bool(write)))
        if access is None:
            raise ValueError("At least one of read or write must be True")
        with kernel(OPENING) as link:
            self._opened = self._open(link, asked, access, flags, attr)
            found = self._opened.on(link).getattr()
        self._max_messages, self._max_message_size = found.mq_maxmsg, found.mq_msgsize

    def _open(self, link: Link, name: str | None, access: str, flags: int, attr: dict[str, int]) -> Opened:
        while True:
            opened = Opened(random_name() if name is None else name, access, not flags & O_NONBLOCK)
            try:
                opened.create(link, flags, self._mode, attr)
            except KernelError as error:
                if name is not None or error.name != "EEXIST":
                    raise
            else:
                return opened

    @member
    def name(self) -> str:
        """Its name."""
        return self._opened.name

    @member
    def mode(self) -> int:
        """The mode that was asked for."""
        return self._mode

    @member
    def max_messages(self) -> int:
        """How many messages fit."""
        return self._max_messages

    @member
    def max_message_size(self) -> int:
        """How many bytes a message may have."""
        return self._max_message_size

    @Attribute
    def mqd(self) -> int:
        """Its number; no file descriptor of this process."""
        return self.fileno()

    @Attribute
    def current_messages(self) -> int:
        """How many messages it holds."""
        with kernel(ATTRIBUTES) as link:
            return self._opened.on(link).getattr().mq_curmsgs

    def _get_block(self) -> bool:
        with kernel(ATTRIBUTES) as link:
            return "O_NONBLOCK" not in self._opened.on(link).getattr().mq_flags

    def _set_block(self, block: Any) -> None:
        with kernel(ATTRIBUTES) as link:
            self._opened.on(link).setattr(nonblock=not block)
            self._opened.block = bool(block)

    block = Attribute(_get_block, _set_block, doc="Whether calls wait.")

    def send(self, message: Any, timeout: float | None = None, priority: int = 0) -> None:
        """Send a message; where the queue is full, wait ``timeout`` seconds at most, then BusyError.

        ExistentialError, PermissionsError (it is not open for writing), ValueError (too long, no priority), OSError.
        """
        data, priority = octets(message), c_int(priority, C_LONG)
        _timeout(timeout)
        if self._opened.access == "O_RDONLY":
            raise PermissionsError("The queue is not open for writing")
        if len(data) > self._max_message_size:
            raise ValueError(f"The message must be no longer than {self._max_message_size} bytes")
        if not 0 <= priority <= QUEUE_PRIORITY_MAX:
            raise ValueError(f"The priority must be positive and at most QUEUE_PRIORITY_MAX ({QUEUE_PRIORITY_MAX})")
        with kernel(SENDING) as link:
            self._opened.on(link).send(data, priority, wait=_wait(timeout, link))
            if link.listener is not None:
                link.listener.settle()

    def receive(self, timeout: float | None = None) -> tuple[bytes, int]:
        """The oldest of the most urgent messages and its priority; wait ``timeout`` seconds at most, then BusyError.

        ExistentialError, PermissionsError (it is not open for reading), OSError.
        """
        _timeout(timeout)
        if self._opened.access == "O_WRONLY":
            raise PermissionsError("The queue is not open for reading")
        with kernel(RECEIVING) as link:
            message = self._opened.on(link).receive(wait=_wait(timeout, link))
        return message.data, message.priority

    def request_notification(self, notification: Any = None) -> None:
        """Be told once when a message comes into the empty queue: by a signal, by ``(function, param)``, or not (None).

        The function is called in a thread of its own. BusyError (another process is registered), ValueError, OSError.
        """
        told = _told(notification)
        if told is None and self._opened.closed:
            return
        with kernel(NOTIFYING) as link:
            mqdes, listening = self._opened.on(link).mqdes, listener(link)
            if told is None:
                listening.cancel(mqdes)
            else:
                listening.request(mqdes, told)

    def fileno(self) -> int:
        """The same as ``mqd``."""
        mqdes = self._opened.mqdes
        return mqdes if mqdes < 0 else _NO_DESCRIPTOR + mqdes

    def close(self) -> None:
        """Close the queue. ExistentialError where it was closed before."""
        with kernel(ATTRIBUTES) as link:
            self._opened.close(link)

    def unlink(self) -> None:
        """Remove the name; the queue ends when nobody has it open. ExistentialError, PermissionsError."""
        unlink_message_queue(self._opened.name)

    def __repr__(self) -> str:
        access = self._opened.access
        return (
            f'posix_ipc.MessageQueue("{self._opened.name}", mode=0{self._mode:o}, '
            f"max_message_size={self._max_message_size}, max_messages={self._max_messages}, "
            f"read={access != 'O_WRONLY'}, write={access != 'O_RDONLY'})"
        )

    def __str__(self) -> str:
        return self._opened.name


def unlink_message_queue(name: str) -> None:
    """Remove a queue's name. ExistentialError, PermissionsError, ValueError."""
    with kernel(UNLINKING) as link:
        link.client.mq_unlink(slashed(checked(text(name, "name"))))


class Semaphore:
    """Raises NotSupportedError."""

    __init__ = refusing(NotSupportedError, "semaphores")


class SharedMemory:
    """Raises NotSupportedError."""

    __init__ = refusing(NotSupportedError, "shared memory")


unlink_semaphore = refusing(NotSupportedError, "semaphores")
unlink_shared_memory = refusing(NotSupportedError, "shared memory")
