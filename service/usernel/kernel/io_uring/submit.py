"""Taking submissions off the queue, and making chains of them (``io_submit_sqes``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_MAX_CQ_ENTRIES,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_SUBMIT_ALL,
    IOSQE_BUFFER_SELECT,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_DRAIN,
    SQE_COMMON_FLAGS,
    SQE_VALID_FLAGS,
)

from ..error import KernelError
from .issue import queue_sqe, queue_sqe_fallback
from .request import LINK_FLAGS, REQ_F_FAIL, REQ_F_FORCE_ASYNC, REQ_F_IO_DRAIN, Request

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .opdef import Op
    from .sqe import Sqe

MAX_REQUESTS: Final = 2 * IORING_MAX_CQ_ENTRIES
"""Requests in flight and completions without room, of one ring: Linux bounds them by the memory that it may take."""


def submit_sqes(ctx: RingCtx, count: int) -> int:
    """Take up to ``count`` submissions and issue them; returns how many were taken.

    An entry that is wrong is taken and completes with its errno; it ends the batch, unless IORING_SETUP_SUBMIT_ALL.
    EAGAIN where as many requests and completions are in the ring as it may hold, and none was taken.
    """
    left = entries = min(count, ctx.rings.sq_ready())
    if left and full(ctx):
        raise KernelError(Errno.EAGAIN, f"{MAX_REQUESTS} requests and completions are in the ring: take some out")
    while left and not full(ctx):
        sqe = ctx.rings.next_sqe()
        if sqe is None:
            break
        left -= 1
        if not _submit_sqe(ctx, sqe) and not ctx.flags & IORING_SETUP_SUBMIT_ALL:
            break
    if ctx.link_head is not None:
        head, ctx.link_head = ctx.link_head, None
        queue_sqe_fallback(head)
    ctx.flush_completions()
    ctx.rings.commit_sq()
    return entries - left


def full(ctx: RingCtx) -> bool:
    """Whether the ring holds all that it may."""
    return ctx.allocated + len(ctx.overflow) >= MAX_REQUESTS


def _submit_sqe(ctx: RingCtx, sqe: Sqe) -> bool:
    req = Request(ctx, sqe)
    ctx.allocated += 1
    try:
        _init_req(ctx, req, sqe)
    except KernelError as error:
        return _fail_init(ctx, req, -error.number)
    if ctx.link_head is not None:
        _link_last(ctx, req)
        if not req.flags & LINK_FLAGS:
            _flush_link(ctx)
    elif req.flags & LINK_FLAGS:
        ctx.link_head = ctx.link_last = req
    elif req.flags & (REQ_F_FORCE_ASYNC | REQ_F_FAIL):
        queue_sqe_fallback(req)
    else:
        queue_sqe(req)
    return True


def _link_last(ctx: RingCtx, req: Request) -> None:
    if ctx.link_last is None:
        raise AssertionError("a chain without an end")
    ctx.link_last.link = req
    ctx.link_last = req


def _flush_link(ctx: RingCtx) -> None:
    head, ctx.link_head = ctx.link_head, None
    if head is None:
        return
    if head.flags & (REQ_F_FORCE_ASYNC | REQ_F_FAIL):
        queue_sqe_fallback(head)
    else:
        queue_sqe(head)


def _init_req(ctx: RingCtx, req: Request, sqe: Sqe) -> None:
    """Check an entry, and prepare it (``io_init_req``). EINVAL, EOPNOTSUPP, EACCES, or what its opcode says."""
    op = ctx.ops.get(sqe.opcode)
    if op is None:
        req.opcode = 0
        raise KernelError(Errno.EINVAL, f"no opcode {sqe.opcode}")
    req.op = op
    if sqe.flags & ~SQE_COMMON_FLAGS:
        _check_flags(ctx, op, sqe.flags)
    _check_slow(ctx, req)
    if not op.ioprio and sqe.ioprio:
        raise KernelError(Errno.EINVAL, f"{op.name} has no ioprio")
    if not op.iopoll and ctx.flags & IORING_SETUP_IOPOLL:
        raise KernelError(Errno.EINVAL, f"{op.name} cannot be polled for (IORING_SETUP_IOPOLL)")
    if sqe.personality:
        req.cred = ctx.personalities.get(sqe.personality)
        if req.cred is None:
            raise KernelError(Errno.EINVAL, f"no personality {sqe.personality}")
    if type(sqe.off) is int and type(sqe.addr) is int and type(sqe.addr3) is int:
        op.prep(req, sqe)
    else:
        _prep_objects(op, req, sqe)


def _prep_objects(op: Op, req: Request, sqe: Sqe) -> None:
    """Prepare an entry in which Python objects stand where the ABI has numbers. EINVAL where one means nothing."""
    if op.wants_user_data and type(sqe.addr) is not int:
        raise KernelError(Errno.EINVAL, f"addr of {op.name} is the user_data of another request, a number")
    try:
        op.prep(req, sqe)
    except TypeError as error:
        raise KernelError(Errno.EINVAL, f"an object that {op.name} has no meaning for: {error}") from None


def _check_flags(ctx: RingCtx, op: Op, flags: int) -> None:
    if flags & ~SQE_VALID_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of an SQE")
    if flags & IOSQE_BUFFER_SELECT and not op.buffer_select:
        raise KernelError(Errno.EOPNOTSUPP, f"{op.name} takes no provided buffer")
    if flags & IOSQE_CQE_SKIP_SUCCESS:
        ctx.drain_disabled = True
    if flags & IOSQE_IO_DRAIN:
        if ctx.drain_disabled:
            raise KernelError(Errno.EOPNOTSUPP, "no IOSQE_IO_DRAIN after IOSQE_CQE_SKIP_SUCCESS")
        _init_drain(ctx)


def _check_slow(ctx: RingCtx, req: Request) -> None:
    if ctx.restrictions is not None and not ctx.restrictions.allows(req.opcode, req.sqe.flags):
        raise KernelError(Errno.EACCES, "the ring's restrictions do not allow it")
    if ctx.drain_active:
        req.flags |= REQ_F_FORCE_ASYNC
    if ctx.drain_next and ctx.link_head is None:
        ctx.drain_next = False
        ctx.drain_active = True
        req.flags |= REQ_F_IO_DRAIN | REQ_F_FORCE_ASYNC


def _init_drain(ctx: RingCtx) -> None:
    ctx.drain_active = True
    if ctx.link_head is not None:
        # In the middle of a chain: its head drains, and so does what follows the chain.
        ctx.link_head.flags |= REQ_F_IO_DRAIN | REQ_F_FORCE_ASYNC
        ctx.drain_next = True


def _fail_init(ctx: RingCtx, req: Request, res: int) -> bool:
    """An entry is wrong: its chain is taken to its end, and fails as a whole (``io_submit_fail_init``)."""
    req.fail()
    req.set_res(res)
    head = ctx.link_head
    if head is not None and not head.flags & REQ_F_FAIL:
        head.fail()
        head.set_res(-Errno.ECANCELED)
    if head is not None:
        _link_last(ctx, req)
    if req.flags & LINK_FLAGS:
        if head is None:
            ctx.link_head = ctx.link_last = req
        return True
    ctx.link_head = None
    queue_sqe_fallback(head or req)
    return False
