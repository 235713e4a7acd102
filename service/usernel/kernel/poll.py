"""poll(2): which descriptors are ready (``fs/select.c``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.poll import POLLERR, POLLHUP, POLLNVAL
from usernel.abi.resource import RLIMIT_NOFILE

from .call import Block, Call, Clock, Return, Wake
from .error import KernelError
from .file import File

if TYPE_CHECKING:
    from .kernel import Kernel


@dataclass(frozen=True, slots=True)
class PollFd:
    """``struct pollfd`` with its file; None for one that is not open, or that is to be passed over (below 0)."""

    fd: int
    events: int
    file: File | None

    @property
    def revents(self) -> int:
        """What is ready of what was asked for."""
        if self.file is None:
            return POLLNVAL if self.fd >= 0 else 0
        return self.file.poll_mask & (self.events | POLLERR | POLLHUP)


@dataclass(frozen=True, slots=True)
class Polling:
    """A poll in progress."""

    fds: tuple[PollFd, ...]
    until: int | None


def poll(kernel: Kernel, call: Call, fds: Sequence[tuple[int, int]], timeout_ns: int | None) -> Return | Block:
    """Wait until one of the descriptors ``(fd, events)`` is ready, ``timeout_ns`` at most (None: for ever).

    Returns how many are. EINVAL for more than RLIMIT_NOFILE of them; EINTR.
    """
    limit = call.task.rlimits[RLIMIT_NOFILE].cur
    if len(fds) > limit:
        raise KernelError(Errno.EINVAL, f"{len(fds)} descriptors, and RLIMIT_NOFILE is {limit}")
    table = call.task.fds
    found = tuple(PollFd(fd, events, table.find(fd)) for fd, events in fds)
    until = None if timeout_ns is None else kernel.monotonic_ns + timeout_ns
    return _poll(kernel, call, Polling(found, until), Wake.WOKEN)


def _poll(kernel: Kernel, call: Call, polling: Polling, wake: Wake) -> Return | Block:
    ready = sum(1 for pollfd in polling.fds if pollfd.revents)
    if not ready and wake is Wake.INTERRUPTED:
        raise KernelError(Errno.EINTR, "poll was interrupted")
    if ready or wake is Wake.TIMED_OUT:
        shown = [{"fd": pollfd.fd, "events": pollfd.events, "revents": pollfd.revents} for pollfd in polling.fds]
        return Return(ready, {"fds": shown})
    files = tuple({pollfd.file: None for pollfd in polling.fds if pollfd.file is not None})
    pollers = tuple({queue: None for file in files if (queue := file.pollers) is not None})
    return Block(on=pollers, stage=_poll, entry=polling, until=polling.until, clock=Clock.MONOTONIC, files=files)
