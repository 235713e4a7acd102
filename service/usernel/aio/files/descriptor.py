"""An open file of the host, and how its bytes are moved: at once where that cannot sleep, else by the loop's ring."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
from collections.abc import Callable
from functools import partial
from os import preadv
from stat import S_ISBLK, S_ISREG
from typing import Any, Final, TypeVar, cast

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.io_uring_op import IORING_OP_READ, IORING_OP_WRITE
from usernel.kernel.io_uring.sqe import Sqe

from ..called import Part
from ..hits import MISSES, MOST, NOT_NOW, RETRY, TURNS, Writable
from ..loop_ring import LoopRing
from ..resident_unsafe import PAGE, Now
from ..together import SMALL, ask_for

T = TypeVar("T")
HERE: Final = 2**64 - 1
"""The current position, in an SQE."""
SCRATCH: Final = 64 << 10
"""Reads up to this size go through a buffer that is used again."""


Quick = tuple[int, int, tuple[bytearray, ...], int, Any]
"""For what a read is tried at once, all in one place: of which size, from which descriptor, into which buffer, with
which flags, and ``Hits``. In a busy process each object that a read looks at is one more that the processor has to
fetch."""
NOTHING: Final[Quick] = (-1, -1, (), 0, None)
Plain = tuple[int, Any, int]
"""A regular file that was just opened to be read, and nothing else: its descriptor, path and size."""


class Descriptor:
    """The descriptor of one open file, with what its hot paths need to know.

    ``hot``: a read of a regular file is tried at once. It is not where something written is still to be put there,
    where the page cache is passed by (O_DIRECT), and after a few misses in a row, but for each ``RETRY``-th.
    """

    __slots__ = (
        "_hot", "_idle", "_now", "_path", "_raw", "_users", "append", "buffer", "cached", "direct", "dirty", "fd",
        "hits", "loop", "misses", "quick", "readable", "regular", "ring", "scratch_size", "seekable", "size", "start",
        "unread", "writable",
    )  # fmt: skip

    def __init__(self, raw: io.FileIO | Plain, ring: LoopRing, loop: asyncio.AbstractEventLoop) -> None:
        self.ring, self.hits, self.loop = ring, ring.hits, loop
        self._path: Any = None
        self._raw: io.FileIO | None = None
        if isinstance(raw, tuple):
            self.fd, self._path, self.size = raw
            self.regular = self.readable = self.seekable = self.cached = True
            self.writable = self.append = self.direct = False
            self.start = 0
        else:
            self._look(raw)
        self.dirty = False
        """Whether something written is not yet in the file."""
        self.misses = 0
        self._now: Now | None = None
        """How it is read at once, where not by RWF_NOWAIT."""
        self._hot = self.cached
        self.use_scratch(0)
        self.unread: list[bytes] = []
        """What was read from a stream for a task that was cancelled."""
        self._users = 0
        self._idle: list[asyncio.Future[None]] = []

    def _look(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.fd = raw.fileno()
        status = os.fstat(self.fd)
        self.regular = S_ISREG(status.st_mode) or S_ISBLK(status.st_mode)
        self.size = status.st_size
        """That of the file when it was opened."""
        self.readable, self.writable, self.seekable = raw.readable(), raw.writable(), raw.seekable()
        flags = fcntl.fcntl(self.fd, fcntl.F_GETFL)
        self.append = bool(flags & os.O_APPEND)
        self.start = os.lseek(self.fd, 0, os.SEEK_CUR) if self.seekable else 0
        """Its position when it was opened."""
        self.direct = self.regular and bool(flags & os.O_DIRECT)
        """Whether it passes the page cache by (O_DIRECT): the memory is the caller's, who has aligned it."""
        self.cached = self.regular and self.readable and not self.direct

    @property
    def raw(self) -> io.FileIO:
        """Python's own object for it. A plain file has none until somebody asks; its O_NONBLOCK ends with that."""
        if self._raw is None:
            if self.fd < 0:
                self._raw = io.FileIO.__new__(io.FileIO)  # one that is closed
            else:
                fcntl.fcntl(self.fd, fcntl.F_SETFL, 0)
                self._raw = io.FileIO(self.fd, "rb")
            self._raw.name = self._path
        return self._raw

    @property
    def name(self) -> Any:
        """What it was opened by."""
        return self._path if self._raw is None else self._raw.name

    @property
    def used(self) -> bool:
        """Whether a worker uses it."""
        return bool(self._users)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.fd < 0 if self._raw is None else self._raw.closed

    @property
    def borrowed(self) -> bool:
        """Whether it is not closed with the file (``closefd=False``)."""
        return self._raw is not None and not self._raw.closefd

    @property
    def hot(self) -> bool:
        """Whether a read is tried at once."""
        return self._hot

    def cool(self) -> None:
        """It is not hot any more."""
        self._hot, self.quick = False, NOTHING

    def settle(self) -> None:
        """Say anew whether it is hot."""
        self._hot = self.cached and not self.dirty and self.misses < MISSES and not self.closed
        self._set_quick()

    def use_scratch(self, size: int) -> None:
        """Reads of this size are frequent."""
        self.scratch_size = size or -1
        self.buffer = bytearray(size)
        self._set_quick()

    def _set_quick(self) -> None:
        flags = RWF_NOWAIT if self._now is None else self._now.flags
        if self._hot and self.scratch_size > 0 and flags is not None:
            self.quick = (self.scratch_size, self.fd, (self.buffer,), flags, self.hits)
        else:
            self.quick = NOTHING

    # -------------------------------------------------------------------------------------------------------- at once

    def at_once(self, size: int, offset: int) -> bytes | None:
        """What is cached of the bytes there, none at the file's end; None where that might sleep. OSError."""
        if size > MOST or not self.cached or (self.misses >= MISSES and not self._retry()):
            return None
        buffer = self.buffer if size == self.scratch_size else bytearray(size)
        try:
            got = self._preadv_now(buffer, size, offset)
        except OSError as error:
            if error.errno not in NOT_NOW:
                raise
            self.hits.missed += 1
            return None
        self.hit()
        return bytes(buffer) if got == size else bytes(memoryview(buffer)[:got])

    def _preadv_now(self, view: Writable, size: int, offset: int) -> int:
        """preadv(2), where it does not sleep. OSError: one of ``NOT_NOW`` where it might."""
        if self._now is None:
            try:
                return preadv(self.fd, (view,), offset, RWF_NOWAIT)
            except OSError as error:
                if error.errno != Errno.EOPNOTSUPP:
                    raise
            self._now = Now(self.fd)
            self._set_quick()
        return self._now.preadv((view,), size, offset)

    def whole_at_once(self, size: int, offset: int) -> bytes | None:
        """The same; None also where the rest of it is not cached, and for what os.pread is to judge."""
        if size <= 0 or offset < 0:
            return None
        data = self.at_once(size, offset)
        if data and len(data) < size and self.at_once(1, offset + len(data)) != b"":
            return None
        return data

    def hit(self) -> None:
        """A read was done at once."""
        self.hits.inline += 1
        if self.misses:
            self.misses = 0
            self.settle()

    def rest_at_once(self, offset: int) -> bytes | None:
        """All from there to the end, where that is where it was when it was opened, and all is cached; else None."""
        size = self.size - offset
        if not self.hot or not 0 < size < MOST:
            return None
        view = self.hits.view[: size + 1]
        try:
            if self._preadv_now(view, size + 1, offset) != size:
                return None
        except OSError:
            return None  # it is looked at more closely by those who read it in pieces
        if not self.size % PAGE and not self._ends():
            return None
        self.hit()
        return bytes(view[:size])

    def _ends(self) -> bool:
        """Whether its end is where it was when it was opened."""
        if self._raw is None:  # nobody else has its position
            return os.lseek(self.fd, 0, os.SEEK_END) == self.size
        return self.hits.at_end(self.fd, self.size)

    def _retry(self) -> bool:
        self.misses += 1
        return not self.misses % RETRY

    # ------------------------------------------------------------------------------------------------------- by others

    async def call(self, func: Callable[..., T], *args: Any, bound: bool = True, part: Part | None = None) -> T:
        """Have a worker call a function on the descriptor, which stays open until it has ended.

        ``part``: what it reads, of a file that can be cached.
        """
        self._users += 1
        try:
            result: T = await self.ring.call(partial(func, *args) if args else func, bound=bound, part=part)
        finally:
            self._leave()
        return result

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._wake()

    async def pread(self, size: int, offset: int) -> bytes:
        """Read what is not cached, which has been tried: wait for the kernel, or have a worker read. OSError."""
        if self._hot:
            data = await self._comes(partial(self.whole_at_once, size, offset), TURNS if size <= SMALL else 0)
            if data is not None:
                return data
        part = (self.fd, offset, size) if self.cached else None
        return await self.call(os.pread, self.fd, size, offset, part=part)

    async def pread_many(self, parts: list[tuple[int, int]]) -> list[bytes]:
        """The same for ``(size, offset)`` each, in one go. OSError."""
        found: list[bytes | None] = [None] * len(parts)

        def again() -> list[bytes | None] | None:
            for at, (size, offset) in enumerate(parts):
                if found[at] is None:
                    found[at] = self.whole_at_once(size, offset)
            return None if None in found else found

        if self._hot:
            small = sum(size for size, _ in parts) <= MOST
            if await self._comes(again, TURNS if small else 0) is not None:
                return cast("list[bytes]", found)
        return await self.call(_pread_all, self.fd, parts, found, self.cached)

    async def _comes(self, again: Callable[[], T | None], turns: int) -> T | None:
        """What comes of trying again in so many turns; None where nothing does, and a worker is needed.

        A read with RWF_NOWAIT that finds nothing has the kernel begin to read (``filemap_get_pages``), and in a turn or
        two the disk has done it. No thread is as quick as that, and to a busy loop each costs much: it fights for the
        interpreter whenever it comes back from a call.
        """
        self._users += 1
        try:
            for _ in range(turns):
                await self.hits.come()
                if (found := again()) is not None:
                    self.hits.came += 1
                    return found
        finally:
            self._leave()
        self.misses += 1
        if self.misses >= MISSES:
            self.cool()
        return None

    def _wake(self) -> None:
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()

    async def idle(self) -> None:
        """Wait until no worker uses it."""
        while self._users:
            waiter = self.loop.create_future()
            self._idle.append(waiter)
            await waiter

    async def read_some(self, size: int, offset: int) -> bytes | None:
        """Some bytes, none at the end; of a stream what there is, None where it is O_NONBLOCK and nothing is there."""
        if not self.seekable:
            return await self._receive(size)
        data = self.at_once(size, offset)
        if data is None:
            data = await self.pread(size, offset)
        return data

    async def _receive(self, size: int) -> bytes | None:
        if self.unread:
            data = self.unread.pop(0)
            if len(data) > size:
                self.unread.insert(0, data[size:])
            return data[:size]
        if not os.get_blocking(self.fd):
            return self._unless_it_waits(os.read, size)  # a ring would wait for it
        size = min(size, MOST)
        buffer = bytearray(size)

        def lost(got: int) -> None:
            if got:
                self.unread.append(bytes(memoryview(buffer)[:got]))

        got = await self.ring.request(Sqe(IORING_OP_READ, fd=self.fd, off=HERE, addr=buffer, len=size), lost)
        return bytes(memoryview(buffer)[: checked(got)])

    def _unless_it_waits(self, func: Callable[[int, Any], T], given: Any) -> T | None:
        try:
            return func(self.fd, given)
        except BlockingIOError:
            return None

    async def send(self, data: bytes, lost: Callable[[int], None] | None = None) -> int | None:
        """Write to a stream what it takes; None where it is O_NONBLOCK and takes nothing."""
        if not os.get_blocking(self.fd):
            return self._unless_it_waits(os.write, data)
        return checked(
            await self.ring.request(Sqe(IORING_OP_WRITE, fd=self.fd, off=HERE, addr=data, len=len(data)), lost)
        )

    def end(self) -> None:
        """Close it, which nobody uses and nobody wrote: nothing is to be written back. OSError."""
        self.leave_cache()
        if self._raw is not None:
            self._raw.close()
        else:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def leave_cache(self) -> None:
        """Nothing is read at once any more."""
        self._hot = self.cached = False
        self.use_scratch(0)
        if self._now is not None:
            self._now.close()
            self._now = None

    async def shut(self) -> None:
        """Close it, whatever becomes of the task. OSError."""
        if not self.writable:
            self.end()
            return
        self.leave_cache()
        try:
            await self.ring.call(self.raw.close)
        finally:
            if not self.raw.closed:
                self.raw.close()


def _pread_all(fd: int, parts: list[tuple[int, int]], found: list[bytes | None], cached: bool) -> list[bytes]:
    if cached:
        ask_for((fd, offset, n) for (n, offset), data in zip(parts, found, strict=True) if data is None and n <= SMALL)
    return [os.pread(fd, n, at) if data is None else data for (n, at), data in zip(parts, found, strict=True)]


def checked(result: int) -> int:
    """The result of a request that is no errno. OSError."""
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result
