"""System V message queues."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from .batching import Body, ReceiveBatcher, Receiving, SendBatcher, Sending
from .caller import Caller
from .flags import Flags, content, listed
from .protocol import Reply

Data = bytes | bytearray | memoryview | str


class Message(msgspec.Struct, array_like=True, frozen=True):
    """A message: its type, its bytes."""

    mtype: int
    data: bytes


class _One(msgspec.Struct):
    mtype: int
    data: bytes


class _Messages(msgspec.Struct):
    messages: list[Message]


_ONE: Final = msgspec.msgpack.Decoder(_One)
_MANY: Final = msgspec.msgpack.Decoder(_Messages)


def _messages(reply: Reply) -> list[Message]:
    return _MANY.decode(reply.out).messages


def _message(reply: Reply) -> Message:
    one = _ONE.decode(reply.out)
    return Message(one.mtype, one.data)


def _keep_one(receiver: ReceiveBatcher[Message], reply: Reply) -> None:
    receiver.keep([_message(reply)])


def _keep_many(receiver: ReceiveBatcher[Message], reply: Reply) -> None:
    receiver.keep(_messages(reply))


class MessageQueue:
    """A System V queue by its id (``msqid``). Errors are KernelError, with the errno that Linux would give."""

    def __init__(self, caller: Caller, msqid: int) -> None:
        self._caller = caller
        self.msqid = msqid
        sending = Sending("msgsnd_batch", self._batch_args, "msgsnd", self._single_args)
        self._sends = SendBatcher(caller.connection, caller.pid, sending)
        self._receives: dict[tuple[int, tuple[int | str, ...]], ReceiveBatcher[Message]] = {}

    def _batch_args(self, messages: list[Body]) -> dict[str, Any]:
        return {"msqid": self.msqid, "messages": messages, "msgflg": ["IPC_NOWAIT"]}

    def _single_args(self, message: Body) -> dict[str, Any]:
        return {"msqid": self.msqid, "mtype": message[0], "data": message[1]}

    async def send(self, data: Data, mtype: int = 1, *, flags: Flags = 0, wait: float | None = None) -> None:
        """msgsnd(2): wait for room, ``wait`` seconds at most (None: without end; TimeoutError), or not (IPC_NOWAIT).

        What many tasks send to one queue object at once leaves as one call.
        """
        body = (mtype, content(data))
        if wait is None and not flags:
            await self._sends.send(body)
            return
        args = {**self._single_args(body), "msgflg": listed(flags)}
        await self._caller.reply("msgsnd", args, wait=wait)

    async def send_many(self, messages: Sequence[tuple[int, Data]], *, flags: Flags = 0) -> int:
        """Many messages ``(mtype, data)`` as one call. Returns how many went: all, unless an error stopped it."""
        pairs = [(mtype, content(data)) for mtype, data in messages]
        args = {"msqid": self.msqid, "messages": pairs, "msgflg": listed(flags)}
        return (await self._caller.reply("msgsnd_batch", args)).ret

    async def receive(
        self, mtype: int = 0, *, flags: Flags = 0, wait: float | None = None, msgsz: int | None = None
    ) -> Message:
        """msgrcv(2): the first message, the first of a type, or (negative) the lowest type; see ``send`` for ``wait``.

        Cancelled, it takes no message; one that was on its way already is kept for the next ``receive`` of this object.
        """
        if wait is None and msgsz is None and "IPC_NOWAIT" not in listed(flags):
            return await self._receiver(mtype, flags).receive()
        receiver = self._receiver(mtype, flags)
        kept = receiver.take_kept(1) if msgsz is None else []
        if kept:
            return kept[0]
        args = {"msqid": self.msqid, "msgtyp": mtype, "msgflg": listed(flags), "msgsz": msgsz}
        orphan = partial(_keep_one, receiver)
        return _message(await self._caller.reply("msgrcv", args, wait=wait, orphan=orphan))

    async def receive_many(self, most: int, mtype: int = 0, *, flags: Flags = 0) -> list[Message]:
        """Wait for a message and take up to ``most`` of what is there."""
        receiver = self._receiver(mtype, flags)
        kept = receiver.take_kept(most)
        if kept:
            return kept
        args = {"msqid": self.msqid, "max": most, "msgtyp": mtype, "msgflg": listed(flags)}
        orphan = partial(_keep_many, receiver)
        return _messages(await self._caller.reply("msgrcv_batch", args, orphan=orphan))

    def _receiver(self, mtype: int, flags: Flags) -> ReceiveBatcher[Message]:
        key = (mtype, tuple(listed(flags)))
        if key not in self._receives:
            args = {"msqid": self.msqid, "msgtyp": mtype, "msgflg": list(key[1])}
            receiving = Receiving("msgrcv_batch", lambda most: {**args, "max": most}, _messages)
            self._receives[key] = ReceiveBatcher(self._caller.connection, self._caller.pid, receiving)
        return self._receives[key]

    async def withdrawn(self) -> list[Message]:
        """What came for receives that were cancelled, once the service has answered all of them; for who stops now."""
        await self._caller.reply("getpid", {})  # answered behind the calls that were interrupted before it
        return [message for receiver in self._receives.values() for message in receiver.take_kept(sys.maxsize)]

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Messages as they come, without end."""
        while True:
            yield await self.receive()

    async def stat(self) -> dict[str, Any]:
        """IPC_STAT, and who sleeps."""
        return await self._caller.out("msg_stat", {"msqid": self.msqid})

    async def set(
        self, *, msg_qbytes: int | None = None, uid: int | None = None, gid: int | None = None,
        mode: int | None = None,
    ) -> None:  # fmt: skip
        """IPC_SET; what is None stays."""
        buf = {"msg_perm": {"uid": uid, "gid": gid, "mode": mode}, "msg_qbytes": msg_qbytes}
        await self._caller.reply("msgctl", {"msqid": self.msqid, "cmd": "IPC_SET", "buf": buf})

    async def peek(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Messages in their order, without receiving; ``seq`` of the last is the ``after`` of the next page."""
        shown = await self._caller.out("msg_peek", {"msqid": self.msqid, "after": after, "limit": limit})
        return list(shown["messages"])

    async def remove(self) -> None:
        """IPC_RMID: whoever sleeps on it gets EIDRM."""
        await self._caller.reply("msgctl", {"msqid": self.msqid, "cmd": "IPC_RMID"})

    def __repr__(self) -> str:
        return f"<System V queue {self.msqid}>"
