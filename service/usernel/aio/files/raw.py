"""Binary files without a buffer, as ``io.FileIO``: a call that moves bytes is one of the system's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..hits import Writable
from .buffer import LINES
from .file import BinaryFile, as_bytes, index, lines_of

if TYPE_CHECKING:
    from typing_extensions import Buffer as Bytes


class RawFile(BinaryFile):
    """A binary file that reads and writes what it is asked for, and may do less."""

    __slots__ = ()

    async def read(self, size: int | None = -1) -> bytes | None:
        """Read up to ``size`` bytes; all without one. None of a stream that is O_NONBLOCK and has none. OSError."""
        wanted = index(size)
        buffer = self._buffer
        await buffer.enter()
        try:
            buffer.need_readable()
            if wanted >= 0:
                return await self._some(wanted)
            try:
                return await buffer.read_all()
            finally:
                if self._descriptor.seekable:
                    buffer.forget()
        finally:
            buffer.leave()

    async def readall(self) -> bytes | None:
        """Read all that is left. OSError."""
        return await self.read()

    async def _some(self, size: int) -> bytes | None:
        buffer = self._buffer
        if buffer.at < buffer.have:
            return buffer.take(size)  # what a cancelled task had read of a stream
        if not size:
            return b""
        data = await self._descriptor.read_some(size, buffer.next)
        buffer.next += len(data or b"")
        return data

    async def readinto(self, target: Writable) -> int | None:
        """Read into a buffer, once. OSError."""
        view = memoryview(target).cast("B")
        if view.readonly:
            raise TypeError("readinto() argument must be read-write bytes-like object")
        if self._descriptor.direct:
            with view:
                return await self._straight_into(view)
        data = await self.read(len(view))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    async def _straight_into(self, view: memoryview) -> int:
        buffer, descriptor = self._buffer, self._descriptor
        await buffer.enter()
        try:
            buffer.need_readable()
            got = await descriptor.call(os.preadv, descriptor.fd, (view,), buffer.next)
            buffer.next += got
            return got
        finally:
            buffer.leave()

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to the next newline, or ``size`` bytes; of a stream byte by byte. OSError."""
        limit = index(size)
        buffer = self._buffer
        await buffer.enter()
        try:
            if limit:  # Python's files read no line of no bytes, and so do not fail
                buffer.need_readable()
            return await self._line(limit)
        finally:
            buffer.leave()

    async def _line(self, limit: int) -> bytes:
        buffer, block = self._buffer, LINES if self._descriptor.seekable else 1
        start, line = buffer.next, b""
        try:
            while limit < 0 or len(line) < limit:
                data = await self._some(block)
                line += data or b""
                if not data or b"\n" in data:
                    break
        except BaseException:
            self._unread(line, start, 0)
            raise
        end = line.find(b"\n") + 1 or len(line)
        end = end if limit < 0 else min(end, limit)
        self._unread(line, start, end)
        return line[:end]

    def _unread(self, line: bytes, start: int, taken: int) -> None:
        """So many bytes of what was read are taken, the others are read again."""
        if self._descriptor.seekable:
            self._buffer.next = start + taken
        elif line[taken:]:
            self._buffer.give_back([line[taken:]])

    async def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Read lines, until they have more than ``hint`` bytes where that is above 0. OSError."""
        return await lines_of(self.readline, hint)

    def __aiter__(self) -> RawFile:
        return self

    async def __anext__(self) -> bytes:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    async def write(self, data: Bytes) -> int | None:
        """Write some bytes, once, and say how many. None of a stream that is O_NONBLOCK and takes none. OSError."""
        buffer, descriptor = self._buffer, self._descriptor
        await buffer.enter()
        try:
            if descriptor.direct and not isinstance(data, str):
                with memoryview(data) as view:
                    buffer.need_writable()
                    return await self._write(view)
            taken = as_bytes(data)
            buffer.need_writable()
            if not descriptor.seekable:
                return await descriptor.send(taken)
            return await self._write(taken)
        finally:
            buffer.leave()

    async def _write(self, taken: Bytes) -> int:
        buffer, descriptor, done = self._buffer, self._descriptor, [0]
        try:
            await descriptor.call(self._write_some, taken, done)
        finally:  # whoever is cancelled may have written all the same
            if not descriptor.append:
                buffer.next += done[0]
            elif done[0]:
                buffer.next = os.lseek(descriptor.fd, 0, os.SEEK_CUR)
        return done[0]

    def _write_some(self, taken: Bytes, done: list[int]) -> None:
        fd = self._descriptor.fd
        done[0] = os.write(fd, taken) if self._descriptor.append else os.pwrite(fd, taken, self._buffer.next)

    async def writelines(self, lines: Iterable[Bytes]) -> None:
        """Write each of some pieces. OSError."""
        self._buffer.check_open()
        for line in lines:
            await self.write(line)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position (lseek(2)), which is returned. OSError."""
        await self._buffer.enter()
        try:
            return await self._buffer.seek(offset, whence)
        finally:
            self._buffer.leave()

    async def tell(self) -> int:
        """The position. OSError."""
        await self._buffer.enter()
        try:
            return self._buffer.tell()
        finally:
            self._buffer.leave()

    async def truncate(self, size: int | None = None) -> int:
        """Make it so long, or as long as the position (ftruncate(2)); the position stays. OSError."""
        await self._buffer.enter()
        try:
            return await self._buffer.truncate(size)
        finally:
            self._buffer.leave()
