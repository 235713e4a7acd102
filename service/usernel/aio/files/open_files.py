"""Files that are kept open, so that to read one again by its path costs no opening: ``OpenFileCache``.

nginx's ``open_file_cache`` looks at a file anew after a time. Here the kernel tells: each directory in which a name of
the path is looked up is watched (inotify(7)), and before each read it is asked whether anything was told. The event is
there before the call that made it returns: once a rename(2) has returned, what it replaced is not read any more.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterable
from functools import partial
from stat import S_ISREG
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from usernel.abi.fcntl import O_CLOEXEC, O_DIRECTORY, O_RDONLY
from usernel.abi.inotify import (
    IN_ATTRIB,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
)
from usernel.abi.magic import (
    BTRFS_SUPER_MAGIC,
    EXT4_SUPER_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
    TMPFS_MAGIC,
    XFS_SUPER_MAGIC,
)

from ..alive import ALIVE
from ..hits import MOST
from ..loop import attach
from ..resident_unsafe import Now, filesystem, is_all
from .lookups import Lookup, lookups
from .opening import READS
from .watches_unsafe import Watches, folds_case
from .whole import read_file

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

LOCAL: Final = frozenset(
    {BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC}
)  # fmt: skip
"""File systems whose every change inotify tells. Of one on a network it tells what this machine did."""
WATCHED: Final = IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
"""What ends a name, or may forbid to look it up. One that is there is not made anew without."""
OF_ALL: Final = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT
"""What ends all names in a directory."""
TICK_S: Final = 1.0
"""How long what could not be kept, or has just changed, is read without."""


class NotKept(Exception):  # noqa: N818 - it is caught here
    """It is no file to keep open."""


class Kept:
    """A file that is kept open. ``at``: the watches that it hangs on, each with the name that is looked up there.

    Without any it is given up.
    """

    __slots__ = ("at", "name", "now", "used")

    def __init__(self, name: str | bytes) -> None:
        self.name = name
        self.now: Now | None = None
        """How it is read; None until it is open."""
        self.at: set[tuple[int, bytes]] = set()
        self.used = 0
        """The tick in which it was read last."""


class OpenFileCache:
    """Small files, kept open and read by their paths: ``await files.read_file(path)``, as ``usernel.read_file``.

    ``max``: how many are kept open; while there are so many, others are read as ever. ``inactive``: seconds after which
    one that nobody reads is closed. Kept are regular files below 256 KiB, named by absolute paths, on local file
    systems, in directories that may be read. A mount is seen in the loop's next turn. Not seen is that this process
    changes its root, its user or its capabilities: that is what ``clear`` is for.

    Made in a running loop, and used there. OSError where there can be no inotify instance (EMFILE).
    """

    def __init__(self, max: int = 1024, inactive: float = 60.0) -> None:  # noqa: A002 - nginx's name
        self.closed = True  # until it is made
        if max < 1:
            raise ValueError("max must be 1 or more")
        self.max = max
        self.inactive = inactive
        self._loop = asyncio.get_running_loop()
        self._ring = attach(self._loop)
        self._hits = self._ring.hits
        self._into = (self._hits.view,)
        self._files: dict[Any, Kept] = {}
        self._coming: set[Any] = set()
        self._left_alone: set[Any] = set()
        """What is read without until the next tick."""
        self._by_wd: dict[int, dict[bytes, set[Kept]]] = {}
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None
        self._counts = dict.fromkeys(("opened", "changed", "unused", "not_kept", "overflows"), 0)
        self.hits = 0
        """Reads of what was kept open."""
        self._watches = Watches()
        self.closed = False
        self._loop.add_reader(self._watches.fd, self._listen)
        self._loop.add_reader(self._watches.mounts, self.clear)
        ALIVE.watch(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1, source=self)
            self._end()

    async def read_file(self, path: StrOrBytesPath) -> bytes:
        """Read a whole file, as ``usernel.read_file``. OSError with the path. ValueError where the cache is closed."""
        kept = self._files.get(path)
        if kept is None or self._watches.told():
            kept = await self._look(os.fspath(path))
        data = self._at_once(kept) if kept is not None else None
        if data is None:
            return await read_file(path)
        hits = self._hits
        if hits.inline >= hits.look and hits.used_up_by_each():
            await hits.turn()
        return data

    def clear(self) -> None:
        """Keep none any more of those that are kept open."""
        for kept in self._all():
            self._changed(kept)

    def stat(self) -> dict[str, Any]:
        """How many are kept open, by how many watches, and how it went."""
        return {
            "max": self.max, "inactive": self.inactive, "files": len(self._files), "watches": len(self._by_wd),
            "hits": self.hits, **self._counts, "closed": self.closed,
        }  # fmt: skip

    def close(self) -> None:
        """Close all files. Whoever reads now has the bytes."""
        if self.closed:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._watches.fd)
            self._loop.remove_reader(self._watches.mounts)
        self._end()

    def forked(self) -> None:
        """This is a forked child: it is closed, and what is watched and told is its parent's."""
        for kept in self._all():
            kept.at.clear()
        self._end()

    # -------------------------------------------------------------------------------------------------------- reading

    def _at_once(self, kept: Kept) -> bytes | None:
        """All of it, where all of it is cached and there is not too much; else None."""
        hits, now = self._hits, kept.now
        if now is None:
            return None
        try:
            got = now.preadv(self._into, MOST, 0)
        except OSError:
            return None  # whoever opens it is told
        if got == MOST or not is_all(now.fd, got):
            return None
        kept.used = self._tick
        self.hits += 1
        hits.inline += 1
        return hits.view[:got].tobytes()

    async def _look(self, name: str | bytes) -> Kept | None:
        """The file of a path, after all that was told; None where it is not kept open."""
        if self.closed:
            raise ValueError("the cache is closed")
        self._listen()
        kept = self._files.get(name)
        if kept is not None or name in self._coming or name in self._left_alone:
            return kept
        if len(self._files) + len(self._coming) >= self.max or len(self._left_alone) >= self.max:
            return None
        self._coming.add(name)
        try:
            return await self._keep(name)
        finally:
            self._coming.discard(name)

    async def _keep(self, name: str | bytes) -> Kept | None:
        """Watch the way to a file, and only then go it again and open the file: what changes meanwhile is told."""
        kept, opened, path = Kept(name), list[int](), os.fsencode(name)
        try:
            found = await self._ring.call(partial(_look_up, path))
            self._hang(kept, found)
            await self._ring.call(partial(_open, path, found, opened))
            if not self.closed:
                self._listen()
            if kept.at:
                kept.now, kept.used = Now(opened[0]), self._tick
                opened.clear()
                self._files[name] = kept
                self._counts["opened"] += 1
                self._arm()
                return kept
        except (OSError, NotKept):
            pass  # if the path is at fault, whoever reads it is told
        finally:
            for fd in opened:
                os.close(fd)
            if kept.now is None:
                self._drop(kept)
        self._counts["not_kept"] += 1
        self._leave_alone(name)
        return None

    # ---------------------------------------------------------------------------------------------------- what is told

    def _hang(self, kept: Kept, found: Iterable[Lookup]) -> None:
        if self.closed:
            raise NotKept
        for directory, name in found:
            wd = self._watches.add(directory, WATCHED)
            self._by_wd.setdefault(wd, {}).setdefault(name, set()).add(kept)
            kept.at.add((wd, name))

    def _listen(self) -> None:
        """Give up what is not any more what its path names, or may not be."""
        for wd, mask, name in self._watches.events():
            if mask & IN_Q_OVERFLOW:
                self._counts["overflows"] += 1
                self.clear()
                return
            names = self._by_wd.get(wd, {})
            ended = [names.get(name, set())] if name and not mask & OF_ALL else list(names.values())
            for kept in set().union(*ended):
                self._changed(kept)

    def _all(self) -> set[Kept]:
        return {kept for names in self._by_wd.values() for of_name in names.values() for kept in of_name}

    def _changed(self, kept: Kept) -> None:
        self._counts["changed"] += 1
        self._drop(kept)
        self._leave_alone(kept.name)

    def _drop(self, kept: Kept) -> None:
        for wd, name in kept.at:
            names = self._by_wd[wd]
            names[name].discard(kept)
            if not names[name]:
                del names[name]
            if not names:
                del self._by_wd[wd]
                self._watches.remove(wd)
        kept.at.clear()
        if kept.now is not None:
            del self._files[kept.name]
            kept.now.close()
            os.close(kept.now.fd)
            kept.now = None

    # ------------------------------------------------------------------------------------------------------------ time

    def _leave_alone(self, name: str | bytes) -> None:
        if len(self._left_alone) < self.max:
            self._left_alone.add(name)
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and not self.closed and (self._files or self._left_alone):
            self._timer = self._loop.call_later(TICK_S, self._next)

    def _next(self) -> None:
        """A tick: what was left alone may be kept again, and what nobody has read for long is closed."""
        self._timer = None
        self._tick += 1
        self._left_alone.clear()
        oldest = self._tick - self.inactive / TICK_S
        for kept in [kept for kept in self._files.values() if kept.used < oldest]:
            self._counts["unused"] += 1
            self._drop(kept)
        self._arm()

    def _end(self) -> None:
        self.closed = True
        ALIVE.forget(self)
        if self._timer is not None:
            self._timer.cancel()
        for kept in self._all():
            self._drop(kept)
        self._watches.close()


# --------------------------------------------------------------------------------------------------------- by a worker


def _look_up(path: bytes) -> tuple[Lookup, ...]:
    """The way to a file, where inotify tells of each change on it. NotKept, OSError."""
    if not path.startswith(b"/") or b"\0" in path:
        raise NotKept
    found = lookups(path)
    for directory in {directory for directory, _name in found}:
        fd = os.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try:
            if filesystem(fd) not in LOCAL or folds_case(fd):
                raise NotKept
        finally:
            os.close(fd)
    return found


def _open(path: bytes, found: tuple[Lookup, ...], opened: list[int]) -> None:
    """Open a file at the end of a way. NotKept, OSError."""
    if not S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - its path is bytes
        raise NotKept  # to open it may be to wait
    opened.append(fd := os.open(path, READS))
    status = os.fstat(fd)
    if not S_ISREG(status.st_mode) or status.st_size >= MOST or filesystem(fd) not in LOCAL or lookups(path) != found:
        raise NotKept
