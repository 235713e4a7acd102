"""The exceptions of ``sysv_ipc``, and the errnos that they stand for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from .failures import Failures, raising
from .link import Link, calling


class Error(Exception):
    """The base of this module's exceptions."""


class InternalError(Error):
    """Something went wrong in the module itself."""


class PermissionsError(Error):
    """The object's permissions do not allow it."""


class ExistentialError(Error):
    """The object does not exist, or exists already."""


class BusyError(Error):
    """The call would have to wait."""


class NotAttachedError(Error):
    """Shared memory is not attached."""


class NotSupportedError(Error, NotImplementedError):
    """usernel has no such objects."""


_GONE: Final = (ExistentialError, "The queue no longer exists")
_DENIED: Final = (PermissionsError, "Permission denied")
OPENING: Final[Failures] = {
    "EACCES": _DENIED,
    "EEXIST": (ExistentialError, "A queue with the specified key already exists"),
    "ENOENT": (ExistentialError, "No queue exists with the specified key"),
    "ENOMEM": (MemoryError, "Not enough memory"),
    "ENOSPC": (OSError, "The system limit for message queues has been reached"),
}
SENDING: Final[Failures] = {
    "EACCES": _DENIED,
    "EAGAIN": (BusyError, "The queue is full, or a system-wide limit on the number of messages has been reached"),
    "EIDRM": _GONE,
    "EINTR": (Error, "Signaled while waiting"),
}
RECEIVING: Final[Failures] = {
    "EACCES": _DENIED,
    "EIDRM": _GONE,
    "EINVAL": _GONE,
    "EINTR": (Error, "Signaled while waiting"),
    "ENOMSG": (BusyError, "No available messages of the specified type"),
}
READING: Final[Failures] = {"EACCES": _DENIED, "EIDRM": _GONE, "EINVAL": _GONE}
WRITING: Final[Failures] = {"EACCES": _DENIED, "EPERM": _DENIED, "EINVAL": _GONE}
REMOVING: Final[Failures] = {"EPERM": _DENIED, "EIDRM": _GONE, "EINVAL": _GONE}


@contextmanager
def kernel(failures: Failures) -> Generator[Link]:
    """The link, for a call whose errnos are raised as ``failures`` says."""
    with raising(Error, failures), calling() as link:
        yield link
