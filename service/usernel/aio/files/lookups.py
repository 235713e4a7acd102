"""By which names, each in which directory, a path comes to its file (path_resolution(7))."""

from __future__ import annotations

import os
from collections import deque
from typing import Final

from usernel.abi.errno import Errno

MAXSYMLINKS: Final = 40
"""``include/linux/namei.h``."""
Lookup = tuple[bytes, bytes]
"""A directory, by a path without symbolic links, and the name that is looked up in it."""


def lookups(path: bytes) -> tuple[Lookup, ...]:
    """All of an absolute path, those of the symbolic links on its way included. OSError."""
    here, links = b"/", 0
    found: list[Lookup] = []
    left = deque(path.split(b"/"))
    while left:
        name = left.popleft()
        if name in {b"", b"."}:
            continue
        if name == b"..":
            here = os.path.dirname(here)  # noqa: PTH120 - bytes
            continue
        found.append((here, name))
        there = os.path.join(here, name)  # noqa: PTH118 - bytes
        target = _target(there)
        if target is None:
            here = there
            continue
        links += 1
        if links > MAXSYMLINKS:
            raise OSError(Errno.ELOOP, os.strerror(Errno.ELOOP), path)
        here = b"/" if target.startswith(b"/") else here
        left.extendleft(reversed(target.split(b"/")))
    return tuple(found)


def _target(path: bytes) -> bytes | None:
    """Where a symbolic link leads; None of what is none. OSError."""
    try:
        return os.readlink(path)  # noqa: PTH115 - bytes
    except OSError as error:
        if error.errno != Errno.EINVAL:
            raise
        return None
