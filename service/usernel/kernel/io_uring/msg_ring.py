"""IORING_OP_MSG_RING: a completion, or a registered file, for another ring (``io_uring/msg_ring.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_IOPOLL, IORING_SETUP_R_DISABLED
from usernel.abi.io_uring_op import (
    IORING_MSG_DATA,
    IORING_MSG_RING_CQE_SKIP,
    IORING_MSG_RING_FLAGS_PASS,
    IORING_MSG_SEND_FD,
    IORING_OP_MSG_RING,
)

from ..error import KernelError
from .complete import queue_tw_complete
from .filetable import fixed_fd_install
from .opdef import Op
from .outcome import LATER, Outcome
from .prep import s32, unused
from .request import Request
from .sqe import Cqe, Sqe

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import RingFile

MASK32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Msg:
    """``struct io_msg``; ``dst_fd`` is also the flags of the completion."""

    user_data: int
    len: int
    cmd: int
    src_fd: int
    dst_fd: int
    flags: int


def _parse(sqe: Sqe) -> Msg:
    unused(sqe, "buf_index", "personality")
    if sqe.rw_flags & ~(IORING_MSG_RING_CQE_SKIP | IORING_MSG_RING_FLAGS_PASS):
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of MSG_RING")
    return Msg(
        sqe.off, sqe.len, sqe.addr & MASK32, sqe.addr3 & MASK32, sqe.splice_fd_in & MASK32, sqe.rw_flags
    )  # fmt: skip


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags."""
    req.data = _parse(sqe)


def issue(req: Request) -> Outcome:
    """Post to another ring (``io_msg_ring``): 0, or the slot that was taken.

    EBADFD for a file that is no ring, or a ring that is not enabled; EINVAL, EBADF for a slot that holds no file,
    EOVERFLOW, and what installing a file says.
    """
    msg: Msg = req.data
    target = None if req.file is None else req.file.ring
    if target is None:
        return -Errno.EBADFD
    if msg.cmd == IORING_MSG_DATA:
        outcome: Outcome = send_data(target, msg)
    elif msg.cmd == IORING_MSG_SEND_FD:
        outcome = _send_fd(req, target, msg)
    else:
        return -Errno.EINVAL
    if target is not req.ctx:
        target.kick()
    return outcome


def _remote(target: RingCtx) -> bool:
    """Whether completions are posted by the ring's own task alone (``io_msg_need_remote``)."""
    return target.flags & (IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_IOPOLL) == IORING_SETUP_DEFER_TASKRUN


def send_data(target: RingCtx, msg: Msg) -> int:
    """Post a completion: ``len`` is its result (``__io_msg_ring_data``). 0, EINVAL, EBADFD, EOVERFLOW."""
    passes = msg.flags & IORING_MSG_RING_FLAGS_PASS
    if msg.src_fd or msg.flags & ~IORING_MSG_RING_FLAGS_PASS or (msg.dst_fd and not passes):
        return -Errno.EINVAL
    if target.flags & IORING_SETUP_R_DISABLED:
        return -Errno.EBADFD
    cqe = Cqe(msg.user_data, s32(msg.len), msg.dst_fd if passes else 0)
    if _remote(target):
        target.task_work_add(target.post_aux, cqe)
        return 0
    return 0 if target.post_aux(cqe) else -Errno.EOVERFLOW


def _send_fd(req: Request, target: RingCtx, msg: Msg) -> Outcome:
    if msg.len or target is req.ctx:
        return -Errno.EINVAL
    if target.flags & IORING_SETUP_R_DISABLED:
        return -Errno.EBADFD
    node = req.ctx.file_table.lookup(msg.src_fd)
    if node is None or node.file is None:
        return -Errno.EBADF
    res = _install(target, msg, node.file.get())
    if not _remote(target):
        return res
    # Another task has done it: its completion is there, the sender's comes by task work.
    if res < 0:
        req.fail()
    queue_tw_complete(req, res)
    return LATER


def _install(target: RingCtx, msg: Msg, file: RingFile) -> int:
    """Put a file into the target's table, which takes it over, and post the slot (``io_msg_install_complete``)."""
    try:
        slot = fixed_fd_install(target, file, msg.dst_fd)
    except KernelError as error:
        return -error.number
    if not msg.flags & IORING_MSG_RING_CQE_SKIP and not target.post_aux(Cqe(msg.user_data, slot)):
        return -Errno.EOVERFLOW
    return slot


OPS: Final[Mapping[int, Op]] = {IORING_OP_MSG_RING: Op("MSG_RING", prep, issue, needs_file=True, iopoll=True)}
