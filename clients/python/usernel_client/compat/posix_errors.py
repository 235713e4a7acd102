"""The exceptions of ``posix_ipc``, and the errnos that they stand for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from .failures import Failures, raising
from .link import Link, calling


class Error(Exception):
    """The base of this module's exceptions."""


class SignalError(Error):
    """A call that waits was interrupted by a signal."""


class PermissionsError(Error):
    """The object's permissions do not allow it."""


class ExistentialError(Error):
    """The object does not exist, or exists already."""


class BusyError(Error):
    """The call would have to wait, or waited as long as it should."""


class NotSupportedError(Error, NotImplementedError):
    """usernel has no such objects."""


NO_NAME: Final = (ExistentialError, "No queue exists with the specified name")
NO_QUEUE: Final = (ExistentialError, "The queue does not exist")
LONG_NAME: Final = (ValueError, "The name is too long")
DENIED: Final = (PermissionsError, "Permission denied")
SIGNALED: Final = (SignalError, "The wait was interrupted by a signal")
FULL: Final = (BusyError, "The queue is full")
EMPTY: Final = (BusyError, "The queue is empty")

OPENING: Final[Failures] = {
    "EINVAL": (ValueError, "Invalid parameter(s)"),
    "ENOSPC": (OSError, "Insufficient space for a new queue"),
    "EACCES": DENIED,
    "EEXIST": (ExistentialError, "A queue with the specified name already exists"),
    "ENOENT": NO_NAME,
    "EMFILE": (OSError, "This process already has the maximum number of files open"),
    "ENFILE": (OSError, "The system limit on the total number of open files has been reached"),
    "ENAMETOOLONG": LONG_NAME,
    "ENOMEM": (MemoryError, "Not enough memory"),
}
UNLINKING: Final[Failures] = {"EACCES": DENIED, "ENOENT": NO_NAME, "EINVAL": NO_NAME, "ENAMETOOLONG": LONG_NAME}
SENDING: Final[Failures] = {
    "EBADF": (ExistentialError, "The message queue does not exist or is not open for writing"),
    "EINVAL": (ExistentialError, "The message queue does not exist or is not open for writing"),
    "EINTR": SIGNALED,
    "EAGAIN": FULL,
    "ETIMEDOUT": FULL,
    "EMSGSIZE": (ValueError, "The message is too long"),
}
RECEIVING: Final[Failures] = {
    "EBADF": (ExistentialError, "The message queue does not exist or is not open for reading"),
    "EINVAL": (ExistentialError, "The message queue does not exist or is not open for reading"),
    "EINTR": SIGNALED,
    "EAGAIN": EMPTY,
    "ETIMEDOUT": EMPTY,
}
ATTRIBUTES: Final[Failures] = {"EBADF": NO_QUEUE, "EINVAL": NO_QUEUE}
NOTIFYING: Final[Failures] = {"EBUSY": (BusyError, "The queue is already delivering notifications elsewhere")}


@contextmanager
def kernel(failures: Failures) -> Generator[Link]:
    """The link, for a call whose errnos are raised as ``failures`` says."""
    with raising(Error, failures), calling() as link:
        yield link
