"""usernel by its own client, by bare WebSocket frames, and by REST; all on uvloop."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from tests.bench.async_sides import answer_async, consume_async, on_uvloop, produce_async, request_async
from tests.bench.pair import Gate, Outcome
from tests.bench.sides import SIZE
from usernel_client import Client, MessageQueue, PosixQueue

MANY = 1000


async def opened(client: Client, kind: str, name: str) -> MessageQueue | PosixQueue:
    """A queue that the bench has made."""
    return client.msg(int(name)) if kind == "sysv" else await client.mq_open(name)


@dataclass(frozen=True, slots=True)
class Producer:
    """Batches by ``send_many``, or (batch 1) one ``msgsnd`` or ``mq_timedsend`` a message."""

    url: str
    kind: str
    queue: str
    batch: int
    window: int

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with Client(self.url) as client:
            queue = await opened(client, self.kind, self.queue)
            send = single_sender(client, queue) if self.batch == 1 else batch_sender(queue)
            return await produce_async(send, self.batch, self.window, gate)


def single_sender(client: Client, queue: MessageQueue | PosixQueue) -> Callable[[list[bytes]], Awaitable[object]]:
    """One plain call a message, past the client's auto-batching."""
    calls = client.calls
    if isinstance(queue, MessageQueue):
        return lambda messages: calls.msgsnd(queue.msqid, 1, messages[0])
    return lambda messages: calls.mq_timedsend(queue.mqdes, messages[0])


def batch_sender(queue: MessageQueue | PosixQueue) -> Callable[[list[bytes]], Awaitable[object]]:
    """One call a batch."""
    return lambda messages: queue.send_many([(1, message) for message in messages])


@dataclass(frozen=True, slots=True)
class Consumer:
    """Batches by ``receive_many``, or (batch 1) one plain call a message."""

    url: str
    kind: str
    queue: str
    batch: int
    window: int

    def run(self, gate: Gate) -> Outcome:
        """Consume until the closing message."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with Client(self.url) as client:
            queue = await opened(client, self.kind, self.queue)

            async def many() -> list[bytes]:
                return [message.data for message in await queue.receive_many(self.batch)]

            async def one() -> list[bytes]:
                if isinstance(queue, MessageQueue):
                    return [(await queue.receive(msgsz=SIZE)).data]
                return [(await queue.receive()).data]

            return await consume_async(one if self.batch == 1 else many, self.window, gate)


@dataclass(frozen=True, slots=True)
class Requester:
    """``send`` to one queue, ``receive`` from the other."""

    url: str
    there: str
    back: str

    def run(self, gate: Gate) -> Outcome:
        """Time round trips."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with Client(self.url) as client:
            there, back = client.msg(int(self.there)), client.msg(int(self.back))
            return await request_async(there.send, back.receive, gate)


@dataclass(frozen=True, slots=True)
class Answerer:
    """``receive`` from the one queue, ``send`` to the other."""

    url: str
    there: str
    back: str

    def run(self, gate: Gate) -> Outcome:
        """Answer until told to stop."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with Client(self.url) as client:
            there, back = client.msg(int(self.there)), client.msg(int(self.back))

            async def receive() -> bytes:
                return (await there.receive()).data

            return await answer_async(back.send, receive, gate)


@dataclass(frozen=True, slots=True)
class TasksProducer:
    """So many tasks, each sending one message at a time, by the client, whose sends leave as batches."""

    url: str
    queue: str
    tasks: int

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with Client(self.url) as client:
            queue = client.msg(int(self.queue))
            return await produce_async(lambda messages: queue.send(messages[0]), 1, self.tasks, gate)


@dataclass(slots=True)
class BareSocket:
    """A WebSocket whose calls each leave as a frame of their own."""

    ws: aiohttp.ClientWebSocketResponse
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    last_id: int = 0

    async def send(self, msqid: int, data: bytes) -> int:
        """One msgsnd."""
        self.last_id += 1
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting[self.last_id] = future
        args = {"msqid": msqid, "mtype": 1, "data": data}
        await self.ws.send_bytes(msgspec.msgpack.encode({"id": self.last_id, "call": "msgsnd", "args": args}))
        return await future

    async def read(self) -> None:
        """Hand the replies out."""
        async for frame in self.ws:
            replies = msgspec.msgpack.decode(frame.data)
            for reply in replies if isinstance(replies, list) else [replies]:
                self.waiting.pop(reply["id"]).set_result(reply["ret"])


@dataclass(frozen=True, slots=True)
class BareTasksProducer:
    """The same tasks, each send a frame."""

    url: str
    queue: str
    tasks: int

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(self.url))
            ws = await stack.enter_async_context(session.ws_connect("/v1/syscalls", protocols=["usernel.v1.msgpack"]))
            bare = BareSocket(ws)
            reader = asyncio.create_task(bare.read())
            stack.callback(reader.cancel)
            return await produce_async(lambda messages: bare.send(int(self.queue), messages[0]), 1, self.tasks, gate)


@dataclass(frozen=True, slots=True)
class RestProducer:
    """POST, one message or a list of them."""

    url: str
    queue: str
    batch: int

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with aiohttp.ClientSession(self.url) as session:

            async def send(messages: list[bytes]) -> None:
                bodies = [{"mtype": 1, "data": b64encode(data).decode(), "wait": 30} for data in messages]
                await post(session, f"/v1/msg/{self.queue}/messages", bodies if self.batch > 1 else bodies[0])

            return await produce_async(send, self.batch, 1, gate)


@dataclass(frozen=True, slots=True)
class RestConsumer:
    """POST to ``receive``, for one message or for many."""

    url: str
    queue: str
    batch: int

    def run(self, gate: Gate) -> Outcome:
        """Consume until the closing message."""
        return on_uvloop(self._run(gate))

    async def _run(self, gate: Gate) -> Outcome:
        async with aiohttp.ClientSession(self.url) as session:

            async def receive() -> list[bytes]:
                how = {"wait": 30} | ({"max": self.batch} if self.batch > 1 else {})
                came = await post(session, f"/v1/msg/{self.queue}/receive", how)
                return [b64decode(item["data"]) for item in (came["items"] if self.batch > 1 else [came])]

            return await consume_async(receive, 1, gate)


async def post(session: aiohttp.ClientSession, path: str, body: Any) -> Any:
    """A request that has to succeed."""
    async with session.post(path, data=json.dumps(body), headers={"Content-Type": "application/json"}) as response:
        answer = await response.json(content_type=None)
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {answer}")
        return answer
