"""WebSocket ``/v1/syscalls``: calls pipelined and batched, replies joined as they come."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from usernel.abi.errno import Errno
from usernel.journal.port import JournalError
from usernel.kernel.call import Call
from usernel.kernel.error import KernelError
from usernel.kernel.task import Task
from usernel.runtime import Runtime
from usernel.syscalls.kinds import BadArgument
from usernel.syscalls.table import TABLE

from .limits import Limits
from .problem import NOT_KEPT
from .wire import JSON, SUBPROTOCOLS, UNREADABLE, Failure, Frame, FrameCodec, Id, Malformed, Reply, Result

log = logging.getLogger(__name__)

FORK: Final = TABLE["fork"]


@dataclass(slots=True)
class Settled:
    """A commit or an abort that was done, at a log position."""

    position: int
    withheld: Exception | None = None


Outcome = tuple[Id | None, Call | Settled | Reply]


class SyscallSocket:
    """One connection. It acts as a child of its default task, which exits with the connection.

    What a call received is held until its reply is about to be written; if the client is gone by then, or gone while
    its earlier replies still wait to be read, it goes back to its place. A reply that waits to be durable holds up no
    other.
    """

    def __init__(
        self,
        runtime: Runtime,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        codec: FrameCodec,
        task: Task,
        limits: Limits,
    ) -> None:
        self.runtime = runtime
        self.task = task
        self._ws = ws
        self._transport = transport
        self._codec = codec
        self._limits = limits
        self._flying: dict[Id, Call] = {}
        self._holding: dict[Id, Call] = {}
        self._done: deque[Outcome] = deque()
        self._ready: deque[Outcome] = deque()
        self._committing = 0
        self._wake: asyncio.Event = asyncio.Event()
        self._drained: asyncio.Event = asyncio.Event()

    async def run(self) -> None:
        """Serve the connection until it ends; then give up what is left of it."""
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        finally:
            # First, and without waiting: a vanished client's handler may be cancelled more than once.
            writer.cancel()
            self._give_up()
            await asyncio.gather(writer, return_exceptions=True)
            if self._transport is not None and self._ws.close_code in {None, WSCloseCode.ABNORMAL_CLOSURE}:
                # It took no leave: one that reads no more would keep a closing transport, and its place, for ever.
                self._transport.abort()

    def stat(self) -> dict[str, Any]:
        """Who it acts as, and what is under way."""
        return {
            "pid": self.task.pid, "calls": len(self._flying), "holding": len(self._holding),
            "unwritten": self._unwritten,
        }  # fmt: skip

    @property
    def _unwritten(self) -> int:
        return len(self._done) + self._committing + len(self._ready)

    # --------------------------------------------------------------------------------------------------------- reading

    async def _read(self) -> None:
        turn_ends = monotonic() + self._limits.tick
        async for message in self._ws:
            if not await self._accept(message):
                return
            if self._unwritten > self._limits.unwritten and not await self._drain():
                return
            if monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = monotonic() + self._limits.tick

    async def _accept(self, message: WSMessage) -> bool:
        """Act on one frame; False where the connection must end because of it."""
        if message.type is WSMsgType.ERROR:
            return False
        if message.type is not (WSMsgType.TEXT if self._codec.text else WSMsgType.BINARY):
            kind = "text" if self._codec.text else "binary"
            await self._ws.close(
                code=WSCloseCode.UNSUPPORTED_DATA, message=f"{self._codec.name}: {kind} frames".encode()
            )
            return False
        try:
            frames = self._codec.frames(message.data)
        except msgspec.ValidationError as error:
            self._reply(None, Malformed(None, f"not a call, a cancel or a list of them: {error}"))
            return True
        except UNREADABLE:
            await self._ws.close(code=WSCloseCode.INVALID_TEXT, message=f"the frame is not {self._codec.name}".encode())
            return False
        for frame in frames:
            self._start(frame)
        return True

    def _start(self, frame: Frame) -> None:
        if frame.cancel is not None:
            self._cancel(frame)
            return
        if frame.commit is not None or frame.abort is not None:
            self._settle(frame)
            return
        if error := self._refusal(frame):
            self._reply(frame.id, Malformed(frame.id, error))
            return
        if reason := self.runtime.unavailable:
            self._reply(frame.id, Malformed(frame.id, reason, 503))
            return
        try:
            self._submit(frame)
        except BadArgument as error:
            self._reply(frame.id, Malformed(frame.id, str(error)))
        except KernelError as error:
            self._reply(frame.id, _failure(frame.id, error))

    def _refusal(self, frame: Frame) -> str | None:
        if frame.id is None or frame.call is None:
            return "a call has an 'id' and a 'call'"
        if frame.id in self._flying or frame.id in self._holding:
            return f"the id {frame.id!r} is that of a call under way"
        return None

    def _submit(self, frame: Frame) -> None:
        """Let a call in. BadArgument; KernelError for what ends before the kernel sees it."""
        row = TABLE.get(frame.call or "")
        if row is None:
            raise KernelError(Errno.ENOSYS, f"no system call {frame.call!r}")
        under_way = len(self._flying) + len(self._holding)
        if under_way >= self._limits.parked:
            raise KernelError(Errno.EAGAIN, f"{under_way} calls of this connection are under way already")
        args = self._codec.args(row, frame.args)
        task = self.task if frame.pid is None else self.runtime.kernel.task(self.task, frame.pid)
        ident = frame.id
        assert ident is not None  # noqa: S101 - _refusal has seen to it
        call = self.runtime.submit(task, row, args, partial(self._finished, ident, hold=frame.hold), hold=True)
        if not call.done:
            self._flying[ident] = call

    def _cancel(self, frame: Frame) -> None:
        call = self._flying.get(frame.cancel) if frame.cancel is not None else None
        if call is not None:
            self.runtime.interrupt(call)

    def _settle(self, frame: Frame) -> None:
        """Commit or abort what a call holds; answered, where the frame has an id, once a commit is durable."""
        named = frame.commit if frame.commit is not None else frame.abort
        call = self._holding.pop(named, None) if named is not None else None
        if call is None:
            self._reply(frame.id, Malformed(frame.id, f"no call with the id {named!r} holds anything"))
            return
        if frame.abort is not None:
            self.runtime.abort(call)
        elif not self.runtime.commit(call):
            self._reply(frame.id, _failure(frame.id, call.error or KernelError(Errno.EINTR)))
            return
        if frame.id is not None:
            self._reply(frame.id, Settled(call.position))

    # --------------------------------------------------------------------------------------------------------- writing

    def _finished(self, ident: Id, call: Call, *, hold: bool) -> None:
        self._flying.pop(ident, None)
        if hold and call.held is not None:
            self._holding[ident] = call
        self._reply(ident, call)

    def _reply(self, ident: Id | None, what: Call | Settled | Reply) -> None:
        self._done.append((ident, what))
        self._wake.set()

    async def _write(self) -> None:
        """Write what is done, joined into as few frames as the client's reading allows."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._done or self._ready:
                    if self._gone:
                        raise ConnectionResetError("the client is gone")
                    self._commit_done()
                    if self._ready:
                        await self._write_ready()
                if not self._committing:
                    self._drained.set()
        except ConnectionError:
            log.debug("task %d: the client was gone before its replies were written", self.task.pid)
        finally:
            self._drained.set()
            if self._transport is not None:
                self._transport.close()

    def _commit_done(self) -> None:
        """What the oldest outcomes received leaves its queue; each is ready to be written when that is durable."""
        outcomes = self._take_done()
        waiting: list[Outcome] = []
        for outcome in outcomes:
            what = outcome[1]
            if isinstance(what, Call) and what.held is not None and outcome[0] not in self._holding:
                self.runtime.commit(what)
            kept = not isinstance(what, Call | Settled) or self.runtime.kept(what.position)
            (self._ready if kept else waiting).append(outcome)
        if waiting:
            self._committing += len(waiting)
            position = max(what.position for _, what in waiting if isinstance(what, Call | Settled))
            self.runtime.when_durable(position, partial(self._committed, waiting), partial(self._withheld, waiting))

    def _committed(self, outcomes: list[Outcome]) -> None:
        self._committing -= len(outcomes)
        self._ready.extend(outcomes)
        self._wake.set()

    def _withheld(self, outcomes: list[Outcome], error: JournalError) -> None:
        """The journal will never keep them: whether they happened, nobody can tell."""
        for _, what in outcomes:
            if isinstance(what, Call | Settled):
                what.withheld = error
        self._committed(outcomes)

    async def _write_ready(self) -> None:
        joined, self._ready = self._ready, deque()
        replies = [self._answer(ident, what) for ident, what in joined]
        data = self._codec.encode(replies[0] if len(replies) == 1 else replies)
        await self._ws.send_frame(data, WSMsgType.TEXT if self._codec.text else WSMsgType.BINARY)

    def _take_done(self) -> list[Outcome]:
        """The oldest outcomes, as many as make one frame."""
        if not self._done:
            return []
        joined = [self._done.popleft()]
        size = 0
        while self._done:
            _, last = joined[-1]
            size += last.held.size if isinstance(last, Call) and last.held is not None else 0
            if size >= self._limits.joined_bytes:
                break
            joined.append(self._done.popleft())
        return joined

    @property
    def _gone(self) -> bool:
        return self._ws.closed or self._transport is None or self._transport.is_closing()

    def _answer(self, ident: Id | None, what: Call | Settled | Reply) -> Reply:
        if not isinstance(what, Call | Settled):
            return what
        if what.withheld is not None:
            return Malformed(ident, f"{NOT_KEPT}: {what.withheld}", 503)
        if isinstance(what, Settled):
            return Result(ident, 0)
        if what.error is not None:
            return _failure(ident, what.error)
        result = what.outcome()
        out = self._codec.out(TABLE[what.name], result.out) if result.out else None
        return Result(ident, result.ret, out, ident is not None and ident in self._holding)

    async def _drain(self) -> bool:
        """Wait until everything is written. False where the client is gone first; with nothing read, nobody says so."""
        self._drained.clear()
        self._wake.set()
        while not (self._drained.is_set() or self._gone):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), self._limits.heartbeat)
        return not self._gone

    # ---------------------------------------------------------------------------------------------------------- ending

    def _give_up(self) -> None:
        """Interrupt what sleeps, give back what was received and not written, end the task."""
        for call in list(self._flying.values()):
            self.runtime.give_up(call)
        for call in self._holding.values():
            self.runtime.abort(call)
        for _, what in self._done:
            if isinstance(what, Call):
                self.runtime.abort(what)
        self.runtime.exit(self.task)


def _failure(ident: Id | None, error: KernelError) -> Failure:
    return Failure(ident, int(error.number), error.name, error.why)


class Sockets:
    """The connections that are open, so that a service that stops can say so to each."""

    def __init__(self) -> None:
        self._open: set[web.WebSocketResponse] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, ws: web.WebSocketResponse) -> None:
        """A connection was opened."""
        self._open.add(ws)

    def discard(self, ws: web.WebSocketResponse) -> None:
        """A connection ended."""
        self._open.discard(ws)

    async def close(self) -> None:
        """Tell every client that the service goes away (1001)."""
        closing = [ws.close(code=WSCloseCode.GOING_AWAY, message=b"the service stops") for ws in self._open]
        await asyncio.gather(*closing, return_exceptions=True)


async def serve_socket(
    request: web.Request, runtime: Runtime, actor: Task, limits: Limits, sockets: Sockets
) -> web.WebSocketResponse:
    """Upgrade a request to ``/v1/syscalls`` and serve it. ``actor`` is the task whose child the connection acts as.

    Without a subprotocol it speaks ``usernel.v1.json``. Raises KernelError where no child can be made.
    """
    # aiohttp refuses what is as long as its bound.
    longest = limits.frame_bytes + 1
    ws = web.WebSocketResponse(
        protocols=tuple(SUBPROTOCOLS), heartbeat=limits.heartbeat, max_msg_size=longest, compress=False
    )
    forked = await runtime.call(actor, FORK, FORK.bind((), {"setsid": True, "close_fds": True, "autoreap": True}))
    task = runtime.kernel.child_of(actor, forked.outcome().ret)
    try:
        await ws.prepare(request)
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError  # nobody would tell the reader of it any more
    except ConnectionResetError:
        runtime.exit(task)
        return ws
    except BaseException:
        runtime.exit(task)
        raise
    sockets.add(ws)
    try:
        codec = SUBPROTOCOLS.get(ws.ws_protocol or "", JSON)
        await SyscallSocket(runtime, ws, request.transport, codec, task, limits).run()
    finally:
        sockets.discard(ws)
    return ws
