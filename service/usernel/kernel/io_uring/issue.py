"""Issuing requests as Linux does: at once without blocking; else when the file is ready; else by io-wq.

``io_queue_sqe``, ``io_queue_async`` and ``io_queue_iowq`` of ``io_uring/io_uring.c``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno

from ..error import KernelError
from .complete import complete, defer_failed
from .link_timeout import prep_linked_timeout, queue_linked_timeout
from .links import find_next
from .outcome import LATER, Outcome
from .poll import Arm, arm_poll_handler
from .port import AGAIN, Again, Job
from .request import (
    REQ_F_ARM_LTIMEOUT,
    REQ_F_FAIL,
    REQ_F_FORCE_ASYNC,
    REQ_F_HARDLINK,
    REQ_F_IO_WQ,
    REQ_F_LINK,
    REQ_F_LINK_TIMEOUT,
    REQ_F_NOWAIT,
    Request,
)

if TYPE_CHECKING:
    from .opdef import Op


def queue_sqe(req: Request) -> None:
    """Issue a request without blocking, and let it wait where that cannot be (``io_queue_sqe``)."""
    outcome = _issue(req)
    if isinstance(outcome, Job):
        outcome = _try_now(req, outcome)
    if req.flags & REQ_F_LINK_TIMEOUT:
        queue_linked_timeout(req)
    if outcome is AGAIN:
        _queue_async(req)
    elif isinstance(outcome, int):
        complete(req, outcome)


def task_submit(req: Request) -> None:
    """Issue a request whose turn has come by task work (``io_req_task_submit``)."""
    if req.ctx.dying:
        defer_failed(req, -Errno.EFAULT)
    elif req.flags & REQ_F_FORCE_ASYNC:
        queue_iowq(req)
    else:
        queue_sqe(req)


def queue_sqe_fallback(req: Request) -> None:
    """Queue a request, or the head of a chain, that cannot simply be issued (``io_queue_sqe_fallback``)."""
    if req.flags & REQ_F_FAIL:
        # None of the chain is submitted: hard links break as soft ones do.
        req.flags = req.flags & ~REQ_F_HARDLINK | REQ_F_LINK
        defer_failed(req, req.res)
    elif req.ctx.drain_active:
        req.ctx.drain(req)
    else:
        queue_iowq(req)


def queue_iowq(req: Request) -> None:
    """Let a worker do a request (``io_queue_iowq``, ``io_wq_submit_work``).

    One that is to go there at once (IOSQE_ASYNC) waits for its file all the same where that can be polled.
    """
    outcome: Any = req.job if req.job is not None else _issue_in_worker(req)
    if req.job is None and req.flags & REQ_F_FORCE_ASYNC and _polls(req):
        if isinstance(outcome, Job):
            outcome = _try_now(req, outcome)
        if outcome is AGAIN:
            queue_linked_timeout(req)
            _queue_async(req)
            return
    if isinstance(outcome, Job):
        # What a worker is the first to try has no time limit, for that would be set when it is done.
        _punt(req, outcome)
    elif outcome is not LATER:
        if outcome is AGAIN:
            outcome = -Errno.EAGAIN
        req.flags |= REQ_F_IO_WQ
        req.ctx.io_wq_work_add(complete, req, outcome)


def _issue_in_worker(req: Request) -> Outcome:
    """Issue a request as one that a worker is at: whoever wants to cancel it now, itself too, comes too late."""
    req.where = Request.IO_WQ
    req.ctx.inflight[req] = None
    outcome = _issue(req)
    if req.poll is None or not req.poll.armed:
        req.ctx.inflight.pop(req, None)
    if req.where is Request.IO_WQ:
        req.where = None
    return outcome


def _polls(req: Request) -> bool:
    op = _op(req)
    return (op.pollin or op.pollout) and req.file is not None and req.file.can_poll


def _punt(req: Request, job: Job) -> None:
    op, file = _op(req), req.file
    regular = file is not None and file.regular
    hash_key = file.inode if file is not None and regular and op.hash_reg_file else None
    req.job = job
    req.where = Request.IO_WQ
    req.flags |= REQ_F_IO_WQ
    req.ctx.inflight[req] = None
    req.ctx.port.queue(req, job, bound=regular or not op.unbound_nonreg_file, hash_key=hash_key)


def work_done(req: Request, result: Any) -> None:
    """io-wq has done a request's job (``io_wq_submit_work``)."""
    req.where = None
    req.ctx.inflight.pop(req, None)
    req.job = None
    complete(req, _done(req, result))


def _try_now(req: Request, job: Job) -> Outcome:
    result = req.ctx.port.try_now(job)
    if isinstance(result, Again):
        req.job = job
        return result
    return _done(req, result)


def _done(req: Request, result: Any) -> int:
    try:
        return _op(req).done(req, result)
    except KernelError as error:
        return -error.number


def _queue_async(req: Request) -> None:
    if req.flags & REQ_F_NOWAIT:
        defer_failed(req, -Errno.EAGAIN)
        return
    req.flags &= ~REQ_F_IO_WQ
    armed = arm_poll_handler(req, task_submit, poll_issue)
    if req.buf is not None and armed is not Arm.ABORTED:
        req.buf.wait(req)
    if armed is Arm.READY:
        req.job = None
        req.ctx.task_work_add(task_submit, req)
    elif armed is Arm.ABORTED:
        queue_iowq(req)


def _issue(req: Request) -> Outcome:
    op = _op(req)
    if op.needs_file and req.file is None and not req.assign_file():
        req.fail()
        return -Errno.EBADF
    if req.flags & REQ_F_ARM_LTIMEOUT:
        prep_linked_timeout(req)
    try:
        return op.issue(req)
    except KernelError as error:
        return -error.number


def _op(req: Request) -> Op:
    if req.op is None:
        raise AssertionError("a request without an opcode was issued")
    return req.op


def poll_issue(req: Request) -> Outcome:
    """Issue a multishot request again, now that its file is ready (``io_poll_issue``)."""
    outcome = _issue(req)
    return _try_now(req, outcome) if isinstance(outcome, Job) else outcome


def queue_next(req: Request) -> None:
    """Queue the next of a chain, or cancel the rest of it (``io_queue_next``)."""
    following = find_next(req)
    if following is not None:
        following.flags |= req.flags & REQ_F_IO_WQ
        req.ctx.task_work_add(task_submit, following)
