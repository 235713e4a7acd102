"""A file layer for SQLite that fails when a test says so: an error, a full disk, a failed sync, a power cut.

It lies upon the default one, locks and shared memory pass through, and nothing is really synced: what a disk would have
kept is known here, for each file the bytes of its last sync and what was written since.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import apsw

EVERY: Final = frozenset({"write", "sync", "truncate", "delete"})
SECTOR: Final = 512
_names: Final = count(1)
Change = tuple[int, bytes] | int
"""Bytes written at an offset, or the size that a file was cut to."""


class PowerCut(apsw.IOError):
    """Nothing can be read or written any more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the operations ``at`` ... ``at + lasts - 1``, counted from 1.

    ``kind``: ``error`` (EIO), ``full``; ``torn`` (the half of a write arrives) and ``cut``, with which the power goes.
    """

    kind: str
    at: int
    lasts: float = 1

    def strikes(self, number: int) -> bool:
        """Whether this operation fails."""
        return self.at <= number < self.at + self.lasts


@dataclass
class Content:
    """A file as the disk is known to have it, and what may be lost; one that is ``new`` is not in its directory yet."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[Change] = field(default_factory=list)
    new: bool = False

    def sync(self) -> None:
        """Nothing can be lost any more."""
        for change in self.since:
            apply(self.synced, change)
        self.since.clear()

    def survivor(self, random: Random) -> bytes:
        """What a power cut leaves: of the changes since the last sync some, some in part, and some not at all."""
        left = bytearray(self.synced)
        everything = random.random() < 0.2
        for change in self.since:
            fate = 0.0 if everything else random.random()
            if fate < 0.5:
                apply(left, change)
            elif fate < 0.75 and not isinstance(change, int) and len(change[1]) > SECTOR:
                apply(left, (change[0], change[1][: SECTOR * random.randrange(1, len(change[1]) // SECTOR + 1)]))
        return bytes(left)


def apply(content: bytearray, change: Change) -> None:
    """Let a change happen to the bytes of a file."""
    if isinstance(change, int):
        del content[change:]
        return
    offset, data = change
    content.extend(bytes(max(offset - len(content), 0)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """A disk with at most one fault. ``operations`` are those that it was asked for, by kind and file name."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.name = f"faulty-{next(_names)}"
        super().__init__(self.name, "")
        self.fault = fault
        self.operations: list[tuple[str, str]] = []
        self.contents: dict[Path, Content] = {}
        self.deleted: dict[Path, bytes] = {}
        self.dead = False
        self.kinds = EVERY
        """Which kinds of operations count, and can fail."""

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        self.check()
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        if path not in self.contents:
            there = path.exists()
            self.contents[path] = Content(bytearray(path.read_bytes() if there else b""), new=not there)
        return File(self, path, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802 - SQLite's name
        path = Path(name)
        self.happens("delete", path)
        content = self.contents.pop(path, None)
        if not sync and content is not None:
            content.sync()
            self.deleted[path] = bytes(content.synced)
        super().xDelete(name, sync)

    def excepthook(self, *_what: object) -> None:
        """What the file layer raised is in the error that SQLite makes of it."""

    def check(self) -> None:
        """PowerCut where the power is gone."""
        if self.dead:
            raise PowerCut("the power is gone")

    def happens(self, kind: str, path: Path, torn: Any = None) -> None:
        """Count an operation, and fail it if it is the one; ``torn`` lets the half of it happen."""
        self.check()
        if kind not in self.kinds:
            return
        self.operations.append((kind, path.name))
        if self.fault is None or not self.fault.strikes(len(self.operations)):
            return
        if self.fault.kind == "full":
            raise apsw.FullError("no space left on the disk") if kind == "write" else apsw.IOError("an I/O error")
        if self.fault.kind in {"torn", "cut"}:
            self.dead = True
            if self.fault.kind == "torn" and torn is not None:
                torn()
        raise apsw.IOError("an I/O error")

    def survivors(self, random: Random, directory: Path) -> None:
        """Write into a directory what a power cut leaves of the files of this disk."""
        left = {path: content.survivor(random) for path, content in self.contents.items()}
        for path, data in self.deleted.items():
            if path not in left and random.random() < 0.5:
                left[path] = data
        for path, data in left.items():
            (directory / path.name).write_bytes(data)


class File(apsw.VFSFile):
    """One file of a disk."""

    def __init__(self, disk: Disk, path: Path, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        super().__init__("", name, flags)

    @property
    def _content(self) -> Content:
        return self._disk.contents.setdefault(self._path, Content())

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        self._disk.check()
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        data = bytes(data)
        self._disk.happens("write", self._path, lambda: self._write(data[: len(data) // 2], offset))
        self._write(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.happens("truncate", self._path)
        self._content.since.append(size)
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.happens("sync", self._path)
        self._content.sync()
        if self._content.new:
            self._content.new = False
            self._disk.deleted.clear()  # SQLite syncs the directory with the first sync of a file that it made

    def excepthook(self, *_what: object) -> None:
        """What the file layer raised is in the error that SQLite makes of it."""

    def _write(self, data: bytes, offset: int) -> None:
        self._content.since.append((offset, data))
        super().xWrite(data, offset)


@contextmanager
def disk(fault: Fault | None = None) -> Iterator[Disk]:
    """A disk, for as long as the context. Of the errors that SQLite overcomes nobody hears."""
    made, hook = Disk(fault), sys.unraisablehook
    sys.unraisablehook = lambda what: None if isinstance(what.exc_value, apsw.Error) else hook(what)
    try:
        yield made
    finally:
        sys.unraisablehook = hook
        made.unregister()
