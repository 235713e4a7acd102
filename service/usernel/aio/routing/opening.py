"""``open`` and ``os.open`` of what is there already and cached: of regular files, to read them."""

from __future__ import annotations

import fcntl
import os
import sys
from functools import partial
from stat import S_ISDIR, S_ISREG
from typing import Any, Final

from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.openat2 import RESOLVE_CACHED

from .. import host_unsafe
from ..cached_path import PATHS
from ..inline import MAKES
from .outcome import LATER, WAITS, Instead, Outcome
from .reading import PLAIN, Args, Named
from .sight import Sight

ALWAYS: Final = os.O_CLOEXEC | os.O_LARGEFILE
READS: Final = frozenset({"r", "rb", "br", "rt", "tr"})
WRITES_TEXT: Final = frozenset({"w", "a", "x", "wt", "at", "xt", "tw", "ta", "tx"})
PARAMETERS: Final = ("file", "mode", "buffering", "encoding", "errors", "newline", "closefd", "opener")
LOADED: Final = frozenset({None, "locale", "UTF-8", "UTF8", "latin1", *PLAIN})
"""Encodings for which nothing is imported."""


WORDS: Final = frozenset({str, type(None)})


class _Missed(Exception):  # noqa: N818 - it is no error: a worker opens the file then
    """The path is not cached, or something is amiss that the real call is to tell of."""


def _kind(sight: Sight, path: Any, *, dirs: bool) -> Outcome | None:
    """None for a regular file (or directory): others wait for somebody when they are opened. OSError."""
    found = sight.status(path)
    if found is None:
        return LATER
    return None if S_ISREG(found.st_mode) or (dirs and S_ISDIR(found.st_mode)) else WAITS


def _to_write(sight: Sight, path: Any, outcome: Any) -> Any:
    """What becomes of an opening that a worker makes: a FIFO, which waits for its reader, must hold up no file."""
    try:
        waits = _kind(sight, path, dirs=True) is WAITS
    except OSError:
        waits = False  # there is none yet
    return WAITS if waits else outcome


def _open(path: Any, flags: int) -> int:
    """Open a file that is no FIFO. O_NONBLOCK is for a lease that somebody holds on it. Negative: an errno."""
    fd = host_unsafe.openat2(AT_FDCWD, os.fsencode(path), flags | ALWAYS | os.O_NONBLOCK, 0, RESOLVE_CACHED)
    if fd >= 0 and not flags & os.O_NONBLOCK:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)
    return fd


def open_fd(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """os.open."""
    if named or len(args) not in {2, 3} or type(args[1]) is not int:
        return LATER
    path, flags = args[:2]
    if flags & (MAKES | os.O_WRONLY | os.O_RDWR | os.O_TMPFILE & ~os.O_DIRECTORY):
        return _to_write(sight, path, LATER)
    try:
        waits = _kind(sight, path, dirs=True)
    except OSError:
        return target(*args)
    if waits is not None:
        return waits
    fd = _open(path, flags)
    if fd < 0:
        return LATER
    sys.audit("open", path, None, flags)
    return fd


def open_file(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """``open``."""
    path = args[0] if args else named.get("file")
    given = {**dict(zip(PARAMETERS, args, strict=False)), **named}
    if len(args) > len(PARAMETERS) or len(given) < len(args) + len(named):
        return LATER
    if type(path) not in PATHS or given.get("opener") is not None or given.get("closefd", True) is not True:
        return LATER
    mode, encoding, newline = given.get("mode", "r"), given.get("encoding"), given.get("newline")
    if type(mode) is not str:
        return LATER
    if mode in WRITES_TEXT and type(newline) in WORDS:
        return _to_write(sight, path, Instead(partial(_to_be_written, sight, target, args, named, newline)))
    if mode not in READS:
        return _to_write(sight, path, LATER)
    if type(encoding) not in WORDS or encoding not in LOADED or type(newline) not in WORDS:
        return LATER
    try:
        waits = _kind(sight, path, dirs=False)
    except OSError:
        return target(*args, **named)
    return waits if waits is not None else _opened(sight, target, given, path)


def _to_be_written(sight: Sight, target: Any, args: Args, named: Named, newline: str | None) -> Any:
    """By a worker: to make a file, or to end it, may wait for a disk."""
    file = target(*args, **named)
    sight.to_be_written(file, newline)
    return file


def _opened(sight: Sight, target: Any, given: dict[str, Any], path: Any) -> Any:
    def opener(_path: Any, flags: int) -> int:
        fd = _open(path, flags)
        if fd < 0:
            raise _Missed
        return fd

    try:
        file = target(**{**given, "opener": opener})
    except _Missed:
        return LATER
    sight.opened(file, given.get("newline"))
    return file
