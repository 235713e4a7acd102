"""Methods of Python's files that read: tried inside the loop where what they would read is cached.

A raw file's are done by one preadv2(2). A buffered or text file keeps what it has read to itself, so what it might read
next is looked at first, and then its own method is called, which cannot sleep. That costs a copy, and a tenth of what a
thread costs.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ..hits import MOST, SKEW
from .outcome import LATER, Cold, Instead
from .sight import Seen, Sight

HERE: Final = -1
LINE: Final = 1024
"""How far a line's end is looked for at first, where nothing reads in larger blocks."""
PLAIN: Final = frozenset({"utf-8", "ascii", "us-ascii", "latin-1", "iso-8859-1", "iso8859-1", "cp1252", "utf8"})
"""Encodings in which a line ends with the byte 10, and four bytes are a character at least."""
SURE: Final = frozenset({"strict", "replace", "surrogateescape", "backslashreplace"})
"""Error handlers that leave out nothing: with others any number of bytes may be no character."""

Args = tuple[Any, ...]
Named = Mapping[str, Any]
Handler = Callable[[Sight, Any, Any, Args, Named], Any]


def _size(args: Args, named: Named) -> int | None:
    """The size that is asked for, -1 for all; None for arguments that are the method's own business."""
    if named or len(args) > 1:
        return None
    size = args[0] if args else -1
    if size is None:
        return -1
    return max(size, -1) if type(size) is int else None


# --------------------------------------------------------------------------------------------------------- raw files


def raw_read(sight: Sight, seen: Seen, _target: Any, args: Args, named: Named) -> Any:
    """FileIO.read."""
    size = _size(args, named)
    if size is None or not seen.readable:
        return LATER
    if size < 0:
        return raw_read_all(sight, seen, _target, (), named)
    if size > MOST or sight.hits.cold(seen.fd):
        return _cold(seen, size)
    got = _move(sight, seen.fd, sight.hits.view[:size], size)
    return _cold(seen, size) if got is None else bytes(sight.hits.view[:got])


def raw_read_all(sight: Sight, seen: Seen, _target: Any, args: Args, named: Named) -> Any:
    """FileIO.readall."""
    if args or named or not seen.readable or sight.hits.cold(seen.fd):
        return LATER
    size = max(os.fstat(seen.fd).st_size - os.lseek(seen.fd, 0, os.SEEK_CUR), 0)
    if size >= MOST:
        return LATER
    got = _move(sight, seen.fd, sight.hits.view[: size + 1], size + 1)
    if got is None:
        return LATER
    if got > size:  # it has grown since
        os.lseek(seen.fd, -got, os.SEEK_CUR)
        return LATER
    return bytes(sight.hits.view[:got])


def raw_readinto(sight: Sight, seen: Seen, _target: Any, args: Args, named: Named) -> Any:
    """FileIO.readinto."""
    if len(args) != 1 or named or not seen.readable or type(args[0]) is not bytearray:
        return LATER
    size = len(args[0])
    if size > MOST or sight.hits.cold(seen.fd):
        return LATER
    got = _move(sight, seen.fd, args[0], size)
    return LATER if got is None else got


def raw_readline(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """FileIO.readline: byte by byte."""
    if args or named or not seen.readable:
        return all_of_it(sight, seen, target, args, named)
    return line(sight, seen, target, b"\n")


def _move(sight: Sight, fd: int, buffer: bytearray | memoryview, size: int) -> int | None:
    """Read a regular file from where it is; None, and it stays there, where not all of it is cached."""
    try:
        got = sight.hits.now(fd, (buffer,), HERE)
    except OSError:
        sight.hits.miss(fd)
        return None
    if got < size and got and not sight.hits.at_end(fd, os.lseek(fd, 0, os.SEEK_CUR)):
        os.lseek(fd, -got, os.SEEK_CUR)
        sight.hits.miss(fd)
        return None
    sight.hits.hit(fd)
    return got


def _cold(seen: Seen, size: int | None) -> Any:
    """Who reads so many bytes from where the file is, or all."""
    if size is None or size <= 0 or not seen.readable:
        return LATER
    return Cold(seen.fd, os.lseek(seen.fd, 0, os.SEEK_CUR), size)


# ---------------------------------------------------------------------------------------------------- buffered files


def _after(sight: Sight, seen: Seen, most: int) -> bool:
    """Whether ``most`` bytes, or all, can be read without sleeping. Afterwards nothing is known of lines."""
    seen.left = 0
    return seen.readable and sight.ahead(seen.fd, most) is not None


def _blocks(size: int, block: int) -> int:
    return -(-size // block) * block


def read(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """read: whole blocks of the buffer's size."""
    size = _size(args, named)
    most = _blocks(size, seen.block) if size is not None and size > 0 else size
    if most is None or not _after(sight, seen, most):
        return _cold(seen, most)
    return target(*args)


def read1(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """read1, peek: one block, or as much as is asked for."""
    size = _size(args, named)
    return LATER if size is None or not _after(sight, seen, max(size, seen.block)) else target(*args)


def readinto(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """readinto, readinto1."""
    if len(args) != 1 or named or type(args[0]) not in {bytearray, memoryview}:
        return LATER
    size = memoryview(args[0]).nbytes
    return target(*args) if _after(sight, seen, _blocks(size, seen.block)) else LATER


def all_of_it(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """readlines: whatever it is told of how many."""
    return target(*args) if _size(args, named) is not None and _after(sight, seen, -1) else LATER


def readline(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """A buffered file's readline."""
    if args or named or not seen.readable:
        return all_of_it(sight, seen, target, args, named)
    return line(sight, seen, target, b"\n")


def line(sight: Sight, seen: Seen, target: Any, end: bytes | None) -> Any:
    """Read a line, which is in the buffer already, or whose ``end`` is in the blocks that are read next.

    Of a block that was read it is known how many lines end in it: these are in the buffer afterwards.
    """
    at = os.lseek(seen.fd, 0, os.SEEK_CUR)
    if seen.left > 0 and at == seen.at:
        seen.left -= 1
        return target()
    seen.left = 0
    if not _ends(sight, seen, at, end or b"\r\n"):
        return Instead(partial(_line_of_worker, seen, target, end))
    found = target()
    now = os.lseek(seen.fd, 0, os.SEEK_CUR)
    if now != at and end is not None:
        first = SKEW + _last(seen, now - at)
        _count(seen, now, sight.hits.scratch.count(end, first, SKEW + now - at))
    return found


def _ends(sight: Sight, seen: Seen, at: int, end: bytes) -> bool:
    """Whether the line's end is cached, or the file's.

    One block more than that has to be: should somebody else read lines in between, these are no miss either.
    """
    size = max(2 * seen.block, LINE)
    while (there := sight.ahead(seen.fd, size, at)) is not None:
        if there < size or sight.hits.scratch.find(end, SKEW, SKEW + size - seen.block) >= 0:
            return True
        size = 2 * size - seen.block
    return False


def _last(seen: Seen, size: int) -> int:
    """Where the last of the blocks begins that are ``size`` bytes together."""
    return (size - 1) // seen.block * seen.block


def _count(seen: Seen, now: int, ends: int) -> None:
    """Of the block that was read last one line is gone, and its end was not counted as such anywhere before."""
    seen.at = now
    seen.left = max(ends - 1, 0)


def _line_of_worker(seen: Seen, target: Any, end: bytes | None) -> Any:
    at = os.lseek(seen.fd, 0, os.SEEK_CUR)
    found = target()
    now = os.lseek(seen.fd, 0, os.SEEK_CUR)
    if now > at and end is not None:
        first = at + _last(seen, now - at)
        _count(seen, now, os.pread(seen.fd, now - first, first).count(end))
    return found


# -------------------------------------------------------------------------------------------------------- text files


def known(file: Any) -> bool:
    """Whether it is known how many bytes its characters are at most."""
    return file.encoding.lower() in PLAIN and file.errors in SURE


def read_text(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """TextIOWrapper.read: blocks, until there are as many characters. The last may be all at once."""
    size = _size(args, named)
    if size is None or (size > 0 and not known(target.__self__)):
        return LATER
    return target(*args) if _after(sight, seen, 10 * size + seen.block if size > 0 else size) else LATER


def readline_text(sight: Sight, seen: Seen, target: Any, args: Args, named: Named) -> Any:
    """TextIOWrapper.readline. What ends a line is known where it was opened here; else where newlines are universal."""
    file = target.__self__
    if args or named or not seen.readable or not (seen.left or known(file)):
        return all_of_it(sight, seen, target, args, named)
    if seen.end is None and file.newlines is not None:
        seen.end = b"\n"
    return line(sight, seen, target, seen.end)


def each(handlers: Mapping[str, Handler], *kinds: type) -> dict[tuple[type, str], Handler]:
    """Methods of these names of each of some types."""
    return {(kind, name): handler for kind in kinds for name, handler in handlers.items() if hasattr(kind, name)}


METHODS: Final[Mapping[tuple[type, str], Handler]] = {
    **each({"read": raw_read, "readall": raw_read_all, "readinto": raw_readinto}, io.FileIO),
    **each({"readline": raw_readline, "readlines": all_of_it}, io.FileIO),
    **each({"read": read, "read1": read1, "peek": read1, "readinto": readinto}, io.BufferedReader),
    **each({"readinto1": readinto, "readline": readline, "readlines": all_of_it}, io.BufferedReader),
    **each({"read": read_text, "readline": readline_text, "readlines": all_of_it}, io.TextIOWrapper),
}
"""What reads, by the file's type and the method's name."""
