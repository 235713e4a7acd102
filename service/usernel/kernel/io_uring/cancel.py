"""Cancellation of requests wherever they wait: by one of them, by a call, by the ring's end (``io_uring/cancel.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_ASYNC_CANCEL_FD,
    IORING_ASYNC_CANCEL_FD_FIXED,
    IORING_ASYNC_CANCEL_OP,
    IORING_ASYNC_CANCEL_USERDATA,
    IORING_OP_ASYNC_CANCEL,
)
from usernel.abi.io_uring_struct import IO_URING_SYNC_CANCEL_REG

from ..call import Clock
from ..error import KernelError
from .complete import queue_tw_fail
from .opdef import Op
from .outcome import Outcome
from .poll import cancel_poll, remove_all_polls
from .prep import unused
from .request import REQ_F_BUFFER_SELECT, REQ_F_CANCELED, REQ_F_FIXED_FILE, Request
from .sqe import Sqe
from .timeout import cancel_timeout, kill_timeouts
from .uaccess import NSEC_PER_SEC, read_struct

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import RingFile

CANCEL_FLAGS: Final = (
    IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED
    | IORING_ASYNC_CANCEL_USERDATA | IORING_ASYNC_CANCEL_OP
)  # fmt: skip
FOREVER: Final = -1


@dataclass(slots=True)
class CancelData:
    """Which requests are meant (``struct io_cancel_data``): ``data`` is their user_data, ``seq`` this cancellation."""

    data: int
    flags: int = 0
    opcode: int = 0
    file: RingFile | None = None
    seq: int = 0

    @property
    def all(self) -> bool:
        """Whether every one that matches is meant, rather than the first."""
        return bool(self.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY))

    @property
    def by_user_data(self) -> bool:
        """Whether none but those of its user_data match."""
        return not self.flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_ANY)

    def matches(self, req: Request) -> bool:
        """Whether a request is meant; by a cancellation of all, once (``io_cancel_req_match``)."""
        flags = self.flags
        if not flags & IORING_ASYNC_CANCEL_ANY:
            if flags & IORING_ASYNC_CANCEL_FD and not _same(req.file, self.file):
                return False
            if flags & IORING_ASYNC_CANCEL_OP and req.opcode != self.opcode:
                return False
            if (self.by_user_data or flags & IORING_ASYNC_CANCEL_USERDATA) and req.user_data != self.data:
                return False
        if self.all:
            if req.cancel_seq == self.seq:
                return False
            req.cancel_seq = self.seq
        return True


def _same(one: RingFile | None, other: RingFile | None) -> bool:
    return one is not None and other is not None and one.same(other)


def try_cancel(ctx: RingCtx, cd: CancelData) -> int:
    """Cancel what is meant and found first: queued to io-wq, polling, or waiting for a time (``io_try_cancel``).

    Returns 0, or ENOENT; a job that runs is interrupted, and does not count as found.
    """
    if not _cancel_iowq(ctx, cd):
        return 0
    ret = cancel_poll(ctx, cd)
    if ret == -Errno.ENOENT and not cd.flags & IORING_ASYNC_CANCEL_FD:
        ret = cancel_timeout(ctx, cd)
    return ret


def _cancel_iowq(ctx: RingCtx, cd: CancelData) -> int:
    """Cancel jobs (``io_async_cancel_one``, ``io_wq_cancel_cb``): 0, ENOENT, EALREADY where one runs already."""
    running, pending = [], False
    for req in [req for req in ctx.inflight if req.where == Request.IO_WQ]:
        if not cd.matches(req):
            continue
        if _take_back(req):
            pending = True
            if not cd.all:
                return 0
        else:
            running.append(req)
    for req in running if cd.all else running[:1]:
        _interrupt(req)
    if running:
        return -Errno.EALREADY
    return 0 if pending else -Errno.ENOENT


def _take_back(req: Request) -> bool:
    if not req.ctx.port.cancel(req):
        return False
    del req.ctx.inflight[req]
    req.where = Request.TASK_WORK
    req.job = None
    queue_tw_fail(req, -Errno.ECANCELED)
    return True


def _interrupt(req: Request) -> None:
    req.flags |= REQ_F_CANCELED
    req.ctx.port.interrupt(req)


def _async_cancel(ctx: RingCtx, cd: CancelData) -> int:
    """0, ENOENT, EALREADY; of a cancellation of all, how often something was found (``__io_async_cancel``)."""
    found = 0
    while (ret := try_cancel(ctx, cd)) != -Errno.ENOENT:
        if not cd.all:
            return ret
        found += 1
    ret = _cancel_iowq(ctx, cd)
    return found + (ret != -Errno.ENOENT) if cd.all else ret


# ------------------------------------------------------------------------------------------------------ ASYNC_CANCEL


@dataclass(frozen=True, slots=True)
class Cancel:
    """``struct io_cancel``."""

    addr: int
    flags: int
    fd: int
    opcode: int


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags, and for ANY together with what would choose."""
    if req.flags & REQ_F_BUFFER_SELECT:
        raise KernelError(Errno.EINVAL, "a cancellation has no buffer")
    unused(sqe, "off", "splice_fd_in")
    flags = sqe.rw_flags
    if flags & ~CANCEL_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of a cancellation")
    if flags & IORING_ASYNC_CANCEL_ANY and flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP):
        raise KernelError(Errno.EINVAL, "IORING_ASYNC_CANCEL_ANY chooses nothing")
    req.data = Cancel(sqe.addr, flags, sqe.fd, sqe.len & 0xFF)


def issue(req: Request) -> Outcome:
    """Cancel requests (``io_async_cancel``).

    0; of ALL and ANY how many. ENOENT, EALREADY for one that a worker is at, EBADF for a file that is not open.
    """
    cancel: Cancel = req.data
    cd = CancelData(cancel.addr, cancel.flags, cancel.opcode, seq=_next_seq(req.ctx))
    if cd.flags & IORING_ASYNC_CANCEL_FD:
        if cd.flags & IORING_ASYNC_CANCEL_FD_FIXED:
            req.flags |= REQ_F_FIXED_FILE
        req.fd = cancel.fd
        if not req.assign_file():
            return -Errno.EBADF
        cd.file = req.file
    return _async_cancel(req.ctx, cd)


def _next_seq(ctx: RingCtx) -> int:
    ctx.cancel_seq += 1
    return ctx.cancel_seq


# ------------------------------------------------------------------------------------------------------- SYNC_CANCEL


class SyncCancel:
    """A caller of IORING_REGISTER_SYNC_CANCEL that waits until a running job has ended.

    As ``enter.CqWait``: let it sleep until ``until`` (ns on ``clock``; None: without end) or the port's ``wake``, and
    ask ``check`` again each time.
    """

    def __init__(self, ctx: RingCtx, cd: CancelData, fd: int, until: int | None) -> None:
        self.ctx = ctx
        self.clock = Clock.MONOTONIC
        self.until = until
        self._cd = cd
        self._fd = fd

    def check(self, *, interrupted: bool = False) -> int | None:
        """The call's result, or None while it has to wait. ETIME, EINTR."""
        self._cd.seq = _next_seq(self.ctx)
        ret = _sync_cancel(self.ctx, self._cd, self._fd)
        if ret == -Errno.EALREADY:
            self.ctx.run_task_work()
            if interrupted:
                raise self._end(KernelError(Errno.EINTR, "the wait for a request's end was interrupted"))
            if self.until is not None and self.ctx.port.now(self.clock) >= self.until:
                raise self._end(KernelError(Errno.ETIME, "the request did not end in time"))
            return None
        self.close()
        if ret == -Errno.ENOENT or ret > 0:
            return 0
        return _raised(ret)

    def _end(self, error: KernelError) -> KernelError:
        self.close()
        return error

    def close(self) -> None:
        """Let go of the file, for the caller waits no more."""
        if self._cd.file is not None and not self._cd.flags & IORING_ASYNC_CANCEL_FD_FIXED:
            self._cd.file.put()
            self._cd.file = None


def sync_cancel(ctx: RingCtx, arg: Any) -> int | SyncCancel:
    """Cancel requests at once (``io_sync_cancel``); ``arg`` points at a ``struct io_uring_sync_cancel_reg``.

    0; of ALL and ANY how many; a ``SyncCancel`` where a worker is at one. EFAULT, EINVAL for unknown flags or anything
    in a reserved field, EBADF, ENOENT; later ETIME, EINTR.
    """
    addr, fd, flags, sec, nsec, opcode, pad, *pad2 = read_struct(ctx.port.memory, arg, IO_URING_SYNC_CANCEL_REG)
    if flags & ~CANCEL_FLAGS or any(pad) or any(pad2):
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of a cancellation, or something in a reserved field")
    cd = CancelData(addr, flags, opcode, seq=_next_seq(ctx))
    if flags & IORING_ASYNC_CANCEL_FD and not flags & IORING_ASYNC_CANCEL_FD_FIXED:
        cd.file = ctx.port.fget(fd)
        if cd.file is None:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")
    ret = _sync_cancel(ctx, cd, fd)
    until = None
    if (sec, nsec) != (FOREVER, FOREVER):
        until = ctx.port.now(Clock.MONOTONIC) + sec * NSEC_PER_SEC + nsec
    wait = SyncCancel(ctx, cd, fd, until)
    if ret == -Errno.EALREADY:
        return wait
    wait.close()
    return _raised(ret)


def _sync_cancel(ctx: RingCtx, cd: CancelData, fd: int) -> int:
    fixed = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED
    if cd.flags & fixed == fixed:
        node = ctx.file_table.lookup(fd)
        if node is None or node.file is None:
            return -Errno.EBADF
        cd.file = node.file
    return _async_cancel(ctx, cd)


def _raised(ret: int) -> int:
    if ret < 0:
        raise KernelError(Errno(-ret))
    return ret


# -------------------------------------------------------------------------------------------------- the ring's end


def cancel_everything(ctx: RingCtx) -> None:
    """Cancel all that is in flight, for the ring ends (``io_uring_try_cancel_requests``).

    What a worker is at is interrupted, and ends later by ``ctx.work_done``.
    """
    for req in [req for req in ctx.inflight if req.where == Request.IO_WQ]:
        if not _take_back(req):
            _interrupt(req)
    ctx.run_task_work()
    while _cancel_defer(ctx) | remove_all_polls(ctx) | kill_timeouts(ctx):
        if not ctx.run_task_work():
            # Task work is being done right now, and goes on with this.
            break
    ctx.flush_completions()


def _cancel_defer(ctx: RingCtx) -> bool:
    found = list(ctx.defer_list)
    ctx.defer_list.clear()
    for req in found:
        link: Request | None = req
        while link is not None:
            ctx.nr_drained -= 1
            link = link.link
        req.where = Request.TASK_WORK
        queue_tw_fail(req, -Errno.ECANCELED)
    return bool(found)


OPS: Final[Mapping[int, Op]] = {IORING_OP_ASYNC_CANCEL: Op("ASYNC_CANCEL", prep, issue, wants_user_data=True)}
