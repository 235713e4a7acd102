"""A service's kernel behind a program: the same port, over one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.ipc import IPC_NOWAIT
from usernel.kernel.call import Restart, Return
from usernel.kernel.error import KernelError
from usernel.syscalls.kinds import Kind, Structure
from usernel.syscalls.table import TABLE
from usernel_client.connection import Connection
from usernel_client.errors import ConnectionLost
from usernel_client.errors import KernelError as ServiceError
from usernel_client.protocol import Reply, plain_out

from .backend import Identity, OnOutput, OnServed

RECONNECT_SECONDS: Final = 30.0
"""How long a call that may sleep waits for a service that is gone, before it fails with EIO."""
RECONNECT_EVERY: Final = 0.1
Open = Callable[[], Coroutine[Any, Any, Connection]]


@dataclass(slots=True, eq=False)
class RemoteActor:
    """What acts for a process: a task of the service, made anew on each connection. ``pid`` is its number there."""

    who: Identity
    pid: int | None = None
    ready: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class RemoteServed:
    """A call on its way. ``ident`` is its id on the connection that it went out on."""

    actor: RemoteActor
    name: str
    args: Mapping[str, Any]
    sleeps: bool
    on_served: OnServed
    restart: Restart
    ident: int | None = None
    done: bool = False
    result: Return | None = None
    error: KernelError | None = None
    held: bool = False
    given_up: bool = False


@dataclass(slots=True, eq=False)
class Remote:
    """A service as the kernel of the programs here. Make it with ``connect``.

    A process's task there has its ids and lives as long as the connection. The IPC namespace in which it all began is
    the one that the service gives this connection: that is what programs on several hosts share.
    """

    _open: Open
    _connection: Connection
    _reconnecting: asyncio.Task[None] | None = None
    _background: set[asyncio.Task[None]] = field(default_factory=set)
    _actors: set[RemoteActor] = field(default_factory=set)
    _fill: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    on_output: OnOutput | None = None

    @classmethod
    async def connect(cls, url: str, token: str | None) -> Remote:
        """Connect. ConnectionLost, ProtocolError."""
        opening = partial(Connection.open, url, token)
        return cls(opening, await opening())

    # ---------------------------------------------------------------------------------------------------- processes

    def enter(self, who: Identity) -> RemoteActor:
        """Begin to make a task; calls wait until it is there."""
        actor = RemoteActor(who)
        self._actors.add(actor)
        return actor

    def assume(self, actor: RemoteActor, who: Identity) -> None:
        """Another task takes its place, with the new ids."""
        if actor.who != who:
            self._dismiss(actor)
            actor.who = who

    def leave(self, actor: RemoteActor) -> None:
        """End its task."""
        self._actors.discard(actor)
        self._dismiss(actor)

    def _dismiss(self, actor: RemoteActor) -> None:
        pid, actor.pid, actor.ready = actor.pid, None, None
        if pid is not None:
            with suppress(ConnectionLost):
                self._connection.submit("kill", {"pid": pid, "sig": "SIGKILL"}, None, _unheard)

    async def _born(self, actor: RemoteActor) -> None:
        """Make the task: in the IPC namespace that stands for the process's own, and with its ids where that may be."""
        who, neighbour = actor.who, self._neighbour(actor)
        how: dict[str, Any] = {"comm": who.comm, "autoreap": True, "close_fds": True, "pdeathsig": "SIGKILL"}
        if not who.initial and neighbour is None:
            how["unshare"] = ["CLONE_NEWIPC"]
        pid = (await self._connection.call("fork", how, None)).ret
        if not who.initial and neighbour is not None:
            await self._join(pid, neighbour)
        with suppress(ServiceError):  # whoever may not be somebody else there acts as itself
            await self._become(pid, who)
        actor.pid = pid

    async def _become(self, pid: int, who: Identity) -> None:
        call = self._connection.call
        await call("setgroups", {"groups": list(who.groups)}, pid)
        await call("setresgid", dict(zip(("rgid", "egid", "sgid"), who.gids, strict=False)), pid)
        await call("setresuid", dict(zip(("ruid", "euid", "suid"), who.uids, strict=False)), pid)

    def _neighbour(self, actor: RemoteActor) -> int | None:
        """The task of another process in the same IPC namespace of the host."""
        same = (other for other in self._actors if other is not actor and other.who.ipc == actor.who.ipc)
        return next((other.pid for other in same if other.pid is not None), None)

    async def _join(self, pid: int, neighbour: int) -> None:
        pidfd = (await self._connection.call("pidfd_open", {"pid": neighbour}, pid)).ret
        await self._connection.call("setns", {"fd": pidfd, "nstype": ["CLONE_NEWIPC"]}, pid)
        await self._connection.call("close", {"fd": pidfd}, pid)

    # -------------------------------------------------------------------------------------------------------- calls

    def submit(self, actor: RemoteActor, name: str, args: Sequence[Any], on_served: OnServed) -> RemoteServed:
        """Send a call, once its task is there."""
        row = TABLE[name]
        named = {item.name: _wire(item.kind, value) for item, value in zip(row.args, args, strict=True)}
        served = RemoteServed(actor, name, named, _sleeps(name, named), on_served, row.restart)
        if actor.pid is not None:
            self._send(served)
        else:
            self._spawn(self._send_later(served))
        return served

    async def _send_later(self, served: RemoteServed) -> None:
        actor = served.actor
        try:
            while actor.pid is None:
                if actor.ready is None:
                    actor.ready = asyncio.create_task(self._born(actor))
                await asyncio.shield(actor.ready)
        except ConnectionLost as error:
            actor.ready = None
            self._lost(served, error)
            return
        except OSError as error:
            actor.ready = None
            self._fail(served, f"the service lets no task act for the process: {error}")
            return
        if not served.given_up:
            self._send(served)

    def _send(self, served: RemoteServed) -> None:
        try:
            served.ident = self._connection.submit(
                served.name, dict(served.args), served.actor.pid, partial(self._answered, served), hold=True
            )
        except ConnectionLost as error:
            self._lost(served, error)

    def _answered(self, served: RemoteServed, reply: Reply | ConnectionLost) -> None:
        if isinstance(reply, ConnectionLost):
            self._lost(served, reply)
            return
        served.held = reply.held
        if served.given_up:
            self.abort(served)
        elif reply.errno is not None:
            self._finish(served, None, KernelError(Errno(reply.errno), reply.detail))
        elif reply.status:
            self._fail(served, reply.detail)
        else:
            self._finish(served, Return(reply.ret, plain_out(reply.out)), None)

    def _finish(self, served: RemoteServed, result: Return | None, error: KernelError | None) -> None:
        served.done, served.result, served.error = True, result, error
        served.on_served(served)

    def _fail(self, served: RemoteServed, why: str) -> None:
        self._finish(served, None, KernelError(Errno.EIO, why))

    def interrupt(self, served: RemoteServed) -> None:
        """Ask the service to end a sleeping call; its answer comes either way."""
        if served.ident is not None:
            self._connection.cancel(served.ident)
        elif not served.done:
            served.given_up = True
            self._finish(served, None, KernelError(Errno.EINTR, f"{served.name} was interrupted"))

    def give_up(self, served: RemoteServed) -> None:
        """Nobody waits for it any more; what it may still receive goes back."""
        served.given_up = True
        if served.ident is not None:
            self._connection.cancel(served.ident)

    def commit(self, served: RemoteServed) -> None:
        """What it received leaves its queue."""
        self._settle(served, self._connection.commit)

    def abort(self, served: RemoteServed) -> None:
        """What it received goes back to its place."""
        self._settle(served, self._connection.abort)

    def _settle(self, served: RemoteServed, how: Callable[[int, Callable[[Any], None]], None]) -> None:
        if served.held and served.ident is not None:
            served.held = False
            with suppress(ConnectionLost):  # the service gives back what was held by a connection that is gone
                how(served.ident, _unheard)

    def fill(self, mqdes: int) -> tuple[bool, bool]:
        """As the last answer about it said."""
        return self._fill.get(mqdes, (False, False))

    def close_fd(self, fd: int) -> None:
        """Close it."""
        with suppress(ConnectionLost):
            self._connection.submit("close", {"fd": fd}, None, _unheard)

    # --------------------------------------------------------------------------------------------------------- loss

    def _lost(self, served: RemoteServed, error: ConnectionLost) -> None:
        """A call that may sleep goes out again when the service is back; another fails at once."""
        served.ident = None
        self._forget_tasks()
        if served.given_up:
            return
        if not served.sleeps:
            self._reconnect()
            self._fail(served, str(error))
            return
        self._spawn(self._again(served, error))

    async def _again(self, served: RemoteServed, error: ConnectionLost) -> None:
        try:
            await asyncio.shield(self._reconnect())
        except ConnectionLost:
            if not served.given_up:
                self._fail(served, f"{error}; it did not come back within {RECONNECT_SECONDS:g} s")
            return
        if not served.given_up:
            await self._send_later(served)

    def _forget_tasks(self) -> None:
        for actor in self._actors:
            actor.pid = actor.ready = None

    def _reconnect(self) -> asyncio.Task[None]:
        if self._reconnecting is None or self._reconnecting.done():
            self._reconnecting = asyncio.create_task(self._reconnected())
            self._reconnecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._reconnecting

    async def _reconnected(self) -> None:
        old, ends = self._connection, asyncio.get_running_loop().time() + RECONNECT_SECONDS
        await old.close()
        while True:
            try:
                self._connection = await self._open()
            except OSError as error:
                if asyncio.get_running_loop().time() > ends:
                    raise ConnectionLost(str(error)) from None
                await asyncio.sleep(RECONNECT_EVERY)
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End the connection, and every task on it."""
        for task in self._background:
            task.cancel()
        await self._connection.close()


def _unheard(reply: Any) -> None:
    """Nobody waits for this answer."""


def _wire(kind: Kind, value: Any) -> Any:
    """An argument as a frame has it: structures by the names of their fields."""
    if isinstance(kind, Structure) and value is not None:
        return {item.name: _wire(item.kind, part) for item, part in zip(kind.fields, value, strict=True)}
    return value


def _sleeps(name: str, args: Mapping[str, Any]) -> bool:
    """Whether a call may sleep, and so may wait for the service as well."""
    return name in {"msgsnd", "msgrcv"} and not args["msgflg"] & IPC_NOWAIT
