"""Redis lists by redis-py's blocking client with hiredis: no event loop on the client's side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.pair import Gate, Outcome
from tests.bench.sides import answer, consume, produce, request

BATCH = 100
"""Messages in a pipeline or a variadic command."""


def connect(port: int) -> Any:
    """A client of the private server; loosely typed, as redis-py's commands answer for both of its flavours."""
    import redis

    return redis.Redis(port=port, socket_timeout=60)


@dataclass(frozen=True, slots=True)
class Producer:
    """LPUSH one at a time, in pipelines of `BATCH`, or variadic."""

    port: int
    key: str
    how: str

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        client = connect(self.port)
        client.delete(self.key)
        sends: dict[str, Callable[[list[bytes]], object]] = {
            "one": lambda messages: client.lpush(self.key, messages[0]),
            "pipelined": lambda messages: self._pipelined(client, messages),
            "variadic": lambda messages: client.lpush(self.key, *messages),
        }
        return produce(sends[self.how], 1 if self.how == "one" else BATCH, gate)

    def _pipelined(self, client: Any, messages: list[bytes]) -> None:
        pipeline = client.pipeline(transaction=False)
        for message in messages:
            pipeline.lpush(self.key, message)
        pipeline.execute()


@dataclass(frozen=True, slots=True)
class Consumer:
    """BRPOP one at a time, in pipelines of `BATCH`, or BLMPOP of up to `BATCH`."""

    port: int
    key: str
    how: str

    def run(self, gate: Gate) -> Outcome:
        """Consume until the closing message."""
        client = connect(self.port)
        client.ping()
        receives: dict[str, Callable[[], Sequence[bytes]]] = {
            "one": lambda: (client.brpop([self.key])[1],),
            "pipelined": lambda: self._pipelined(client),
            "variadic": lambda: client.blmpop(30, 1, self.key, direction="RIGHT", count=BATCH)[1],
        }
        return consume(receives[self.how], gate)

    def _pipelined(self, client: Any) -> list[bytes]:
        pipeline = client.pipeline(transaction=False)
        for _ in range(BATCH):
            pipeline.brpop([self.key])
        return [message for _, message in pipeline.execute()]


@dataclass(frozen=True, slots=True)
class Requester:
    """LPUSH to one list, BRPOP from another."""

    port: int

    def run(self, gate: Gate) -> Outcome:
        """Time round trips."""
        client = connect(self.port)
        client.delete("there", "back")
        return request(lambda message: client.lpush("there", message), lambda: client.brpop(["back"]), gate)


@dataclass(frozen=True, slots=True)
class Answerer:
    """BRPOP from the one list, LPUSH to the other."""

    port: int

    def run(self, gate: Gate) -> Outcome:
        """Answer until told to stop."""
        client = connect(self.port)
        client.ping()

        def receive() -> bytes:
            message: bytes = client.brpop(["there"])[1]
            return message

        return answer(lambda message: client.lpush("back", message), receive, gate)
