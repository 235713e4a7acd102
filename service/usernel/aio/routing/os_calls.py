"""Functions of ``os`` and ``os.path`` that are tried inside the loop: on descriptors, and on paths that are cached."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.fs import RWF_NOWAIT
from usernel.kernel.io_uring.port import AGAIN, Job

from ..cached_path import cached_stat
from ..hits import MOST, NOT_NOW
from ..inline import MAKES, attempt
from .outcome import LATER

if TYPE_CHECKING:
    from ..loop_ring import LoopRing

HERE: Final = -1


# ---------------------------------------------------------------------------------------------------- on descriptors


def pread(ring: LoopRing, _target: object, fd: int, length: int, offset: int, /) -> Any:
    """os.pread."""
    found = ring.hits.pread(fd, length, offset)
    return LATER if found is None else found


def preadv(ring: LoopRing, _target: object, fd: int, buffers: Any, offset: int, flags: int = 0, /) -> Any:
    """os.preadv."""
    if flags:
        return LATER
    got = ring.hits.preadv(fd, buffers, sum(memoryview(buffer).nbytes for buffer in buffers), offset)
    return LATER if got is None else got


def read(_ring: LoopRing, _target: object, fd: int, length: int, /) -> Any:
    """os.read: from where the descriptor is. What was read short of the end of what is cached is read again."""
    if length > MOST:
        return LATER
    buffer = bytearray(length)
    try:
        got = os.preadv(fd, [buffer], HERE, RWF_NOWAIT)
        if 0 < got < length and os.preadv(fd, [bytearray(1)], HERE, RWF_NOWAIT) != 0:
            # Either more is cached by now, or it is a pipe: what there is, is what read(2) answers.
            os.lseek(fd, -1, os.SEEK_CUR)
            return bytes(memoryview(buffer)[:got])
    except OSError as error:
        if error.errno in NOT_NOW:
            return LATER
        raise
    return bytes(memoryview(buffer)[:got])


def plainly(_ring: LoopRing, target: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What never sleeps is simply called."""
    return target(*args, **named)


def close(ring: LoopRing, _target: object, fd: int) -> None:
    """os.close."""
    ring.hits.forget(fd)
    os.close(fd)


# ----------------------------------------------------------------------------------------------------------- on paths


def _path(path: Any) -> bytes | None:
    """The bytes of a path; None for a descriptor in its place."""
    return None if isinstance(path, int) else os.fsencode(path)


def _cached_stat(path: Any, *, follow: bool = True) -> os.stat_result | None:
    """The status of a file whose path is in the dentry cache. OSError as os.stat; None where it is not cached."""
    if isinstance(path, int):
        return os.stat(path) if follow else None  # noqa: PTH116 - a descriptor
    return cached_stat(path, follow=follow)


def stat(
    _ring: LoopRing, _target: object, path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True
) -> Any:
    """os.stat."""
    if dir_fd is not None:
        return LATER
    found = _cached_stat(path, follow=follow_symlinks)
    return LATER if found is None else found


def lstat(_ring: LoopRing, _target: object, path: Any, *, dir_fd: int | None = None) -> Any:
    """os.lstat."""
    if dir_fd is not None:
        return LATER
    found = _cached_stat(path, follow=False)
    return LATER if found is None else found


def _of_stat(show: Callable[[os.stat_result], Any], *, missing: bool, follow: bool = True) -> Callable[..., Any]:
    """A function of os.path that looks at the status; where ``missing``, no file is False and not an error."""

    def shown(_ring: LoopRing, _target: object, path: Any, /) -> Any:
        try:
            found = _cached_stat(path, follow=follow)
        except (OSError, ValueError):
            if missing:
                return False
            raise
        return LATER if found is None else show(found)

    return shown


def open_fd(
    _ring: LoopRing, _target: object, path: Any, flags: int, _mode: int = 0o777, *, dir_fd: int | None = None
) -> Any:
    """os.open of what is there already and cached."""
    encoded = _path(path)
    if encoded is None or dir_fd is not None or flags & MAKES or b"\0" in encoded:
        return LATER
    fd = attempt(Job("openat2", (AT_FDCWD, encoded, flags | os.O_CLOEXEC | os.O_LARGEFILE, 0, 0)))
    if fd is AGAIN:
        return LATER
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd), os.fspath(path))
    return fd


CALLS: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {
    os.pread: pread,
    os.preadv: preadv,
    os.read: read,
    os.close: close,
    os.fstat: plainly,
    os.lseek: plainly,
    os.isatty: plainly,
    os.get_blocking: plainly,
    os.set_blocking: plainly,
    os.getcwd: plainly,
    os.getcwdb: plainly,
    os.umask: plainly,
    os.dup: plainly,
    os.pipe: plainly,
    os.pipe2: plainly,
    os.get_inheritable: plainly,
    os.set_inheritable: plainly,
    os.stat: stat,
    os.lstat: lstat,
    os.open: open_fd,
    os.path.exists: _of_stat(lambda _: True, missing=True),
    os.path.lexists: _of_stat(lambda _: True, missing=True, follow=False),
    os.path.isfile: _of_stat(lambda found: S_ISREG(found.st_mode), missing=True),
    os.path.isdir: _of_stat(lambda found: S_ISDIR(found.st_mode), missing=True),
    os.path.islink: _of_stat(lambda found: S_ISLNK(found.st_mode), missing=True, follow=False),
    os.path.getsize: _of_stat(lambda found: found.st_size, missing=False),
    os.path.getmtime: _of_stat(lambda found: found.st_mtime, missing=False),
    os.path.getatime: _of_stat(lambda found: found.st_atime, missing=False),
    os.path.getctime: _of_stat(lambda found: found.st_ctime, missing=False),
    os.path.abspath: plainly,
    os.path.samestat: plainly,
    os.path.sameopenfile: plainly,
}
"""What is tried at once, and how."""
