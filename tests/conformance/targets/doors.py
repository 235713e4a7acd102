"""The service as a target: its REST routes, and its WebSocket in both subprotocols."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from time import monotonic
from typing import Any, Protocol

import aiohttp
import msgspec

from usernel.compose import service
from usernel.config import Settings
from usernel.kernel import kernel as model

from ..linux import CAPABILITIES, CLONE_NEWIPC, CLONE_NEWPID, IPC_NOWAIT, IPC_RMID, IPC_SET, MSG_COPY, SIGCHLD
from .invariants import check
from .kernel import DIED, RESTRICTED, UNWAITED, adopted, number_of, resolve

PATIENCE_S = 10.0
DEFAULT_TASK = 2
LONGEST_WAIT = 60
Answer = dict[str, Any]


class Door(Protocol):
    """One way in."""

    async def call(self, pid: int, name: str, args: dict[str, Any]) -> Answer:
        """Make a call as a task."""


class DoorWorld:
    """The driver of one world: namespaces of a service of its own, which runs in this process. Keys are its pids."""

    def __init__(self, loop: asyncio.AbstractEventLoop, kernel: model.Kernel, door: Door) -> None:
        self._loop = loop
        self._kernel = kernel
        self._door = door
        self._calls: dict[int, asyncio.Task[Answer]] = {}
        self._answers: dict[int, Answer] = {}
        how = {"unshare": CLONE_NEWIPC | CLONE_NEWPID, "setsid": True, "comm": "python"}
        init = self._run(self._door.call(DEFAULT_TASK, "fork", how))["ret"]
        self._tasks = {init: kernel.tasks[init]}
        self._run(self._door.call(init, "rt_sigaction", {"signum": SIGCHLD, "act": UNWAITED}))
        self.root = self.adopt(init, self._run(self._door.call(init, "fork", {"cap": RESTRICTED}))["ret"])
        dropped = {"option": "PR_CAPBSET_DROP", "arg2": CAPABILITIES["CAP_SYS_RESOURCE"]}
        self._run(self._door.call(self.root, "prctl", dropped))

    def _run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def adopt(self, by: int, number: int) -> int:
        """Take over a task that another has just made, which calls it by this number."""
        found = adopted(self._kernel, self._tasks[by], number)
        self._tasks[found.pid] = found
        return found.pid

    def number(self, key: int, by: int) -> int:
        """What a task is called in the pid namespace of another."""
        return number_of(self._tasks[key], self._tasks[by])

    def begin(self, pid: int, name: str, args: dict[str, Any]) -> None:
        """Start a call, and let the service come to rest."""
        self._answers.pop(pid, None)
        if not self.alive(pid):
            self._answers[pid] = DIED
            return
        resolved = resolve(args, self._kernel.realtime_ns)
        self._run(self._begin(pid, name, resolved))

    async def _begin(self, pid: int, name: str, args: dict[str, Any]) -> None:
        self._calls[pid] = asyncio.create_task(self._door.call(pid, name, args))
        await self._settle()

    async def _settle(self) -> None:
        """Until each call is answered, or sleeps in the kernel."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(self._at_rest(pid) for pid in [*self._calls]):  # noqa: ASYNC110 - see below
                await asyncio.sleep(0)  # the loop's next turn, not a time
        check(self._kernel)

    def _at_rest(self, pid: int) -> bool:
        if self._calls[pid].done():
            answer = self._calls.pop(pid).result()
            self._answers[pid] = answer if self.alive(pid) else DIED
            return True
        return self.alive(pid) and bool(self._kernel.tasks[pid].parked)

    def answer(self, pid: int) -> Answer | None:
        """What a task's last call has come to, None while it sleeps."""
        return self._answers.get(pid)

    def wait(self, pid: int, seconds: float) -> None:
        """Let time pass until a task's call has returned, this long at most."""
        self._run(self._wait(pid, monotonic() + seconds))

    async def _wait(self, pid: int, deadline: float) -> None:
        while pid in self._calls and monotonic() < deadline:
            await asyncio.wait([self._calls[pid]], timeout=deadline - monotonic())
            await self._settle()

    def alive(self, pid: int) -> bool:
        """Whether a task has not ended."""
        return pid in self._kernel.tasks


class Rest:
    """REST: the routes of System V queues where they can say what a case asks for, else the generic route."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, pid: int, name: str, args: dict[str, Any]) -> Answer:
        """Make a call as a task."""
        own = getattr(self, f"_{name}", None)
        answer = await own(pid, **args) if own is not None else None
        return answer or await self._generic(pid, name, args)

    async def _generic(self, pid: int, name: str, args: dict[str, Any]) -> Answer:
        body = await self._ask("POST", f"/v1/tasks/{pid}/syscalls/{name}", DEFAULT_TASK, {"args": args})
        return body if "errno" in body else {**body, "out": decoded(body.get("out"))}

    async def _ask(self, method: str, path: str, pid: int, body: Any = None) -> Answer:
        data = None if body is None else json.dumps(body, default=base64)
        headers = {"Usernel-Task": str(pid), "Content-Type": "application/json"}
        async with self._session.request(method, path, data=data, headers=headers) as response:
            text = await response.text()
            answer = json.loads(text) if text else {}
            if response.status >= 400:
                assert answer.get("errno_name"), f"{method} {path} answered {response.status}: {answer}"
                return {"errno": answer["errno_name"]}
            return answer

    async def _msgget(self, pid: int, key: int, msgflg: int = 0) -> Answer:
        body = await self._ask("POST", "/v1/msg", pid, {"key": key, "flags": msgflg, "mode": 0})
        return body if "errno" in body else {"ret": body["msqid"]}

    async def _msgsnd(self, pid: int, msqid: int, mtype: int, data: bytes | None, msgsz: int | None = None,
                      msgflg: int = 0) -> Answer | None:  # fmt: skip
        if data is None or msgsz is not None or msgflg not in {0, IPC_NOWAIT}:
            return None
        message = {"mtype": mtype, "data": data, "wait": 0 if msgflg else LONGEST_WAIT}
        body = await self._ask("POST", f"/v1/msg/{msqid}/messages", pid, message)
        return body if "errno" in body else {"ret": body["sent"] - 1}

    async def _msgrcv(self, pid: int, msqid: int, msgsz: int | None = None, msgtyp: int = 0,
                      msgflg: int = 0) -> Answer | None:  # fmt: skip
        if msgflg & MSG_COPY:
            return None
        wait = 0 if msgflg & IPC_NOWAIT else LONGEST_WAIT
        how = {"msgtyp": msgtyp, "msgsz": msgsz, "flags": msgflg, "wait": wait}
        body = await self._ask("POST", f"/v1/msg/{msqid}/receive", pid, how)
        if "errno" in body:
            return body
        out = decoded(body)
        return {"ret": len(out["data"]), "out": out}

    async def _msgctl(self, pid: int, msqid: int, cmd: int, buf: dict[str, Any] | None = None) -> Answer | None:
        path = f"/v1/msg/{msqid}"
        if cmd == IPC_RMID:
            body = await self._ask("DELETE", path, pid)
        elif cmd == IPC_SET and buf is not None:
            body = await self._set(path, pid, buf)
        else:
            return None
        return body if "errno" in body else {"ret": 0}

    async def _set(self, path: str, pid: int, buf: dict[str, Any]) -> Answer:
        changes = {**buf.get("msg_perm", {}), "msg_qbytes": buf.get("msg_qbytes")}
        return await self._ask("PATCH", path, pid, changes)


class WebSocket:
    """``/v1/syscalls``, in one of its subprotocols; each call a frame of its own."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._text = ws.protocol == "usernel.v1.json"
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._last_id = 0
        self._reader = asyncio.create_task(self._read())

    async def call(self, pid: int, name: str, args: dict[str, Any]) -> Answer:
        """Make a call as a task."""
        self._last_id += 1
        future = self._waiting[self._last_id] = asyncio.get_running_loop().create_future()
        frame = {"id": self._last_id, "call": name, "args": args, "pid": pid}
        if self._text:
            await self._ws.send_str(json.dumps(frame, default=base64))
        else:
            await self._ws.send_bytes(msgspec.msgpack.encode(frame))
        reply = await future
        assert reply.get("status") is None, f"{name}({args}) was malformed: {reply['detail']}"
        if "errno" in reply:
            return {"errno": reply["errno_name"]}
        return {"ret": reply["ret"], "out": decoded(reply.get("out")) if self._text else reply.get("out")}

    async def _read(self) -> None:
        async for message in self._ws:
            frame = json.loads(message.data) if self._text else msgspec.msgpack.decode(message.data)
            for reply in frame if isinstance(frame, list) else [frame]:
                self._waiting.pop(reply["id"]).set_result(reply)

    async def close(self) -> None:
        """End the reader."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


def base64(value: object) -> str:
    """Bytes as JSON takes them."""
    assert isinstance(value, bytes), f"{value!r} is no JSON"
    return b64encode(value).decode()


def decoded(out: Any) -> Any:
    """What came out as JSON, with its bytes as bytes."""
    if not isinstance(out, dict) or "data" not in out:
        return out
    return {key: value for key, value in out.items() if key != "text"} | {"data": b64decode(out["data"])}


@contextmanager
def world(name: str) -> Iterator[DoorWorld]:
    """A fresh world: ``rest``, or a WebSocket by its subprotocol."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            kernel, door = runner.run(opened(stack, name))
            yield DoorWorld(runner.get_loop(), kernel, door)
        finally:
            runner.run(stack.aclose())


async def opened(stack: AsyncExitStack, name: str) -> tuple[model.Kernel, Door]:
    """A service, and a client at one of its doors."""
    running = await stack.enter_async_context(service(Settings(port=0)))
    session = await stack.enter_async_context(aiohttp.ClientSession(running.url))
    if name == "rest":
        return running.runtime.kernel, Rest(session)
    ws = await stack.enter_async_context(session.ws_connect("/v1/syscalls", protocols=[name]))
    door = WebSocket(ws)
    stack.push_async_callback(door.close)
    return running.runtime.kernel, door
