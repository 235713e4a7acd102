"""Many tasks, one call: what is pending for a queue leaves as one batch, at most two batches under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .connection import Connection, error_of
from .errors import ConnectionLost
from .protocol import Reply

MOST_UNDER_WAY = 2
MOST_MESSAGES = 1000
MOST_BYTES = 256 * 1024
FULL = frozenset({"EAGAIN", "ETIMEDOUT"})
"""What a batch that does not wait ends with where nothing of it could go."""

Body = tuple[int, bytes]
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Sending:
    """How a queue's messages are sent: the call for many, which does not wait, and the call for one, which may."""

    batch: str
    batch_args: Callable[[list[Body]], dict[str, Any]]
    single: str
    single_args: Callable[[Body], dict[str, Any]]


@dataclass(slots=True)
class _Pending:
    body: Body
    done: asyncio.Future[None]


class SendBatcher:
    """The sends of one queue.

    A batch is sent without waiting and tells how many went; the others are sent again one by one, in order, so that
    each sleeps, or fails, on its own. Nothing is sent twice: what was under way when a connection is lost is in doubt.
    """

    def __init__(self, connection: Connection, pid: int | None, sending: Sending) -> None:
        self._connection = connection
        self._pid = pid
        self._sending = sending
        self._loop = connection.loop
        self._pending: deque[_Pending] = deque()
        self._under_way = 0
        self._scheduled = False

    async def send(self, body: Body) -> None:
        """Send a message with whatever else is pending. KernelError. Cancelled before it left, it is not sent."""
        pending = _Pending(body, self._loop.create_future())
        self._pending.append(pending)
        self._schedule()
        await pending.done

    def _schedule(self) -> None:
        # Not at once: the other tasks of this turn of the loop have not asked yet.
        if not self._scheduled and self._under_way < MOST_UNDER_WAY:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        batch = self._take()
        if not batch:
            return
        self._under_way += 1
        try:
            self._submit(batch)
        except ConnectionLost as lost:
            self._under_way -= 1
            _fail(batch, lost)
        if self._pending:
            self._schedule()

    def _take(self) -> list[_Pending]:
        batch: list[_Pending] = []
        size = 0
        while self._pending and len(batch) < MOST_MESSAGES and size < MOST_BYTES:
            pending = self._pending.popleft()
            if not pending.done.done():
                batch.append(pending)
                size += len(pending.body[1])
        return batch

    def _submit(self, batch: list[_Pending]) -> None:
        args = self._sending.batch_args([pending.body for pending in batch])
        self._connection.submit(self._sending.batch, args, self._pid, lambda reply: self._on_batch(batch, reply))

    def _submit_single(self, pending: _Pending) -> None:
        args = self._sending.single_args(pending.body)
        ident = self._connection.submit(
            self._sending.single, args, self._pid, lambda reply: _resolve(pending, error_of(reply))
        )
        pending.done.add_done_callback(lambda done: self._connection.cancel(ident) if done.cancelled() else None)

    def _on_batch(self, batch: list[_Pending], reply: Reply | ConnectionLost) -> None:
        error = error_of(reply)
        if isinstance(reply, ConnectionLost):
            _fail(batch, reply)
        elif error is None:
            for pending in batch[: reply.ret]:
                _resolve(pending, None)
            self._again(batch[reply.ret :])
        elif reply.errno_name in FULL:
            self._again(batch)
        else:
            # The first of a batch decides how it fails; those behind it have not been looked at.
            _resolve(batch[0], error)
            self._again(batch[1:])
        self._batch_ended()

    def _again(self, batch: list[_Pending]) -> None:
        for index, pending in enumerate(batch):
            if pending.done.done():
                continue
            try:
                self._submit_single(pending)
            except ConnectionLost as lost:
                _fail(batch[index:], lost)
                return

    def _batch_ended(self) -> None:
        self._under_way -= 1
        if self._pending:
            self._schedule()


def _resolve(pending: _Pending, error: Exception | None) -> None:
    if pending.done.done():
        return
    if error is None:
        pending.done.set_result(None)
    else:
        pending.done.set_exception(error)


def _fail(batch: list[_Pending], lost: ConnectionLost) -> None:
    for pending in batch:
        _resolve(pending, ConnectionLost(str(lost)))


@dataclass(frozen=True, slots=True)
class Receiving(Generic[M]):
    """How a queue's messages are received: the call for up to so many, which waits for the first, and its answer."""

    batch: str
    batch_args: Callable[[int], dict[str, Any]]
    messages: Callable[[Reply], list[M]]


class ReceiveBatcher(Generic[M]):
    """The receives of one queue that wait without end, as one call that sleeps.

    A message whose receiver was cancelled meanwhile is kept, in order, for the next who receives here.
    """

    def __init__(self, connection: Connection, pid: int | None, receiving: Receiving[M]) -> None:
        self._connection = connection
        self._pid = pid
        self._receiving = receiving
        self._loop = connection.loop
        self._waiting: deque[asyncio.Future[M]] = deque()
        self._kept: deque[M] = deque()
        self._asked: dict[int, int] = {}
        self._withdrawn: set[int] = set()
        self._scheduled = False

    async def receive(self) -> M:
        """The next message. KernelError."""
        if self._kept:
            return self._kept.popleft()
        waiting: asyncio.Future[M] = self._loop.create_future()
        self._waiting.append(waiting)
        self._schedule()
        try:
            return await waiting
        except asyncio.CancelledError:
            self._withdraw(waiting)
            raise

    def take_kept(self, most: int) -> list[M]:
        """Messages that came for receivers who were cancelled."""
        return [self._kept.popleft() for _ in range(min(most, len(self._kept)))]

    def keep(self, messages: Iterable[M]) -> None:
        """Messages whose receiver was cancelled meanwhile: for whoever receives next."""
        self._kept.extend(messages)
        self._hand_out()

    def _schedule(self) -> None:
        if not self._scheduled and len(self._asked) < MOST_UNDER_WAY:
            self._scheduled = True
            self._loop.call_soon(self._ask)

    def _ask(self) -> None:
        self._scheduled = False
        missing = min(len(self._waiting) - sum(self._asked.values()), MOST_MESSAGES)
        if missing <= 0:
            return
        try:
            ident = self._connection.submit(
                self._receiving.batch,
                self._receiving.batch_args(missing),
                self._pid,
                lambda reply: self._on(ident, reply),
            )
        except ConnectionLost as lost:
            self._fail(len(self._waiting), lost)
            return
        self._asked[ident] = missing

    def _on(self, ident: int, reply: Reply | ConnectionLost) -> None:
        asked, withdrawn = self._asked.pop(ident), ident in self._withdrawn
        self._withdrawn.discard(ident)
        error = error_of(reply)
        if error is None and isinstance(reply, Reply):
            self.keep(self._receiving.messages(reply))
        elif error is not None and not (withdrawn and isinstance(reply, Reply) and reply.errno_name == "EINTR"):
            # All that waited for this call are its sleepers, and end as it did.
            self._fail(asked, reply)
        if self._waiting:
            self._schedule()

    def _hand_out(self) -> None:
        while self._kept and (waiting := self._next()) is not None:
            waiting.set_result(self._kept.popleft())

    def _fail(self, count: int, reply: Reply | ConnectionLost) -> None:
        for _ in range(count):
            # An error for each: a raised one carries the traceback of whom it reached.
            waiting, error = self._next(), error_of(reply)
            if waiting is None or error is None:
                return
            waiting.set_exception(error)

    def _next(self) -> asyncio.Future[M] | None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                return waiting
        return None

    def _withdraw(self, waiting: asyncio.Future[M]) -> None:
        """A receiver was cancelled; with the last of them the call is interrupted, so that it takes no message."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        elif not waiting.cancelled() and waiting.exception() is None:
            self._kept.appendleft(waiting.result())
            self._hand_out()
        if not self._waiting:
            self._withdrawn.update(self._asked)
            for ident in self._asked:
                self._connection.cancel(ident)
