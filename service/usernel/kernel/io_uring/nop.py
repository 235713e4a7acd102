"""IORING_OP_NOP (``io_uring/nop.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_CQE_F_32, IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED
from usernel.abi.io_uring_op import (
    IORING_NOP_CQE32,
    IORING_NOP_FILE,
    IORING_NOP_FIXED_BUFFER,
    IORING_NOP_FIXED_FILE,
    IORING_NOP_INJECT_RESULT,
    IORING_NOP_TW,
    IORING_OP_NOP,
)

from ..error import KernelError
from .complete import complete
from .opdef import Op
from .outcome import LATER, Outcome
from .request import REQ_F_FIXED_FILE, Request
from .sqe import Sqe

NOP_FLAGS: Final = (
    IORING_NOP_INJECT_RESULT | IORING_NOP_FIXED_FILE | IORING_NOP_FIXED_BUFFER | IORING_NOP_FILE | IORING_NOP_TW
    | IORING_NOP_CQE32
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Nop:
    """``struct io_nop``."""

    flags: int
    result: int


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags, and for a big completion in a ring of small ones."""
    if sqe.rw_flags & ~NOP_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of NOP")
    big = IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED
    if sqe.rw_flags & IORING_NOP_CQE32 and not req.ctx.flags & big:
        raise KernelError(Errno.EINVAL, "the ring has no big completions")
    result = sqe.len - (1 << 32) if sqe.len & 1 << 31 else sqe.len
    req.data = Nop(sqe.rw_flags, result if sqe.rw_flags & IORING_NOP_INJECT_RESULT else 0)
    req.fd = sqe.fd if sqe.rw_flags & IORING_NOP_FILE else -1
    if sqe.rw_flags & IORING_NOP_CQE32:
        req.extra = (sqe.off, sqe.addr)


def issue(req: Request) -> Outcome:
    """Do nothing: with the result that was asked for. EBADF, EFAULT for a file or a buffer that is not there."""
    nop: Nop = req.data
    result = nop.result
    if nop.flags & IORING_NOP_FILE:
        if nop.flags & IORING_NOP_FIXED_FILE:
            req.flags |= REQ_F_FIXED_FILE
        if not req.assign_file():
            result = -Errno.EBADF
    if nop.flags & IORING_NOP_FIXED_BUFFER and not _assign_buffer(req):
        result = -Errno.EFAULT
    if nop.flags & IORING_NOP_CQE32 and req.ctx.flags & IORING_SETUP_CQE_MIXED:
        req.cqe_flags = IORING_CQE_F_32
    if nop.flags & IORING_NOP_TW:
        req.ctx.task_work_add(complete, req, result)
        return LATER
    return result


def _assign_buffer(req: Request) -> bool:
    node = req.ctx.buf_table.lookup(req.buf_index)
    if node is None:
        return False
    node.refs += 1
    req.buf_node = node
    return True


OPS: Final[Mapping[int, Op]] = {IORING_OP_NOP: Op("NOP", prep, issue, iopoll=True)}
