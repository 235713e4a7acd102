"""Ends of requests: a result, which is posted with the next flush (``io_uring/io_uring.c``)."""

from __future__ import annotations

from .request import Request


def complete(req: Request, res: int) -> None:
    """A request ends with a result (``io_req_complete_defer``)."""
    if res < 0 and not (req.op is not None and req.op.keeps_chain):
        req.fail()
    req.res = res
    if req.buf is not None:
        req.cqe_flags |= req.ctx.put_kbuf(req, res)
    req.ctx.complete_defer(req)


def defer_failed(req: Request, res: int) -> None:
    """A request ends before it could be issued (``io_req_defer_failed``)."""
    req.fail()
    req.set_res(res, req.ctx.put_kbuf(req, res))
    if req.op is not None and req.op.fail is not None:
        req.op.fail(req)
    req.ctx.complete_defer(req)


def queue_tw_complete(req: Request, res: int) -> None:
    """Complete a request by task work (``io_req_queue_tw_complete``)."""
    req.set_res(res)
    req.ctx.task_work_add(task_complete, req)


def queue_tw_fail(req: Request, res: int) -> None:
    """Fail a request by task work (``io_req_task_queue_fail``)."""
    req.ctx.task_work_add(defer_failed, req, res)


def task_complete(req: Request) -> None:
    """Complete a request whose result is set (``io_req_task_complete``)."""
    req.ctx.complete_defer(req)
