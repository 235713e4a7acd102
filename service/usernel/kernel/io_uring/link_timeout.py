"""IORING_OP_LINK_TIMEOUT: a time limit of the request that it is linked to (``io_uring/timeout.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IORING_OP_LINK_TIMEOUT

from ..error import KernelError
from .cancel import CancelData, try_cancel
from .opdef import Op
from .outcome import Outcome
from .request import REQ_F_ARM_LTIMEOUT, REQ_F_LINK_TIMEOUT, Request
from .sqe import Sqe
from .timeout import Timeout, parse


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL as for a timeout, for one that counts, and where it follows no request, or another link timeout."""
    if sqe.off & 0xFFFFFFFF:
        raise KernelError(Errno.EINVAL, "a linked timeout counts no completions")
    timeout = parse(req, sqe)
    ctx = req.ctx
    if ctx.link_head is None or ctx.link_last is None:
        raise KernelError(Errno.EINVAL, "it is linked to no request")
    if ctx.link_last.opcode == IORING_OP_LINK_TIMEOUT:
        raise KernelError(Errno.EINVAL, "it is linked to another link timeout")
    timeout.head = ctx.link_last
    ctx.link_last.flags |= REQ_F_ARM_LTIMEOUT
    req.data = timeout


def issue(req: Request) -> Outcome:
    """It is never issued: it is set when its request is (``io_no_issue``)."""
    return -Errno.ECANCELED


def prep_linked_timeout(req: Request) -> None:
    """A request with a link timeout is about to be issued for the first time (``io_prep_linked_timeout``)."""
    req.flags = req.flags & ~REQ_F_ARM_LTIMEOUT | REQ_F_LINK_TIMEOUT


def queue_linked_timeout(req: Request) -> None:
    """Set the link timeout of an issued request, unless it is set, or over (``io_queue_linked_timeout``)."""
    link = req.link
    if link is None or link.opcode != IORING_OP_LINK_TIMEOUT:
        return
    timeout: Timeout = link.data
    timeouts = link.ctx.timeouts
    if timeout.head is None or link in timeouts.linked:
        return
    timeouts.linked[link] = None
    link.where = Request.TIMER
    timeouts.start(link, timeout.clock, timeout.ns, _timed_out, absolute=timeout.absolute)


def disarm_linked_timeout(req: Request) -> Request | None:
    """Take the link timeout off a request that has ended; None where there is none, or its time has come already."""
    link = req.link
    if link is None or link.opcode != IORING_OP_LINK_TIMEOUT:
        return None
    req.link, link.link = link.link, None
    timeout: Timeout = link.data
    if timeout.head is None:
        return None
    timeout.head = None
    link.ctx.timeouts.linked.pop(link, None)
    link.ctx.timeouts.stop(link)
    return link


def _timed_out(link: Request) -> None:
    """The time has come (``io_link_timeout_fn``)."""
    timeout: Timeout = link.data
    timeout.prev, timeout.head = timeout.head, None
    del link.ctx.timeouts.linked[link]
    link.where = Request.TASK_WORK
    link.ctx.task_work_add(_cancel_prev, link)


def _cancel_prev(link: Request) -> None:
    """Cancel the request, and say how that went (``io_req_task_link_timeout``): ETIME where it was cancelled."""
    timeout: Timeout = link.data
    prev, timeout.prev = timeout.prev, None
    res = 0
    if prev is not None:
        if prev.link is link:
            prev.link, link.link = link.link, None
        res = -Errno.ECANCELED if link.ctx.dying else try_cancel(link.ctx, CancelData(prev.user_data))
    link.set_res(res or -Errno.ETIME)
    link.ctx.complete_defer(link)


OPS: Final[Mapping[int, Op]] = {IORING_OP_LINK_TIMEOUT: Op("LINK_TIMEOUT", prep, issue)}
