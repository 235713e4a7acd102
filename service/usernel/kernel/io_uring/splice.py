"""SPLICE and TEE (``io_uring/splice.c``): ``fd`` is where it goes, ``splice_fd_in`` where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import IORING_OP_SPLICE, IORING_OP_TEE, SPLICE_F_FD_IN_FIXED
from usernel.abi.splice import SPLICE_F_ALL

from ..error import KernelError
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import s64, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe

if TYPE_CHECKING:
    from .port import RingFile
    from .rsrc import RsrcNode


@dataclass(slots=True)
class Splice:
    """``struct io_splice``. The file it comes from is held from its issue to its end."""

    fd_in: int
    off_in: int
    off_out: int
    len: int
    flags: int
    file_in: RingFile | None = None
    node_in: RsrcNode | None = None


def splice_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags."""
    if sqe.rw_flags & ~(SPLICE_F_FD_IN_FIXED | SPLICE_F_ALL):
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of {req.op.name if req.op else 'SPLICE'}")
    req.data = Splice(sqe.splice_fd_in, s64(sqe.addr), s64(sqe.off), sqe.len, sqe.rw_flags)
    req.flags |= REQ_F_FORCE_ASYNC


def tee_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for offsets, which a pipe has not, and unknown flags."""
    unused(sqe, "addr", "off")
    splice_prep(req, sqe)


def splice(req: Request) -> Outcome:
    """Move bytes between two files, one of which is a pipe (splice(2)). EBADF."""
    sp = _with_file(req)
    if not sp.len:
        return 0
    return job(req, "splice", sp.file_in, sp.off_in, req.file, sp.off_out, sp.len, sp.flags & ~SPLICE_F_FD_IN_FIXED)


def tee(req: Request) -> Outcome:
    """Duplicate what one pipe holds into another (tee(2)). EBADF."""
    sp = _with_file(req)
    if not sp.len:
        return 0
    return job(req, "tee", sp.file_in, req.file, sp.len, sp.flags & ~SPLICE_F_FD_IN_FIXED)


def _with_file(req: Request) -> Splice:
    sp: Splice = req.data
    if sp.file_in is None and sp.flags & SPLICE_F_FD_IN_FIXED:
        sp.node_in = req.ctx.file_table.lookup(sp.fd_in)
        if sp.node_in is not None:
            sp.node_in.refs += 1
            sp.file_in = sp.node_in.file
    elif sp.file_in is None:
        sp.file_in = req.ctx.port.fget(sp.fd_in)
    if sp.file_in is None:
        raise KernelError(Errno.EBADF, f"descriptor {sp.fd_in} is not open")
    return sp


def done(req: Request, result: Any) -> int:
    """Fewer bytes than were asked for break the chain."""
    if result != req.data.len:
        req.fail()
    return int(result)


def cleanup(req: Request) -> None:
    """Let go of the file it comes from."""
    sp = req.data
    if not isinstance(sp, Splice):
        return  # its preparation failed
    if sp.node_in is not None:
        req.ctx.file_table.put_node(sp.node_in)
    elif sp.file_in is not None:
        sp.file_in.put()
    sp.file_in = sp.node_in = None


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_SPLICE: Op(
        "SPLICE",
        splice_prep,
        splice,
        done,
        cleanup=cleanup,
        needs_file=True,
        hash_reg_file=True,
        unbound_nonreg_file=True,
    ),
    IORING_OP_TEE: Op(
        "TEE", tee_prep, tee, done, cleanup=cleanup, needs_file=True, hash_reg_file=True, unbound_nonreg_file=True
    ),
}
