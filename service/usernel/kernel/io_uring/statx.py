"""STATX (``io_uring/statx.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from usernel.abi.fcntl import AT_EMPTY_PATH
from usernel.abi.io_uring_op import IORING_OP_STATX

from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import no_fixed_file, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe
from .uaccess import read_path


@dataclass(frozen=True, slots=True)
class Statx:
    """``struct io_statx``."""

    dfd: int
    path: bytes
    flags: int
    mask: int
    buffer: Any


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0, EBADF for a fixed file, and what ``read_path`` says."""
    unused(sqe, "buf_index", "splice_fd_in")
    no_fixed_file(req)
    path = read_path(req.ctx.port.memory, sqe.addr, may_be_empty=bool(sqe.rw_flags & AT_EMPTY_PATH))
    req.data = Statx(sqe.fd, path, sqe.rw_flags, sqe.len, sqe.off)
    req.flags |= REQ_F_FORCE_ASYNC


def issue(req: Request) -> Outcome:
    """Ask what is known of a file (statx(2))."""
    statx: Statx = req.data
    return job(req, "statx", statx.dfd, statx.path, statx.flags, statx.mask)


def done(req: Request, result: int | bytes) -> int:
    """What is known goes to the buffer. EFAULT."""
    if isinstance(result, int):
        return result
    req.ctx.port.memory.view(req.data.buffer, len(result), write=True)[:] = result
    return 0


OPS: Final[Mapping[int, Op]] = {IORING_OP_STATX: Op("STATX", prep, issue, done, keeps_chain=True)}
