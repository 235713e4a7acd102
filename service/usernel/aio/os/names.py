"""Calls that change directories, each one request: RENAMEAT, UNLINKAT, MKDIRAT, LINKAT, SYMLINKAT.

What a request cannot say, or what is wrong of its arguments, goes to the function of ``os``, which a worker calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from usernel.abi.fcntl import AT_REMOVEDIR
from usernel.abi.io_uring_op import (
    IORING_OP_LINKAT,
    IORING_OP_MKDIRAT,
    IORING_OP_RENAMEAT,
    IORING_OP_SYMLINKAT,
    IORING_OP_UNLINKAT,
)
from usernel.abi.stat import S_IALLUGO
from usernel.kernel.io_uring.sqe import Sqe

from ..loop import attach
from .place import check, place
from .status import may_be_link

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath


def _given(dir_fd: int | None) -> int:
    """A descriptor as audit hooks are told of it."""
    return -1 if dir_fd is None else dir_fd


async def rename(
    src: StrOrBytesPath, dst: StrOrBytesPath, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
) -> None:
    """rename(2), as ``os.rename``."""
    await _rename(os.rename, src, dst, src_dir_fd, dst_dir_fd)


async def replace(
    src: StrOrBytesPath, dst: StrOrBytesPath, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
) -> None:
    """rename(2), as ``os.replace``."""
    await _rename(os.replace, src, dst, src_dir_fd, dst_dir_fd)


async def _rename(func: Callable[..., None], src: Any, dst: Any, src_dir_fd: Any, dst_dir_fd: Any) -> None:
    old, new = place(src, src_dir_fd), place(dst, dst_dir_fd)
    if old is None or new is None:
        await attach().call(partial(func, src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd))
        return
    sys.audit("os.rename", old.name, new.name, _given(src_dir_fd), _given(dst_dir_fd))
    sqe = Sqe(IORING_OP_RENAMEAT, fd=old.dirfd, addr=old.path, len=new.dirfd, off=new.path)
    check(await attach().request(sqe), old.name, new.name)


async def unlink(path: StrOrBytesPath, *, dir_fd: int | None = None) -> None:
    """unlink(2), as ``os.unlink``."""
    await _unlink(os.unlink, "os.remove", path, dir_fd, 0)


async def remove(path: StrOrBytesPath, *, dir_fd: int | None = None) -> None:
    """unlink(2), as ``os.remove``."""
    await _unlink(os.remove, "os.remove", path, dir_fd, 0)


async def rmdir(path: StrOrBytesPath, *, dir_fd: int | None = None) -> None:
    """rmdir(2), as ``os.rmdir``."""
    await _unlink(os.rmdir, "os.rmdir", path, dir_fd, AT_REMOVEDIR)


async def _unlink(func: Callable[..., None], event: str, path: Any, dir_fd: Any, flags: int) -> None:
    at = place(path, dir_fd)
    if at is None:
        await attach().call(partial(func, path, dir_fd=dir_fd))
        return
    sys.audit(event, at.name, _given(dir_fd))
    check(await attach().request(Sqe(IORING_OP_UNLINKAT, fd=at.dirfd, addr=at.path, rw_flags=flags)), at.name)


async def mkdir(path: StrOrBytesPath, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
    """mkdir(2), as ``os.mkdir``."""
    at = place(path, dir_fd)
    if at is None or type(mode) is not int or mode & ~S_IALLUGO:
        await attach().call(partial(os.mkdir, path, mode, dir_fd=dir_fd))
        return
    sys.audit("os.mkdir", at.name, mode, _given(dir_fd))
    check(await attach().request(Sqe(IORING_OP_MKDIRAT, fd=at.dirfd, addr=at.path, len=mode)), at.name)


async def link(
    src: StrOrBytesPath,
    dst: StrOrBytesPath,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    """link(2), as ``os.link``."""
    old, new = place(src, src_dir_fd), place(dst, dst_dir_fd)
    # Whether a link is followed by default has changed from one Python to the next: os.link itself knows.
    if old is None or new is None or (follow_symlinks and may_be_link(old)):
        await attach().call(
            partial(os.link, src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, follow_symlinks=follow_symlinks)
        )
        return
    sys.audit("os.link", old.name, new.name, _given(src_dir_fd), _given(dst_dir_fd))
    sqe = Sqe(IORING_OP_LINKAT, fd=old.dirfd, addr=old.path, len=new.dirfd, off=new.path)
    check(await attach().request(sqe), old.name, new.name)


async def symlink(
    src: StrOrBytesPath,
    dst: StrOrBytesPath,
    target_is_directory: bool = False,
    *,
    dir_fd: int | None = None,
) -> None:
    """symlink(2), as ``os.symlink``."""
    target, at = place(src), place(dst, dir_fd)
    if target is None or at is None:
        await attach().call(partial(os.symlink, src, dst, target_is_directory, dir_fd=dir_fd))
        return
    sys.audit("os.symlink", target.name, at.name, _given(dir_fd))
    sqe = Sqe(IORING_OP_SYMLINKAT, fd=at.dirfd, addr=target.path, off=at.path)
    check(await attach().request(sqe), target.name, at.name)
