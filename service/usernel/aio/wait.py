"""Sleeping until a call on a ring may go on. The core says when that is; here is who sleeps."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from usernel.abi.errno import Errno
from usernel.kernel.error import KernelError

from .file import dup_high
from .poller_unsafe import Wait

if TYPE_CHECKING:
    from usernel.kernel.call import Clock
    from usernel.kernel.io_uring.ctx import RingCtx

    from .port import HostPort


class Waiter(Protocol):
    """``enter.CqWait`` and ``cancel.SyncCancel``."""

    ctx: RingCtx
    clock: Clock

    @property
    def until(self) -> int | None:
        """When to look again at the latest."""

    def check(self, *, interrupted: bool = False) -> int | None:
        """The call's result, or None while it has to wait."""


class Bell:
    """An eventfd that one thread sleeps by, beside a poller's descriptor. ``asleep`` while it does."""

    def __init__(self, poller_fd: int) -> None:
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.fd = dup_high(fd)
        os.close(fd)
        self.sleep = Wait(poller_fd, self.fd)
        self.asleep = False

    def clear(self) -> None:
        """It has been heard."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give up the eventfd."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


class Bells:
    """Each thread's own, of one port. It goes with its thread, or with the port."""

    def __init__(self, poller_fd: int) -> None:
        self._poller_fd = poller_fd
        self._local = threading.local()
        self._all: WeakSet[Bell] = WeakSet()

    def mine(self) -> Bell:
        """The calling thread's."""
        bell: Bell | None = getattr(self._local, "bell", None)
        if bell is None or bell.fd < 0:
            bell = self._local.bell = Bell(self._poller_fd)
            self._all.add(bell)
        return bell

    def close(self) -> None:
        """Give up those that nobody sleeps by; whoever sleeps by another does it when he wakes."""
        for bell in self._all:
            if not bell.asleep:
                bell.close()


def wait(port: HostPort, waiter: Waiter, *, interruptible: bool) -> int:
    """Sleep until the call has a result. KernelError as the core says: ETIME; EINTR where it is ``interruptible``.

    EBADF where the ring ends meanwhile.

    Otherwise a signal's handler runs and the call sleeps on, as Python's own calls do. What a handler raises ends it.
    """
    interrupted: Any = False
    while True:
        with port.lock:
            if port.ended(waiter.ctx):
                raise KernelError(Errno.EBADF, "the ring has ended")
            result = waiter.check(interrupted=interrupted)
            if result is None and port.poller.process():
                result = waiter.check()
            if result is not None:
                return result
            until = waiter.until
            timeout = None if until is None else until - port.now(waiter.clock)
            bell = port.bells.mine()
            port.sleeps(waiter.ctx, bell.fd)
            bell.asleep = True
        try:
            interrupted = not bell.sleep(timeout, getattr(waiter, "sigmask", None)) and interruptible
        finally:
            with port.lock:
                bell.asleep = False
                port.sleeps_no_more(waiter.ctx, bell.fd)
                bell.clear()
                if port.ended(waiter.ctx):
                    bell.close()
