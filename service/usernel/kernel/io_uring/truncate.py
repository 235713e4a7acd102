"""FTRUNCATE (``io_uring/truncate.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from usernel.abi.io_uring_op import IORING_OP_FTRUNCATE

from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import s64, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0; the call itself checks the length."""
    unused(sqe, "rw_flags", "addr", "len", "buf_index", "splice_fd_in", "addr3")
    req.data = s64(sqe.off)
    req.flags |= REQ_F_FORCE_ASYNC


def issue(req: Request) -> Outcome:
    """Make a file as long as is said (ftruncate(2))."""
    return job(req, "ftruncate", req.file, req.data)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_FTRUNCATE: Op("FTRUNCATE", prep, issue, needs_file=True, hash_reg_file=True, keeps_chain=True)
}
