"""Waiting until a file is ready: for IORING_OP_POLL_ADD, or to issue another request again (``io_uring/poll.c``).

A request that polls is in one of two states. Armed, it waits for the port. Owned (``refs``), it has been woken and its
task work is to come, which looks what there is; wake-ups meanwhile are counted, and make it look again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLL_URING_WAKE, EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT
from usernel.abi.io_uring import APOLL_MAX_RETRY, IORING_CQE_F_MORE
from usernel.abi.io_uring_op import IORING_OP_POLL_ADD
from usernel.abi.poll import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    POLLRDNORM,
    POLLWRNORM,
)

from ..error import KernelError
from .complete import complete, defer_failed
from .outcome import LATER, Outcome
from .port import AGAIN
from .request import REQ_F_MULTISHOT, Request

if TYPE_CHECKING:
    from .cancel import CancelData
    from .ctx import RingCtx

UNMASK: Final = POLLERR | POLLHUP | POLLNVAL | POLLRDHUP
"""What is always told."""
EVENTS: Final = 0xFFFF

Submit = Callable[[Request], None]
Reissue = Callable[[Request], Outcome]


class Arm(Enum):
    """What became of a request that was to wait for its file: it is ready by now, it cannot be polled, it waits."""

    READY = auto()
    ABORTED = auto()
    ARMED = auto()


class Poll:
    """What a request polls for (``struct io_poll``), and how it goes on then."""

    __slots__ = ("armed", "canceled", "events", "refs", "reissue", "res", "retries", "submit")

    def __init__(self, submit: Submit, reissue: Reissue | None) -> None:
        self.events = 0
        self.armed = False
        """Whether the port tells of changes."""
        self.refs = 0
        """How often it was woken since its task work was last done; not 0: that is still to come."""
        self.res = 0
        """What the first of these told of."""
        self.canceled = False
        self.retries = APOLL_MAX_RETRY
        self.submit = submit
        self.reissue = reissue


# ------------------------------------------------------------------------------------------------------------ arming


def arm_poll_handler(req: Request, submit: Submit, reissue: Reissue) -> Arm:
    """Let a request wait until its file is ready (``io_arm_poll_handler``).

    ``submit`` issues it then; a multishot request instead waits on, and ``reissue`` is called each time it is ready.
    """
    op, file = req.op, req.file
    if op is None or file is None or not (op.pollin or op.pollout) or not file.can_poll:
        return Arm.ABORTED
    if req.poll is None:
        req.poll = Poll(submit, reissue)
    req.poll.retries -= 1
    if not req.poll.retries:
        return Arm.ABORTED
    ready = POLLIN | POLLRDNORM if op.pollin else POLLOUT | POLLWRNORM
    oneshot = 0 if req.flags & REQ_F_MULTISHOT else EPOLLONESHOT
    mask = arm(req, req.poll, ready | POLLPRI | POLLERR | EPOLLET | oneshot)
    if mask < 0:
        return Arm.ABORTED
    return Arm.READY if mask else Arm.ARMED


def arm(req: Request, poll: Poll, events: int) -> int:
    """Arm a poll (``__io_arm_poll_handler``).

    Returns what is ready, where that ends it; 0, and it waits; or why that cannot be, below 0.
    """
    poll.events = events | UNMASK
    poll.refs = 0
    poll.canceled = False
    try:
        _await(req, poll)
    except KernelError as error:
        return -error.number
    mask = _poll_now(req, poll)
    if mask and poll.events & EPOLLONESHOT:
        remove_poll(req)
        return mask
    if mask:
        _execute(req, poll, mask)
    return 0


def _await(req: Request, poll: Poll) -> None:
    ctx, file = req.ctx, req.file
    if file is None:
        raise AssertionError("a poll of no file")
    if file.ring is None:
        ctx.port.poll_arm(req, file, poll.events & (EVENTS | EPOLLEXCLUSIVE))
    else:
        # A ring tells of itself, whatever its descriptor is to the port.
        file.ring.pollers[req] = None
    poll.armed = True
    ctx.cancel_table.add(req)
    ctx.inflight[req] = None
    req.where = Request.POLL


def remove_poll(req: Request) -> None:
    """A request polls no more."""
    _disarm(req)
    req.ctx.cancel_table.remove(req)
    req.ctx.inflight.pop(req, None)
    req.where = None


def _disarm(req: Request) -> None:
    if req.poll is None or req.file is None or not req.poll.armed:
        return
    req.poll.armed = False
    if req.file.ring is None:
        req.ctx.port.poll_disarm(req)
    else:
        del req.file.ring.pollers[req]


# ------------------------------------------------------------------------------------------------------------ waking


def poll_wake(req: Request, mask: int) -> None:
    """The file of a request has changed: ``mask`` is what is ready, 0 where that is not known (``io_poll_wake``)."""
    poll = req.poll
    if poll is None or not poll.armed:
        return
    if mask and not mask & poll.events & ~POLLPRI & EVENTS:
        return
    if not own(poll):
        return
    if mask & EPOLL_URING_WAKE:
        # A completion is what the file is ready with: one more for each of them would have no end.
        poll.events |= EPOLLONESHOT
    if mask and poll.events & EPOLLONESHOT:
        _disarm(req)
    _work(req, poll, mask & EVENTS)


def own(poll: Poll) -> bool:
    """Whether a wake-up is the first since task work was done, which is to be queued (``io_poll_get_ownership``)."""
    poll.refs += 1
    return poll.refs == 1


def _execute(req: Request, poll: Poll, mask: int) -> None:
    if own(poll):
        _work(req, poll, mask)


def _work(req: Request, poll: Poll, mask: int) -> None:
    poll.res = mask
    req.where = Request.TASK_WORK
    req.ctx.task_work_add(_poll_task, req, poll)


class _Check(Enum):
    """What a look at a woken poll comes to."""

    DONE = auto()
    NO_ACTION = auto()
    USE_RES = auto()
    REISSUE = auto()
    CANCELED = auto()


def _poll_task(req: Request, poll: Poll) -> None:
    """The task work of a woken poll (``io_poll_task_func``)."""
    check = _check_events(req, poll)
    if check is _Check.NO_ACTION:
        req.where = Request.POLL
        return
    remove_poll(req)
    if check is _Check.REISSUE or (check is _Check.DONE and req.opcode != IORING_OP_POLL_ADD):
        req.job = None
        poll.submit(req)
    elif check is _Check.CANCELED:
        if req.opcode == IORING_OP_POLL_ADD:
            complete(req, -Errno.ECANCELED)
        else:
            defer_failed(req, -Errno.ECANCELED)
    else:
        complete(req, poll.res & poll.events if check is _Check.DONE else req.res)


def _check_events(req: Request, poll: Poll) -> _Check:
    """See what there is (``io_poll_check_events``), again for what has come meanwhile."""
    while poll.refs:
        if poll.canceled or req.ctx.dying:
            return _Check.CANCELED
        if poll.refs != 1:
            poll.res = 0
        refs = poll.refs
        if not poll.res:
            poll.res = _poll_now(req, poll)
            if not poll.res and poll.events & EPOLLONESHOT:
                return _Check.REISSUE
        if poll.res:
            if poll.events & EPOLLONESHOT:
                return _Check.DONE
            if not _shot(req, poll):
                return _Check.USE_RES
        poll.res = 0
        poll.refs -= refs
    return _Check.NO_ACTION


def _poll_now(req: Request, poll: Poll) -> int:
    file = req.file
    if file is None:
        raise AssertionError("a poll of no file")
    mask = req.ctx.port.poll(file, poll.events & EVENTS) if file.ring is None else file.ring.poll_mask
    return mask & poll.events


def _shot(req: Request, poll: Poll) -> bool:
    """One of many completions: True where more may come."""
    ctx = req.ctx
    if not req.flags & REQ_F_MULTISHOT or poll.reissue is None:
        mask = poll.res & poll.events
        if ctx.req_post_cqe(req, mask, IORING_CQE_F_MORE):
            return True
        req.set_res(mask)
        return False
    posted = ctx.rings.cached_cq_tail
    outcome = poll.reissue(req)
    if outcome is AGAIN or outcome is LATER:
        if ctx.rings.cached_cq_tail != posted:
            # It got something: there may be more (io_poll_multishot_retry).
            poll.refs += 1
        return True
    if not isinstance(outcome, int):
        raise TypeError(f"{req.stat()} came to {outcome}")
    req.res = outcome
    return False


# ------------------------------------------------------------------------------------------------------ cancellation


def cancel_poll(ctx: RingCtx, cd: CancelData) -> int:
    """Cancel the first poll that is meant (``io_poll_cancel``). ENOENT.

    One whose task work is to come is found too, as often as it is asked for.
    """
    table = ctx.cancel_table
    for req in table.find(cd.data) if cd.by_user_data else table.all():
        if cd.matches(req):
            _cancel(req)
            return 0
    return -Errno.ENOENT


def remove_all_polls(ctx: RingCtx) -> bool:
    """Cancel all polls (``io_poll_remove_all``). Returns whether there were any."""
    found = [req for req in ctx.cancel_table.all() if req.poll is not None and not req.poll.canceled]
    for req in found:
        _cancel(req)
    return bool(found)


def _cancel(req: Request) -> None:
    if req.poll is None:
        raise AssertionError("a request polls, or it is not in the table")
    req.poll.canceled = True
    _execute(req, req.poll, 0)
