"""Calls on their way to a service and back, and who makes them there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from usernel.abi.ipc import IPC_NOWAIT
from usernel.abi.mqueue import SIGEV_THREAD
from usernel.abi.signal import SI_MESGQ
from usernel.kernel.call import Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.outputs import MqNotified, Output, SignalDelivered
from usernel.kernel.signal import SigInfo
from usernel.syscalls.kinds import Kind, Structure
from usernel_client.errors import ConnectionLost
from usernel_client.protocol import Reply, plain_out

from .backend import Handle, Identity, OnFill, OnServed

Notification = tuple[int, int, int]
"""``sigev_notify``, ``sigev_signo``, ``sigev_value``."""


@dataclass(slots=True, eq=False)
class RemoteActor:
    """What acts for a process: a task of the service, made anew on each connection. ``pid`` is its number there."""

    who: Identity
    pid: int | None = None
    ready: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How a program wants to be told of a message: ``mq_notify``'s arguments."""

    actor: RemoteActor
    handle: Handle
    kind: int
    signo: int
    value: int


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
    answered: bool = False
    fill: tuple[int, int] | None = None
    """``mq_curmsgs`` behind it, and ``mq_maxmsg``."""


KEEPER: Final = RemoteActor(Identity(0, "", (0,) * 4, (0,) * 4, (), 0, 0, 0, initial=True, umask=0, mq_bytes=0))
"""The connection's own task."""


def making(who: Identity) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The calls by which a task makes queues as a process does."""
    limit = {"rlim_cur": who.mq_bytes, "rlim_max": who.mq_bytes}
    return ("umask", {"mask": who.umask}), ("prlimit64", {"resource": "RLIMIT_MSGQUEUE", "new_limit": limit})


def output(asked: Asked, info: Mapping[str, int]) -> Output:
    """How a program is told of a message: as it asked to be."""
    pid = asked.actor.who.pid
    if asked.kind == SIGEV_THREAD:
        return MqNotified(pid, 0, None, asked.value, removed=False)
    return SignalDelivered(pid, SigInfo(asked.signo, SI_MESGQ, info["si_pid"], info["si_uid"], asked.value))


def seen(served: RemoteServed, fill: tuple[int, int] | None) -> None:
    """Keep what was in a queue right behind a call."""
    if served.answered:  # else it sleeps, and that is not what the queue will hold
        served.fill = fill


def filled(then: OnFill, reply: Reply | ConnectionLost) -> None:
    """Tell what is in a queue, by its attributes."""
    if isinstance(reply, Reply) and reply.errno is None and not reply.status:
        attr = plain_out(reply.out)
        then((attr["mq_curmsgs"], attr["mq_maxmsg"]))
    else:
        then(None)


def unheard(reply: Any) -> None:
    """Nobody waits for this answer."""


def wire(kind: Kind, value: Any) -> Any:
    """An argument as a frame has it: structures by the names of their fields."""
    if isinstance(kind, Structure) and value is not None:
        return {item.name: wire(item.kind, part) for item, part in zip(kind.fields, value, strict=True)}
    return value


def sleeps(name: str, args: Mapping[str, Any]) -> bool:
    """Whether a call may sleep, and so may wait for the service as well."""
    if name in {"msgsnd", "msgrcv"}:
        return not args["msgflg"] & IPC_NOWAIT
    return name in {"mq_timedsend", "mq_timedreceive"} and not args["mqdes"].nonblock
