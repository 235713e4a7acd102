"""Redis lists by redis.asyncio with hiredis, on uvloop: the like of an asyncio client of usernel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.async_sides import answer_async, consume_async, on_uvloop, produce_async, request_async
from tests.bench.pair import Gate, Outcome
from tests.bench.redis_blocking import BATCH


def connect(port: int) -> Any:
    """A client of the private server; loosely typed, as redis-py's commands answer for both of its flavours."""
    import redis.asyncio

    return redis.asyncio.Redis(port=port, socket_timeout=60)


@dataclass(frozen=True, slots=True)
class Producer:
    """LPUSH one at a time, in pipelines of `BATCH`, or variadic."""

    port: int
    key: str
    how: str

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with connect(self.port) as client:
            await client.delete(self.key)
            sends: dict[str, Callable[[list[bytes]], Awaitable[object]]] = {
                "one": lambda messages: client.lpush(self.key, messages[0]),
                "pipelined": lambda messages: self._pipelined(client, messages),
                "variadic": lambda messages: client.lpush(self.key, *messages),
            }
            return await produce_async(sends[self.how], 1 if self.how == "one" else BATCH, 1, gate)

    async def _pipelined(self, client: Any, messages: list[bytes]) -> None:
        pipeline = client.pipeline(transaction=False)
        for message in messages:
            pipeline.lpush(self.key, message)
        await pipeline.execute()


@dataclass(frozen=True, slots=True)
class Consumer:
    """BRPOP one at a time, in pipelines of `BATCH`, or BLMPOP of up to `BATCH`."""

    port: int
    key: str
    how: str

    def run(self, gate: Gate) -> Outcome:
        """Consume until the closing message."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with connect(self.port) as client:
            await client.ping()
            receives = {"one": self._one, "pipelined": self._pipelined, "variadic": self._variadic}
            return await consume_async(lambda: receives[self.how](client), 1, gate)

    async def _one(self, client: Any) -> list[bytes]:
        return [(await client.brpop([self.key]))[1]]

    async def _pipelined(self, client: Any) -> list[bytes]:
        pipeline = client.pipeline(transaction=False)
        for _ in range(BATCH):
            pipeline.brpop([self.key])
        return [message for _, message in await pipeline.execute()]

    async def _variadic(self, client: Any) -> list[bytes]:
        messages: list[bytes] = (await client.blmpop(30, 1, self.key, direction="RIGHT", count=BATCH))[1]
        return messages


@dataclass(frozen=True, slots=True)
class Requester:
    """LPUSH to one list, BRPOP from another."""

    port: int

    def run(self, gate: Gate) -> Outcome:
        """Time round trips."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with connect(self.port) as client:
            await client.delete("there", "back")
            return await request_async(
                lambda message: client.lpush("there", message), lambda: client.brpop(["back"]), gate
            )


@dataclass(frozen=True, slots=True)
class Answerer:
    """BRPOP from the one list, LPUSH to the other."""

    port: int

    def run(self, gate: Gate) -> Outcome:
        """Answer until told to stop."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with connect(self.port) as client:
            await client.ping()

            async def receive() -> bytes:
                message: bytes = (await client.brpop(["there"]))[1]
                return message

            return await answer_async(lambda message: client.lpush("back", message), receive, gate)
