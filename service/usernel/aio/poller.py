"""What a ring waits for: armed polls, workers' results and timers, behind one descriptor that is readable then."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Hashable
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLLEXCLUSIVE
from usernel.kernel.error import KernelError

from . import poller_unsafe
from .file import HostFile, dup_high

if TYPE_CHECKING:
    from usernel.kernel.io_uring.ctx import RingCtx
    from usernel.kernel.io_uring.request import Request

MOST: Final = 256
"""Events that are taken at once."""
POLL_BITS: Final = 0x7FFF
EPOLL_BITS: Final = 0xFFFF
"""What may be asked of poll(2) and of epoll."""


def ready(fd: int, events: int) -> int:
    """What of these events is there now (poll(2)); errors and hang-ups always count."""
    asked = select.poll()
    asked.register(fd, events & POLL_BITS)
    found = asked.poll(0)
    return found[0][1] if found else 0


class Armed:
    """A request that is told when its file changes: by the descriptor ``fd``, which is its own where ``own``.

    ``alone``: of those like it on one file only the first is told of a change (EPOLLEXCLUSIVE).
    """

    __slots__ = ("alone", "fd", "file", "own", "req")

    def __init__(self, req: Request, file: HostFile, fd: int, *, own: bool, alone: bool) -> None:
        self.req: Request | None = req
        self.alone = alone
        self.file = file
        self.fd = fd
        self.own = own


class Poller:
    """All that the rings of one port wait for. ``process`` tells them what has come."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake_fd = _out_of_the_way(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._timer_fd = -1
        self._timer_at: int | None = None
        self._deadlines: dict[RingCtx, int] = {}
        self._armed: dict[int, Armed] = {}
        self._of: dict[Request, Armed] = {}
        self._early: list[tuple[int, int]] = []
        self._results: deque[tuple[Request, Any]] = deque()
        self._woken = False
        self._closed = False
        self._lock = threading.Lock()
        """So that nobody writes to a descriptor that is closed."""

    def fileno(self) -> int:
        """The descriptor that is readable when there is something to ``process``."""
        return self._epoll.fileno()

    # ---------------------------------------------------------------------------------------------- files that change

    def can_poll(self, fd: int) -> bool:
        """Whether a file can be polled: EPERM says it cannot."""
        try:
            self._epoll.register(fd, 0)
        except FileExistsError:
            return True
        except OSError:
            return False
        self._epoll.unregister(fd)
        return True

    def arm(self, req: Request, file: HostFile, events: int) -> None:
        """Tell the request of each change of its file from now on. KernelError: EMFILE."""
        try:
            file.hold()
            fd, alone = dup_high(file.fd) if file.polls else file.fd, bool(events & EPOLLEXCLUSIVE)
            armed = Armed(req, file, fd, own=file.polls, alone=alone)
        except OSError as error:
            raise KernelError(
                Errno(error.errno or Errno.EMFILE), f"a poll needs a descriptor: {error.strerror}"
            ) from None
        if not armed.own:
            file.polls = True
        self._armed[armed.fd] = self._of[req] = armed
        self._epoll.register(armed.fd, events & EPOLL_BITS | select.EPOLLET)
        # What is ready by now counts as a change for epoll, and for a ring it is none.
        known = {armed.fd, self._wake_fd, self._timer_fd}
        self._early += [event for event in self._epoll.poll(0, MOST) if event[0] not in known]

    def disarm(self, req: Request) -> None:
        """Do so no more."""
        armed = self._of.pop(req, None)
        if armed is None:
            return
        armed.req = None
        del self._armed[armed.fd]
        self._epoll.unregister(armed.fd)
        if armed.own:
            os.close(armed.fd)
        else:
            armed.file.polls = False

    # ------------------------------------------------------------------------------------------------ time and results

    def set_timer(self, ctx: RingCtx, in_ns: int | None) -> None:
        """Call a ring's ``tick`` in so many nanoseconds; None: not at all."""
        if in_ns is None:
            self._deadlines.pop(ctx, None)
            return
        self._deadlines[ctx] = until = monotonic_ns() + in_ns
        if self._timer_at is None or until < self._timer_at:
            self._set_timer(until)
        # One that is set too soon is set again then: most timeouts are taken back before.

    def _set_timer(self, until: int) -> None:
        if self._timer_fd < 0:
            self._timer_fd = _out_of_the_way(poller_unsafe.timer())
            self._epoll.register(self._timer_fd, select.EPOLLIN)
        self._timer_at = until
        poller_unsafe.set_timer(self._timer_fd, until - monotonic_ns())

    def finished(self, req: Request, result: Any) -> None:
        """A worker has a request's result; from any thread."""
        self._results.append((req, result))
        self.wake()

    def wake(self) -> None:
        """Let the descriptor be readable; from any thread."""
        if self._woken:
            return
        with self._lock:
            if not self._closed:
                self._woken = True
                os.eventfd_write(self._wake_fd, 1)

    @property
    def behind(self) -> bool:
        """Whether something has come that the descriptor does not tell of."""
        return bool(self._early or self._results)

    # --------------------------------------------------------------------------------------------------- what has come

    def process(self) -> bool:
        """Tell the rings of all that has come. Returns whether anything has."""
        early, self._early = self._early, []
        events = early + self._epoll.poll(0, MOST)
        woken = [(armed, mask) for fd, mask in events if (armed := self._armed.get(fd)) is not None]
        if any(armed.alone for armed, _mask in woken):
            woken = self._firsts(woken)
        fds = {fd for fd, _mask in events}
        if self._wake_fd in fds:
            os.eventfd_read(self._wake_fd)
            self._woken = False
        came = self._tell_results() | self._tell_polls(woken)
        if self._timer_fd in fds:
            os.read(self._timer_fd, 8)
            self._timer_at = None
            came |= self._tick()
        return came

    def _firsts(self, woken: list[tuple[Armed, int]]) -> list[tuple[Armed, int]]:
        """All but those that are told alone and are not the first of their file."""
        awake = {id(armed) for armed, _mask in woken}
        firsts: dict[Hashable, Armed] = {}
        for armed in self._of.values():
            if armed.alone and id(armed) in awake:
                firsts.setdefault(armed.file.inode, armed)
        return [(armed, mask) for armed, mask in woken if not armed.alone or firsts[armed.file.inode] is armed]

    def _tell_results(self) -> bool:
        came = bool(self._results)
        while self._results:
            req, result = self._results.popleft()
            req.ctx.work_done(req, result)
        return came

    def _tell_polls(self, woken: list[tuple[Armed, int]]) -> bool:
        came = False
        for armed, mask in woken:
            if armed.req is not None:
                armed.req.ctx.poll_woke(armed.req, mask)
                came = True
        return came

    def _tick(self) -> bool:
        now = monotonic_ns()
        due = [ctx for ctx, until in self._deadlines.items() if until <= now]
        for ctx in due:
            del self._deadlines[ctx]
            ctx.tick()
        if self._deadlines and self._timer_at is None:
            self._set_timer(min(self._deadlines.values()))
        return bool(due)

    def close(self) -> None:
        """Give up the descriptors."""
        with self._lock:
            self._closed = True
        for armed in list(self._of.values()):
            if armed.req is not None:
                self.disarm(armed.req)
        self.abandon()

    def abandon(self) -> None:
        """The same, but leave the polls armed, which a parent process has too."""
        self._closed = True
        self._epoll.close()
        for fd in (self._wake_fd, self._timer_fd):
            if fd >= 0:
                os.close(fd)
        self._wake_fd = self._timer_fd = -1


def _out_of_the_way(fd: int) -> int:
    high = dup_high(fd)
    os.close(fd)
    return high
