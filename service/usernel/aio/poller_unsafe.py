"""Timers as descriptors, and waiting with a signal mask: what Python's ``select`` and ``os`` have not.

timerfd_create(2) is in ``os`` only from Python 3.13 on.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from typing import Final

from usernel.abi.errno import Errno

CLOCK_MONOTONIC: Final = 1
NSEC: Final = 10**9
SIGSET_SIZE: Final = 128
"""``sigset_t`` of the libc, of which the kernel takes 8 bytes."""


class Timespec(ctypes.Structure):
    """``struct timespec``."""

    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class Itimerspec(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = (("interval", Timespec), ("value", Timespec))


class Pollfd(ctypes.Structure):
    """``struct pollfd``."""

    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


@lru_cache(1)
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ppoll.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)
    libc.timerfd_settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    return libc


def _failed(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def timer() -> int:
    """The descriptor of a timer that is not set. OSError."""
    fd = int(_libc().timerfd_create(CLOCK_MONOTONIC, os.O_CLOEXEC | os.O_NONBLOCK))
    if fd < 0:
        raise _failed("timerfd_create")
    return fd


def set_timer(fd: int, in_ns: int) -> None:
    """Let a timer be readable in so many nanoseconds, at least one."""
    value = Itimerspec(value=Timespec(*divmod(max(in_ns, 1), NSEC)))
    if _libc().timerfd_settime(fd, 0, ctypes.byref(value), None):
        raise _failed("timerfd_settime")


class Wait:
    """Sleeping until one of some descriptors is readable."""

    def __init__(self, *fds: int) -> None:
        self._fds = (Pollfd * len(fds))(*(Pollfd(fd, 1, 0) for fd in fds))

    def __call__(self, timeout_ns: int | None, sigmask: int | None = None) -> bool:
        """Sleep; False where a signal came, which a handler has seen (``ppoll(2)``)."""
        timeout = None if timeout_ns is None else ctypes.byref(Timespec(*divmod(max(timeout_ns, 0), NSEC)))
        mask = None if sigmask is None else sigmask.to_bytes(8, "little").ljust(SIGSET_SIZE, b"\0")
        if _libc().ppoll(self._fds, len(self._fds), timeout, mask) < 0:
            number = ctypes.get_errno()
            if number != Errno.EINTR:
                raise _failed("ppoll")
            return False
        return True
