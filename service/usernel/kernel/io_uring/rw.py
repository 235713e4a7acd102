"""Reads and writes (``io_uring/rw.c``): of a buffer, of a vector, of registered buffers, of buffers that are chosen.

What keeps one from being done is found here in Linux's order, but for whether its file was opened to be read or
written, which the port says: a transfer of nothing asks for that. The priority is checked, and not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT, RWF_APPEND, RWF_HIPRI, RWF_NOAPPEND, RWF_NOWAIT, RWF_SUPPORTED
from usernel.abi.io_uring import IORING_SETUP_IOPOLL, IOSQE_BUFFER_SELECT
from usernel.abi.io_uring_op import (
    IORING_OP_READ,
    IORING_OP_READ_FIXED,
    IORING_OP_READV,
    IORING_OP_READV_FIXED,
    IORING_OP_WRITE,
    IORING_OP_WRITE_FIXED,
    IORING_OP_WRITEV,
    IORING_OP_WRITEV_FIXED,
    IORING_RW_ATTR_FLAG_PI,
)
from usernel.abi.uio import IOVEC

from ..error import KernelError
from .jobs import job
from .kbuf import select
from .opdef import Op
from .outcome import Outcome
from .port import Job
from .prep import s64
from .request import REQ_F_NOWAIT, Request
from .rsrc import import_fixed, import_fixed_vec
from .sqe import Sqe
from .uaccess import access_ok, iovec_from_user, read_iovec, read_struct, views

INT_MAX: Final = 0x7FFFFFFF
IOPRIO_CLASS_SHIFT: Final = 13
IOPRIO_CLASS_NONE: Final = 0
IOPRIO_CLASS_IDLE: Final = 3
IOPRIO_LEVELS: Final = 8
ATTR_PI: Final = Struct("=HHIQQQ")
"""``struct io_uring_attr_pi``: flags app_tag len addr seed rsvd."""
LOFF_MAX: Final = (1 << 63) - 1
HERE: Final = -1
"""The current position."""

Buffers = tuple[memoryview, ...]


@dataclass(slots=True)
class Rw:
    """``struct io_rw``, ``struct io_async_rw``."""

    off: int
    addr: Any
    len: int
    flags: int
    has_metadata: bool
    pieces: list[tuple[Any, int]] | None = None
    """The buffers of a vector, by address and size."""
    wanted: int = 0
    refused: Errno | None = None
    """What is wrong with it, unless the file says otherwise."""


# -------------------------------------------------------------------------------------------------------- preparation


def prep_fixed(req: Request, sqe: Sqe) -> None:
    """What all have in common (``__io_prep_rw``). EINVAL for a priority or an attribute that is none, EFAULT."""
    _check_ioprio(sqe.ioprio)
    req.data = Rw(s64(sqe.off), sqe.addr, sqe.len, sqe.rw_flags, _has_metadata(req, sqe))


def prep(req: Request, sqe: Sqe) -> None:
    """READ, WRITE. EFAULT for an address that nobody could have."""
    prep_fixed(req, sqe)
    if not req.flags & IOSQE_BUFFER_SELECT:
        access_ok(req.ctx.port.memory, sqe.addr, min(sqe.len, MAX_RW_COUNT))


def prep_vec(req: Request, sqe: Sqe) -> None:
    """READV, WRITEV: ``len`` buffers; just one, whose size is taken, where the buffer is to be chosen."""
    prep_fixed(req, sqe)
    memory = req.ctx.port.memory
    if not req.flags & IOSQE_BUFFER_SELECT:
        req.data.pieces = read_iovec(memory, sqe.addr, sqe.len)
    elif sqe.len != 1:
        raise KernelError(Errno.EINVAL, "a chosen buffer is one buffer")
    elif memory.owns(sqe.addr):
        req.data.len = read_struct(memory, sqe.addr, IOVEC)[1] & 0xFFFFFFFF
    else:
        req.data.len = read_iovec(memory, sqe.addr, 1)[0][1]


def prep_vec_fixed(req: Request, sqe: Sqe) -> None:
    """READV_FIXED, WRITEV_FIXED: parts of a registered buffer."""
    prep_fixed(req, sqe)
    if sqe.len * IOVEC.size > INT_MAX:
        raise KernelError(Errno.ENOMEM, f"room for {sqe.len} iovecs")  # asked for before they are counted
    req.data.pieces = iovec_from_user(req.ctx.port.memory, sqe.addr, sqe.len)


def _check_ioprio(ioprio: int) -> None:
    prio_class, level = ioprio >> IOPRIO_CLASS_SHIFT, ioprio % IOPRIO_LEVELS
    if prio_class > IOPRIO_CLASS_IDLE or (prio_class == IOPRIO_CLASS_NONE and level):
        raise KernelError(Errno.EINVAL, f"no I/O priority {ioprio:#x}")


def _has_metadata(req: Request, sqe: Sqe) -> bool:
    if not sqe.pad2:
        return False
    if sqe.pad2 != IORING_RW_ATTR_FLAG_PI:
        raise KernelError(Errno.EINVAL, f"attribute types {sqe.pad2:#x}")
    if read_struct(req.ctx.port.memory, sqe.addr3, ATTR_PI)[-1]:
        raise KernelError(Errno.EINVAL, "a reserved field of the attribute is not 0")
    return True


# ------------------------------------------------------------------------------------------------------------- issue


def issue(req: Request, *, write: bool) -> Outcome:
    """READ, WRITE and their vectors. ENOBUFS; else what ``transfer`` says."""
    rw: Rw = req.data
    if req.flags & IOSQE_BUFFER_SELECT:
        chosen, fault = choose(req)
        return transfer(req, chosen, write=write, fault=fault)
    pieces = [(rw.addr, min(rw.len, MAX_RW_COUNT))] if rw.pieces is None else rw.pieces
    rw.wanted = sum(size for _, size in pieces)
    return _import(req, pieces, write=write)


def choose(req: Request) -> tuple[Buffers, Errno | None]:
    """Choose the buffer; EFAULT beside it, where its bytes are not there. Raises ENOBUFS where there is none."""
    rw: Rw = req.data
    try:
        chosen = select(req, rw.len)
    except KernelError as error:
        if error.number is not Errno.EFAULT:
            raise
        return (), error.number
    rw.len = rw.wanted = len(chosen)
    return (chosen,), None


def _import(req: Request, pieces: list[tuple[Any, int]], *, write: bool) -> Outcome:
    try:
        buffers = views(req.ctx.port.memory, pieces, write=not write)
    except KernelError as error:
        return transfer(req, (), write=write, fault=error.number)
    return transfer(req, buffers, write=write)


def issue_fixed(req: Request, *, write: bool) -> Outcome:
    """READ_FIXED, WRITE_FIXED. EFAULT outside of the registered buffer; else what ``transfer`` says."""
    rw: Rw = req.data
    rw.wanted = rw.len
    return transfer(req, import_fixed(req, rw.addr, rw.len), write=write)


def issue_vec_fixed(req: Request, *, write: bool) -> Outcome:
    """READV_FIXED, WRITEV_FIXED. EFAULT outside of the registered buffer; else what ``transfer`` says."""
    rw: Rw = req.data
    rw.wanted = sum(size for _, size in rw.pieces or ())
    return transfer(req, import_fixed_vec(req, rw.pieces or []), write=write)


def transfer(req: Request, buffers: Buffers, *, write: bool, fault: Errno | None = None) -> Job:
    """The I/O of a request (``__io_read``, ``io_write``).

    EBADF where the file was not opened for it; EOPNOTSUPP for unknown flags, and in a ring that polls for I/O, as no
    file of ours can be polled so; EINVAL for flags that contradict each other or the ring, and an offset out of range;
    ``fault`` where none of the buffers is there.
    """
    rw: Rw = req.data
    if rw.flags & RWF_NOWAIT:
        req.flags |= REQ_F_NOWAIT
    rw.refused = _refused(req, rw) or fault
    name = "write" if write else "read"
    if rw.refused is not None:
        return job(req, name, req.file, (), HERE, 0)
    return job(req, name, req.file, buffers, rw.off, rw.flags)


def _refused(req: Request, rw: Rw) -> Errno | None:
    if rw.flags & ~RWF_SUPPORTED:
        return Errno.EOPNOTSUPP
    if rw.flags & RWF_APPEND and rw.flags & RWF_NOAPPEND:
        return Errno.EINVAL
    if req.ctx.flags & IORING_SETUP_IOPOLL:
        return Errno.EOPNOTSUPP
    outside = rw.off < HERE or rw.off + rw.wanted > LOFF_MAX
    return Errno.EINVAL if rw.flags & RWF_HIPRI or rw.has_metadata or outside else None


def done(req: Request, result: Any) -> int:
    """The bytes that were moved: fewer than were wanted break the chain."""
    moved = outcome_of(req, result)
    if moved != req.data.wanted:
        req.fail()
    return moved


def outcome_of(req: Request, result: Any) -> int:
    """What the port's result comes to, where the request was to be refused."""
    refused: Errno | None = req.data.refused
    return int(result) if refused is None or result < 0 else -refused


# ------------------------------------------------------------------------------------------------------------- table


def _op(name: str, *, write: bool, fixed: bool = False, vectored: bool = False) -> Op:
    prepare = (prep_vec_fixed if vectored else prep_fixed) if fixed else (prep_vec if vectored else prep)
    run = (issue_vec_fixed if vectored else issue_fixed) if fixed else issue
    return Op(
        name, prepare, partial(run, write=write), done, needs_file=True, pollin=not write, pollout=write,
        hash_reg_file=write, unbound_nonreg_file=True, buffer_select=not write and not fixed, ioprio=True, iopoll=True,
        vectored=vectored, partial="the priority is not passed on, and no file can be polled for I/O",
    )  # fmt: skip


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_READV: _op("READV", write=False, vectored=True),
    IORING_OP_WRITEV: _op("WRITEV", write=True, vectored=True),
    IORING_OP_READ_FIXED: _op("READ_FIXED", write=False, fixed=True),
    IORING_OP_WRITE_FIXED: _op("WRITE_FIXED", write=True, fixed=True),
    IORING_OP_READ: _op("READ", write=False),
    IORING_OP_WRITE: _op("WRITE", write=True),
    IORING_OP_READV_FIXED: _op("READV_FIXED", write=False, fixed=True, vectored=True),
    IORING_OP_WRITEV_FIXED: _op("WRITEV_FIXED", write=True, fixed=True, vectored=True),
}
