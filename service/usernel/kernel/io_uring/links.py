"""Chains: what follows a request, and what becomes of it (``io_uring/timeout.c``, ``io_disarm_next``)."""

from __future__ import annotations

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IORING_OP_LINK_TIMEOUT

from .complete import queue_tw_complete
from .link_timeout import disarm_linked_timeout
from .request import (
    REQ_F_ARM_LTIMEOUT,
    REQ_F_CQE_SKIP,
    REQ_F_FAIL,
    REQ_F_HARDLINK,
    REQ_F_LINK_TIMEOUT,
    REQ_F_SKIP_LINK_CQES,
    Request,
)


def find_next(req: Request) -> Request | None:
    """The next of a chain, now that ``req`` has ended; None where there is none, or it has broken the chain."""
    if req.flags & (REQ_F_ARM_LTIMEOUT | REQ_F_LINK_TIMEOUT | REQ_F_FAIL):
        _disarm_next(req)
    following, req.link = req.link, None
    return following


def _disarm_next(req: Request) -> None:
    if req.flags & REQ_F_ARM_LTIMEOUT:
        req.flags &= ~REQ_F_ARM_LTIMEOUT
        link = req.link
        if link is not None and link.opcode == IORING_OP_LINK_TIMEOUT:
            req.link, link.link = link.link, None
            queue_tw_complete(link, -Errno.ECANCELED)
    elif req.flags & REQ_F_LINK_TIMEOUT:
        timeout = disarm_linked_timeout(req)
        if timeout is not None:
            queue_tw_complete(timeout, -Errno.ECANCELED)
    if req.flags & REQ_F_FAIL and not req.flags & REQ_F_HARDLINK:
        _fail_links(req)


def _fail_links(req: Request) -> None:
    """The rest of the chain is cancelled, and says so unless the whole chain was to be silent (``io_fail_links``)."""
    first, req.link = req.link, None
    silent = req.flags & REQ_F_SKIP_LINK_CQES
    link = first
    while link is not None:
        link.flags = link.flags | REQ_F_CQE_SKIP if silent else link.flags & ~REQ_F_CQE_SKIP
        link = link.link
    if first is not None:
        req.ctx.task_work_add(_tw_fail_links, first)


def _tw_fail_links(link: Request | None) -> None:
    while link is not None:
        following, link.link = link.link, None
        link.set_res(link.res if link.flags & REQ_F_FAIL else -Errno.ECANCELED)
        link.ctx.complete_defer(link)
        link = following
