"""Binary files without a buffer, as ``io.FileIO``: each call is one on the descriptor, whose own position is used."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from ..hits import Writable
from .file import BinaryFile, Bytes, as_bytes, index

CHUNK: Final = 256 << 10
"""What is read at once of what tells no size."""


class RawFile(BinaryFile):
    """An unbuffered binary file. A write is in the file when it has ended."""

    __slots__ = ()

    # -------------------------------------------------------------------------------------------------------- reading

    async def read(self, size: int | None = -1) -> bytes | None:
        """Read up to ``size`` bytes; all without one. None of a stream that is O_NONBLOCK and has none. OSError."""
        wanted = index(size)
        if wanted < 0:
            return await self.readall()
        await self._buffer.enter()
        try:
            self._buffer.need_readable()
            return await self._read(wanted)
        finally:
            self._buffer.leave()

    async def _read(self, size: int) -> bytes | None:
        descriptor = self._descriptor
        if not descriptor.seekable:
            data = await descriptor.read_some(max(size, 1), 0) if size else b""
            if data is not None and len(data) > size:
                descriptor.unread.insert(0, data[size:])
                data = data[:size]
            return data
        position = os.lseek(descriptor.fd, 0, os.SEEK_CUR)
        found = self._whole_at_once(size, position) if size else b""
        if found is None:
            found = await descriptor.call(os.pread, descriptor.fd, size, position)
        if found:
            os.lseek(descriptor.fd, position + len(found), os.SEEK_SET)
        return found

    async def readall(self) -> bytes | None:
        """Read all that is left. OSError."""
        buffer, descriptor = self._buffer, self._descriptor
        await buffer.enter()
        parts: list[bytes] = []
        try:
            buffer.need_readable()
            before = os.lseek(descriptor.fd, 0, os.SEEK_CUR) if descriptor.seekable else 0
            try:
                while data := await self._read(self._left()):
                    parts.append(data)
            except BaseException:
                descriptor.give_back(parts, before)
                raise
        finally:
            buffer.leave()
        return None if data is None and not parts else b"".join(parts)

    def _left(self) -> int:
        descriptor = self._descriptor
        if not descriptor.regular:
            return CHUNK
        left = os.fstat(descriptor.fd).st_size - os.lseek(descriptor.fd, 0, os.SEEK_CUR)
        return max(left + 1, 1)

    async def readinto(self, target: Writable) -> int | None:
        """Read into a buffer. OSError."""
        view = memoryview(target).cast("B")
        if view.readonly:
            raise TypeError("readinto() argument must be read-write bytes-like object")
        data = await self.read(len(view))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to the next newline, or ``size`` bytes; what was read behind it is given back. OSError."""
        buffer, descriptor = self._buffer, self._descriptor
        limit = index(size)
        await buffer.enter()
        try:
            buffer.need_readable()
            if not descriptor.seekable:
                return await self._line_of_stream(limit)
            buffer.next = os.lseek(descriptor.fd, 0, os.SEEK_CUR)
            line = await buffer.read_line(limit)
            buffer.forget()
            os.lseek(descriptor.fd, buffer.next, os.SEEK_SET)
            return line
        finally:
            buffer.forget()
            buffer.leave()

    async def _line_of_stream(self, limit: int) -> bytes:
        line: list[bytes] = []
        try:
            while limit < 0 or len(line) < limit:
                byte = await self._read(1)
                if not byte:
                    break
                line.append(byte)
                if byte == b"\n":
                    break
        except BaseException:
            self._descriptor.give_back(line, 0)
            raise
        return b"".join(line)

    async def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Read lines, until they have more than ``hint`` bytes where that is above 0. OSError."""
        lines: list[bytes] = []
        most, size = index(hint), 0
        while line := await self.readline():
            lines.append(line)
            size += len(line)
            if 0 < most <= size:
                break
        return lines

    def __aiter__(self) -> RawFile:
        return self

    async def __anext__(self) -> bytes:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    # -------------------------------------------------------------------------------------------------------- writing

    async def write(self, data: Bytes) -> int | None:
        """Write some bytes, and say how many. None to a stream that is O_NONBLOCK and takes none. OSError."""
        buffer, descriptor = self._buffer, self._descriptor
        await buffer.enter()
        try:
            buffer.need_writable()
            taken = as_bytes(data)
            if not descriptor.seekable:
                return await descriptor.send(taken)
            return await descriptor.call(os.write, descriptor.fd, taken)
        finally:
            buffer.leave()

    async def writelines(self, lines: Iterable[Bytes]) -> None:
        """Write each of some pieces. OSError."""
        self._buffer.check_open()
        for line in lines:
            await self.write(line)

    # ------------------------------------------------------------------------------------------------------- position

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position (lseek(2)), which is returned. OSError."""
        await self._buffer.enter()
        try:
            return os.lseek(self._descriptor.fd, offset, whence)
        finally:
            self._buffer.leave()

    async def tell(self) -> int:
        """The position. OSError."""
        return await self.seek(0, os.SEEK_CUR)

    async def truncate(self, size: int | None = None) -> int:
        """Make it so long, or as long as the position (ftruncate(2)); the position stays. OSError."""
        buffer, descriptor = self._buffer, self._descriptor
        await buffer.enter()
        try:
            buffer.need_writable()
            if size is None:
                size = os.lseek(descriptor.fd, 0, os.SEEK_CUR)
            await descriptor.call(os.ftruncate, descriptor.fd, size)
            return size
        finally:
            buffer.leave()
