"""RENAMEAT, UNLINKAT, MKDIRAT, SYMLINKAT and LINKAT (``io_uring/fs.c``).

All of them wait for the file system, so a worker does them. Each refuses fields that must be 0 (EINVAL), a fixed file
(EBADF), and a path that cannot be read (``read_path``); the call itself checks the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_EMPTY_PATH, AT_REMOVEDIR
from usernel.abi.io_uring_op import (
    IORING_OP_LINKAT,
    IORING_OP_MKDIRAT,
    IORING_OP_RENAMEAT,
    IORING_OP_SYMLINKAT,
    IORING_OP_UNLINKAT,
)

from ..error import KernelError
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import no_fixed_file, s32, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe
from .uaccess import read_path


def renameat_prep(req: Request, sqe: Sqe) -> None:
    """renameat2(2): ``fd`` and ``addr`` are the old path, ``len`` and ``off`` the new one."""
    unused(sqe, "buf_index", "splice_fd_in")
    no_fixed_file(req)
    old, new = _path(req, sqe.addr), _path(req, sqe.off)
    _prepared(req, "renameat2", sqe.fd, old, s32(sqe.len), new, sqe.rw_flags)


def unlinkat_prep(req: Request, sqe: Sqe) -> None:
    """unlinkat(2). EINVAL for flags other than AT_REMOVEDIR."""
    unused(sqe, "off", "len", "buf_index", "splice_fd_in")
    no_fixed_file(req)
    if sqe.rw_flags & ~AT_REMOVEDIR:
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of UNLINKAT")
    _prepared(req, "unlinkat", sqe.fd, _path(req, sqe.addr), sqe.rw_flags)


def mkdirat_prep(req: Request, sqe: Sqe) -> None:
    """mkdirat(2): ``len`` is the mode."""
    unused(sqe, "off", "rw_flags", "buf_index", "splice_fd_in")
    no_fixed_file(req)
    _prepared(req, "mkdirat", sqe.fd, _path(req, sqe.addr), sqe.len & 0xFFFF)


def symlinkat_prep(req: Request, sqe: Sqe) -> None:
    """symlinkat(2): ``addr`` is where it points to, ``fd`` and ``off`` where it is."""
    unused(sqe, "len", "rw_flags", "buf_index", "splice_fd_in")
    no_fixed_file(req)
    target, path = _path(req, sqe.addr), _path(req, sqe.off)
    _prepared(req, "symlinkat", target, sqe.fd, path)


def linkat_prep(req: Request, sqe: Sqe) -> None:
    """linkat(2): ``fd`` and ``addr`` are the old path, ``len`` and ``off`` the new one."""
    unused(sqe, "buf_index", "splice_fd_in")
    no_fixed_file(req)
    old = _path(req, sqe.addr, may_be_empty=bool(sqe.rw_flags & AT_EMPTY_PATH))
    new = _path(req, sqe.off)
    _prepared(req, "linkat", sqe.fd, old, s32(sqe.len), new, sqe.rw_flags)


def _path(req: Request, addr: Any, *, may_be_empty: bool = False) -> bytes:
    return read_path(req.ctx.port.memory, addr, may_be_empty=may_be_empty)


def _prepared(req: Request, name: str, *args: Any) -> None:
    req.data = job(req, name, *args)
    req.flags |= REQ_F_FORCE_ASYNC


def issue(req: Request) -> Outcome:
    """The call that was prepared."""
    outcome: Outcome = req.data
    return outcome


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_RENAMEAT: Op("RENAMEAT", renameat_prep, issue, keeps_chain=True),
    IORING_OP_UNLINKAT: Op("UNLINKAT", unlinkat_prep, issue, keeps_chain=True),
    IORING_OP_MKDIRAT: Op("MKDIRAT", mkdirat_prep, issue, keeps_chain=True),
    IORING_OP_SYMLINKAT: Op("SYMLINKAT", symlinkat_prep, issue, keeps_chain=True),
    IORING_OP_LINKAT: Op("LINKAT", linkat_prep, issue, keeps_chain=True),
}
