"""POSIX message queues."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec

from .batching import Body, ReceiveBatcher, Receiving, SendBatcher, Sending
from .caller import Caller
from .errors import ConnectionLost, ProtocolError
from .flags import content
from .msg import Data
from .protocol import Reply

EPOCH: Final = {"tv_sec": 0, "tv_nsec": 0}
"""A time limit that is over: the call does not wait, whatever the queue's flags."""


class MqMessage(msgspec.Struct, array_like=True, frozen=True):
    """A message: its priority, its bytes."""

    priority: int
    data: bytes


class _One(msgspec.Struct):
    priority: int
    data: bytes


class _Messages(msgspec.Struct):
    messages: list[MqMessage]


class Attributes(NamedTuple):
    """``struct mq_attr``."""

    mq_flags: list[int | str]
    mq_maxmsg: int
    mq_msgsize: int
    mq_curmsgs: int


_ONE: Final = msgspec.msgpack.Decoder(_One)
_MANY: Final = msgspec.msgpack.Decoder(_Messages)


def _messages(reply: Reply) -> list[MqMessage]:
    return _MANY.decode(reply.out).messages


def _message(reply: Reply) -> MqMessage:
    one = _ONE.decode(reply.out)
    return MqMessage(one.priority, one.data)


def absolute(wait: float | None) -> dict[str, int] | None:
    """The moment ``wait`` seconds from now, as abs_timeout; None for never."""
    if wait is None:
        return None
    fraction, seconds = math.modf(time.time() + wait)
    return {"tv_sec": int(seconds), "tv_nsec": int(fraction * 1e9)}


async def _records(ws: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    async for message in ws:
        yield json.loads(message.data)
    raise ConnectionLost("the stream of notifications ended")


class PosixQueue:
    """An open POSIX queue (``mqdes``). Errors are KernelError, with the errno that Linux would give."""

    def __init__(self, caller: Caller, name: str, mqdes: int) -> None:
        self._caller = caller
        self.name = name
        self.mqdes = mqdes
        sending = Sending("mq_timedsend_batch", self._batch_args, "mq_timedsend", self._single_args)
        self._sends = SendBatcher(caller.connection, caller.pid, sending)
        receiving = Receiving("mq_timedreceive_batch", lambda most: {"mqdes": mqdes, "max": most}, _messages)
        self._receives: ReceiveBatcher[MqMessage] = ReceiveBatcher(caller.connection, caller.pid, receiving)

    def _batch_args(self, messages: list[Body]) -> dict[str, Any]:
        return {"mqdes": self.mqdes, "messages": messages, "abs_timeout": EPOCH}

    def _single_args(self, message: Body) -> dict[str, Any]:
        return {"mqdes": self.mqdes, "msg_prio": message[0], "data": message[1]}

    async def send(self, data: Data, priority: int = 0, *, wait: float | None = None) -> None:
        """mq_send(3), or with ``wait`` seconds mq_timedsend(3) (ETIMEDOUT). EAGAIN where it was opened O_NONBLOCK.

        What many tasks send to one queue object at once leaves as one call.
        """
        body = (priority, content(data))
        if wait is None:
            await self._sends.send(body)
        else:
            await self._caller.reply("mq_timedsend", {**self._single_args(body), "abs_timeout": absolute(wait)})

    async def send_many(self, messages: Sequence[tuple[int, Data]], *, wait: float | None = None) -> int:
        """Many messages ``(priority, data)`` as one call. Returns how many went: all, unless an error stopped it."""
        pairs = [(priority, content(data)) for priority, data in messages]
        args = {"mqdes": self.mqdes, "messages": pairs, "abs_timeout": absolute(wait)}
        return (await self._caller.reply("mq_timedsend_batch", args)).ret

    async def receive(self, *, wait: float | None = None) -> MqMessage:
        """mq_receive(3): the oldest of the most urgent, or with ``wait`` seconds mq_timedreceive(3) (ETIMEDOUT).

        Cancelled, it takes no message; one that was on its way already is kept for the next ``receive`` of this object.
        """
        if wait is None:
            return await self._receives.receive()
        kept = self._receives.take_kept(1)
        if kept:
            return kept[0]
        args = {"mqdes": self.mqdes, "abs_timeout": absolute(wait)}
        return _message(await self._caller.reply("mq_timedreceive", args, orphan=self._keep_one))

    async def receive_many(self, most: int, *, wait: float | None = None) -> list[MqMessage]:
        """Wait for a message and take up to ``most`` of what is there."""
        kept = self._receives.take_kept(most)
        if kept:
            return kept
        args = {"mqdes": self.mqdes, "max": most, "abs_timeout": absolute(wait)}
        return _messages(await self._caller.reply("mq_timedreceive_batch", args, orphan=self._keep_many))

    def _keep_one(self, reply: Reply) -> None:
        self._receives.keep([_message(reply)])

    def _keep_many(self, reply: Reply) -> None:
        self._receives.keep(_messages(reply))

    async def withdrawn(self) -> list[MqMessage]:
        """What came for receives that were cancelled, once the service has answered all of them; for who stops now."""
        await self._caller.reply("getpid", {})  # answered behind the calls that were interrupted before it
        return self._receives.take_kept(sys.maxsize)

    async def __aiter__(self) -> AsyncIterator[MqMessage]:
        """Messages as they come, without end."""
        while True:
            yield await self.receive()

    async def getattr(self) -> Attributes:
        """mq_getattr(3)."""
        return Attributes(**await self._caller.out("mq_getsetattr", {"mqdes": self.mqdes}))

    async def setattr(self, *, nonblock: bool) -> Attributes:
        """mq_setattr(3): whether calls on this descriptor wait. Returns what was before."""
        flags = ["O_NONBLOCK"] if nonblock else []
        return Attributes(
            **await self._caller.out("mq_getsetattr", {"mqdes": self.mqdes, "newattr": {"mq_flags": flags}})
        )

    async def stat(self) -> dict[str, Any]:
        """Attributes, owner, times, who sleeps, and the status line."""
        return await self._caller.out("mq_stat", {"name": self.name})

    async def peek(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Messages in the order of receiving; ``seq`` of the last is the ``after`` of the next page."""
        shown = await self._caller.out("mq_peek", {"mqdes": self.mqdes, "after": after, "limit": limit})
        return list(shown["messages"])

    @asynccontextmanager
    async def notify(
        self, sigev_notify: str = "SIGEV_THREAD", **event: Any
    ) -> AsyncGenerator[AsyncIterator[dict[str, Any]], None]:
        """mq_notify(3) as a stream: a record whenever a message arrives in the empty queue and nobody waits for it.

        ``async with queue.notify() as events``: registered from there on, anew after each event, until the context
        ends. ``event``: ``sigev_signo``, ``sigev_value``. ProtocolError (409: somebody else is registered).
        """
        query = {"sigev_notify": sigev_notify, **{name: str(value) for name, value in event.items()}}
        headers = {} if self._caller.pid is None else {"Usernel-Task": str(self._caller.pid)}
        try:
            async with self._caller.connection.websocket(f"/v1/mq/{self.name}/notify", query, headers) as ws:
                records = _records(ws)
                await anext(records)  # "ready"
                yield records
        except aiohttp.WSServerHandshakeError as error:
            raise ProtocolError(error.status, f"notify on {self.name}: the service answered {error.status}") from None

    async def unlink(self) -> None:
        """mq_unlink(3): the name is gone; the queue ends with its last descriptor."""
        await self._caller.reply("mq_unlink", {"name": self.name})

    async def close(self) -> None:
        """mq_close(3)."""
        await self._caller.reply("close", {"fd": self.mqdes})

    def __repr__(self) -> str:
        return f"<POSIX queue {self.name}>"
