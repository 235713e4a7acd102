"""The loops of a side whose client is asyncio's, on uvloop; a window is how many calls it keeps in flight."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import uvloop

from tests.bench.pair import Gate, Outcome
from tests.bench.sides import FILLER, SIZE, closing, total_said_by


def on_uvloop(side: Coroutine[None, None, Outcome]) -> Outcome:
    """Run one side to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(side)


@dataclass(slots=True)
class Tally:
    """What a consumer's window has received together."""

    received: int = 0
    total: float = math.inf
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, messages: Sequence[bytes]) -> None:
        """Count one reply's messages."""
        self.received += len(messages)
        self.total = min(self.total, total_said_by(messages[-1]))
        if self.received >= self.total:
            self.done.set()


async def produce_async(
    send: Callable[[list[bytes]], Awaitable[object]], batch: int, window: int, gate: Gate
) -> Outcome:
    """Send full batches, `window` of them at a time, until the deadline; then the closing one, alone."""
    full, sent, deadline = [FILLER] * batch, 0, gate.open()

    async def sender() -> None:
        nonlocal sent
        while time.monotonic() < deadline:
            await send(full)
            sent += batch

    started = time.monotonic()
    await asyncio.gather(*(sender() for _ in range(window)))
    await send(closing(batch, sent))
    return Outcome(started, time.monotonic(), sent + batch)


async def consume_async(receive: Callable[[], Awaitable[Sequence[bytes]]], window: int, gate: Gate) -> Outcome:
    """Receive with `window` calls in flight until as many messages came as the closing one says."""
    tally = Tally()

    async def receiver() -> None:
        while not tally.done.is_set():
            tally.add(await receive())

    gate.open()
    started = time.monotonic()
    done = asyncio.create_task(tally.done.wait())
    receivers = [asyncio.create_task(receiver()) for _ in range(window)]
    await asyncio.wait([done, *receivers], return_when=asyncio.FIRST_COMPLETED)
    finished = time.monotonic()
    for task in (done, *receivers):
        task.cancel()
    for outcome in await asyncio.gather(*receivers, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return Outcome(started, finished, tally.received)


async def request_async(
    send: Callable[[bytes], Awaitable[object]], receive: Callable[[], Awaitable[object]], gate: Gate
) -> Outcome:
    """`request` for an asyncio client."""
    trips: list[float] = []
    deadline = gate.open()
    started = now = time.monotonic()
    while now < deadline:
        await send(FILLER)
        await receive()
        after = time.monotonic()
        trips.append(after - now)
        now = after
    await send(b"e")
    return Outcome(started, now, len(trips), tuple(trips))


async def answer_async(
    send: Callable[[bytes], Awaitable[object]], receive: Callable[[], Awaitable[bytes]], gate: Gate
) -> Outcome:
    """`answer` for an asyncio client."""
    gate.open()
    started, count = time.monotonic(), 0
    while len(message := await receive()) == SIZE:
        await send(message)
        count += 1
    return Outcome(started, time.monotonic(), count)
