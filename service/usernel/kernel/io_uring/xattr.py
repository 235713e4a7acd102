"""FSETXATTR, SETXATTR, FGETXATTR and GETXATTR (``io_uring/xattr.c``).

``addr`` is the name, ``off`` the value, ``len`` its size, ``addr3`` the path where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import (
    IORING_OP_FGETXATTR,
    IORING_OP_FSETXATTR,
    IORING_OP_GETXATTR,
    IORING_OP_SETXATTR,
)
from usernel.abi.xattr import XATTR_CREATE, XATTR_NAME_MAX, XATTR_REPLACE, XATTR_SIZE_MAX

from ..error import KernelError
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import no_fixed_file
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe
from .uaccess import read_bytes, read_path, read_string


@dataclass(frozen=True, slots=True)
class Xattr:
    """``struct io_xattr``. ``value`` is what is set, or the address that what is got goes to."""

    path: bytes
    name: bytes
    value: Any
    size: int
    flags: int


def fsetxattr_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unknown flags; ERANGE, E2BIG for a name or a value of a size that cannot be; EFAULT."""
    if sqe.rw_flags & ~(XATTR_CREATE | XATTR_REPLACE):
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of SETXATTR")
    name = _name(req, sqe)
    if sqe.len > XATTR_SIZE_MAX:
        raise KernelError(Errno.E2BIG, f"a value of {sqe.len} bytes")
    value = read_bytes(req.ctx.port.memory, sqe.off, sqe.len) if sqe.len else b""
    req.data = Xattr(b"", name, value, sqe.len, sqe.rw_flags)
    req.flags |= REQ_F_FORCE_ASYNC


def setxattr_prep(req: Request, sqe: Sqe) -> None:
    """The same, and EBADF for a fixed file, and what ``read_path`` says."""
    no_fixed_file(req)
    fsetxattr_prep(req, sqe)
    _add_path(req, sqe)


def fgetxattr_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for flags, ERANGE for a name of a size that cannot be, EFAULT."""
    if sqe.rw_flags:
        raise KernelError(Errno.EINVAL, "GETXATTR has no flags")
    req.data = Xattr(b"", _name(req, sqe), sqe.off, sqe.len, 0)
    req.flags |= REQ_F_FORCE_ASYNC


def getxattr_prep(req: Request, sqe: Sqe) -> None:
    """The same, and EBADF for a fixed file, and what ``read_path`` says."""
    no_fixed_file(req)
    fgetxattr_prep(req, sqe)
    _add_path(req, sqe)


def _name(req: Request, sqe: Sqe) -> bytes:
    name = read_string(req.ctx.port.memory, sqe.addr, XATTR_NAME_MAX + 1)
    if not name:
        raise KernelError(Errno.ERANGE, f"the name of an attribute has 1 to {XATTR_NAME_MAX} bytes")
    return name


def _add_path(req: Request, sqe: Sqe) -> None:
    attr: Xattr = req.data
    path = read_path(req.ctx.port.memory, sqe.addr3)
    req.data = Xattr(path, attr.name, attr.value, attr.size, attr.flags)


def fsetxattr(req: Request) -> Outcome:
    """Set an attribute of an open file (fsetxattr(2))."""
    attr: Xattr = req.data
    return job(req, "fsetxattr", req.file, attr.name, attr.value, attr.flags)


def setxattr(req: Request) -> Outcome:
    """Set an attribute of the file at a path (setxattr(2))."""
    attr: Xattr = req.data
    return job(req, "setxattr", attr.path, attr.name, attr.value, attr.flags)


def fgetxattr(req: Request) -> Outcome:
    """Get an attribute of an open file (fgetxattr(2))."""
    attr: Xattr = req.data
    return job(req, "fgetxattr", req.file, attr.name, attr.size)


def getxattr(req: Request) -> Outcome:
    """Get an attribute of the file at a path (getxattr(2))."""
    attr: Xattr = req.data
    return job(req, "getxattr", attr.path, attr.name, attr.size)


def got(req: Request, result: int | bytes) -> int:
    """The value goes to its buffer, its size is the result. EFAULT."""
    if isinstance(result, int):
        return result
    if result:
        req.ctx.port.memory.view(req.data.value, len(result), write=True)[:] = result
    return len(result)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_FSETXATTR: Op("FSETXATTR", fsetxattr_prep, fsetxattr, needs_file=True, keeps_chain=True),
    IORING_OP_SETXATTR: Op("SETXATTR", setxattr_prep, setxattr, keeps_chain=True),
    IORING_OP_FGETXATTR: Op("FGETXATTR", fgetxattr_prep, fgetxattr, got, needs_file=True, keeps_chain=True),
    IORING_OP_GETXATTR: Op("GETXATTR", getxattr_prep, getxattr, got, keeps_chain=True),
}
