"""FSYNC, SYNC_FILE_RANGE and FALLOCATE (``io_uring/sync.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import (
    IORING_FSYNC_DATASYNC,
    IORING_OP_FALLOCATE,
    IORING_OP_FSYNC,
    IORING_OP_SYNC_FILE_RANGE,
)

from ..error import KernelError
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import s32, s64, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe


@dataclass(frozen=True, slots=True)
class Sync:
    """``struct io_sync``."""

    off: int
    len: int
    flags: int
    """``mode`` of FALLOCATE."""


def fsync_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags, and a negative offset."""
    unused(sqe, "addr", "buf_index", "splice_fd_in")
    if sqe.rw_flags & ~IORING_FSYNC_DATASYNC:
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of FSYNC")
    req.data = Sync(s64(sqe.off), sqe.len, sqe.rw_flags)
    if req.data.off < 0:
        raise KernelError(Errno.EINVAL, f"offset {req.data.off}")
    req.flags |= REQ_F_FORCE_ASYNC


def fsync(req: Request) -> Outcome:
    """Write a file's data to its device (fsync(2), fdatasync(2))."""
    sync: Sync = req.data
    end = s64(sync.off + sync.len)
    return job(req, "fsync", req.file, bool(sync.flags & IORING_FSYNC_DATASYNC), sync.off, max(end, 0))


def sfr_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0; the call itself checks the rest."""
    unused(sqe, "addr", "buf_index", "splice_fd_in")
    req.data = Sync(s64(sqe.off), sqe.len, sqe.rw_flags)
    req.flags |= REQ_F_FORCE_ASYNC


def sync_file_range(req: Request) -> Outcome:
    """Write a part of a file to its device (sync_file_range(2))."""
    sync: Sync = req.data
    return job(req, "sync_file_range", req.file, sync.off, sync.len, sync.flags)


def fallocate_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0; the call itself checks the rest."""
    unused(sqe, "buf_index", "rw_flags", "splice_fd_in")
    req.data = Sync(s64(sqe.off), s64(sqe.addr), s32(sqe.len))
    req.flags |= REQ_F_FORCE_ASYNC


def fallocate(req: Request) -> Outcome:
    """Give a file its space, or take it (fallocate(2))."""
    sync: Sync = req.data
    return job(req, "fallocate", req.file, sync.flags, sync.off, sync.len)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_FSYNC: Op("FSYNC", fsync_prep, fsync, needs_file=True, keeps_chain=True),
    IORING_OP_SYNC_FILE_RANGE: Op("SYNC_FILE_RANGE", sfr_prep, sync_file_range, needs_file=True, keeps_chain=True),
    IORING_OP_FALLOCATE: Op(
        "FALLOCATE", fallocate_prep, fallocate, needs_file=True, hash_reg_file=True, keeps_chain=True
    ),
}
