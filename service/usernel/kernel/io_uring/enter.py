"""io_uring_enter(2): submitting, and waiting for completions (``io_cqring_wait``).

Nothing here sleeps. ``enter`` returns the result, or a ``CqWait``, which says when the caller may go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_ENTER_ABS_TIMER,
    IORING_ENTER_EXT_ARG,
    IORING_ENTER_EXT_ARG_REG,
    IORING_ENTER_FLAGS,
    IORING_ENTER_GETEVENTS,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQPOLL,
)
from usernel.abi.io_uring_struct import IO_URING_GETEVENTS_ARG, IO_URING_REG_WAIT
from usernel.abi.time_types import KERNEL_TIMESPEC

from ..error import KernelError
from .sqpoll import sq_thread
from .submit import submit_sqes

if TYPE_CHECKING:
    from .ctx import RingCtx

SIGSET_SIZE = 8
NSEC_PER_SEC = 1_000_000_000
MASK32 = 0xFFFFFFFF
LOCAL_TW_DEFAULT_MAX = 20
"""How much task work runs at once where less is waited for (IO_LOCAL_TW_DEFAULT_MAX)."""


@dataclass(frozen=True, slots=True)
class ExtArg:
    """How to wait: ``timeout_ns`` at most, ``min_wait_ns`` for the rest that is wanted, with these signals blocked.

    ``sigmask`` is the address of a sigset_t, which is read when the caller has to wait, and ``sigmask_size`` its size.
    """

    timeout_ns: int | None = None
    min_wait_ns: int = 0
    sigmask: Any = 0
    sigmask_size: int = 0


def check_flags(flags: int) -> None:
    """EINVAL for a flag that io_uring_enter(2) does not know: asked before the descriptor is looked at."""
    if flags & ~IORING_ENTER_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of io_uring_enter")


def enter(ctx: RingCtx, to_submit: int, min_complete: int, flags: int, argp: Any = 0, argsz: int = 0) -> int | CqWait:
    """Submit, and wait for completions (IORING_ENTER_GETEVENTS). Returns how many submissions were taken.

    ``argp`` is an address, or an ``ExtArg`` in its place. EINVAL for flags or a wrong argument, EBADFD for a ring that
    is not enabled yet, EEXIST for another task than the only issuer, EFAULT, ETIME, EINTR.
    """
    check_flags(flags)
    if ctx.flags & IORING_SETUP_R_DISABLED:
        raise KernelError(Errno.EBADFD, "the ring is not enabled yet (IORING_REGISTER_ENABLE_RINGS)")
    submitted = _submit(ctx, to_submit)
    if submitted != to_submit or not flags & IORING_ENTER_GETEVENTS:
        _return_to_user(ctx)
        return submitted
    if submitted and ctx.flags & IORING_SETUP_DEFER_TASKRUN and ctx.port.task() == ctx.submitter:
        ctx.run_local_work(min_complete, max(min_complete, LOCAL_TW_DEFAULT_MAX))
    try:
        ext = ext_arg(ctx, flags, argp, argsz)
        if ctx.flags & IORING_SETUP_DEFER_TASKRUN and ctx.port.task() != ctx.submitter:
            raise KernelError(Errno.EEXIST, "another task issues for this ring")
    except KernelError:
        _return_to_user(ctx)
        if submitted:
            return submitted
        raise
    return CqWait(ctx, submitted, min(min_complete, ctx.cq_entries), flags, ext)


def _submit(ctx: RingCtx, to_submit: int) -> int:
    if ctx.flags & IORING_SETUP_SQPOLL:
        sq_thread(ctx)
        return to_submit
    if not to_submit:
        return 0
    if ctx.flags & IORING_SETUP_SINGLE_ISSUER and ctx.port.task() != ctx.submitter:
        raise KernelError(Errno.EEXIST, "another task issues for this ring")
    return submit_sqes(ctx, to_submit)


def _return_to_user(ctx: RingCtx) -> None:
    """Task work runs on the way back, unless the program asked to be the one who lets it run."""
    if not ctx.flags & IORING_SETUP_DEFER_TASKRUN:
        ctx.run_task_work()


def ext_arg(ctx: RingCtx, flags: int, argp: Any, argsz: int) -> ExtArg:
    """What the last two arguments say (``io_get_ext_arg``). EINVAL for a wrong size, EFAULT."""
    if isinstance(argp, ExtArg):
        return argp
    memory = ctx.port.memory
    if not flags & IORING_ENTER_EXT_ARG:
        return ExtArg(sigmask=argp, sigmask_size=argsz)
    if flags & IORING_ENTER_EXT_ARG_REG:
        if argsz != IO_URING_REG_WAIT.size:
            raise KernelError(Errno.EINVAL, f"io_uring_reg_wait has {IO_URING_REG_WAIT.size} bytes, not {argsz}")
        # Registered wait regions are not there: an offset into none is out of it.
        raise KernelError(Errno.EFAULT, "no region of wait arguments is registered")
    if argsz != IO_URING_GETEVENTS_ARG.size:
        raise KernelError(Errno.EINVAL, f"io_uring_getevents_arg has {IO_URING_GETEVENTS_ARG.size} bytes, not {argsz}")
    sigmask, size, min_wait_usec, ts = IO_URING_GETEVENTS_ARG.unpack(memory.view(argp, argsz))
    timeout_ns = _nanoseconds(memory.view(ts, KERNEL_TIMESPEC.size)) if ts else None
    return ExtArg(timeout_ns, min_wait_usec * 1000, sigmask, size)


def _nanoseconds(timespec: memoryview) -> int:
    """A time as it is: one below 0 is over, and nothing is wrong with it here."""
    tv_sec, tv_nsec = KERNEL_TIMESPEC.unpack(timespec)
    return int(tv_sec) * NSEC_PER_SEC + int(tv_nsec)


def _sigmask(ctx: RingCtx, addr: Any, size: int) -> int | None:
    if not addr:
        return None
    if size != SIGSET_SIZE:
        raise KernelError(Errno.EINVAL, f"a sigset_t has {SIGSET_SIZE} bytes, not {size}")
    return int.from_bytes(ctx.port.memory.view(addr, size), "little")


class CqWait:
    """A caller that waits for completions (``struct io_wait_queue``).

    Its environment lets it sleep until ``until`` (ns on ``clock``; None: without end) or until the port's ``wake``, and
    asks ``check`` again each time.
    """

    def __init__(self, ctx: RingCtx, submitted: int, min_events: int, flags: int, ext: ExtArg) -> None:
        self.ctx = ctx
        self.clock = ctx.clock
        self.sigmask: int | None = None
        """The signals that are blocked while it sleeps; None: those that are."""
        self._ext = ext
        self._submitted = submitted
        self._min_events = min_events
        self._start = ctx.port.now(ctx.clock)
        self._timeout: int | None = None
        if ext.timeout_ns is not None:
            absolute = flags & IORING_ENTER_ABS_TIMER
            self._timeout = ext.timeout_ns if absolute else self._start + ext.timeout_ns
        self._min_until = self._start + ext.min_wait_ns if ext.min_wait_ns else None
        self._target: int | None = None
        self._min_tail = 0
        self._timeouts = 0
        self._polled = bool(ctx.flags & IORING_SETUP_IOPOLL and not ctx.flags & IORING_SETUP_SQPOLL)

    @property
    def until(self) -> int | None:
        """When to look again at the latest."""
        return self._min_until if self._min_until is not None else self._timeout

    def check(self, *, interrupted: bool = False) -> int | None:
        """The call's result, or None while it has to wait. ETIME, EINTR where nothing else was done."""
        ctx = self.ctx
        sq_thread(ctx)
        self._run_work(max(self._min_events, LOCAL_TW_DEFAULT_MAX))
        if ctx.overflow:
            ctx.flush_overflow()
        if self._target is None:
            if ctx.rings.cq_ready() >= self._min_events:
                return self._submitted
            try:
                self._begin()
            except KernelError:
                if self._submitted:
                    return self._submitted
                raise
        while self._deferred and ctx.work_pending and not self._reached():
            self._run_work(max(self._left(), 1))
        if self._reached():
            return self._submitted
        if self._polled and not ctx.inflight:
            return self._submitted
        if interrupted:
            return self._end(Errno.EINTR, "the wait for completions was interrupted")
        if self._timed_out():
            return self._end(Errno.ETIME, "no completion in time")
        return None

    @property
    def _deferred(self) -> bool:
        return bool(self.ctx.flags & IORING_SETUP_DEFER_TASKRUN)

    def _run_work(self, most: int) -> None:
        if self._deferred:
            self.ctx.run_local_work(self._min_events if self._target is None else most, most)
        else:
            self.ctx.run_task_work()

    def _left(self) -> int:
        return ((self._target or 0) - self.ctx.rings.cached_cq_tail) & MASK32

    def _begin(self) -> None:
        self.sigmask = _sigmask(self.ctx, self._ext.sigmask, self._ext.sigmask_size)
        rings = self.ctx.rings
        self._target = rings.cq_head() + self._min_events
        self._min_tail = rings.cached_cq_tail
        self._timeouts = self.ctx.cq_timeouts

    def _reached(self) -> bool:
        """Whether enough is there, or a timeout of the ring has fired (``io_should_wake``)."""
        rings = self.ctx.rings
        distance = (rings.cached_cq_tail - (self._target or 0)) & MASK32
        if distance < 1 << 31 or self.ctx.cq_timeouts != self._timeouts:
            return True
        return rings.cq_ready() >= self._min_events  # so far on only where some were given back

    def _timed_out(self) -> bool:
        now = self.ctx.port.now(self.clock)
        if self._min_until is not None and now >= self._min_until:
            if self._timeout is None or self._min_until >= self._timeout:
                return True
            if self.ctx.rings.cached_cq_tail != self._min_tail or self.ctx.rings.cq_ready():
                return True
            self._min_until = None
            if self.ctx.flags & IORING_SETUP_DEFER_TASKRUN:
                self._target = self.ctx.rings.cq_head() + 1
        return self._min_until is None and self._timeout is not None and now >= self._timeout

    def _end(self, errno: Errno, why: str) -> int:
        if self._submitted or self.ctx.rings.cq_ready():
            return self._submitted
        raise KernelError(errno, why)
