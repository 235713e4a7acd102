"""The eventfd that counts completions of a ring (``io_uring/eventfd.c``)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_CQ_EVENTFD_DISABLED

from ..error import KernelError
from .user_array import UserArray

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import RingFile

FD: Final = Struct("=i")


class EventFd:
    """A registered eventfd; ``only_async``: it is told only of what io-wq completes (``struct io_ev_fd``)."""

    __slots__ = ("_file", "_last_cq_tail", "_only_async")

    def __init__(self, file: RingFile, last_cq_tail: int, *, only_async: bool) -> None:
        self._file = file
        self._last_cq_tail = last_cq_tail
        self._only_async = only_async

    def signal(self, ctx: RingCtx, *, cqe_event: bool) -> None:
        """Count up; of a ``cqe_event`` only where completions came since the last (``io_eventfd_signal``)."""
        if ctx.rings.cq_flags & IORING_CQ_EVENTFD_DISABLED or (self._only_async and not ctx.in_io_wq):
            return
        if cqe_event:
            tail = ctx.rings.cached_cq_tail
            if tail == self._last_cq_tail:
                return
            self._last_cq_tail = tail
        ctx.port.signal(self._file)

    def put(self) -> None:
        """Let it go."""
        self._file.put()


def register_eventfd(ctx: RingCtx, arg: Any, *, only_async: bool) -> int:
    """IORING_REGISTER_EVENTFD and EVENTFD_ASYNC. EBUSY where there is one, EFAULT, EBADF, EINVAL for other files."""
    if ctx.eventfd is not None:
        raise KernelError(Errno.EBUSY, "the ring has an eventfd")
    fd = UserArray(ctx.port.memory, arg, FD).get(0)
    file = ctx.port.eventfd(fd)
    if file is None:
        raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")
    ctx.eventfd = EventFd(file, ctx.rings.cached_cq_tail, only_async=only_async)
    return 0


def unregister_eventfd(ctx: RingCtx) -> int:
    """IORING_UNREGISTER_EVENTFD. ENXIO where there is none."""
    if ctx.eventfd is None:
        raise KernelError(Errno.ENXIO, "the ring has no eventfd")
    ctx.eventfd.put()
    ctx.eventfd = None
    return 0
