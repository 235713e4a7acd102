"""Who acts: the task that a request's calls are made by."""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

from aiohttp import web

from usernel.kernel.task import Task
from usernel.runtime import Runtime
from usernel.syscalls.table import TABLE

from .problem import Problem

FORK: Final = TABLE["fork"]
UCRED: Final = struct.Struct("3i")


class Sessions:
    """The tasks that requests act as when they name none: the default task, or over a Unix socket one a peer's ids."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._peers: dict[tuple[int, int], Task] = {}

    async def default(self, request: web.Request) -> Task:
        """The task of a request that names none."""
        peer = peer_credentials(request)
        if peer is None:
            return self._runtime.kernel.default_task
        task = self._peers.get(peer)
        if task is None or task.exited:
            task = self._peers[peer] = await self._login(*peer)
        return task

    async def actor(self, request: web.Request) -> Task:
        """The task of a request: the one that ``Usernel-Task`` names, else the default. ESRCH, EPERM."""
        default = await self.default(request)
        named = request.headers.get("Usernel-Task")
        if named is None:
            return default
        return self._runtime.kernel.task(default, pid_of(named))

    async def _login(self, uid: int, gid: int) -> Task:
        how = {"uid": uid, "gid": gid, "groups": [], "daemon": True, "setsid": True, "close_fds": True}
        call = await self._runtime.call(self._runtime.kernel.init, FORK, FORK.bind((), {**how, "comm": f"uid-{uid}"}))
        return self._runtime.kernel.child_of(self._runtime.kernel.init, call.outcome().ret)


def pid_of(text: str) -> int:
    """A pid out of a header or a path."""
    if not (text.isascii() and text.isdecimal() and len(text) < 11):
        raise Problem(400, f"{text!r} is no pid")
    return int(text)


def peer_credentials(request: web.Request) -> tuple[int, int] | None:
    """The uid and gid of whoever connected over a Unix socket (SO_PEERCRED); None over TCP."""
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    # uvloop's stand-in for a socket does not pass getsockopt on.
    with socket.socket(fileno=os.dup(connection.fileno())) as peer:
        _, uid, gid = UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return uid, gid
