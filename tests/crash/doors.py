"""One client's way to a queue, everything recorded: the same for both families, but for what they call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from usernel_client import Client, MessageQueue, PosixQueue

from .history import History, Item, Kind, Operation

Q = TypeVar("Q", MessageQueue, PosixQueue)
MAXMSG = 48
MSGSIZE = 512
POSIX_WAIT = 0.1
"""A POSIX queue that was unlinked is full, or empty, for ever to those who have it open."""


@dataclass(slots=True, eq=False)
class Target:
    """A key or name, and the queue that has it as far as its owner knows; ``past`` are those that had it."""

    name: int | str
    current: str | None = None
    past: list[str] = field(default_factory=list)

    def becomes(self, queue: str | None) -> None:
        if self.current not in {None, queue}:
            self.past.append(str(self.current))
        self.current = queue


class Door(ABC, Generic[Q]):
    """A client's way to a target. A queue that is not there is no error: nothing happens."""

    family: ClassVar[str]
    lanes: ClassVar[Sequence[int]]

    def __init__(self, history: History, client: Client, target: Target) -> None:
        self.history = history
        self.client = client
        self.target = target

    @property
    def key(self) -> str:
        return f"{self.family}:{self.target.name}"

    # ------------------------------------------------------------------------------------------------------- messages

    async def send_one(self, item: Item, *, wait: bool) -> None:
        ident, queue = await self.present()
        if queue is not None:
            with self.history.recorded(Kind.SEND, self.key, ident, messages=(item,)) as operation:
                await self._send_one(queue, item, wait=wait)
                operation.went = 1

    async def send_many(self, items: Sequence[Item], *, wait: bool) -> None:
        ident, queue = await self.present()
        if queue is not None:
            with self.history.recorded(Kind.SEND, self.key, ident, messages=tuple(items)) as operation:
                operation.went = await self._send_many(queue, items, wait=wait)

    async def receive_one(self, mtype: int, *, wait: bool) -> None:
        ident, queue = await self.present()
        if queue is not None:
            with self.history.recorded(Kind.RECEIVE, self.key, ident, asked=1, mtype=mtype) as operation:
                operation.messages = (await self._receive_one(queue, mtype, wait=wait),)

    async def receive_many(self, most: int, mtype: int, *, wait: bool) -> Operation | None:
        ident, queue = await self.present()
        if queue is None:
            return None
        with self.history.recorded(Kind.RECEIVE, self.key, ident, asked=most, mtype=mtype) as operation:
            operation.messages = tuple(await self._receive_many(queue, most, mtype, wait=wait))
        return operation

    async def drain(self) -> None:
        """Receive everything that is there. Nobody else may be receiving."""
        last = await self.receive_many(30, 0, wait=False)
        while last is not None and last.acked:
            last = await self.receive_many(30, 0, wait=False)
        if last is not None and last.errno in {"ENOMSG", "EAGAIN", "ETIMEDOUT"}:
            self.history.drained(last)

    # ---------------------------------------------------------------------------------------------------- for its owner

    async def look(self) -> None:
        """Learn which queue is there, if one is."""
        with self.history.recorded(Kind.OPEN, self.key) as operation:
            operation.queue = await self._open(create=False)
        self.target.becomes(operation.queue)

    async def create(self) -> None:
        """Make a new queue where none is."""
        with self.history.recorded(Kind.OPEN, self.key) as operation:
            operation.queue = await self._open(create=True)
        self.target.becomes(operation.queue)

    async def remove(self) -> None:
        with self.history.recorded(Kind.REMOVE, self.key, self.target.current) as operation:
            await self._remove()
        if operation.acked:
            self.target.becomes(None)

    async def present(self) -> tuple[str | None, Q | None]:
        """As ``queue``; and where there is none, ask for something else, to learn of the connection's end."""
        ident, queue = await self.queue()
        if queue is None:
            await self.client.calls.getpid()
        return ident, queue

    @abstractmethod
    async def queue(self) -> tuple[str | None, Q | None]:
        """The queue, and which one it is; None where there is none."""

    @abstractmethod
    async def _open(self, *, create: bool) -> str: ...

    @abstractmethod
    async def _remove(self) -> None: ...

    @abstractmethod
    async def _send_one(self, queue: Q, item: Item, *, wait: bool) -> None: ...

    @abstractmethod
    async def _send_many(self, queue: Q, items: Sequence[Item], *, wait: bool) -> int: ...

    @abstractmethod
    async def _receive_one(self, queue: Q, mtype: int, *, wait: bool) -> Item: ...

    @abstractmethod
    async def _receive_many(self, queue: Q, most: int, mtype: int, *, wait: bool) -> list[Item]: ...


class SystemV(Door[MessageQueue]):
    """By its id, that whoever made it has told the others."""

    family = "msg"
    lanes = (1, 2, 3)

    def __init__(self, history: History, client: Client, target: Target) -> None:
        super().__init__(history, client, target)
        self._known: tuple[str | None, MessageQueue | None] = (None, None)

    async def queue(self) -> tuple[str | None, MessageQueue | None]:
        current = self.target.current
        if self._known[0] != current:
            self._known = (current, None if current is None else self._numbered(current))
        return self._known

    def _numbered(self, ident: str) -> MessageQueue:
        return self.client.msg(int(ident.removeprefix("msg:")))

    async def stat(self, ident: str) -> None:
        """IPC_STAT of this queue, which may be gone."""
        with self.history.recorded(Kind.STAT, self.key, ident) as operation:
            shown = await self._numbered(ident).stat()
            operation.value = (shown["msg_qbytes"], shown["msg_perm"]["mode"])

    async def set(self, qbytes: int, mode: int) -> None:
        """IPC_SET."""
        ident, queue = await self.present()
        if queue is not None:
            with self.history.recorded(Kind.SET, self.key, ident, value=(qbytes, mode)):
                await queue.set(msg_qbytes=qbytes, mode=mode)

    async def _open(self, *, create: bool) -> str:
        flags = "IPC_CREAT | IPC_EXCL" if create else 0
        queue = await self.client.msgget(self.target.name, flags, mode=0o600 if create else 0)
        return f"msg:{queue.msqid}"

    async def _remove(self) -> None:
        await self._numbered(str(self.target.current)).remove()

    async def _send_one(self, queue: MessageQueue, item: Item, *, wait: bool) -> None:
        await queue.send(item[1], item[0], flags=0 if wait else "IPC_NOWAIT")

    async def _send_many(self, queue: MessageQueue, items: Sequence[Item], *, wait: bool) -> int:
        return await queue.send_many(items, flags=0 if wait else "IPC_NOWAIT")

    async def _receive_one(self, queue: MessageQueue, mtype: int, *, wait: bool) -> Item:
        message = await queue.receive(mtype, flags=0 if wait else "IPC_NOWAIT")
        return message.mtype, message.data

    async def _receive_many(self, queue: MessageQueue, most: int, mtype: int, *, wait: bool) -> list[Item]:
        messages = await queue.receive_many(most, mtype, flags=0 if wait else "IPC_NOWAIT")
        return [(message.mtype, message.data) for message in messages]


class Posix(Door[PosixQueue]):
    """By a descriptor of the client's own: which queue that is tells its inode number."""

    family = "mq"
    lanes = (0, 1, 7)

    def __init__(self, history: History, client: Client, target: Target) -> None:
        super().__init__(history, client, target)
        self._opened: tuple[str | None, PosixQueue | None] = (None, None)

    async def queue(self) -> tuple[str | None, PosixQueue | None]:
        current = self.target.current
        if current is None:
            return None, None
        if self._opened[0] != current:
            with self.history.recorded(Kind.OPEN, self.key) as operation:
                operation.queue = await self._open(create=False)
        return self._opened

    async def _open(self, *, create: bool) -> str:
        attr = {"mq_maxmsg": MAXMSG, "mq_msgsize": MSGSIZE} if create else None
        flags = "O_RDWR | O_CREAT | O_EXCL" if create else "O_RDWR"
        queue = await self.client.mq_open(str(self.target.name), flags, attr=attr)
        shown: dict[str, Any] = (await self.client.calls.fstat(queue.mqdes)).out or {}
        (_, before), ident = self._opened, f"mq:{self.target.name}#{shown['st_ino']}"
        self._opened = (ident, queue)
        if before is not None:
            await before.close()
        return ident

    async def _remove(self) -> None:
        await self.client.mq_unlink(str(self.target.name))

    async def _send_one(self, queue: PosixQueue, item: Item, *, wait: bool) -> None:
        await queue.send(item[1], item[0], wait=POSIX_WAIT if wait else 0)

    async def _send_many(self, queue: PosixQueue, items: Sequence[Item], *, wait: bool) -> int:
        return await queue.send_many(items, wait=POSIX_WAIT if wait else 0)

    async def _receive_one(self, queue: PosixQueue, mtype: int, *, wait: bool) -> Item:
        message = await queue.receive(wait=POSIX_WAIT if wait else 0)
        return message.priority, message.data

    async def _receive_many(self, queue: PosixQueue, most: int, mtype: int, *, wait: bool) -> list[Item]:
        messages = await queue.receive_many(most, wait=POSIX_WAIT if wait else 0)
        return [(message.priority, message.data) for message in messages]
