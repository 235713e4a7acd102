"""The other methods of Python's files: those that read nothing, and the writes that a buffer takes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from .outcome import LATER, Instead
from .reading import Args, Handler, Named, each, known
from .sight import BUFFERED, Seen, Sight

PLAIN_COOKIES: Final = 1 << 64
"""A place in a text file that is more than a position is read up to."""


def _keeps_the_last() -> bool:
    """Whether a text that would keep more than a chunk hands on what it kept, and keeps what comes.

    Older Pythons do so; from some 3.12 on all of it is handed on.
    """
    text = io.TextIOWrapper(beneath := io.BytesIO(), encoding="ascii")
    chunk = int(getattr(text, "_CHUNK_SIZE", 0))
    for size in (chunk - 1, 2):
        text.write("x" * size)
    return len(beneath.getvalue()) == chunk - 1


KEEPS_THE_LAST: Final = _keeps_the_last()


def plainly(_sight: Sight, _seen: Seen, target: Callable[..., Any], args: Args, named: Named) -> Any:
    """What never sleeps is simply called."""
    return target(*args, **named)


def seek(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """Seek of a file that is only read: lseek(2). (SEEK_DATA and SEEK_HOLE may read what is on the disk.)"""
    if named or not seen.readable or (len(args) > 1 and args[1] not in {0, 1, 2}):
        return LATER
    if isinstance(target.__self__, io.TextIOWrapper) and not (type(args[0]) is int and 0 <= args[0] < PLAIN_COOKIES):
        return LATER
    seen.left = 0
    return target(*args)


def raw_seek(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """FileIO.seek: lseek(2)."""
    return LATER if named or not seen.regular or (len(args) > 1 and args[1] not in {0, 1, 2}) else target(*args)


def tell(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """Tell. A text file that is written is flushed by it."""
    if not seen.regular or (not seen.readable and isinstance(target.__self__, io.TextIOWrapper)):
        return LATER
    return target(*args, **named)


def flush(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """Flush of what has nothing to write."""
    if seen.readable or (type(target.__self__) is io.BufferedWriter and seen.regular and not _gathered(target)):
        return target(*args, **named)
    return LATER


def close(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """Close, __exit__ of a file that was only read, and that has a name yet: else its blocks may be freed by it."""
    sight.hits.forget(seen.fd)
    if not seen.readable:
        return LATER
    return target(*args, **named) if os.fstat(seen.fd).st_nlink else LATER


def _gathered(target: Any) -> int:
    """How many bytes a BufferedWriter has gathered. OSError."""
    file = target.__self__
    return int(file.tell() - os.lseek(file.raw.fileno(), 0, os.SEEK_CUR))


def write(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """BufferedWriter.write of what its buffer has room for. (What fills it, newer Pythons write at once.)"""
    if len(args) != 1 or named or not seen.regular or type(args[0]) not in {bytes, bytearray}:
        return LATER
    return target(*args) if _gathered(target) + len(args[0]) < seen.block else LATER


def write_text(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """TextIOWrapper.write of what it keeps, or its buffer has room for.

    It keeps up to a chunk of encoded bytes, of which it tells nothing: they are counted here.
    """
    file = target.__self__
    if len(args) != 1 or named or type(args[0]) is not str or not seen.regular or not known(file):
        return LATER
    kept, text = seen.pending, args[0]
    if kept is None or file.write_through or (file.line_buffering and ("\n" in text or "\r" in text)):
        return LATER
    size = len(text) if text.isascii() else len(text.encode(file.encoding, file.errors))
    if kept + size < seen.block:
        seen.pending = kept + size
        return target(text)
    left = size if KEEPS_THE_LAST and kept + size > seen.block > size else 0
    beneath = sight.file(file.buffer)
    if beneath is None or type(file.buffer) is not io.BufferedWriter:
        return LATER
    if _gathered(file.buffer.write) + kept + size >= beneath.block:
        return Instead(partial(_done_by_worker, seen, target, args, left))
    seen.pending = left
    return target(text)


def flush_text(_sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """TextIOWrapper.flush."""
    if seen.readable or args or named:
        return flush(_sight, seen, target, args, named)
    return Instead(partial(_done_by_worker, seen, target, args, 0)) if seen.pending is not None else LATER


def _done_by_worker(seen: Seen, target: Any, args: Args, left: int) -> Any:
    """Call it; afterwards so many bytes are kept. Should it fail, nobody knows."""
    found = target(*args)
    seen.pending = left
    return found


KINDS: Final = (io.FileIO, *BUFFERED, io.TextIOWrapper)
SAYS: Final = ("fileno", "isatty", "readable", "writable", "seekable", "__enter__")
METHODS: Final[Mapping[tuple[type, str], Handler]] = {
    **each(dict.fromkeys(SAYS, plainly), *KINDS),
    **each({"tell": tell, "flush": flush, "close": close, "__exit__": close}, *KINDS),
    **each({"seek": seek}, io.BufferedReader, io.TextIOWrapper),
    **each({"seek": raw_seek}, io.FileIO),
    **each({"write": write}, io.BufferedWriter),
    **each({"write": write_text, "flush": flush_text}, io.TextIOWrapper),
}
"""What is tried at once, by the file's type and the method's name."""
BY_WORKERS: Final[frozenset[tuple[type, str]]] = frozenset(
    (kind, name)
    for kind in KINDS
    for name in (
        "read", "read1", "readall", "readinto", "readinto1", "readline", "readlines", "peek", "write", "writelines",
        "seek", "truncate", "detach", "reconfigure",
    )
    if hasattr(kind, name)
)  # fmt: skip
"""What workers do, of the same."""
