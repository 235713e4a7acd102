"""IORING_OP_EPOLL_CTL (``io_uring/epoll.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from usernel.abi.eventpoll import EPOLL_CTL_DEL, EPOLL_EVENT
from usernel.abi.io_uring_op import IORING_OP_EPOLL_CTL

from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .port import Job
from .prep import s32, unused
from .request import Request
from .sqe import Sqe
from .uaccess import read_struct


def prep(req: Request, sqe: Sqe) -> None:
    """``len`` is the operation, ``off`` the descriptor, ``addr`` the event. EINVAL; EFAULT for no event."""
    unused(sqe, "buf_index", "splice_fd_in")
    op, fd = s32(sqe.len), s32(sqe.off)
    event = None
    if op != EPOLL_CTL_DEL:
        layout = EPOLL_EVENT[req.ctx.port.machine]
        event = layout.pack(*read_struct(req.ctx.port.memory, sqe.addr, layout))
    req.data = job(req, "epoll_ctl", sqe.fd, op, fd, event)


def issue(req: Request) -> Outcome:
    """epoll_ctl(2), whose errnos it has."""
    found: Job = req.data
    return found


OPS: Final[Mapping[int, Op]] = {IORING_OP_EPOLL_CTL: Op("EPOLL_CTL", prep, issue, unbound_nonreg_file=True)}
