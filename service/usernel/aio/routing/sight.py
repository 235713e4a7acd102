"""What one loop can tell of files without sleeping: what of them is cached, and what kind of file each is.

Whether bytes are cached is asked by reading them with RWF_NOWAIT, into memory that nobody looks at twice: what comes
after that in the same turn of the loop finds them there. The named gap: on a file system of the network even the
status of an open file may have to be fetched.
"""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Callable
from functools import partial
from os import SEEK_CUR, lseek
from stat import S_ISREG
from typing import Any, Final
from weakref import ref

from ..cached_path import PATHS, cached_stat
from ..hits import MOST, Hits

BUFFERED: Final = frozenset({io.BufferedReader, io.BufferedWriter, io.BufferedRandom})


ENDS: Final = {None: b"\n", "": b"\n", "\n": b"\n", "\r": b"\r", "\r\n": b"\r\n"}
"""What certainly ends a line, by the ``newline`` that a text was opened with."""


UNTRANSLATED: Final = frozenset({None, "", "\n"})
"""With these, a newline is written as it is."""


class Seen:
    """A file object of Python's, as far as it never changes; and what a reader of lines was last told."""

    __slots__ = ("at", "block", "busy", "end", "fd", "left", "of", "pending", "readable", "regular")

    def __init__(
        self, of: Callable[[], Any], raw: io.FileIO, file: Any, busy: list[int], *, readable: bool | None
    ) -> None:
        self.of = of
        self.busy = busy
        """How many calls of it workers have: one holds its lock, and others wait for that."""
        self.fd = raw.fileno()
        self.regular = readable or S_ISREG(os.fstat(self.fd).st_mode)
        if readable is None:
            readable = self.regular and raw.mode == "rb" and not fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_DIRECT
        self.readable = readable
        """Whether reading is all that it does, through the page cache."""
        self.block = _block(file)
        """Bytes that it reads, or gathers, at once."""
        self.end: bytes | None = None
        """What ends the lines of a text, where that is known."""
        self.pending: int | None = None
        """Bytes that a text has encoded and not yet given to its buffer, where all of it came this way; else None."""
        self.at = self.left = 0
        """So many lines at least are in its buffer, if its descriptor is still there."""


def _block(file: Any) -> int:
    if isinstance(file, io.FileIO):
        return 1
    if isinstance(file, io.TextIOWrapper):
        return int(getattr(file, "_CHUNK_SIZE", 0))
    # The size of its buffer, of which there is no attribute.
    return int(file.__sizeof__() - type(file).__basicsize__)


def _raw(file: Any) -> Any:
    """What is beneath, where all of it is Python's own and no subclass; else None."""
    if type(file) is io.TextIOWrapper:
        file = file.buffer
        if type(file) is io.FileIO:
            return None
    if type(file) in BUFFERED:
        file = file.raw
    return file if type(file) is io.FileIO else None


class Sight:
    """One loop's."""

    __slots__ = ("_files", "hits")

    def __init__(self, hits: Hits) -> None:
        self.hits = hits
        self._files: dict[int, Seen] = {}

    # ---------------------------------------------------------------------------------------------------- file objects

    def file(self, file: Any) -> Seen | None:
        """What is known of an open file; None where it is closed, detached, or of somebody else's making."""
        seen = self._files.get(id(file))
        if seen is not None and seen.of() is file:
            return None if file.closed else seen
        try:
            raw = _raw(file)
            return None if raw is None or file.closed else self._look(file, raw)
        except (ValueError, OSError):
            return None

    def opened(self, file: Any, newline: Any) -> None:
        """A regular file was just opened, to be read through the page cache, with this for its ``newline``."""
        raw = _raw(file)
        if raw is not None:
            self._look(file, raw, readable=True).end = ENDS.get(newline)

    def to_be_written(self, file: Any, newline: Any) -> None:
        """A worker has just opened a text to write it, with this for its ``newline``."""
        if newline in UNTRANSLATED and type(file) is io.TextIOWrapper and (seen := self.file(file)) is not None:
            seen.pending = 0

    def _look(self, file: Any, raw: io.FileIO, *, readable: bool | None = None) -> Seen:
        busy = [0]
        if type(file) is io.TextIOWrapper:
            busy = (self._files.get(id(file.buffer)) or self._look(file.buffer, raw, readable=readable)).busy
        key = id(file)
        seen = Seen(ref(file, partial(_gone, self._files, key)), raw, file, busy, readable=readable)
        self._files[key] = seen
        return seen

    # ------------------------------------------------------------------------------------------------ what is cached

    def ahead(self, fd: int, size: int, at: int | None = None) -> int | None:
        """How many of the ``size`` bytes from where a descriptor is there are; None where they are not all cached.

        Fewer are there at the file's end; below 0 is all up to it. They are in ``hits.view``. OSError.
        """
        if at is None:
            at = lseek(fd, 0, SEEK_CUR)
        if size < 0:
            size = max(os.fstat(fd).st_size - at, 0) + 1
        if size > MOST:
            return None
        return self.hits.preadv(fd, (self.hits.view[:size],), size, at)

    def status(self, path: Any, *, follow: bool = True) -> os.stat_result | None:
        """The status of a file whose path is in the dentry cache; None where it is not. OSError: it says there is none.

        What is no plain path is None too: code of somebody else's may be behind it.
        """
        if type(path) not in PATHS:
            return None
        try:
            return cached_stat(path, follow=follow)
        except ValueError:
            return None

    def told(self, paths: tuple[Any, ...], *, follow: bool = True) -> bool:
        """Whether the dentry cache tells all of some paths, be it that there is no such file."""
        for path in paths:
            try:
                if self.status(path, follow=follow) is None:
                    return False
            except OSError:
                continue
        return True


def _gone(files: dict[int, Seen], key: int, _ref: object) -> None:
    files.pop(key, None)
