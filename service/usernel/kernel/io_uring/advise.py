"""FADVISE and MADVISE (``io_uring/advise.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from usernel.abi import mman
from usernel.abi.errno import Errno
from usernel.abi.fadvise import POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL
from usernel.abi.io_uring_op import IORING_OP_FADVISE, IORING_OP_MADVISE
from usernel.abi.names import prefixed

from ..error import KernelError
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import s32, s64, u64, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe

PAGE_SIZE: Final = 4096
SIZE_MAX: Final = (1 << 64) - 1
MADVICE: Final = frozenset(prefixed(vars(mman), "MADV_").values())


@dataclass(frozen=True, slots=True)
class Advice:
    """``struct io_fadvise``, ``struct io_madvise``: ``start`` is an offset, or an address."""

    start: Any
    len: int
    advice: int


def fadvise_prep(req: Request, sqe: Sqe) -> None:
    """The length is ``addr``, or ``len`` where that is 0. EINVAL for fields that must be 0."""
    unused(sqe, "buf_index", "splice_fd_in")
    req.data = Advice(s64(sqe.off), s64(sqe.addr or sqe.len), s32(sqe.rw_flags))
    if req.data.advice not in (POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL):
        req.flags |= REQ_F_FORCE_ASYNC


def fadvise(req: Request) -> Outcome:
    """Say how a file will be read (posix_fadvise(2))."""
    advice: Advice = req.data
    return job(req, "fadvise", req.file, advice.start, advice.len, advice.advice)


def madvise_prep(req: Request, sqe: Sqe) -> None:
    """The length is ``off``, or ``len`` where that is 0. EINVAL for fields that must be 0."""
    unused(sqe, "buf_index", "splice_fd_in")
    req.data = Advice(sqe.addr, u64(sqe.off) or sqe.len, s32(sqe.rw_flags))
    req.flags |= REQ_F_FORCE_ASYNC


def madvise(req: Request) -> Outcome:
    """Say how memory will be used (madvise(2)). EINVAL; ENOMEM where it is not there."""
    advice: Advice = req.data
    memory = req.ctx.port.memory
    if advice.advice not in MADVICE:
        raise KernelError(Errno.EINVAL, f"advice {advice.advice}")
    if memory.owns(advice.start) and advice.start % PAGE_SIZE:
        raise KernelError(Errno.EINVAL, "the address is not that of a page")
    if not advice.len:
        return 0
    if (advice.start if memory.owns(advice.start) else 0) + advice.len > SIZE_MAX - PAGE_SIZE:
        raise KernelError(Errno.EINVAL, "the memory has no end")
    try:
        view = memory.view(advice.start, advice.len)
    except KernelError:
        raise KernelError(Errno.ENOMEM, "that memory is not there") from None
    return job(req, "madvise", view, advice.advice)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_FADVISE: Op("FADVISE", fadvise_prep, fadvise, needs_file=True),
    IORING_OP_MADVISE: Op("MADVISE", madvise_prep, madvise, keeps_chain=True),
}
