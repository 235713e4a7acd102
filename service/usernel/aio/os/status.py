"""stat(2) of paths, and whether they are there: at once where the path is cached, else by STATX."""

from __future__ import annotations

import os
from functools import partial
from stat import S_ISLNK
from typing import TYPE_CHECKING, Any

from usernel.abi.fcntl import AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW
from usernel.abi.io_uring_op import IORING_OP_STATX
from usernel.abi.stat import STATX, STATX_BASIC_STATS
from usernel.kernel.io_uring.sqe import Sqe

from ..cached_path import cached_stat
from ..loop import attach
from .place import Place, check, descriptor, place

if TYPE_CHECKING:
    from _typeshed import FileDescriptorOrPath, StrOrBytesPath

    from ..loop_ring import LoopRing


async def stat(
    path: FileDescriptorOrPath, *, dir_fd: int | None = None, follow_symlinks: bool = True
) -> os.stat_result:
    """stat(2), as ``os.stat``."""
    if dir_fd is None and follow_symlinks and descriptor(path) is not None:
        return os.stat(path)
    at, ring = place(path, dir_fd), attach()
    if at is None:
        call = partial(os.stat, path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        return await ring.call(call)  # type: ignore[no-any-return]
    return await _status(ring, at, follow=bool(follow_symlinks))


async def lstat(path: StrOrBytesPath, *, dir_fd: int | None = None) -> os.stat_result:
    """lstat(2), as ``os.lstat``."""
    at, ring = place(path, dir_fd), attach()
    if at is None:
        return await ring.call(partial(os.lstat, path, dir_fd=dir_fd))  # type: ignore[no-any-return]
    return await _status(ring, at, follow=False)


async def _status(ring: LoopRing, at: Place, *, follow: bool) -> os.stat_result:
    hits = ring.hits
    try:
        found = cached_stat(at.path, dir_fd=at.dirfd, follow=follow)
        if found is not None:
            hits.inline += 1
            return found
    except OSError as error:
        hits.inline += 1
        error.filename = at.name
        raise
    finally:
        if hits.used_up:
            await hits.turn()
    return await _statx(ring, at, follow=follow)


async def _statx(ring: LoopRing, at: Place, *, follow: bool) -> os.stat_result:
    buffer = bytearray(STATX.size)
    flags = AT_NO_AUTOMOUNT if follow else AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW
    sqe = Sqe(IORING_OP_STATX, fd=at.dirfd, addr=at.path, off=buffer, len=STATX_BASIC_STATS, rw_flags=flags)
    check(await ring.request(sqe), at.name)
    return stat_result(buffer)


def stat_result(statx: bytes | bytearray) -> os.stat_result:
    """What ``os.stat`` makes of a file's status, out of a ``struct statx``."""
    (
        _mask, blksize, _attributes, nlink, uid, gid, mode, _spare, ino, size, blocks, _attributes_mask,
        atime, atime_ns, _0, _btime, _btime_ns, _1, ctime, ctime_ns, _2, mtime, mtime_ns, _3,
        rdev_major, rdev_minor, dev_major, dev_minor, *_rest,
    ) = STATX.unpack(statx)  # fmt: skip
    plain = (mode, ino, os.makedev(dev_major, dev_minor), nlink, uid, gid, size, atime, mtime, ctime)
    named: dict[str, Any] = {
        "st_blksize": blksize, "st_blocks": blocks, "st_rdev": os.makedev(rdev_major, rdev_minor),
    }  # fmt: skip
    for name, sec, nsec in (("atime", atime, atime_ns), ("mtime", mtime, mtime_ns), ("ctime", ctime, ctime_ns)):
        named[f"st_{name}"] = sec + 1e-9 * nsec
        named[f"st_{name}_ns"] = sec * 10**9 + nsec
    return os.stat_result(plain, named)


async def access(
    path: FileDescriptorOrPath,
    mode: int,
    *,
    dir_fd: int | None = None,
    effective_ids: bool = False,
    follow_symlinks: bool = True,
) -> bool:
    """access(2), as ``os.access``: whether a file is there is known at once where its path is cached."""
    at, ring = place(path, dir_fd), attach()
    if at is not None and mode == os.F_OK and not effective_ids:
        try:
            await _status(ring, at, follow=bool(follow_symlinks))
        except OSError:
            return False
        return True
    call = partial(
        os.access, path, mode, dir_fd=dir_fd, effective_ids=effective_ids, follow_symlinks=follow_symlinks
    )  # fmt: skip
    return await ring.call(call)  # type: ignore[no-any-return]


def may_be_link(at: Place) -> bool:
    """Whether a path may be of a symbolic link, as far as is known without waiting."""
    try:
        found = cached_stat(at.path, dir_fd=at.dirfd, follow=False)
    except OSError:
        return False
    return found is None or S_ISLNK(found.st_mode)
