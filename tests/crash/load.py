"""Many clients at once, who do what they do until the service is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from random import Random
from typing import Any

import aiohttp

from usernel_client import Client, ConnectionLost

from .doors import Door, Posix, SystemV, Target
from .history import History, Item

PROBED = 3
"""Removed queues that are looked for after each start."""
PROBE_SECONDS = 0.05


class Load:
    """What the clients of one data directory do, from one start of its service to the next."""

    def __init__(self, rng: Random) -> None:
        self.history = History()
        self.msg = [Target(key) for key in (0x11, 0x12)]
        self.mq = [Target(name) for name in ("jobs", "events")]
        self.snapshots = 0
        self._rng = rng
        self._number = count(1)
        self._made = 0

    def doors(self, client: Client) -> list[Door[Any]]:
        return [
            *(SystemV(self.history, client, target) for target in self.msg),
            *(Posix(self.history, client, target) for target in self.mq),
        ]

    # -------------------------------------------------------------------------------------------------------- a service

    async def run(self, url: str) -> None:
        """Look what is there, then do everything at once, until the connections are lost."""
        with suppress(ConnectionLost):
            async with _clients(url, 4) as clients:
                await self._check_in(self.doors(clients[0]), drain=self._rng.random() < 0.3)
                ends = await asyncio.gather(*self._workers(url, clients), return_exceptions=True)
                for end in ends:
                    if not isinstance(end, ConnectionLost | aiohttp.ClientError | None):
                        raise end

    async def finish(self, url: str) -> None:
        """Look what is there, and receive all of it."""
        async with _clients(url, 1) as (client,):
            doors = self.doors(client)
            await self._check_in(doors, drain=True)
            for door in doors:
                await self._probe(door, door.target.past)

    async def _check_in(self, doors: Sequence[Door[Any]], *, drain: bool) -> None:
        for door in doors:
            await self._probe(door, self._some(door.target.past))
            await door.look()
            if isinstance(door, SystemV) and door.target.current is not None:
                await door.stat(door.target.current)
            if drain:
                await door.drain()
        for door in doors:
            if door.target.current is None:
                await door.create()

    async def _probe(self, door: Door[Any], idents: Sequence[str]) -> None:
        """Look for queues that were removed: by name there is nothing to look for."""
        if isinstance(door, SystemV):
            for ident in idents:
                await door.stat(ident)

    def _some(self, past: list[str]) -> list[str]:
        return self._rng.sample(past, min(PROBED, len(past)))

    # ---------------------------------------------------------------------------------------------------------- workers

    def _workers(self, url: str, clients: Sequence[Client]) -> list[Coroutine[Any, Any, None]]:
        owner, *senders, receiver = map(self.doors, clients)
        return [
            self._own(owner),
            self._watch(url),
            *(self._send(doors, self._fork()) for doors in senders for _ in range(5)),
            *(self._receive([door], self._fork()) for door in receiver for _ in range(2)),
        ]

    def _fork(self) -> Random:
        return Random(self._rng.getrandbits(32))

    async def _send(self, doors: Sequence[Door[Any]], rng: Random) -> None:
        while True:
            door = rng.choice(doors)
            if rng.random() < 0.4:
                await door.send_many(
                    [self._item(door, rng) for _ in range(rng.randint(2, 12))], wait=rng.random() < 0.3
                )
            else:
                await door.send_one(self._item(door, rng), wait=rng.random() < 0.5)
            await asyncio.sleep(rng.choice([0, 0, 0.005]))

    async def _receive(self, doors: Sequence[Door[Any]], rng: Random) -> None:
        while True:
            door = rng.choice(doors)
            mtype = rng.choice([0, 0, 0, *door.lanes]) if isinstance(door, SystemV) else 0
            if rng.random() < 0.3:
                await door.receive_many(rng.randint(2, 8), mtype, wait=mtype == 0 and rng.random() < 0.5)
            else:
                await door.receive_one(mtype, wait=mtype == 0 and rng.random() < 0.5)
            await asyncio.sleep(rng.choice([0, 0.005, 0.01]))

    async def _own(self, doors: Sequence[Door[Any]]) -> None:
        """Change, look at, remove and make the queues: nobody else does, so that their order is known."""
        rng = self._fork()
        while True:
            door = rng.choice(doors)
            if door.target.current is None:
                await door.create()
            elif rng.random() < 0.08:
                await door.remove()
            elif isinstance(door, SystemV):
                await self._change(door, rng)
            await asyncio.sleep(rng.uniform(0, 0.02))

    async def _change(self, door: SystemV, rng: Random) -> None:
        if rng.random() < 0.5:
            self._made += 1
            await door.set(8192 + self._made % 8192, rng.choice([0o600, 0o640, 0o660, 0o666]))
        elif door.target.current is not None:
            await door.stat(door.target.current)

    async def _watch(self, url: str) -> None:
        """Count the snapshots that it makes, as it tells them; it never has a failure to tell."""
        told = 0
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{url}/readyz") as answer:
                    journal = (await answer.json())["journal"]
                assert answer.status == 200, journal["failure"]
                self.snapshots += journal["snapshots"] - told
                told = journal["snapshots"]
                await asyncio.sleep(PROBE_SECONDS)

    def _item(self, door: Door[Any], rng: Random) -> Item:
        """A message like no other."""
        number = next(self._number)
        return rng.choice(door.lanes), f"{number}:".encode() + rng.randbytes(rng.randint(1, 400))


@asynccontextmanager
async def _clients(url: str, how_many: int) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Client(url)) for _ in range(how_many)]
