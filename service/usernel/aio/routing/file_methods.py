"""Methods of Python's file objects that are tried inside the loop, where what they would read is cached.

Whether it is, is asked by reading it with RWF_NOWAIT into a buffer that nobody looks at; then the method itself cannot
sleep. That costs a copy, and a tenth of what a thread costs.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..hits import MOST
from .os_calls import open_fd
from .outcome import LATER

if TYPE_CHECKING:
    from ..loop_ring import LoopRing

AHEAD: Final = 64 << 10
"""Bytes that are looked at where a method says nothing of how many it reads: a line."""
_SCRATCH: Final = MOST


class _Missed(Exception):  # noqa: N818 - it is no error: a worker opens the file then
    """The path is not cached."""


def _raw(file: Any) -> Any:
    while not isinstance(file, io.FileIO):
        file = file.buffer if isinstance(file, io.TextIOWrapper) else file.raw
    return file


def _cached(ring: LoopRing, file: Any, size: int) -> bool:
    """Whether what is read next of a file is cached: ``size`` bytes from where its raw file is, or all below 0."""
    raw = _raw(file)
    fd = raw.fileno()
    at = os.lseek(fd, 0, os.SEEK_CUR)
    if size < 0:
        size = max(os.fstat(fd).st_size - at, 0) + 1
    if size > MOST:
        return False
    return ring.hits.preadv(fd, [bytearray(size)], size, at) is not None


def _block(file: Any) -> int:
    """How many bytes a buffered file reads at once, at least."""
    return max(int(getattr(_raw(file), "_blksize", 0)), io.DEFAULT_BUFFER_SIZE)


def read(ring: LoopRing, target: Any, size: int | None = -1, /) -> Any:
    """read, read1, readall, peek of a file that reads bytes."""
    file = target.__self__
    wanted = -1 if size is None or size < 0 else max(size, 0 if isinstance(file, io.FileIO) else _block(file))
    return target(size) if _may(file) and _cached(ring, file, wanted) else LATER


def read_all(ring: LoopRing, target: Any, /) -> Any:
    """FileIO.readall, and a read without a size."""
    return target() if _may(target.__self__) and _cached(ring, target.__self__, -1) else LATER


def read_text(ring: LoopRing, target: Any, size: int | None = -1, /) -> Any:
    """TextIOWrapper.read: at most four bytes a character."""
    file = target.__self__
    wanted = -1 if size is None or size < 0 else 4 * size + _block(file)
    return target(size) if _may(file) and _cached(ring, file, wanted) else LATER


def readinto(ring: LoopRing, target: Any, buffer: Any, /) -> Any:
    """readinto, readinto1."""
    file = target.__self__
    wanted = max(memoryview(buffer).nbytes, 0 if isinstance(file, io.FileIO) else _block(file))
    return target(buffer) if _may(file) and _cached(ring, file, wanted) else LATER


def readline(ring: LoopRing, target: Any, size: int | None = -1, /) -> Any:
    """readline: what a line is likely to take."""
    return target(size) if _may(target.__self__) and _cached(ring, target.__self__, AHEAD) else LATER


def readlines(ring: LoopRing, target: Any, hint: int | None = -1, /) -> Any:
    """readlines: as all of it."""
    return target(hint) if _may(target.__self__) and _cached(ring, target.__self__, -1) else LATER


def _may(file: Any) -> bool:
    """Whether a file is one whose reads say all: it has no writes of its own that a read would write first."""
    return not file.closed and not isinstance(file, io.BufferedRandom) and not file.writable()


def of_readers(_ring: LoopRing, target: Any, *args: Any) -> Any:
    """seek, tell, close of a file that is only read: no more than lseek(2) and close(2)."""
    file = target.__self__
    return target(*args) if file.closed or not file.writable() else LATER


def seek(_ring: LoopRing, target: Any, *args: Any) -> Any:
    """Seek of a file that is only read; a text file's reads what comes before the place, to decode it."""
    file = target.__self__
    return (
        target(*args) if not file.closed and not file.writable() and not isinstance(file, io.TextIOWrapper) else LATER
    )


def plainly(_ring: LoopRing, target: Any, *args: Any) -> Any:
    """What never sleeps."""
    return target(*args)


def write(_ring: LoopRing, target: Any, data: Any, /) -> Any:
    """BufferedWriter.write of what its buffer takes."""
    file = target.__self__
    if file.closed or memoryview(data).nbytes + file.tell() - file.raw.tell() > io.DEFAULT_BUFFER_SIZE // 2:
        return LATER
    return target(data)


def open_file(ring: LoopRing, target: Any, file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
    """``open`` of what is there already and cached. (With buffering, nothing is read by opening.)"""
    if isinstance(file, int) or set(mode) & set("wax") or named.get("opener") is not None or len(args) > 5:
        return LATER

    def opener(path: Any, flags: int) -> int:
        fd = open_fd(ring, os.open, path, flags)
        if fd is LATER:
            raise _Missed
        return int(fd)

    try:
        return target(file, mode, *args, **{**named, "opener": opener})
    except _Missed:
        return LATER


READERS: Final = (io.BufferedReader, io.FileIO)
EVERY: Final = (io.BufferedReader, io.FileIO, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)
BYTES: Final[Mapping[str, Callable[..., Any]]] = {
    "read": read, "readinto": readinto, "readline": readline, "readlines": readlines,
}  # fmt: skip
METHODS: Final[Mapping[tuple[type, str], Callable[..., Any]]] = {
    **{(kind, name): method for kind in READERS for name, method in BYTES.items()},
    **{
        (io.BufferedReader, name): method
        for name, method in {"read1": read, "peek": read, "readinto1": readinto}.items()
    },
    (io.FileIO, "readall"): read_all,
    (io.TextIOWrapper, "read"): read_text,
    (io.TextIOWrapper, "readline"): readline,
    (io.TextIOWrapper, "readlines"): readlines,
    (io.BufferedWriter, "write"): write,
    **{(kind, name): of_readers for kind in EVERY for name in ("tell", "close")},
    **{(kind, "seek"): seek for kind in EVERY},
    **{(kind, name): plainly for kind in EVERY for name in ("fileno", "isatty", "readable", "writable", "seekable")},
}
"""What is tried at once, by the file's type and the method's name."""
BY_WORKERS: Final[frozenset[tuple[type, str]]] = frozenset(
    (kind, name)
    for kind in EVERY
    for name in (
        "read", "read1", "readall", "readinto", "readinto1", "readline", "readlines", "peek", "write", "writelines",
        "seek", "tell", "truncate", "flush", "close", "detach", "__next__", "__enter__", "__exit__", "reconfigure",
    )
    if hasattr(kind, name)
)  # fmt: skip
"""What a worker does, of the same."""
OPENS: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {open: open_file}
"""Functions that open."""
