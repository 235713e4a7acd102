"""The client for programs without asyncio: the same methods, which wait. Usable from several threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from .client import Actor, Client, Task
from .flags import Durability, Flags
from .io_uring import Cqe, Entered, Ring
from .mq import Attributes, MqMessage, PosixQueue
from .msg import Data, Message, MessageQueue
from .protocol import Result

T = TypeVar("T")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="usernel_client", daemon=True)
        self._thread.start()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it; interrupted (Ctrl-C), it is cancelled there too."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _entered(context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _left(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator)


class SyncMessageQueue:
    """A System V queue; see ``MessageQueue``."""

    def __init__(self, loop: _Loop, queue: MessageQueue) -> None:
        self._loop = loop
        self._queue = queue

    @property
    def msqid(self) -> int:
        """The queue's id."""
        return self._queue.msqid

    def send(self, data: Data, mtype: int = 1, *, flags: Flags = 0, wait: float | None = None) -> None:
        """msgsnd(2)."""
        self._loop.wait(self._queue.send(data, mtype, flags=flags, wait=wait))

    def send_many(self, messages: Sequence[tuple[int, Data]], *, flags: Flags = 0) -> int:
        """Many messages ``(mtype, data)`` as one call; returns how many went."""
        return self._loop.wait(self._queue.send_many(messages, flags=flags))

    def receive(
        self, mtype: int = 0, *, flags: Flags = 0, wait: float | None = None, msgsz: int | None = None
    ) -> Message:
        """msgrcv(2)."""
        return self._loop.wait(self._queue.receive(mtype, flags=flags, wait=wait, msgsz=msgsz))

    def receive_many(self, most: int, mtype: int = 0, *, flags: Flags = 0) -> list[Message]:
        """Wait for a message and take up to ``most`` of what is there."""
        return self._loop.wait(self._queue.receive_many(most, mtype, flags=flags))

    def withdrawn(self) -> list[Message]:
        """What came for receives that Ctrl-C ended; for who stops now."""
        return self._loop.wait(self._queue.withdrawn())

    def __iter__(self) -> Iterator[Message]:
        """Messages as they come, without end."""
        while True:
            yield self.receive()

    def stat(self) -> dict[str, Any]:
        """IPC_STAT, and who sleeps."""
        return self._loop.wait(self._queue.stat())

    def set(self, **values: int | None) -> None:
        """IPC_SET: ``msg_qbytes uid gid mode``; what is None stays."""
        self._loop.wait(self._queue.set(**values))

    def peek(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Messages in their order, without receiving."""
        return self._loop.wait(self._queue.peek(after, limit))

    def remove(self) -> None:
        """IPC_RMID."""
        self._loop.wait(self._queue.remove())


class SyncPosixQueue:
    """An open POSIX queue; see ``PosixQueue``."""

    def __init__(self, loop: _Loop, queue: PosixQueue) -> None:
        self._loop = loop
        self._queue = queue

    @property
    def mqdes(self) -> int:
        """The queue's descriptor."""
        return self._queue.mqdes

    @property
    def name(self) -> str:
        """The queue's name, without a slash."""
        return self._queue.name

    def send(self, data: Data, priority: int = 0, *, wait: float | None = None) -> None:
        """mq_send(3), mq_timedsend(3)."""
        self._loop.wait(self._queue.send(data, priority, wait=wait))

    def send_many(self, messages: Sequence[tuple[int, Data]], *, wait: float | None = None) -> int:
        """Many messages ``(priority, data)`` as one call; returns how many went."""
        return self._loop.wait(self._queue.send_many(messages, wait=wait))

    def receive(self, *, wait: float | None = None) -> MqMessage:
        """mq_receive(3), mq_timedreceive(3)."""
        return self._loop.wait(self._queue.receive(wait=wait))

    def receive_many(self, most: int, *, wait: float | None = None) -> list[MqMessage]:
        """Wait for a message and take up to ``most`` of what is there."""
        return self._loop.wait(self._queue.receive_many(most, wait=wait))

    def withdrawn(self) -> list[MqMessage]:
        """What came for receives that Ctrl-C ended; for who stops now."""
        return self._loop.wait(self._queue.withdrawn())

    def __iter__(self) -> Iterator[MqMessage]:
        """Messages as they come, without end."""
        while True:
            yield self.receive()

    @contextmanager
    def notify(
        self, sigev_notify: str = "SIGEV_THREAD", **event: Any
    ) -> Generator[Iterator[dict[str, Any]], None, None]:
        """mq_notify(3) as a stream of event records: ``with queue.notify() as events``."""
        context = self._queue.notify(sigev_notify, **event)
        records = self._loop.wait(_entered(context))
        try:
            yield self._each(records)
        finally:
            self._loop.wait(_left(context))

    def _each(self, records: AsyncIterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        while True:
            yield self._loop.wait(_next(records))

    def getattr(self) -> Attributes:
        """mq_getattr(3)."""
        return self._loop.wait(self._queue.getattr())

    def setattr(self, *, nonblock: bool) -> Attributes:
        """mq_setattr(3)."""
        return self._loop.wait(self._queue.setattr(nonblock=nonblock))

    def stat(self) -> dict[str, Any]:
        """Attributes, owner, times, who sleeps, and the status line."""
        return self._loop.wait(self._queue.stat())

    def peek(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Messages in the order of receiving."""
        return self._loop.wait(self._queue.peek(after, limit))

    def unlink(self) -> None:
        """mq_unlink(3)."""
        self._loop.wait(self._queue.unlink())

    def close(self) -> None:
        """mq_close(3)."""
        self._loop.wait(self._queue.close())


class SyncRing:
    """An open ring; see ``Ring``."""

    def __init__(self, loop: _Loop, ring: Ring) -> None:
        self._loop = loop
        self._ring = ring
        self.fd = ring.fd
        self.sq_entries = ring.sq_entries
        self.cq_entries = ring.cq_entries
        self.features = ring.features

    def enter(
        self, sqes: Sequence[Mapping[str, Any]] = (), *, min_complete: int = 0, wait: float | None = None
    ) -> Entered:
        """io_uring_enter(2)."""
        return self._loop.wait(self._ring.enter(sqes, min_complete=min_complete, wait=wait))

    def __iter__(self) -> Iterator[Cqe]:
        """Completions as they come, without end."""
        records = aiter(self._ring)
        while True:
            yield self._loop.wait(_next(records))

    def register(self, opcode: int | str, arg: Any = None, nr_args: int | None = None) -> Result:
        """io_uring_register(2)."""
        return self._loop.wait(self._ring.register(opcode, arg, nr_args))

    def stat(self) -> dict[str, Any]:
        """The ring as /proc/[pid]/fdinfo shows it."""
        return self._loop.wait(self._ring.stat())

    def close(self) -> None:
        """close(2)."""
        self._loop.wait(self._ring.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _SyncActor:
    """What a task can do."""

    def __init__(self, loop: _Loop, actor: Actor) -> None:
        self._loop = loop
        self._actor = actor

    def call(self, name: str, /, **args: Any) -> Result:
        """Any system call by its name, with arguments by theirs."""
        return self._loop.wait(self._actor.call(name, **args))

    def msgget(
        self, key: int | str, flags: Flags = 0, *, mode: int = 0, durability: Durability = None
    ) -> SyncMessageQueue:
        """msgget(2)."""
        getting = self._actor.msgget(key, flags, mode=mode, durability=durability)
        return SyncMessageQueue(self._loop, self._loop.wait(getting))

    def msg(self, msqid: int) -> SyncMessageQueue:
        """The System V queue of an id."""
        return SyncMessageQueue(self._loop, self._actor.msg(msqid))

    def mq_open(
        self, name: str, flags: Flags = "O_RDWR", *, mode: int = 0o600, attr: dict[str, int] | None = None,
        durability: Durability = None,
    ) -> SyncPosixQueue:  # fmt: skip
        """mq_open(3)."""
        opening = self._actor.mq_open(name, flags, mode=mode, attr=attr, durability=durability)
        return SyncPosixQueue(self._loop, self._loop.wait(opening))

    def mq_unlink(self, name: str) -> None:
        """mq_unlink(3)."""
        self._loop.wait(self._actor.mq_unlink(name))

    def io_uring(self, entries: int, flags: Flags = 0, *, cq_entries: int | None = None) -> SyncRing:
        """io_uring_setup(2)."""
        return SyncRing(self._loop, self._loop.wait(self._actor.io_uring(entries, flags, cq_entries=cq_entries)))

    def fork(self, *, lease: str | None = "connection", **how: Any) -> SyncTask:
        """fork(2)."""
        return SyncTask(self._loop, self._loop.wait(self._actor.fork(lease=lease, **how)))

    def unshare(self, flags: Flags) -> None:
        """unshare(2)."""
        self._loop.wait(self._actor.unshare(flags))

    def setns(self, target: SyncTask | int, flags: Flags = 0) -> None:
        """setns(2)."""
        self._loop.wait(self._actor.setns(target if isinstance(target, int) else self._actor.task(target.pid), flags))

    def ns(self) -> dict[str, str]:
        """The links of ``/proc/[pid]/ns``."""
        return self._loop.wait(self._actor.ns())

    def namespaces(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The namespaces that this task may see."""
        return self._loop.wait(self._actor.namespaces(kind))

    def waitpid(self, pid: int = -1, options: Flags = 0) -> tuple[int, int]:
        """wait4(2)."""
        return self._loop.wait(self._actor.waitpid(pid, options))

    def kill(self, pid: int, sig: int | str = "SIGTERM") -> None:
        """kill(2)."""
        self._loop.wait(self._actor.kill(pid, sig))

    def task(self, pid: int) -> SyncTask:
        """Another task, to act as."""
        return SyncTask(self._loop, self._actor.task(pid))

    def sysctl(self, name: str, value: int | None = None) -> int:
        """Read (or write) a limit of the IPC namespace."""
        return self._loop.wait(self._actor.sysctl(name, value))


class SyncTask(_SyncActor):
    """Another task, that this connection acts as."""

    def __init__(self, loop: _Loop, task: Task) -> None:
        super().__init__(loop, task)
        self.pid = task.pid


class SyncClient(_SyncActor):
    """A connection to a service, for programs without asyncio; see ``Client``."""

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        self._client = Client(url, token=token)
        super().__init__(_Loop(), self._client)
        self.url = self._client.url
        try:
            self._loop.wait(self._client.connect())
        except BaseException:
            self._loop.stop()
            raise

    def close(self) -> None:
        """Disconnect; what sleeps is given up."""
        self._loop.wait(self._client.close())
        self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
