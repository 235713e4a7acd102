"""What the ``prep`` of many opcodes checks of an entry, and numbers as C reads them."""

from __future__ import annotations

from usernel.abi.errno import Errno

from ..error import KernelError
from .request import REQ_F_FIXED_FILE, Request
from .sqe import Sqe


def unused(sqe: Sqe, *names: str) -> None:
    """EINVAL where a field that the opcode has no use for is not 0."""
    for name in names:
        if getattr(sqe, name):
            raise KernelError(Errno.EINVAL, f"{name} has no meaning here and must be 0")


def no_fixed_file(req: Request) -> None:
    """EBADF where a fixed file is asked for (IOSQE_FIXED_FILE) by what takes none."""
    if req.flags & REQ_F_FIXED_FILE:
        raise KernelError(Errno.EBADF, "it takes no fixed file")


def s32(value: int) -> int:
    """32 bits as an ``int``."""
    return (value & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)


def s64(value: int) -> int:
    """64 bits as a ``loff_t``."""
    return (value & 0xFFFFFFFFFFFFFFFF ^ 1 << 63) - (1 << 63)


def u64(value: int) -> int:
    """64 bits, as they are."""
    return value & 0xFFFFFFFFFFFFFFFF
