"""Clients whose sends are acknowledged when they are on disk: many tasks of one asyncio process, each one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.bench.async_sides import on_uvloop
from tests.bench.contender import Sample, trips_sample
from tests.bench.pair import Gate, Outcome, Side, run_pair
from tests.bench.redis_async import connect
from tests.bench.served import ROOM
from tests.bench.sides import FILLER
from usernel_client import Client, MessageQueue

Turn = Callable[[], Awaitable[object]]
MOST_UNDER_WAY = 2
"""Pipelines, as usernel's client has batches."""


async def timed(turns: Sequence[Turn], gate: Gate) -> Outcome:
    """A task for each of these, which takes its turn again and again until the deadline; every turn is timed."""
    trips: list[float] = []
    deadline = gate.open()

    async def task(turn: Turn) -> None:
        now = time.monotonic()
        while now < deadline:
            await turn()
            after = time.monotonic()
            trips.append(after - now)
            now = after

    started = time.monotonic()
    await asyncio.gather(*map(task, turns))
    return Outcome(started, time.monotonic(), len(trips), tuple(trips))


@dataclass(frozen=True, slots=True)
class Idle:
    """The other side of a pair whose one side is the whole measurement."""

    def run(self, gate: Gate) -> Outcome:
        """Nothing."""
        return Outcome(gate.open(), 0, 0)


@dataclass(frozen=True, slots=True)
class Alone:
    """A row whose client is one process."""

    name: str
    side: Side

    def measure(self, seconds: float) -> Sample:
        """Turns a second, and how long they took."""
        return trips_sample(run_pair(self.side, Idle(), seconds)[0])


@dataclass(frozen=True, slots=True)
class UsernelTasks:
    """usernel's client: each task sends a message, or sends one and receives one, and waits for that."""

    url: str
    tasks: int
    connections: int = 1
    receive: bool = False

    def run(self, gate: Gate) -> Outcome:
        """Until the deadline, on a fresh queue."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(self.url)) for _ in range(self.connections)]
            fresh = await clients[0].msgget("IPC_PRIVATE", mode=0o600)
            await fresh.set(msg_qbytes=ROOM)
            queues = [client.msg(fresh.msqid) for client in clients]
            outcome = await timed([self._turn(queues[n % self.connections]) for n in range(self.tasks)], gate)
            await fresh.remove()
            return outcome

    def _turn(self, queue: MessageQueue) -> Turn:
        async def both() -> None:
            await queue.send(FILLER)
            await queue.receive()

        return both if self.receive else lambda: queue.send(FILLER)


@dataclass(frozen=True, slots=True)
class RedisTasks:
    """redis-py: each task an LPUSH (and an RPOP) on a connection of its own, or joined with the others of its turn."""

    port: int
    tasks: int
    joined: bool = False
    receive: bool = False

    def run(self, gate: Gate) -> Outcome:
        """Until the deadline, on a fresh list."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with AsyncExitStack() as stack:
            count = 1 if self.joined else self.tasks
            clients = [await stack.enter_async_context(connect(self.port)) for _ in range(count)]
            await asyncio.gather(*(client.unlink("bench") for client in clients))
            turns = [self._turn(client) for client in clients]
            return await timed(turns * (self.tasks // count), gate)

    def _turn(self, client: Any) -> Turn:
        async def both() -> None:
            await client.lpush("bench", FILLER)
            await client.rpop("bench")

        if self.joined:
            joiner = Joiner(client)
            return joiner.lpush
        return both if self.receive else lambda: client.lpush("bench", FILLER)


@dataclass(slots=True)
class Joiner:
    """What many tasks send in one turn of the loop, as one pipeline: what usernel's client does unasked."""

    client: Any
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    scheduled: bool = False

    async def lpush(self) -> None:
        """One message with whatever else is sent now."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self.waiting.append(future)
        self._schedule()
        await future

    def _schedule(self) -> None:
        if self.waiting and not self.scheduled and len(self.under_way) < MOST_UNDER_WAY:
            self.scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self.scheduled = False
        waiting, self.waiting = self.waiting, []
        task = asyncio.create_task(self._execute(waiting))
        self.under_way.add(task)
        task.add_done_callback(self._executed)

    async def _execute(self, waiting: list[asyncio.Future[None]]) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for _ in waiting:
            pipeline.lpush("bench", FILLER)
        await pipeline.execute()
        for future in waiting:
            future.set_result(None)

    def _executed(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        self._schedule()
