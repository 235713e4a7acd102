"""IORING_SETUP_SQPOLL: submissions are taken without being handed in (``io_uring/sqpoll.c``).

There is no thread: the poller runs whenever its environment lets the ring work, is idle at once, and says so by
IORING_SQ_NEED_WAKEUP, which a program that follows the protocol answers with IORING_ENTER_SQ_WAKEUP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.io_uring import IORING_SETUP_R_DISABLED, IORING_SETUP_SQPOLL, IORING_SQ_NEED_WAKEUP

from .submit import full, submit_sqes

if TYPE_CHECKING:
    from .ctx import RingCtx


def sq_thread(ctx: RingCtx) -> None:
    """Take all submissions, and fall asleep."""
    if not ctx.flags & IORING_SETUP_SQPOLL or ctx.dying:
        return
    ctx.rings.sq_flags &= ~IORING_SQ_NEED_WAKEUP
    while not ctx.flags & IORING_SETUP_R_DISABLED and not full(ctx) and submit_sqes(ctx, ctx.rings.sq_ready()):
        ctx.run_task_work()
    ctx.run_task_work()
    ctx.rings.sq_flags |= IORING_SQ_NEED_WAKEUP
