"""Extended attributes, and a file's length: requests where there is an opcode, else calls by a worker."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import (
    IORING_OP_FGETXATTR,
    IORING_OP_FSETXATTR,
    IORING_OP_FTRUNCATE,
    IORING_OP_GETXATTR,
    IORING_OP_SETXATTR,
)
from usernel.abi.xattr import XATTR_CREATE, XATTR_REPLACE, XATTR_SIZE_MAX
from usernel.kernel.io_uring.sqe import Sqe

from ..loop import attach
from .place import check, descriptor, place

if TYPE_CHECKING:
    from _typeshed import FileDescriptorOrPath, ReadableBuffer, StrOrBytesPath

SIZES: Final = (256, XATTR_SIZE_MAX)
"""Buffers that a value is got into: the second where the first is too small."""
FLAGS: Final = range((XATTR_CREATE | XATTR_REPLACE) + 1)
LONGEST: Final = 2**63


def _of(path: Any, opcode: int, opcode_fd: int) -> tuple[Sqe, Any] | None:
    """The beginnings of a request on an attribute of a file, and how an error names the file."""
    fd = descriptor(path)
    if fd is not None:
        return Sqe(opcode_fd, fd=fd), fd
    at = place(path)
    return None if at is None else (Sqe(opcode, addr3=at.path), at.name)


async def getxattr(path: FileDescriptorOrPath, attribute: StrOrBytesPath, *, follow_symlinks: bool = True) -> bytes:
    """getxattr(2), as ``os.getxattr``."""
    of, name = _of(path, IORING_OP_GETXATTR, IORING_OP_FGETXATTR), place(attribute)
    if of is None or name is None or not follow_symlinks:
        call = partial(os.getxattr, path, attribute, follow_symlinks=follow_symlinks)
        return await attach().call(call)  # type: ignore[no-any-return]
    sqe, file = of
    sys.audit("os.getxattr", file, name.name)
    for size in SIZES:
        value = bytearray(size)
        res = await attach().request(sqe._replace(addr=name.path, off=value, len=size))
        if res != -Errno.ERANGE or size == XATTR_SIZE_MAX:
            return bytes(memoryview(value)[: check(res, file)])
    raise AssertionError("no size was tried")


async def setxattr(
    path: FileDescriptorOrPath,
    attribute: StrOrBytesPath,
    value: ReadableBuffer,
    flags: int = 0,
    *,
    follow_symlinks: bool = True,
) -> None:
    """setxattr(2), as ``os.setxattr``."""
    of, name = _of(path, IORING_OP_SETXATTR, IORING_OP_FSETXATTR), place(attribute)
    if of is None or name is None or not follow_symlinks or flags not in FLAGS or not _is_plain(value):
        call = partial(os.setxattr, path, attribute, value, flags, follow_symlinks=follow_symlinks)
        await attach().call(call)
        return
    sqe, file = of
    data = bytes(memoryview(value))
    sys.audit("os.setxattr", file, name.name, data, flags)
    check(await attach().request(sqe._replace(addr=name.path, off=data, len=len(data), rw_flags=flags)), file)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray)) or (isinstance(value, memoryview) and value.c_contiguous)


async def truncate(path: FileDescriptorOrPath, length: int) -> None:
    """truncate(2), or ftruncate(2) of a descriptor, as ``os.truncate``."""
    fd = descriptor(path)
    if fd is None or type(length) is not int or not 0 <= length < LONGEST:
        await attach().call(partial(os.truncate, path, length))
        return
    sys.audit("os.truncate", fd, length)
    check(await attach().request(Sqe(IORING_OP_FTRUNCATE, fd=fd, off=length)))
