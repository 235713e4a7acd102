"""IORING_OP_POLL_ADD and IORING_OP_POLL_REMOVE (``io_uring/poll.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT
from usernel.abi.io_uring_op import (
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_POLL_ADD_MULTI,
    IORING_POLL_UPDATE_EVENTS,
    IORING_POLL_UPDATE_USER_DATA,
)
from usernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM

from ..error import KernelError
from .complete import complete, defer_failed, task_complete
from .opdef import Op
from .outcome import LATER, Outcome
from .poll import EVENTS, UNMASK, Poll, arm, own, remove_poll
from .prep import unused
from .request import REQ_F_CQE_SKIP, Request
from .sqe import Sqe

BEHAVIOUR: Final = EPOLLEXCLUSIVE | EPOLLONESHOT | EPOLLET
DEFAULT_POLLMASK: Final = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM
"""What a file that cannot be polled is always ready for."""

# ---------------------------------------------------------------------------------------------------------- POLL_ADD


def _parse_events(sqe: Sqe, flags: int) -> int:
    events = sqe.rw_flags & (EVENTS | BEHAVIOUR) | EPOLLET
    return events if flags & IORING_POLL_ADD_MULTI else events | EPOLLONESHOT


def add_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for other flags than IORING_POLL_ADD_MULTI (IORING_POLL_ADD_LEVEL too), or a silent multishot."""
    unused(sqe, "buf_index", "off", "addr")
    if sqe.len & ~IORING_POLL_ADD_MULTI:
        raise KernelError(Errno.EINVAL, f"flags {sqe.len:#x} of POLL_ADD")
    if sqe.len & IORING_POLL_ADD_MULTI and req.flags & REQ_F_CQE_SKIP:
        raise KernelError(Errno.EINVAL, "a poll of many completions cannot leave them out")
    req.data = _parse_events(sqe, sqe.len)


def add_issue(req: Request) -> Outcome:
    """Wait until the file is ready, and say what for (``io_poll_add``). EINVAL where nobody can wait for that."""
    file = req.file
    if file is None:
        return -Errno.EBADF
    if not file.can_poll:
        return DEFAULT_POLLMASK & req.data or -Errno.EINVAL
    if req.poll is None:
        req.poll = Poll(_submit_again, None)
    return arm(req, req.poll, req.data) or LATER


def _submit_again(req: Request) -> None:
    """It was woken for nothing."""
    if req.ctx.dying:
        defer_failed(req, -Errno.EFAULT)
        return
    outcome = add_issue(req)
    if isinstance(outcome, int):
        complete(req, outcome)


# ------------------------------------------------------------------------------------------------------- POLL_REMOVE


class _Update:
    """``struct io_poll_update``."""

    __slots__ = ("events", "new_user_data", "old_user_data")

    def __init__(self, old_user_data: int, new_user_data: int | None, events: int | None) -> None:
        self.old_user_data = old_user_data
        self.new_user_data = new_user_data
        self.events = events


def remove_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags, and for a new value that no flag announces."""
    unused(sqe, "buf_index", "splice_fd_in")
    flags = sqe.len
    update = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA
    if flags & ~(update | IORING_POLL_ADD_MULTI) or flags == IORING_POLL_ADD_MULTI:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of POLL_REMOVE")
    user_data = sqe.off if flags & IORING_POLL_UPDATE_USER_DATA else None
    if user_data is None and sqe.off:
        raise KernelError(Errno.EINVAL, "a new user_data without IORING_POLL_UPDATE_USER_DATA")
    events = _parse_events(sqe, flags) if flags & IORING_POLL_UPDATE_EVENTS else None
    if events is None and sqe.rw_flags:
        raise KernelError(Errno.EINVAL, "new events without IORING_POLL_UPDATE_EVENTS")
    req.data = _Update(sqe.addr, user_data, events)


def remove_issue(req: Request) -> Outcome:
    """Remove a poll, or change what it waits for (``io_poll_remove``). ENOENT; EALREADY for one that was just woken."""
    update: _Update = req.data
    same = req.ctx.cancel_table.find(update.old_user_data)
    found = next((one for one in same if one.opcode == IORING_OP_POLL_ADD), None)
    if found is None or found.poll is None:
        return -Errno.ENOENT
    if not own(found.poll):
        return -Errno.EALREADY
    remove_poll(found)
    res = _updated(found, update)
    if res is not None:
        if res < 0:
            found.fail()
        found.set_res(res)
        found.where = Request.TASK_WORK
        req.ctx.task_work_add(task_complete, found)
    return 0


def _updated(found: Request, update: _Update) -> int | None:
    """Poll for something else, the rest as it was; None where it waits, else how the poll ends."""
    if update.events is None and update.new_user_data is None:
        return -Errno.ECANCELED
    if update.events is not None:
        found.data = found.data & ~EVENTS | update.events & EVENTS | UNMASK
    if update.new_user_data is not None:
        found.user_data = update.new_user_data
    outcome = add_issue(found)
    return outcome if isinstance(outcome, int) else None


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_POLL_ADD: Op("POLL_ADD", add_prep, add_issue, needs_file=True, unbound_nonreg_file=True),
    IORING_OP_POLL_REMOVE: Op("POLL_REMOVE", remove_prep, remove_issue, wants_user_data=True),
}
