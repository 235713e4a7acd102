"""Buffered binary files, as ``io.BufferedReader``, ``BufferedWriter`` and ``BufferedRandom``."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..hits import Writable
from .file import BinaryFile, as_bytes, index, lines_of
from .writer import PIECE

if TYPE_CHECKING:
    from typing_extensions import Buffer as Bytes


class BufferedFile(BinaryFile):
    """A binary file that is read ahead, and whose writes are gathered.

    What is in memory is served without suspending; every 16th operation looks at the clock, so that others get on.
    """

    __slots__ = ()

    @property
    def raw(self) -> io.FileIO:
        """Python's own object for the descriptor, its position behind what was read ahead."""
        self._buffer.place()
        return self._descriptor.raw

    def detach(self) -> io.FileIO:
        """Python's own object for the descriptor; this file is of no use any more. Gathered writes are written here.

        OSError. ValueError where a worker is at it: what is on its way is to be waited for first, by ``flush``.
        """
        buffer, descriptor = self._buffer, self._descriptor
        buffer.check_open()
        if descriptor.used or buffer.order.held or buffer.writer.sending:
            raise ValueError("the file is in use: flush it before it is detached")
        end = buffer.writer.end
        buffer.writer.finish()
        raw = self.raw
        if buffer.writing and descriptor.seekable and not descriptor.append:
            os.lseek(descriptor.fd, end, os.SEEK_SET)
        self._buffer = buffer.detached()
        buffer.closed, buffer.credit, buffer.writing = True, 0, False
        descriptor.leave_cache()
        return raw

    # -------------------------------------------------------------------------------------------------------- reading

    async def read(self, size: int | None = -1) -> bytes | None:
        """Read up to ``size`` bytes, fewer only at the end; all without one. OSError.

        None of a stream that is O_NONBLOCK and has none.
        """
        buffer = self._buffer
        if buffer.credit and size is not None and size >= 0:
            at = buffer.at
            end = at + size
            if end <= buffer.have:
                buffer.credit -= 1
                buffer.at = end
                return buffer.ahead[at:end]
        elif size is None or size == -1:
            if perf_counter_ns() >= buffer.descriptor.hits.until:
                await buffer.descriptor.hits.pause()
            data = buffer.all_at_once()
            if data is not None:
                return data
        wanted = index(size)
        if wanted < -1:
            raise ValueError("read length must be non-negative or -1")
        await buffer.enter()
        try:
            await buffer.begin_reading()
            return await (buffer.read(wanted) if wanted >= 0 else buffer.read_all())
        finally:
            buffer.leave()

    async def read1(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes, with at most one look at the file. OSError."""
        buffer = self._buffer
        wanted = index(size)
        await buffer.enter()
        try:
            await buffer.begin_reading()
            if wanted and buffer.at == buffer.have:
                await buffer.fill(0)
            return buffer.take(wanted if wanted >= 0 else buffer.have)
        finally:
            buffer.leave()

    async def peek(self, size: int = 0) -> bytes:  # noqa: ARG002 - Python's files take it as a hint, too
        """What was read ahead, at least a byte but at the end; the position stays. OSError."""
        buffer = self._buffer
        await buffer.enter()
        try:
            await buffer.begin_reading()
            if buffer.at == buffer.have:
                await buffer.fill(0)
            return buffer.ahead[buffer.at :]
        finally:
            buffer.leave()

    async def readinto(self, target: Writable) -> int | None:
        """Read into a buffer until it is full, or the end. OSError."""
        view = memoryview(target).cast("B")
        if view.readonly:
            raise TypeError("readinto() argument must be read-write bytes-like object")
        data = await self.read(len(view))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to the next newline, or ``size`` bytes. OSError."""
        buffer = self._buffer
        if buffer.credit and size == -1:
            at = buffer.at
            end = buffer.ahead.find(b"\n", at) + 1
            if end:
                buffer.credit -= 1
                buffer.at = end
                return buffer.ahead[at:end]
        limit = index(size)
        await buffer.enter()
        try:
            if limit:  # Python's files read no line of no bytes, and so do not fail
                await buffer.begin_reading()
            return await buffer.read_line(limit) if limit else b""
        finally:
            buffer.leave()

    async def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Read lines, until they have more than ``hint`` bytes where that is above 0. OSError."""
        return await lines_of(self.readline, hint)

    def __aiter__(self) -> BufferedFile:
        return self

    async def __anext__(self) -> bytes:
        buffer = self._buffer
        if buffer.credit:
            at = buffer.at
            end = buffer.ahead.find(b"\n", at) + 1
            if end:
                buffer.credit -= 1
                buffer.at = end
                return buffer.ahead[at:end]
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    # -------------------------------------------------------------------------------------------------------- writing

    async def write(self, data: Bytes) -> int:
        """Take some bytes to be written, and say how many. OSError: of those before; these are not taken."""
        writer = self._buffer.writer
        if type(data) is bytes:
            size = len(data)
            room = writer.room - size - PIECE
            if room > 0:
                writer.room = room
                writer.add(data)
                return size
        return await self._write(data)

    async def _write(self, data: Bytes) -> int:
        buffer = self._buffer
        if type(data) is bytes:
            if perf_counter_ns() >= buffer.descriptor.hits.until:
                await buffer.descriptor.hits.pause()
            if buffer.take_at_once(data):
                return len(data)
        await buffer.enter()
        try:
            buffer.need_writable()
            taken = as_bytes(data)
            await buffer.write(taken)
            buffer.may_be_quick()
        finally:
            buffer.leave()
        return len(taken)

    async def writelines(self, lines: Iterable[Bytes]) -> None:
        """Write each of some pieces. OSError."""
        buffer = self._buffer
        buffer.check_open()
        for line in lines:
            await self.write(line)

    # ------------------------------------------------------------------------------------------------------- position

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position (lseek(2)), which is returned. OSError."""
        buffer = self._buffer
        await buffer.enter()
        try:
            return await buffer.seek(offset, whence)
        finally:
            buffer.leave()

    async def tell(self) -> int:
        """The position. OSError."""
        buffer = self._buffer
        await buffer.enter()
        try:
            if self._descriptor.append:
                await buffer.writer.ended()  # where it ends, only the file knows
            return buffer.tell()
        finally:
            buffer.leave()

    async def truncate(self, size: int | None = None) -> int:
        """Make it so long, or as long as the position (ftruncate(2)); the position stays. OSError."""
        buffer = self._buffer
        await buffer.enter()
        try:
            return await buffer.truncate(size)
        finally:
            buffer.leave()
