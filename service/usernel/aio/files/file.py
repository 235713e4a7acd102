"""What binary and text files have in common, and reads and writes at a given offset."""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from os import preadv
from time import perf_counter_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, AnyStr, Final, Self, cast

from ..hits import Writable
from .buffer import Buffer
from .descriptor import SCRATCH, Descriptor
from .locks_unsafe import Range, lock, try_lock, unlock

if TYPE_CHECKING:
    from typing_extensions import Buffer as Bytes


TOGETHER: Final = 16
"""How many reads of a batch are made between two looks at the clock."""
joined: Final = b"".join
"""The bytes of a buffer that stands in a tuple."""


class File:
    """An open file. What it is asked for it does as Python's own file objects do, but for the ``await``."""

    __slots__ = ("_buffer", "_descriptor")

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._descriptor: Descriptor = buffer.descriptor

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} name={self.name!r} mode={self.mode!r}>"

    async def __aenter__(self) -> Self:
        self._buffer.check_open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def name(self) -> Any:
        """What it was opened by: a path or a descriptor."""
        return self._descriptor.name

    @property
    def mode(self) -> str:
        """Its mode, as Python spells it."""
        return self._descriptor.raw.mode

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._buffer.closed

    def fileno(self) -> int:
        """Its descriptor. ValueError where it is closed."""
        self._buffer.check_open()
        self._buffer.place()
        return self._descriptor.raw.fileno()

    async def close(self) -> None:
        """Write what is left, and close it. A task that is cancelled meanwhile has closed it all the same. OSError."""
        await self._buffer.close()

    async def isatty(self) -> bool:
        """Whether it is a terminal."""
        self._buffer.check_open()
        return self._descriptor.raw.isatty()

    async def seekable(self) -> bool:
        """Whether it has a position."""
        self._buffer.check_open()
        return self._descriptor.seekable

    async def writable(self) -> bool:
        """Whether it can be written."""
        self._buffer.check_open()
        return self._descriptor.writable

    # ------------------------------------------------------------------------------------------------- the file itself

    async def flush(self) -> None:
        """Wait until all that was written is in the file. OSError."""
        await self._buffer.enter()
        try:
            await self._buffer.flush()
        finally:
            self._buffer.leave()

    async def stat(self) -> os.stat_result:
        """fstat(2), which sees all that was written. OSError."""
        await self.flush()
        return os.fstat(self._descriptor.fd)

    async def fsync(self) -> None:
        """Wait until all that was written is on the disk (fsync(2)). OSError."""
        await self.flush()
        await self._descriptor.call(os.fsync, self._descriptor.fd)

    async def fdatasync(self) -> None:
        """As fsync, but for times and the like (fdatasync(2)). OSError."""
        await self.flush()
        await self._descriptor.call(os.fdatasync, self._descriptor.fd)

    async def lock(
        self, *, shared: bool = False, wait: bool = True, ofd: bool = False, start: int = 0, length: int = 0
    ) -> bool:
        """Lock it: flock(2), or with ``ofd`` bytes of it (F_OFD_SETLK). Whether it is locked. OSError.

        A length of 0 goes to the end of the file, wherever that is.
        """
        self._buffer.check_open()
        part = Range(start, length) if ofd else None
        if wait:
            await lock(self.fileno, part, shared=shared)
            return True
        return try_lock(self.fileno(), part, shared=shared)

    async def unlock(self, *, ofd: bool = False, start: int = 0, length: int = 0) -> None:
        """Give a lock up; what was written under it is in the file before. OSError."""
        await self.flush()
        unlock(self._descriptor.fd, Range(start, length) if ofd else None)


class BinaryFile(File):
    """A file of bytes."""

    __slots__ = ()

    def readable(self) -> bool:
        """Whether it can be read."""
        self._buffer.check_open()
        return self._descriptor.readable

    # --------------------------------------------------------------------------------------------------- at an offset

    async def pread(self, n: int, offset: int) -> bytes:
        """Read at an offset, as ``os.pread(fd, n, offset)``; the position stays. OSError."""
        size, fd, scratch, flags, hits = self._descriptor.quick
        if n == size and offset >= 0:
            try:
                got = preadv(fd, scratch, offset, flags)
            except BlockingIOError:
                hits.missed += 1
                return await self._descriptor.pread(n, offset)
            except OSError:
                got = -1  # looked at more closely below
            if got == n:
                data = joined(scratch)
                hits.inline += 1
                if hits.inline >= hits.look and hits.used_up_by_each():
                    await hits.turn()
                return data
        return await self._pread(n, offset)

    async def _pread(self, n: int, offset: int) -> bytes:
        self._buffer.check_open()
        descriptor = self._descriptor
        if descriptor.dirty:
            await self.flush()
        self._expect(n)
        data = self._descriptor.whole_at_once(n, offset)
        if data is None:
            return await descriptor.pread(n, offset)
        if descriptor.hits.used_up:
            await descriptor.hits.turn()
        return data

    def _expect(self, n: int) -> None:
        descriptor = self._descriptor
        if n != descriptor.scratch_size and 0 < n <= SCRATCH and descriptor.cached:
            descriptor.use_scratch(n)

    async def preadv(self, buffers: Sequence[Writable], offset: int) -> int:
        """Read into buffers at an offset, as ``os.preadv(fd, buffers, offset)``. OSError."""
        self._buffer.check_open()
        descriptor = self._descriptor
        if descriptor.dirty:
            await self.flush()
        if descriptor.hot:
            got = descriptor.hits.preadv(descriptor.fd, buffers, sum(map(len, buffers)), offset)
            if got is not None:
                if descriptor.hits.used_up:
                    await descriptor.hits.turn()
                return got
        return await descriptor.call(preadv, descriptor.fd, buffers, offset)

    async def pread_many(self, parts: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read ``(n, offset)`` each, in one go: what is cached at once, all that is not by one worker. OSError."""
        self._buffer.check_open()
        descriptor = self._descriptor
        if descriptor.dirty:
            await self.flush()
        wanted = list(parts)
        found: list[bytes | None] = []
        if wanted:
            self._expect(wanted[0][0])
        for at in range(0, len(wanted), TOGETHER):
            self._some_at_once(wanted[at : at + TOGETHER], found)
            if perf_counter_ns() >= descriptor.hits.until:
                await descriptor.hits.pause_after_many()
        if None in found:
            missing = [at for at, data in enumerate(found) if data is None]
            read = await descriptor.pread_many([wanted[at] for at in missing])
            for at, data in zip(missing, read, strict=True):
                found[at] = data
        return cast("list[bytes]", found)

    def _some_at_once(self, parts: list[tuple[int, int]], found: list[bytes | None]) -> None:
        descriptor = self._descriptor
        size, fd, scratch, flags, hits = descriptor.quick
        for n, offset in parts:
            if n == size and offset >= 0:
                try:
                    if preadv(fd, scratch, offset, flags) == n:
                        found.append(joined(scratch))
                        hits.inline += 1
                        continue
                except BlockingIOError:
                    hits.missed += 1
                    found.append(None)
                    continue
                except OSError:
                    pass  # looked at more closely below
            found.append(self._descriptor.whole_at_once(n, offset))

    async def pwrite(self, data: Bytes, offset: int) -> int:
        """Write at an offset, as ``os.pwrite(fd, data, offset)``; the position stays. OSError."""
        return await self._put(os.pwrite, data, offset)

    async def pwritev(self, buffers: Sequence[Bytes], offset: int) -> int:
        """Write buffers at an offset, as ``os.pwritev(fd, buffers, offset)``. OSError."""
        return await self._put(os.pwritev, buffers, offset)

    async def _put(self, func: Callable[[int, Any, int], int], data: Any, offset: int) -> int:
        buffer = self._buffer
        await buffer.enter()
        try:
            await buffer.flush()
            buffer.forget()
            return await self._descriptor.call(func, self._descriptor.fd, data, offset)
        finally:
            buffer.leave()


def index(size: Any) -> int:
    """A size as Python's files take it: None is all. TypeError."""
    if size is None:
        return -1
    try:
        return int(size.__index__())
    except AttributeError:
        raise TypeError(f"argument should be integer or None, not {type(size).__name__!r}") from None


async def lines_of(readline: Callable[[], Awaitable[AnyStr]], hint: int | None) -> list[AnyStr]:
    """Lines, until there is more than ``hint`` of them where that is above 0."""
    lines: list[AnyStr] = []
    most, size = index(hint), 0
    while line := await readline():
        lines.append(line)
        size += len(line)
        if 0 < most < size:
            break
    return lines


def as_bytes(data: Any) -> bytes:
    """Bytes that nobody changes any more. TypeError for what is no buffer."""
    if type(data) is bytes:
        return data
    if isinstance(data, str):
        raise TypeError("a bytes-like object is required, not 'str'")
    return bytes(memoryview(data))


def unsupported(what: str) -> io.UnsupportedOperation:
    """What a file cannot do."""
    return io.UnsupportedOperation(what)
