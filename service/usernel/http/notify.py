"""WebSocket ``/v1/mq/{name}/notify``: mq_notify(3) as a stream of events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import WSMsgType, web

from usernel.abi.fcntl import O_RDONLY
from usernel.abi.mqueue import SIGEV_SIGNAL, SIGEV_THREAD
from usernel.kernel.outputs import MqNotified, Output, SignalDelivered
from usernel.kernel.task import Task
from usernel.runtime import Runtime
from usernel.syscalls.mqueue import SIGEVENT
from usernel.syscalls.signal import SIGINFO
from usernel.syscalls.table import TABLE

from .acting import Acting
from .keys import LIMITS, SOCKETS
from .mq import name_of
from .problem import Problem
from .routes import Route
from .session import FORK

MOST_UNSENT: Final = 1024
"""Events that wait for a client that reads slowly; then it is told of the loss (``overflow``)."""


class Notifications:
    """One registrant: a task of the connection's own, registered anew after each notification."""

    def __init__(self, runtime: Runtime, task: Task, name: str, sigevent: dict[str, Any]) -> None:
        self.runtime = runtime
        self.task = task
        self.name = name
        self.sigevent = sigevent
        self.mqdes = -1
        self.seq = 0
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_UNSENT)
        self.lost = 0
        self._unsubscribe = runtime.streams.subscribe(task.pid, self._on_output)

    async def call(self, name: str, /, **args: Any) -> int:
        """A call of the registrant's. Raises KernelError."""
        row = TABLE[name]
        return (await self.runtime.call(self.task, row, row.bind((), args))).outcome().ret

    async def register(self) -> None:
        """Open the queue and register. ENOENT, EACCES, EBUSY, EINVAL."""
        self.mqdes = await self.call("mq_open", name=self.name, oflag=O_RDONLY)
        if self.sigevent["sigev_notify"] == SIGEV_SIGNAL and self.sigevent["sigev_signo"]:
            caught = {"sa_handler": "SIG_CATCH"}
            await self.call("rt_sigaction", signum=self.sigevent["sigev_signo"], act=caught)
        await self.call("mq_notify", mqdes=self.mqdes, notification=self.sigevent)
        self._put("ready", {})

    def _on_output(self, output: Output) -> None:
        if isinstance(output, MqNotified) and not output.removed:
            self._event({"sigev_notify": "SIGEV_THREAD", "sigev_value": output.sigev_value})
        elif isinstance(output, SignalDelivered):
            self._event({"sigev_notify": "SIGEV_SIGNAL", "siginfo": SIGINFO.spell(output.info.stat())})

    def _event(self, data: dict[str, Any]) -> None:
        self.seq += 1
        self._put("event", {**data, "name": self.name})
        args = TABLE["mq_notify"].bind((), {"mqdes": self.mqdes, "notification": self.sigevent})
        self.runtime.submit(self.task, TABLE["mq_notify"], args, lambda _: None)

    def _put(self, kind: str, data: dict[str, Any]) -> None:
        if self.events.full():
            self.lost += 1
            return
        self.events.put_nowait(self._record(kind, data))

    def _record(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return {
            "specversion": "1.0", "id": f"{self.task.pid}-{self.seq}", "source": f"/v1/mq/{self.name}",
            "type": f"usernel.mq.{kind}", "time": now, "seq": self.seq, "kind": kind, "data": data,
        }  # fmt: skip

    async def next(self) -> dict[str, Any]:
        """The next record; after a loss first how much was lost."""
        if self.lost and self.events.empty():
            lost, self.lost = self.lost, 0
            return self._record("overflow", {"lost": lost})
        return await self.events.get()

    def close(self) -> None:
        """End the registration, with its task."""
        self._unsubscribe()
        self.runtime.exit(self.task)


async def notify(request: web.Request) -> web.StreamResponse:
    """Upgrade, register, and send an event for every message that arrives in the empty queue and nobody waits for."""
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        raise Problem(426, "this is a WebSocket", {"Upgrade": "websocket"})
    acting, sigevent = await Acting.of(request), _sigevent(request)
    how = {"setsid": True, "close_fds": True, "autoreap": True}
    forked = await acting.runtime.call(acting.task, FORK, FORK.bind((), how))
    task = acting.runtime.kernel.child_of(acting.task, forked.outcome().ret)
    notifications = Notifications(acting.runtime, task, name_of(request), sigevent)
    try:
        await notifications.register()
        return await _stream(request, notifications)
    finally:
        notifications.close()


def _sigevent(request: web.Request) -> dict[str, Any]:
    """How to notify, out of the query: ``sigev_notify`` (SIGEV_THREAD if absent), ``sigev_signo``, ``sigev_value``."""
    query = {name: _number(text) for name, text in request.query.items() if name.startswith("sigev_")}
    parsed = SIGEVENT.parse({"sigev_notify": SIGEV_THREAD, **query})
    return dict(zip((field.name for field in SIGEVENT.fields), parsed, strict=True))


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20 else text


async def _stream(request: web.Request, notifications: Notifications) -> web.WebSocketResponse:
    limits, sockets = request.app[LIMITS], request.app[SOCKETS]
    ws = web.WebSocketResponse(heartbeat=limits.heartbeat, max_msg_size=1024)
    await ws.prepare(request)
    sockets.add(ws)
    sender = asyncio.create_task(_send(ws, notifications))
    try:
        async for message in ws:
            if message.type is WSMsgType.ERROR:
                break
    finally:
        sockets.discard(ws)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
    return ws


async def _send(ws: web.WebSocketResponse, notifications: Notifications) -> None:
    while True:
        await ws.send_json(await notifications.next())


ROUTES: Final = (
    Route(
        "GET", "/v1/mq/{name}/notify", notify, "mq_notify(3) as a stream of event records",
        calls=("mq_open", "mq_notify"), websocket=True,
    ),
)  # fmt: skip
