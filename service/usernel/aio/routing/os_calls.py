"""Functions of ``os`` on descriptors, tried inside the loop. What is amiss with the arguments, a worker finds."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from os import O_DIRECT
from stat import S_ISBLK, S_ISFIFO, S_ISREG
from typing import Any, Final

from ..hits import MOST, NOT_NOW
from .moving import plainly
from .outcome import LATER, WAITS, Cold, Outcome
from .reading import HERE, Args, Handler, Named
from .sight import Sight

INT_MAX: Final = (1 << 31) - 1


def _numbers(args: Args, count: int) -> bool:
    """Whether there are so many arguments, and each is a number from 0 on, the first one of a descriptor."""
    if len(args) != count:
        return False
    for arg in args:
        if type(arg) is not int or arg < 0:
            return False
    return bool(args[0] <= INT_MAX)


def _direct(fd: int) -> bool:
    """Whether it goes past the page cache: it is not to be asked by RWF_NOWAIT, which then waits for the disk."""
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & O_DIRECT)


def pread(sight: Sight, _none: None, _target: object, args: Args, named: Named) -> Any:
    """os.pread."""
    if len(args) != 3 or named:
        return LATER
    fd, size, offset = args
    if not (type(fd) is type(size) is type(offset) is int and size >= 0 <= offset and 0 <= fd <= INT_MAX):
        return LATER
    if fcntl.fcntl(fd, fcntl.F_GETFL) & O_DIRECT:
        return LATER
    found = sight.hits.pread(fd, size, offset)
    if found is None:
        return Cold(fd, offset, size) if _stores(fd) else LATER
    return found


def preadv(sight: Sight, _none: None, _target: object, args: Args, named: Named) -> Any:
    """os.preadv."""
    if named or len(args) != 3 or type(args[1]) not in {list, tuple}:
        return LATER
    fd, buffers, offset = args
    if not _numbers((fd, offset), 2) or any(type(buffer) is not bytearray for buffer in buffers) or _direct(fd):
        return LATER
    got = sight.hits.preadv(fd, buffers, sum(map(len, buffers)), offset)
    return LATER if got is None else got


def read(sight: Sight, _none: None, _target: object, args: Args, named: Named) -> Any:
    """os.read: from where the descriptor is, or what has come by now."""
    if named or not _numbers(args, 2) or args[1] > MOST or sight.hits.cold(args[0]) or _direct(args[0]):
        return stream(sight, _none, _target, args, named)
    fd, size = args
    view = sight.hits.view
    try:
        got = sight.hits.now(fd, (view[:size],), HERE)
    except OSError as error:
        if error.errno in NOT_NOW:
            sight.hits.miss(fd)
            return stream(sight, _none, _target, args, named)
        raise
    if 0 < got < size and _stores(fd) and not sight.hits.at_end(fd, os.lseek(fd, 0, os.SEEK_CUR)):
        os.lseek(fd, -got, os.SEEK_CUR)
        sight.hits.miss(fd)
        return LATER
    sight.hits.hit(fd)
    return bytes(view[:got])


def _stores(fd: int) -> bool:
    """Whether it is a file that can be cached in part: of any other, what there is, is what read(2) answers."""
    mode = os.fstat(fd).st_mode
    return S_ISREG(mode) or S_ISBLK(mode)


def stream(_sight: Sight, _none: None, _target: object, args: Args, _named: Named) -> Outcome:
    """What may wait for a disk, or for the other side of a pipe: the descriptor tells."""
    try:
        return LATER if _stores(args[0]) else WAITS
    except (OSError, TypeError, IndexError, OverflowError):
        return LATER


def waits(_sight: Sight, _none: None, _target: object, _args: Args, _named: Named) -> Outcome:
    """What may wait without end, for a lock."""
    return WAITS


def close(sight: Sight, _none: None, _target: object, args: Args, named: Named) -> Any:
    """os.close of a pipe, or of a file that was only read and has a name yet: else writing or freeing may begin."""
    if named or not _numbers(args, 1):
        return LATER
    fd = args[0]
    sight.hits.forget(fd)
    status = os.fstat(fd)
    read_only = not fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR)
    if S_ISFIFO(status.st_mode) or (read_only and S_ISREG(status.st_mode) and status.st_nlink):
        return os.close(fd)
    return LATER


def lseek(_sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """os.lseek. (SEEK_DATA and SEEK_HOLE may read what is on the disk.)"""
    return target(*args) if not named and len(args) == 3 and args[2] in {0, 1, 2} else LATER


PLAINLY: Final = """
    dup fstat get_blocking get_inheritable getcwd getcwdb isatty pipe pipe2 set_blocking set_inheritable umask
"""
STREAMS: Final = "copy_file_range eventfd_read eventfd_write readinto readv sendfile splice tee write writev"
CALLS: Final[Mapping[Any, Handler]] = {
    os.pread: pread,
    os.preadv: preadv,
    os.read: read,
    os.close: close,
    os.lseek: lseek,
    os.lockf: waits,
    **{getattr(os, name): plainly for name in PLAINLY.split() if hasattr(os, name)},
    **{getattr(os, name): stream for name in STREAMS.split() if hasattr(os, name)},
}
"""What is tried at once, and how."""
