"""Paths as a request has them: bytes, and a descriptor that they start from. And the errors that name them."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from usernel.abi.fcntl import AT_FDCWD

MOST: Final = 2**31
"""No descriptor is as high."""


class Place(NamedTuple):
    """A path: the descriptor that it starts from, its bytes, and what an error shows of it."""

    dirfd: int
    path: bytes
    name: str | bytes


def place(path: Any, dir_fd: Any = None) -> Place | None:
    """The place that a path is; None for what ``os`` itself is to judge: a descriptor, a wrong type, a NUL."""
    if dir_fd is None:
        dir_fd = AT_FDCWD
    elif type(dir_fd) is not int or not 0 <= dir_fd < MOST:
        return None
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    try:
        name = os.fspath(path)
        encoded = os.fsencode(name)
    except (TypeError, UnicodeError):
        return None
    return None if b"\0" in encoded else Place(dir_fd, encoded, name)


def descriptor(path: Any) -> int | None:
    """The descriptor that stands in place of a path."""
    return path if type(path) is int and 0 <= path < MOST else None


def check(res: int, name: Any = None, to: Any = None) -> int:
    """The result of a request. OSError with the file it is of, or the two."""
    if res >= 0:
        return res
    if to is not None:
        raise OSError(-res, os.strerror(-res), name, None, to)
    raise OSError(-res, os.strerror(-res), name) if name is not None else OSError(-res, os.strerror(-res))
