"""Writes that are gathered in memory and go to the file together.

An ``await`` for each line of a log costs a hundred times the line. So what is written is taken at once, and written by
a worker when 64 KiB are there, when 50 ms have passed, or when somebody is to see it. One batch is on its way at a
time, which keeps the order, and a writer that is 256 KiB ahead of it waits, which bounds the memory. What fails is
kept and tried again by the next flush, as Python's own buffers do; the error is raised by the next call on the file.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import Final
from weakref import ref

from usernel.abi.errno import Errno

from .descriptor import Descriptor

LIMIT: Final = 64 << 10
"""Bytes that are gathered before they are written."""
ROOM: Final = 256 << 10
"""Bytes that are taken while a batch is on its way, before a write has to wait for it."""
GRANT: Final = 16 << 10
PIECE: Final = 64
"""What is added without a look at the clock, and what each piece counts besides its bytes: 50 us of small ones."""
LATE_S: Final = 0.05
"""How long the first of them waits."""


class Batch:
    """Bytes on their way, and how many of them have arrived."""

    __slots__ = ("data", "done", "future", "offset", "owner", "waiters")

    def __init__(self, data: bytes, offset: int, owner: object = None) -> None:
        self.data = data
        self.offset = offset
        self.owner = owner
        """Whose descriptor must not be closed in the meantime."""
        self.done = 0
        self.future: asyncio.Future[None] | None = None
        self.waiters: list[asyncio.Future[None]] = []

    def write(self, fd: int, *, append: bool) -> None:
        """On a worker: write all of it. OSError, with ``done`` telling how far it came."""
        view = memoryview(self.data)
        while self.done < len(view):
            rest = view[self.done :]
            self.done += os.write(fd, rest) if append else os.pwrite(fd, rest, self.offset + self.done)

    def over(self) -> None:
        """No worker is in it: its file may be given up, by whoever else knows it."""
        self.owner = None

    async def send(self, descriptor: Descriptor) -> None:
        """The same into a stream."""
        while self.done < len(self.data):
            sent = await descriptor.send(self.data[self.done :], self._add)
            if sent is None:
                raise BlockingIOError(Errno.EAGAIN, "write could not complete without blocking", self.done)
            self.done += sent

    def _add(self, sent: int) -> None:
        self.done += sent


class Writer:
    """What is written to one file, in the order of its calls.

    A write that has only to be added does so itself: it takes its bytes and ``PIECE`` from ``room``, as long as
    something is left, and calls ``add``. ``settle`` counts these.
    """

    __slots__ = (
        "_batch", "_counted", "_descriptor", "_granted", "_owner", "_timer", "add", "ahead", "begin", "error", "limit",
        "pending", "room", "size",
    )  # fmt: skip

    def __init__(self, descriptor: Descriptor, owner: object) -> None:
        self._descriptor = descriptor
        self._owner = ref(owner)
        self._batch: Batch | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.pending: list[bytes] = []
        self.add = self.pending.append
        self.size = 0
        """Bytes that are pending, once it is settled."""
        self.begin = 0
        """The position of the first of them."""
        self.error: OSError | None = None
        """Why a batch failed, which nobody was told yet."""
        self.room = self._granted = self._counted = 0
        self.limit, self.ahead = LIMIT, ROOM
        """Bytes that are gathered, and that are taken while a batch is on its way."""

    def grant(self) -> None:
        """As long as nobody else comes, the next writes need only be added."""
        limit = self.limit if self._batch is None else self.ahead
        self.room = self._granted = max(min(limit - self.size, GRANT), 0)
        self._counted = len(self.pending)

    def settle(self) -> None:
        """Count what was added, and have the next write come here."""
        if self._granted:
            pieces = len(self.pending) - self._counted
            self.size += self._granted - self.room - PIECE * pieces
            self.room = self._granted = 0

    @property
    def end(self) -> int:
        """The position behind what was written."""
        self.settle()
        return self.begin + self.size

    @property
    def busy(self) -> bool:
        """Whether something is not in the file yet."""
        return bool(self.pending) or self._batch is not None

    @property
    def sending(self) -> bool:
        """Whether a batch is on its way."""
        return self._batch is not None

    def tell_error(self) -> None:
        """Raise what a batch failed with, once. OSError."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    # ---------------------------------------------------------------------------------------------------------- taking

    def full(self, size: int) -> bool:
        """Whether so many more are too many: what is on its way has to arrive, or what failed before is to go first."""
        if self._batch is None:
            return self.size >= self.limit
        return self.size > 0 and self.size + size > self.ahead

    async def write(self, data: bytes) -> None:
        """Take some bytes; wait first where there are too many already. OSError of those before; nothing is taken."""
        while self.full(len(data)):
            await self._send_one()
        self.take(data)

    def take(self, data: bytes) -> None:
        """Take some bytes, and write what there is if that is enough."""
        if not data:
            return
        self.pending.append(data)
        self.size += len(data)
        self._descriptor.dirty = True
        if self._descriptor.hot:
            self._descriptor.cool()
        self._go_on()

    def _go_on(self) -> None:
        """What waits is written now, if it is enough, or in a while."""
        if self.size >= self.limit and self._batch is None:
            self._launch()
        elif self._timer is None:
            self._timer = self._descriptor.loop.call_later(LATE_S, self._late)

    # ---------------------------------------------------------------------------------------------------------- giving

    async def drain(self) -> None:
        """Wait until all is in the file. OSError, of this or of an earlier batch."""
        self.settle()
        self.tell_error()
        while self.busy:
            await self._send_one()

    async def _send_one(self) -> None:
        if self._batch is None:
            self._launch()
        if self._batch is not None:
            await self._arrived(self._batch)

    async def _arrived(self, batch: Batch) -> None:
        waiter = self._descriptor.loop.create_future()
        batch.waiters.append(waiter)
        await waiter
        self.tell_error()

    def _late(self) -> None:
        self._timer = None
        self.settle()
        if self.pending and self._batch is None and self.error is None:
            self._launch()

    def _launch(self) -> None:
        descriptor = self._descriptor
        data = self.pending[0] if len(self.pending) == 1 else b"".join(self.pending)
        batch = Batch(data, self.begin, self._owner())
        if descriptor.seekable:
            future: asyncio.Future[None] = descriptor.loop.create_future()
            work = partial(batch.write, descriptor.fd, append=descriptor.append)
            descriptor.ring.call_soon(work, future, hash_key=self, over=batch.over)
        else:
            future = descriptor.loop.create_task(batch.send(descriptor))
        self.pending.clear()
        self.begin += self.size
        self.size = 0
        self._batch, batch.future = batch, future
        future.add_done_callback(self._ended)

    def _ended(self, future: asyncio.Future[None]) -> None:
        batch, self._batch = self._batch, None
        if batch is None:
            return  # nobody closed the file, and it was ended meanwhile
        self.settle()
        if batch.done < len(batch.data):
            self.pending.insert(0, batch.data[batch.done :])
            self.size += len(batch.data) - batch.done
            self.begin -= len(batch.data) - batch.done
        if not future.cancelled() and (error := future.exception()) is not None:
            self.error = error if isinstance(error, OSError) else OSError(Errno.EIO, str(error))
        self._placed(stopped=future.cancelled())
        for waiter in batch.waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _placed(self, *, stopped: bool) -> None:
        """The file's own position is behind what is in it, as it is with Python's files."""
        descriptor = self._descriptor
        if descriptor.seekable and not descriptor.closed:
            if descriptor.append:
                self.begin = os.lseek(descriptor.fd, 0, os.SEEK_CUR)
            else:
                os.lseek(descriptor.fd, self.begin, os.SEEK_SET)
        if not self.pending:
            descriptor.dirty = False
            descriptor.settle()
        elif self.error is None and not stopped:
            self._go_on()

    # ------------------------------------------------------------------------------------------------------------- end

    async def ended(self) -> None:
        """Wait until nothing is on its way."""
        while self._batch is not None:
            waiter = self._descriptor.loop.create_future()
            self._batch.waiters.append(waiter)
            await waiter

    def abandon(self) -> None:
        """Stop what a stream does not take."""
        if self._batch is not None and self._batch.future is not None:
            self._batch.future.cancel()

    def finish(self) -> None:
        """At the end of a file that nobody closed: write the rest without the loop, however long it takes. OSError.

        Not so in a forked child: what was written before is the parent's to put into the file.
        """
        descriptor = self._descriptor
        self.stop()
        if descriptor.ring.inherited:
            return
        append = descriptor.append or not descriptor.seekable
        batches = [] if self._batch is None else [self._batch]  # its loop has ended
        batches.append(Batch(b"".join(self.pending), self.begin))
        self._batch, self.size = None, 0
        self.pending.clear()
        for batch in batches:
            batch.write(descriptor.fd, append=append)
        self.tell_error()

    def stop(self) -> int:
        """Nothing more is written. How many bytes are left."""
        self.settle()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self.size
