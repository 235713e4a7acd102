"""What the dentry cache knows of a path: asked inside the loop, for it cannot sleep (``RESOLVE_CACHED``)."""

from __future__ import annotations

import os
from pathlib import PosixPath
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD, O_CLOEXEC, O_NOFOLLOW, O_PATH
from usernel.abi.openat2 import RESOLVE_CACHED

from . import host_unsafe

PATHS: Final = frozenset({str, bytes, PosixPath})
"""What a path may be, so that it runs no code of the program's."""
LOOK: Final = O_PATH | O_CLOEXEC
SAID_BY_PATHS: Final = frozenset({Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG})
"""What is true of a path itself. Another errno may be of the way it was asked: no descriptor free, a filter."""


def cached_stat(path: Any, *, dir_fd: int = AT_FDCWD, follow: bool = True) -> os.stat_result | None:
    """The status of a file, as os.stat(path). OSError; None where the cache does not tell, or os is to judge a path."""
    try:
        encoded = os.fsencode(path)
    except (TypeError, UnicodeError):
        return None
    if b"\0" in encoded:
        return None
    fd = host_unsafe.openat2(dir_fd, encoded, LOOK if follow else LOOK | O_NOFOLLOW, 0, RESOLVE_CACHED)
    if fd < 0:
        if -fd in SAID_BY_PATHS:
            raise OSError(-fd, os.strerror(-fd), os.fspath(path))
        return None
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)
