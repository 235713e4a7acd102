"""IORING_OP_TIMEOUT and IORING_OP_TIMEOUT_REMOVE (``io_uring/timeout.c``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_CQE_F_MORE
from usernel.abi.io_uring_op import (
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_TIMEOUT_ABS,
    IORING_TIMEOUT_BOOTTIME,
    IORING_TIMEOUT_CLOCK_MASK,
    IORING_TIMEOUT_ETIME_SUCCESS,
    IORING_TIMEOUT_MULTISHOT,
    IORING_TIMEOUT_REALTIME,
    IORING_TIMEOUT_UPDATE,
    IORING_TIMEOUT_UPDATE_MASK,
)

from ..call import Clock
from ..error import KernelError
from .complete import queue_tw_complete, queue_tw_fail
from .opdef import Op
from .outcome import LATER, Outcome
from .prep import unused
from .request import REQ_F_BUFFER_SELECT, REQ_F_FIXED_FILE, Request
from .sqe import Sqe
from .timers import Timers
from .uaccess import read_timespec

if TYPE_CHECKING:
    from .cancel import CancelData
    from .ctx import RingCtx

MASK32: Final = 0xFFFFFFFF
TIMEOUT_FLAGS: Final = (
    IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | IORING_TIMEOUT_MULTISHOT
)  # fmt: skip
CLOCKS: Final = {
    0: Clock.MONOTONIC,
    IORING_TIMEOUT_BOOTTIME: Clock.BOOTTIME,
    IORING_TIMEOUT_REALTIME: Clock.REALTIME,
}


@dataclass(slots=True)
class Timeout:
    """``struct io_timeout`` and ``struct io_timeout_data``: of a timeout, or of one linked to ``head``."""

    flags: int
    ns: int
    off: int = 0
    repeats: int = 0
    target_seq: int = 0
    head: Request | None = None
    prev: Request | None = None
    """The head, once the time has come."""

    @property
    def clock(self) -> Clock:
        """Which clock it goes by."""
        return CLOCKS[self.flags & IORING_TIMEOUT_CLOCK_MASK]

    @property
    def absolute(self) -> bool:
        """Whether it is a time of the clock rather than a span."""
        return bool(self.flags & IORING_TIMEOUT_ABS)

    @property
    def noseq(self) -> bool:
        """Whether it counts no completions (``io_is_timeout_noseq``)."""
        return not self.off or bool(self.flags & IORING_TIMEOUT_MULTISHOT)


class Timeouts(Timers):
    """The timeouts of a ring (``timeout_list``, ``ltimeout_list``) and their timers.

    Those that count completions come first, the soonest first; then the others, in their order.
    """

    __slots__ = ("_counting", "_pure", "_user_data", "last_flush", "linked")

    def __init__(self) -> None:
        super().__init__()
        self._counting: list[Request] = []
        self._pure: dict[Request, None] = {}
        self._user_data: dict[int, dict[Request, None]] = {}
        self.linked: dict[Request, None] = {}
        """Timeouts of linked requests that are set."""
        self.last_flush = 0

    def __len__(self) -> int:
        return len(self._counting) + len(self._pure) + len(self.linked)

    def __iter__(self) -> Iterator[Request]:
        yield from self._counting
        yield from self._pure

    def add(self, req: Request, *, absolute: bool) -> None:
        """Put in a timeout, and set its timer."""
        timeout: Timeout = req.data
        if timeout.noseq:
            self._pure[req] = None
        else:
            self._insert(req, timeout)
        self._user_data.setdefault(req.user_data, {})[req] = None
        req.where = Request.TIMER
        self.start(req, timeout.clock, timeout.ns, timed_out, absolute=absolute)

    def _insert(self, req: Request, timeout: Timeout) -> None:
        tail = (req.ctx.rings.cached_cq_tail - req.ctx.cq_timeouts) & MASK32
        timeout.target_seq = (tail + timeout.off) & MASK32
        self.last_flush = tail
        at = len(self._counting)
        while at and timeout.off < (self._counting[at - 1].data.target_seq - tail) & MASK32:
            at -= 1
        self._counting.insert(at, req)

    def remove(self, req: Request) -> None:
        """Take a timeout out, whether its time has come or not."""
        if req in self._pure:
            del self._pure[req]
        else:
            self._counting.remove(req)
        same = self._user_data[req.user_data]
        del same[req]
        if not same:
            del self._user_data[req.user_data]
        req.where = None
        self.stop(req)

    def find(self, user_data: int) -> Request | None:
        """The first with this user_data."""
        same = self._user_data.get(user_data, ())
        return next(iter(same), None) if len(same) < 2 else next(req for req in self if req in same)

    def counted(self, seq: int) -> list[Request]:
        """Take out those whose completions have come by ``seq``."""
        got, ready = (seq - self.last_flush) & MASK32, 0
        for req in self._counting:
            if got < (req.data.target_seq - self.last_flush) & MASK32:
                break
            ready += 1
        self.last_flush = seq
        found = self._counting[:ready]
        for req in found:
            self.remove(req)
        return found


def flush_timeouts(ctx: RingCtx) -> None:
    """End the timeouts whose number of completions has come (``io_flush_timeouts``)."""
    seq = (ctx.rings.cached_cq_tail - ctx.cq_timeouts) & MASK32
    for req in ctx.timeouts.counted(seq):
        ctx.cq_timeouts += 1
        queue_tw_complete(req, 0)


def kill_timeouts(ctx: RingCtx) -> bool:
    """End all timeouts, for the ring ends (``io_kill_timeouts``). Returns whether there were any."""
    found = list(ctx.timeouts)
    for req in found:
        ctx.timeouts.remove(req)
        ctx.cq_timeouts += 1
        req.fail()
        queue_tw_complete(req, -Errno.ECANCELED)
    return bool(found)


def timed_out(req: Request) -> None:
    """A timeout's time has come (``io_timeout_fn``)."""
    ctx, timeout = req.ctx, req.data
    ctx.timeouts.remove(req)
    ctx.cq_timeouts += 1
    if not timeout.flags & IORING_TIMEOUT_ETIME_SUCCESS:
        req.fail()
    req.set_res(-Errno.ETIME)
    req.where = Request.TASK_WORK
    ctx.task_work_add(_timeout_complete, req)


def _timeout_complete(req: Request) -> None:
    again = not _finished(req.data) and not req.ctx.dying
    if again and req.ctx.req_post_cqe(req, -Errno.ETIME, IORING_CQE_F_MORE):
        req.ctx.timeouts.add(req, absolute=False)
    else:
        req.ctx.complete_defer(req)


def _finished(timeout: Timeout) -> bool:
    if not timeout.flags & IORING_TIMEOUT_MULTISHOT:
        return True
    timeout.repeats -= 1
    return bool(timeout.off) and timeout.repeats <= 0


def cancel_timeout(ctx: RingCtx, cd: CancelData) -> int:
    """Cancel the first timeout that is meant (``io_timeout_cancel``). ENOENT."""
    req = _extract(ctx, cd)
    if req is None:
        return -Errno.ENOENT
    req.where = Request.TASK_WORK
    queue_tw_fail(req, -Errno.ECANCELED)
    return 0


def _extract(ctx: RingCtx, cd: CancelData) -> Request | None:
    if cd.by_user_data:
        req = ctx.timeouts.find(cd.data)
    else:
        req = next((req for req in ctx.timeouts if cd.matches(req)), None)
    if req is not None:
        ctx.timeouts.remove(req)
    return req


# ---------------------------------------------------------------------------------------------------------- TIMEOUT


def parse(req: Request, sqe: Sqe) -> Timeout:
    """What an entry of a timeout says (``__io_timeout_prep``). EINVAL, EFAULT."""
    flags, off = sqe.rw_flags, sqe.off & MASK32
    unused(sqe, "addr3", "pad2", "buf_index", "splice_fd_in")
    if sqe.len != 1:
        raise KernelError(Errno.EINVAL, "a timeout is one timespec (len 1)")
    return Timeout(_check_flags(flags), read_timespec(req.ctx.port.memory, sqe.addr), off)


def _check_flags(flags: int) -> int:
    if flags & ~TIMEOUT_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of a timeout")
    if flags & IORING_TIMEOUT_CLOCK_MASK not in CLOCKS:
        raise KernelError(Errno.EINVAL, "a timeout goes by one clock")
    repeated = IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS
    if flags & repeated == repeated:
        raise KernelError(Errno.EINVAL, "a repeated timeout is a span")
    return flags


def prep(req: Request, sqe: Sqe) -> None:
    """``off`` counts completions, or repeats (IORING_TIMEOUT_MULTISHOT). EINVAL, EFAULT."""
    req.data = timeout = parse(req, sqe)
    if timeout.off:
        req.ctx.off_timeout_used = True
    if timeout.flags & IORING_TIMEOUT_MULTISHOT:
        timeout.repeats = timeout.off


def issue(req: Request) -> Outcome:
    """Wait for the time, or for ``off`` completions (``io_timeout``): ETIME, or 0."""
    req.ctx.timeouts.add(req, absolute=req.data.absolute)
    return LATER


# --------------------------------------------------------------------------------------------------- TIMEOUT_REMOVE


@dataclass(frozen=True, slots=True)
class TimeoutRem:
    """``struct io_timeout_rem``."""

    user_data: int
    flags: int
    ns: int = 0


def remove_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for flags of no use, or anything in another field; EFAULT for an update without a time."""
    if req.flags & (REQ_F_FIXED_FILE | REQ_F_BUFFER_SELECT):
        raise KernelError(Errno.EINVAL, "a timeout is no file, and has no buffer")
    unused(sqe, "addr3", "pad2", "buf_index", "len", "splice_fd_in")
    flags, ns = sqe.rw_flags, 0
    if flags & IORING_TIMEOUT_UPDATE_MASK:
        if flags & ~(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS):
            raise KernelError(Errno.EINVAL, f"flags {flags:#x} of an update of a timeout")
        ns = read_timespec(req.ctx.port.memory, sqe.off)
    elif flags:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} without an update")
    req.data = TimeoutRem(sqe.addr, flags, ns)


def remove_issue(req: Request) -> Outcome:
    """Remove a timeout, or give it another time (``io_timeout_remove``). ENOENT."""
    rem: TimeoutRem = req.data
    timeouts = req.ctx.timeouts
    if rem.flags & IORING_LINK_TIMEOUT_UPDATE and rem.flags & IORING_TIMEOUT_UPDATE:
        found = next((link for link in timeouts.linked if link.user_data == rem.user_data), None)
    else:
        found = timeouts.find(rem.user_data)
    if found is None:
        return -Errno.ENOENT
    if not rem.flags & IORING_TIMEOUT_UPDATE:
        timeouts.remove(found)
        queue_tw_fail(found, -Errno.ECANCELED)
    elif rem.flags & IORING_LINK_TIMEOUT_UPDATE:
        _update_linked(found, rem)
    else:
        _update(found, rem)
    return 0


def _update_linked(found: Request, rem: TimeoutRem) -> None:
    timeouts, timer = found.ctx.timeouts, found.timer
    if timer is None:
        raise AssertionError("a linked timeout is set, or it is not in the list")
    timeouts.stop(found)
    absolute = bool(rem.flags & IORING_TIMEOUT_ABS)
    timeouts.start(found, timer.clock, rem.ns, timer.fire, absolute=absolute)


def _update(found: Request, rem: TimeoutRem) -> None:
    """Another time also ends the count of completions; a repeated timeout goes on at the new pace, without end."""
    timeout: Timeout = found.data
    found.ctx.timeouts.remove(found)
    timeout.off = 0
    timeout.ns = rem.ns
    found.ctx.timeouts.add(found, absolute=bool(rem.flags & IORING_TIMEOUT_ABS))


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_TIMEOUT: Op("TIMEOUT", prep, issue),
    IORING_OP_TIMEOUT_REMOVE: Op("TIMEOUT_REMOVE", remove_prep, remove_issue, wants_user_data=True),
}
