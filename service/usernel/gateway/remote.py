"""A service's kernel behind a program: the same port, over one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.mqueue import SIGEV_SIGNAL, SIGEV_THREAD
from usernel.abi.signal import NSIG
from usernel.kernel.call import Return
from usernel.kernel.error import KernelError
from usernel.kernel.outputs import MqNotified, Output
from usernel.syscalls.table import TABLE
from usernel_client.connection import Connection
from usernel_client.errors import ConnectionLost, ProtocolError
from usernel_client.errors import KernelError as ServiceError
from usernel_client.protocol import Reply, plain_out

from .backend import DESCRIPTORS, Handle, Identity, Login, OnFill, OnOutput, OnServed
from .remote_call import (
    KEEPER,
    Asked,
    Notification,
    RemoteActor,
    RemoteServed,
    filled,
    making,
    output,
    seen,
    sleeps,
    unheard,
    wire,
)

RECONNECT_SECONDS: Final = 30.0
"""How long a call that may sleep waits for a service that is gone, before it fails with EIO."""
RECONNECT_EVERY: Final = 0.1
HEARTBEAT_SECONDS: Final = 30.0
"""How often a silent service is asked whether it lives: one that vanished with its host breaks no connection."""
BORN: Final[Mapping[str, Any]] = {"autoreap": True, "share_fds": True, "pdeathsig": "SIGKILL"}
"""How tasks are made here: gone with the connection, with one table of descriptors."""
MOVING: Final = frozenset({"mq_timedsend", "mq_timedreceive"})
"""Calls that change what poll(2) finds."""
HOST_PIDS_MAX: Final = 65536
PIDS: Final = frozenset({"msg_lspid", "msg_lrpid", "si_pid"})
"""What calls hand back that are pids."""
NOTIFICATION: Final = 64
"""The signal (SIGRTMAX) by which the service tells a task of a message; it is blocked, and waited for."""
Open = Callable[[], Coroutine[Any, Any, Connection]]


@dataclass(slots=True, eq=False)
class Remote:
    """A service as the kernel of the programs here. Make it with ``connect``.

    A process's task there has its ids and lives as long as the connection. The IPC namespace in which it all began is
    the one that the service gives this connection: that is what programs on several hosts share.
    """

    _open: Open
    _connection: Connection
    _reconnecting: asyncio.Task[None] | None = None
    _restored: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether everything is on the connection as it was on the one before: until then no descriptor is what it was."""
    _closed: bool = False
    _background: set[asyncio.Task[None]] = field(default_factory=set)
    _actors: set[RemoteActor] = field(default_factory=set)
    _spaces: dict[int, asyncio.Task[int]] = field(default_factory=dict)
    """The task that keeps the service's IPC namespace for each of the host's, by that one's inode."""
    _host_pids: dict[int, int] = field(default_factory=dict)
    """What the host calls the service's tasks that stood or stand for programs here."""
    _asking: dict[int, Asked] = field(default_factory=dict)
    _listening: set[RemoteActor] = field(default_factory=set)
    _idents: Iterator[int] = field(default_factory=partial(count, 1))
    on_output: OnOutput | None = None
    on_reconnect: Callable[[], Coroutine[Any, Any, None]] | None = None
    shared: bool = True

    @classmethod
    async def connect(cls, url: str, token: str | None, task: int | None = None) -> Remote:
        """Connect, to act as a child of a task of the service or of its default one. ConnectionLost, ProtocolError."""
        headers = None if task is None else {"Usernel-Task": str(task)}
        opening = partial(Connection.open, url, token, headers=headers, heartbeat=HEARTBEAT_SECONDS)
        made = cls(opening, await opening())
        await made._ready()
        made._restored.set()
        return made

    async def _ready(self) -> None:
        """The connection's own task keeps the descriptors of all: it may need many."""
        limit = {"rlim_cur": DESCRIPTORS, "rlim_max": DESCRIPTORS}
        with suppress(ServiceError):
            await self._connection.call("prlimit64", {"resource": "RLIMIT_NOFILE", "new_limit": limit}, None)
        # It never returns, and so tells of the connection's loss also when nothing else is under way.
        self._connection.submit("rt_sigtimedwait", {"set": []}, None, self._unwatched)
        if self.on_reconnect is not None:
            await self.on_reconnect()

    def _unwatched(self, reply: Reply | ConnectionLost) -> None:
        if isinstance(reply, ConnectionLost) and not self._closed:
            self._forget_tasks()
            self._reconnect()

    async def try_login(self, login: Login) -> None:
        """Whether a task of the service may be this user: PermissionError where not."""
        how = {**BORN, "uid": login.uid, "gid": login.gid, "comm": "usernel-run"}
        try:
            pid = (await self._connection.call("fork", how, None)).ret
        except ServiceError as error:
            raise PermissionError(f"the service lets nobody here be user {login.uid}: {error.detail}") from None
        self._kill(self._connection, pid)

    # ---------------------------------------------------------------------------------------------------- processes

    def enter(self, who: Identity) -> RemoteActor:
        """Begin to make a task; calls wait until it is there."""
        actor = RemoteActor(who)
        self._actors.add(actor)
        return actor

    def assume(self, actor: RemoteActor, who: Identity) -> None:
        """Another task takes its place, with the new ids; the same one has another umask and limit."""
        known, actor.who = actor.who, who
        if replace(known, umask=who.umask, mq_bytes=who.mq_bytes) != who:
            self._dismiss(actor)
        elif known != who and actor.pid is not None:
            with suppress(ConnectionLost):
                for name, args in making(who):
                    self._connection.submit(name, args, actor.pid, unheard)

    def renice(self, actor: RemoteActor, nice: int) -> None:
        """Not told: a nice value of one host says nothing to the others."""

    def leave(self, actor: RemoteActor) -> None:
        """End its task."""
        self._actors.discard(actor)
        self._listening.discard(actor)
        self._dismiss(actor)

    def _dismiss(self, actor: RemoteActor) -> None:
        pid, actor.pid, actor.ready = actor.pid, None, None
        if pid is not None:
            self._kill(self._connection, pid)

    def _kill(self, connection: Connection, pid: int) -> None:
        with suppress(ConnectionLost):
            connection.submit("kill", {"pid": pid, "sig": "SIGKILL"}, None, unheard)

    def _birth(self, actor: RemoteActor) -> asyncio.Task[None]:
        if actor.ready is None:
            actor.ready = asyncio.create_task(self._born(actor))
            actor.ready.add_done_callback(lambda task: task.cancelled() or task.exception())
        return actor.ready

    async def _born(self, actor: RemoteActor) -> None:
        """Make the actor's task, unless it wants another by then, or none."""
        connection = self._connection
        pid = await self._made(actor.who)
        if actor.ready is not asyncio.current_task():
            self._kill(connection, pid)
            return
        actor.pid = pid
        self._host_pids[pid] = actor.who.pid
        while len(self._host_pids) > HOST_PIDS_MAX:
            del self._host_pids[next(iter(self._host_pids))]

    async def _made(self, who: Identity) -> int:
        """Make a task: in the IPC namespace that stands for the process's own, and with its ids where that may be."""
        how = {**BORN, "comm": who.comm}
        pid = (await self._connection.call("fork", how, None)).ret
        if not who.initial:
            await self._join(pid, await self._space(who.ipc))
        with suppress(ServiceError):  # a limit above the service's own
            for name, args in making(who):
                await self._connection.call(name, args, pid)
        with suppress(ServiceError):  # whoever may not be somebody else there acts as itself
            await self._become(pid, who)
        await self._connection.call("rt_sigprocmask", {"how": "SIG_BLOCK", "set": [NOTIFICATION]}, pid)
        return pid

    async def _space(self, inode: int) -> int:
        """The task that keeps the service's IPC namespace for one of the host's."""
        if inode not in self._spaces:
            self._spaces[inode] = asyncio.create_task(self._new_space())
        return await asyncio.shield(self._spaces[inode])

    async def _new_space(self) -> int:
        how = {**BORN, "comm": "usernel-run", "unshare": ["CLONE_NEWIPC"]}
        return (await self._connection.call("fork", how, None)).ret

    async def _join(self, pid: int, keeper: int) -> None:
        pidfd = (await self._connection.call("pidfd_open", {"pid": keeper}, pid)).ret
        await self._connection.call("setns", {"fd": pidfd, "nstype": ["CLONE_NEWIPC"]}, pid)
        await self._connection.call("close", {"fd": pidfd}, pid)

    async def _become(self, pid: int, who: Identity) -> None:
        call = self._connection.call
        await call("setgroups", {"groups": list(who.groups)}, pid)
        await call("setresgid", dict(zip(("rgid", "egid", "sgid"), who.gids, strict=False)), pid)
        await call("setresuid", dict(zip(("ruid", "euid", "suid"), who.uids, strict=False)), pid)

    # -------------------------------------------------------------------------------------------------------- calls

    def submit(self, actor: RemoteActor | None, name: str, args: Sequence[Any], on_served: OnServed) -> RemoteServed:
        """Send a call, once its task is there."""
        row, actor = TABLE[name], actor or KEEPER
        if name == "mq_notify":
            args = (args[0], self._asked(actor, args[0], args[1]))
        named = {item.name: wire(item.kind, value) for item, value in zip(row.args, args, strict=True)}
        served = RemoteServed(actor, name, named, sleeps(name, named), on_served, row.restart)
        if actor.pid is not None or actor is KEEPER:
            self._send(served)
        else:
            self._spawn(self._send_later(served))
        return served

    async def _send_later(self, served: RemoteServed) -> None:
        actor = served.actor
        try:
            if not self._connection.stat()["lost"]:
                await asyncio.wait_for(self._restored.wait(), RECONNECT_SECONDS)
            while actor.pid is None and actor in self._actors:
                await asyncio.shield(self._birth(actor))
        except ConnectionLost as error:
            actor.ready = None
            self._lost(served, error)
            return
        except (OSError, ProtocolError) as error:
            actor.ready = None
            self._fail(served, f"the service lets no task act for the process: {error}")
            return
        if actor not in self._actors:
            self._fail(served, "its process has ended")
        elif not served.given_up:
            self._send(served)

    def _send(self, served: RemoteServed) -> None:
        if served.name == "mq_notify" and served.actor not in self._listening:
            self._listen(served.actor)
        try:
            args = {name: value.mqdes if isinstance(value, Handle) else value for name, value in served.args.items()}
            served.ident = self._connection.submit(
                served.name, args, served.actor.pid, partial(self._answered, served), hold=True
            )
            if served.name in MOVING:
                # Behind it in the same frame: what the queue holds then, for whoever polls when the call returns.
                self.fill(served.args["mqdes"], partial(seen, served))
        except ConnectionLost as error:
            self._lost(served, error)

    def _answered(self, served: RemoteServed, reply: Reply | ConnectionLost) -> None:
        if isinstance(reply, ConnectionLost):
            self._lost(served, reply)
            return
        served.held, served.answered = reply.held, True
        if served.given_up:
            self.abort(served)
        elif reply.errno is not None:
            self._finish(served, None, KernelError(Errno(reply.errno), reply.detail))
        elif reply.status:
            self._fail(served, reply.detail)
        elif served.name in MOVING:
            # After this frame's other answers: a program is told of its own message before its call returns.
            result = Return(reply.ret, plain_out(reply.out))
            asyncio.get_running_loop().call_soon(self._finish, served, result, None)
        else:
            self._finish(served, Return(reply.ret, self._named(plain_out(reply.out))), None)

    def _named(self, out: dict[str, Any] | None) -> dict[str, Any] | None:
        """What the service hands back, with its pids as the host calls them where they are of programs here."""
        for name in PIDS & (out or {}).keys():
            assert out is not None  # noqa: S101 - it has this field
            out[name] = self._host_pids.get(out[name], out[name])
        return out

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
                how(served.ident, unheard)

    def fill(self, handle: Handle, then: OnFill) -> None:
        """Ask for it; a message that somebody holds counts as one that is there."""
        with suppress(ConnectionLost):
            args = {"mqdes": handle.mqdes, "newattr": None}
            self._connection.submit("mq_getsetattr", args, None, partial(filled, then))

    def seen(self, served: RemoteServed) -> tuple[int, int] | None:
        """What was in the queue behind a call; a message that it holds counts no more."""
        if served.fill is None:
            return None
        return served.fill[0] - served.held, served.fill[1]

    def close_fd(self, fd: int) -> None:
        """Close it."""
        with suppress(ConnectionLost):
            self._connection.submit("close", {"fd": fd}, None, unheard)

    # ------------------------------------------------------------------------------------------------- notification

    def _asked(self, actor: RemoteActor, handle: Handle, how: Notification | None) -> Notification | None:
        """How to be told is between the program and us: the service signals the task, which waits for that signal."""
        if how is None:
            self._taken_back(actor, handle)
            return None
        kind, signo, value = how
        if kind not in {SIGEV_SIGNAL, SIGEV_THREAD} or (kind == SIGEV_SIGNAL and not 0 < signo <= NSIG):
            return how
        ident = next(self._idents)
        self._asking[ident] = Asked(actor, handle, kind, signo, value)
        return SIGEV_SIGNAL, NOTIFICATION, ident

    def _taken_back(self, actor: RemoteActor, handle: Handle) -> None:
        for ident, asked in list(self._asking.items()):
            if asked.actor is actor and asked.handle is handle:
                del self._asking[ident]
                if asked.kind == SIGEV_THREAD:
                    self._tell(asked, MqNotified(actor.who.pid, 0, None, asked.value, removed=True))

    def _listen(self, actor: RemoteActor) -> None:
        """Wait for the next signal of a task. By callback: what it tells goes before the answers that follow it."""
        with suppress(ConnectionLost):
            told = partial(self._signalled, actor)
            self._connection.submit("rt_sigtimedwait", {"set": [NOTIFICATION]}, actor.pid, told)
            self._listening.add(actor)

    def _signalled(self, actor: RemoteActor, reply: Reply | ConnectionLost) -> None:
        if isinstance(reply, ConnectionLost) or reply.errno is not None or reply.status:
            self._listening.discard(actor)
            return
        info = self._named(plain_out(reply.out)) or {}
        asked = self._asking.pop(info["si_value"], None)
        if asked is not None:
            self._tell(asked, output(asked, info))
        self._listen(actor)

    def _tell(self, asked: Asked, output: Output) -> None:
        if self.on_output is not None:
            self.on_output(asked.actor, output)

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
            await asyncio.wait_for(asyncio.shield(self._reconnect()), RECONNECT_SECONDS)
        except TimeoutError:
            if not served.given_up:
                self._fail(served, f"{error}; it did not come back within {RECONNECT_SECONDS:g} s")
            return
        if not served.given_up:
            await self._send_later(served)

    def _forget_tasks(self) -> None:
        self._spaces.clear()
        self._asking.clear()
        for actor in self._actors:
            actor.pid = actor.ready = None

    def _reconnect(self) -> asyncio.Task[None]:
        if self._reconnecting is None or self._reconnecting.done():
            self._restored.clear()
            self._reconnecting = asyncio.create_task(self._reconnected())
        return self._reconnecting

    async def _reconnected(self) -> None:
        """Connect again, however long it takes: who waits for it waits no longer than it may."""
        while not self._restored.is_set():
            await self._connection.close()
            try:
                self._connection = await self._open()
                await self._ready()
            except (OSError, ProtocolError):
                await asyncio.sleep(RECONNECT_EVERY)
            else:
                self._restored.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End the connection, and every task on it."""
        self._closed = True
        for task in self._background:
            task.cancel()
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        await self._connection.close()
