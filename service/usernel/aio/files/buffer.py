"""The bytes of one file between its user and its descriptor: read ahead in blocks, gathered to be written.

Binary and text files hold one of these; what they do without suspending they do on its attributes.
"""

from __future__ import annotations

import asyncio
import io
import os
import warnings
from typing import Final

from usernel.abi.errno import Errno

from .descriptor import Descriptor
from .order import Order
from .writer import Writer

SMALL: Final = 8 << 10
"""What is read first behind a new position; twice as much each time that more is wanted."""
LARGE: Final = 128 << 10
"""What is read ahead at most."""
LINES: Final = 64 << 10
"""What is read at least where lines are wanted."""
SEEKS: Final = frozenset({os.SEEK_SET, os.SEEK_CUR, os.SEEK_END, os.SEEK_DATA, os.SEEK_HOLE})
CREDIT: Final = 16
"""How many operations are served out of memory before the clock is looked at."""


class Buffer:
    """A window on a file, and a writer. ``ahead[at:have]`` is what was read and not yet asked for, up to ``next``."""

    __slots__ = (
        "__weakref__", "ahead", "at", "block", "closed", "credit", "descriptor", "have", "next", "order", "size",
        "writer", "writing",
    )  # fmt: skip

    def __init__(self, descriptor: Descriptor) -> None:
        self.closed = True  # until it is made: nothing is to be given up before
        self.descriptor = descriptor
        self.order = Order()
        self.writer = Writer(descriptor, self)
        self.ahead = b""
        self.at = self.have = 0
        self.next = descriptor.start
        self.block = SMALL
        self.size = 0
        """What is read ahead and gathered, where that was chosen."""
        self.credit = 0
        self.writing = False
        """Whether the position is behind what was written last, not in what was read."""
        self.closed = False

    def sized(self, size: int) -> Buffer:
        """The same, which reads so much ahead, and gathers as much before it writes."""
        self.size = self.block = size
        self.writer.limit, self.writer.ahead = size + 1, size * 4  # so many fill it, one more is too many
        return self

    def detached(self) -> Buffer:
        """One that stands in its place for who has given it up: it is closed, and closes nothing."""
        empty = object.__new__(Buffer)
        for name in self.__slots__[1:]:
            setattr(empty, name, getattr(self, name))
        empty._give_up()
        empty.writing = False
        empty.writer = Writer(self.descriptor, empty)
        return empty

    # ---------------------------------------------------------------------------------------------------- one by one

    async def enter(self) -> None:
        """Begin an operation that may suspend: when those before have ended, and the loop has time. ValueError."""
        self.writer.settle()
        if self.descriptor.hits.used_up:
            await self.descriptor.hits.turn()
        await self.order.acquire()
        try:
            self.check_open()
            self.writer.tell_error()
        except BaseException:
            self.order.release()
            raise
        self.writer.settle()
        self.credit = CREDIT if self.descriptor.readable else 0

    def leave(self) -> None:
        """It has ended."""
        self.order.release()

    def check_open(self) -> None:
        """ValueError where it is closed."""
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def need_readable(self) -> None:
        """UnsupportedOperation where it is only written."""
        if not self.descriptor.readable:
            raise io.UnsupportedOperation("read")

    def need_writable(self) -> None:
        """UnsupportedOperation where it is only read."""
        if not self.descriptor.writable:
            raise io.UnsupportedOperation("write")

    # ------------------------------------------------------------------------------------------------------- position

    @property
    def position(self) -> int:
        """Where the next byte is read or written."""
        return self.writer.end if self.writing else self.next - (self.have - self.at)

    def forget(self) -> None:
        """Drop what was read ahead; the position stays."""
        self.next -= self.have - self.at
        self.ahead, self.at, self.have = b"", 0, 0

    def move(self, position: int) -> None:
        """Go to a position, in what was read ahead if it is there. All that was written is in the file."""
        at = position - (self.next - self.have)
        if 0 <= at <= self.have:
            self.at = at
        else:
            self.ahead, self.at, self.have, self.next, self.block = b"", 0, 0, position, self.size or SMALL

    async def seek(self, offset: int, whence: int) -> int:
        """lseek(2), and what it answers. OSError."""
        if whence not in SEEKS:
            raise ValueError(f"whence value {whence} unsupported")
        if not self.descriptor.seekable:
            raise io.UnsupportedOperation("File or stream is not seekable.")
        await self.flush()
        if whence == os.SEEK_CUR:
            offset, whence = self.position + offset, os.SEEK_SET
        at = offset - (self.next - self.have)
        if whence == os.SEEK_SET and self.have and 0 <= at <= self.have:
            self.at = at
            return offset
        position = os.lseek(self.descriptor.fd, offset, whence)
        self.move(position)
        return position

    async def truncate(self, size: int | None) -> int:
        """ftruncate(2) after all that was written; the position stays. OSError."""
        self.need_writable()
        await self.flush()
        self.forget()
        if size is None:
            size = self.tell()
        await self.descriptor.call(os.ftruncate, self.descriptor.fd, size)
        return size

    def tell(self) -> int:
        """The position. UnsupportedOperation where there is none."""
        if not self.descriptor.seekable:
            raise io.UnsupportedOperation("File or stream is not seekable.")
        return self.position

    def place(self) -> None:
        """Put the descriptor's own position where Python's file would have it: behind what was read ahead."""
        if self.descriptor.seekable and not self.writing and not self.descriptor.append:
            os.lseek(self.descriptor.fd, self.next, os.SEEK_SET)

    # -------------------------------------------------------------------------------------------------------- reading

    def take(self, size: int) -> bytes:
        """What of so many bytes was read ahead."""
        data = self.ahead[self.at : self.at + size]
        self.at += len(data)
        return data

    def give_back(self, parts: list[bytes]) -> None:
        """What was taken was not wanted after all."""
        self.ahead = b"".join((*parts, self.ahead[self.at :]))
        self.at, self.have = 0, len(self.ahead)

    async def fill(self, size: int) -> bool | None:
        """Read some bytes, up to ``size`` or a block, behind all that was taken. False at the end, None for not yet."""
        block = max(self.block, size)
        data = await self.descriptor.read_some(block, self.next)
        if data is None:
            return None
        self.ahead, self.at, self.have = data, 0, len(data)
        self.next += len(data)
        self.block = min(self.block * 2, self.size or LARGE)
        return bool(data)

    async def read(self, size: int) -> bytes | None:
        """So many bytes, fewer only at the end; None where there are none yet."""
        parts = [self.take(size)]
        missing = size - len(parts[0])
        more: bool | None = True
        try:
            while missing and (more := await self.fill(missing)):
                parts.append(self.take(missing))
                missing -= len(parts[-1])
        except BaseException:
            self.give_back(parts)
            raise
        data = b"".join(parts)
        return None if more is None and not data else data

    async def read_all(self) -> bytes | None:
        """All that is left; None where there is none yet."""
        parts = [self.take(self.have)]
        more: bool | None = True
        try:
            while more := await self.fill(self._left()):
                parts.append(self.take(self.have))
        except BaseException:
            self.give_back(parts)
            raise
        data = b"".join(parts)
        return None if more is None and not data else data

    def all_at_once(self) -> bytes | None:
        """All that is left of a regular file, where nobody uses it and it is cached; else None."""
        if self.closed or self.writing or self.order.held or self.writer.error is not None:
            return None
        data = self.descriptor.rest_at_once(self.next)
        if data is None:
            return None
        self.next += len(data)
        if self.at < self.have:
            data = self.ahead[self.at :] + data
        self.ahead, self.at, self.have = b"", 0, 0
        return data

    def _left(self) -> int:
        """About how much is left, and one byte more, so that there is no need to ask twice."""
        if not self.descriptor.regular:
            return LINES
        return max(os.fstat(self.descriptor.fd).st_size - self.next + 1, 1)

    async def read_line(self, limit: int) -> bytes:
        """Up to the next newline, or ``limit`` bytes where that is not below 0."""
        parts: list[bytes] = []
        self.block = max(self.block, self.size or LINES)
        try:
            while True:
                end = self.at + limit if limit >= 0 else self.have
                at = self.ahead.find(b"\n", self.at, end)
                part = self.take((at + 1 if at >= 0 else end) - self.at)
                parts.append(part)
                limit -= len(part) if limit >= 0 else 0
                if at >= 0 or not limit or not await self.fill(0):
                    return b"".join(parts)
        except BaseException:
            self.give_back(parts)
            raise

    # -------------------------------------------------------------------------------------------------------- writing

    async def begin_reading(self) -> None:
        """From now on it is read: all that was written is in the file. UnsupportedOperation, OSError."""
        self.need_readable()
        if self.writing:
            await self.flush()

    async def flush(self) -> None:
        """Wait until all that was written is in the file. OSError."""
        if self.writing:
            await self.writer.drain()
            self.ahead, self.at, self.have = b"", 0, 0
            self.next = self.writer.end
            self.writing = False

    async def write(self, data: bytes) -> None:
        """Take some bytes to be written. OSError of those before."""
        if not self.writing:
            self.forget()
            self.writer.begin = self.next
            self.writing = True
        await self.writer.write(data)

    def take_at_once(self, data: bytes) -> bool:
        """Take some bytes behind those that were taken before, if nobody uses the file and there is room."""
        writer = self.writer
        writer.settle()
        if self.closed or not self.writing or self.order.held or writer.error is not None or writer.full(len(data)):
            return False
        writer.take(data)
        writer.grant()
        return True

    def may_be_quick(self) -> None:
        """At the end of a write: the next need only be added, unless somebody waits."""
        if self.writing and not self.order.awaited and self.writer.error is None:
            self.writer.grant()

    # ------------------------------------------------------------------------------------------------------------ end

    async def close(self) -> None:
        """Write what is left and close the descriptor, whatever becomes of the task. OSError: of what was written.

        Cancelled, it goes on to its end; but a stream that takes nothing more is given up, and what it did not take
        is told to the loop's exception handler, as is an error that would hide the cancellation.
        """
        if self.closed:
            return
        descriptor = self.descriptor
        if not (descriptor.writable or descriptor.used or self.order.held):
            self._give_up()
            if descriptor.borrowed:
                self.place()
            descriptor.end()
            return
        if descriptor.ring.closed:
            self._end_alone()
            return
        cancelled = await self._stop()
        error, self.writer.error = self.writer.error, None
        left = self.writer.stop()
        if left and error is None:
            error = OSError(Errno.EPIPE, f"{left} bytes were not written")
        if not self.closed:
            self._give_up()
            failed = await self._shut()
            error = failed if failed is not None else error
        if error is not None and cancelled is not None:
            self._report(error)
        try:
            if cancelled is not None:
                raise cancelled
            if error is not None:
                raise error
        finally:
            del cancelled, error  # their tracebacks have this frame

    def _give_up(self) -> None:
        """From now on it is closed, and what was read ahead is nobody's."""
        self.closed, self.credit = True, 0
        self.ahead, self.at, self.have = b"", 0, 0

    async def _shut(self) -> OSError | None:
        try:
            if self.descriptor.borrowed:
                self.place()
            await self.descriptor.shut()
        except OSError as error:
            return error
        return None

    async def _stop(self) -> asyncio.CancelledError | None:
        """Wait until nobody uses it and all is written, or cannot be. The cancellation that came meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        ours = False
        steps = [self.order.acquire, self._try_to_drain, self.descriptor.idle]
        while steps:
            try:
                await steps[0]()
            except asyncio.CancelledError as error:
                cancelled = error
                if self.descriptor.seekable:
                    continue
                self.writer.abandon()
                steps[:] = [self.writer.ended]
            else:
                ours |= steps.pop(0) == self.order.acquire
        if ours:
            self.order.release()
        return cancelled

    async def _try_to_drain(self) -> None:
        """Once, even where it failed before; the last error is kept."""
        error, self.writer.error = self.writer.error, None
        try:
            if self.writing and not self.closed:
                await self.writer.drain()
        except OSError as newer:
            error = newer
        finally:
            if error is not None:
                self.writer.error = error

    def _report(self, error: BaseException) -> None:
        context = {"message": f"{self.descriptor.raw!r} was not written to its end", "exception": error}
        self.descriptor.loop.call_exception_handler(context)

    def _end_alone(self) -> None:
        """Its loop has ended: write the rest without it, and close the descriptor. OSError."""
        self._give_up()
        try:
            if self.writer.busy or self.writer.error is not None:
                self.writer.finish()
        finally:
            self.descriptor.end()

    def __del__(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.descriptor.raw.closefd and not self.descriptor.ring.inherited:
            warnings.warn(f"unclosed file {self.descriptor.raw!r}", ResourceWarning, stacklevel=2, source=self)
        try:
            self._end_alone()
        except OSError as error:
            self._report(error)
