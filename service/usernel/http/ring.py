"""WebSocket ``/v1/io_uring/{ring}/ring``: submissions in, completions out as they come.

Frames are JSON text: ``{"sqes": [...]}`` in; ``{"submitted": n}`` for each of them and ``{"cqes": [...]}`` out. What
the kernel refuses is answered with ``errno errno_name detail``, what is no such frame with ``status detail``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_ENTER_GETEVENTS
from usernel.journal.port import JournalError
from usernel.kernel.call import Call
from usernel.kernel.error import KernelError
from usernel.syscalls.kinds import BadArgument
from usernel.syscalls.table import TABLE
from usernel.syscalls.timespec import timespec

from .acting import Acting
from .io_uring import ring_of
from .keys import LIMITS, SOCKETS
from .limits import Limits
from .problem import NOT_KEPT, Problem
from .routes import Route
from .wire import UNREADABLE, json_out

log = logging.getLogger(__name__)

ENTER: Final = TABLE["io_uring_enter"]
LOOK_S: Final = 1.0
"""How often it is looked whether the ring is still the one that the stream began with."""
MOST_CQES: Final = 1000
"""Completions in one frame."""


class SqeFrame(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends."""

    sqes: list[dict[str, Any]]


_DECODER: Final = msgspec.json.Decoder(SqeFrame)
_ENCODE: Final = msgspec.json.Encoder().encode


class RingSocket:
    """One connection to a ring. It takes what completes when the client reads; what it cannot hand over stays there.

    A client that reads slowly is not read from either, and its completions wait in the ring, which is bounded.
    """

    def __init__(self, acting: Acting, ring: int, ws: web.WebSocketResponse, limits: Limits) -> None:
        self._acting = acting
        self._runtime = acting.runtime
        self._ring = ring
        self._file = acting.task.fds.find(ring)
        self._ws = ws
        self._limits = limits

    async def run(self) -> None:
        """Serve the connection until it ends. The ring stays."""
        taking = asyncio.create_task(self._take())
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait({taking, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (taking, reading):
                task.cancel()
            ends = await asyncio.gather(taking, reading, return_exceptions=True)
            if (
                self._ws.close_code in {None, WSCloseCode.ABNORMAL_CLOSURE}
                and self._acting.request.transport is not None
            ):
                self._acting.request.transport.abort()
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, ConnectionError | TimeoutError):
                raise end

    async def _read(self) -> None:
        async for message in self._ws:
            if not await self._accept(message):
                return

    async def _accept(self, message: WSMessage) -> bool:
        """Act on one frame; False where the connection ends because of it."""
        if message.type is WSMsgType.ERROR:
            return False
        if message.type is not WSMsgType.TEXT:
            await self._ws.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"frames are JSON text")
            return False
        try:
            args = self._args(sqes=_DECODER.decode(message.data).sqes)
        except (msgspec.ValidationError, BadArgument) as error:
            await self._send({"status": 400, "detail": f"not {{'sqes': [...]}}: {error}"})
            return True
        except UNREADABLE:
            await self._ws.close(code=WSCloseCode.INVALID_TEXT, message=b"the frame is not JSON")
            return False
        if reason := self._runtime.unavailable:
            await self._send({"status": 503, "detail": reason})
            return True
        return await self._submit(args)

    async def _submit(self, args: list[Any]) -> bool:
        call = await self._runtime.call(self._acting.task, ENTER, args, hold=True)
        if call.error is not None:
            await self._send(_refusal(call.error))
            return self._open
        return await self._hand_over(call, submitted=True)

    async def _take(self) -> None:
        """Hand over what completes, as it comes."""
        args = self._args(flags=IORING_ENTER_GETEVENTS, min_complete=1, timeout=timespec(LOOK_S))
        while self._open:
            call = await self._runtime.call(self._acting.task, ENTER, args, hold=True)
            if call.error is None:
                if not await self._hand_over(call, submitted=False):
                    return
            elif call.error.number not in {Errno.ETIME, Errno.EINTR}:
                await self._send(_refusal(call.error))
                break
        await self._ws.close(code=WSCloseCode.GOING_AWAY, message=b"the ring is closed")

    @property
    def _open(self) -> bool:
        """Whether the descriptor is still that of the ring."""
        return not self._acting.task.exited and self._acting.task.fds.find(self._ring) is self._file

    def _args(self, **how: Any) -> list[Any]:
        return ENTER.bind((), {"fd": self._ring, **how})

    async def _hand_over(self, call: Call, *, submitted: bool) -> bool:
        """Write what a call took, once it may leave. False where that cannot be: with the client gone it goes back."""
        if self._gone:
            self._runtime.abort(call)
            return False
        if not self._runtime.commit(call):
            return False
        try:
            await self._runtime.durable(call.position)
        except JournalError as error:
            await self._send({"status": 503, "detail": f"{NOT_KEPT}: {error}"})
            return False
        result = call.outcome()
        if submitted:
            await self._send({"submitted": result.ret})
        cqes: Sequence[Any] = (json_out(ENTER, result.out) or {}).get("cqes", ())
        for start in range(0, len(cqes), MOST_CQES):
            await self._send({"cqes": cqes[start : start + MOST_CQES]})
        return True

    @property
    def _gone(self) -> bool:
        transport = self._acting.request.transport
        return self._ws.closed or transport is None or transport.is_closing()

    async def _send(self, shown: Mapping[str, Any]) -> None:
        """Write a frame, as soon as the client reads. TimeoutError for one that has stopped reading."""
        async with asyncio.timeout(2 * self._limits.heartbeat):
            await self._ws.send_frame(_ENCODE(shown), WSMsgType.TEXT)


def _refusal(error: KernelError) -> dict[str, Any]:
    return {"errno": int(error.number), "errno_name": error.name, "detail": error.why}


async def stream(request: web.Request) -> web.StreamResponse:
    """Upgrade, take submissions, send completions."""
    if "websocket" not in request.headers.get("Upgrade", "").lower():
        raise Problem(426, "this is a WebSocket", {"Upgrade": "websocket"})
    acting, ring = await Acting.of(request), ring_of(request)
    await acting.call("io_uring_stat", fd=ring)
    limits, sockets = request.app[LIMITS], request.app[SOCKETS]
    ws = web.WebSocketResponse(heartbeat=limits.heartbeat, max_msg_size=limits.frame_bytes + 1, compress=False)
    await ws.prepare(request)
    sockets.add(ws)
    try:
        await RingSocket(acting, ring, ws, limits).run()
    finally:
        sockets.discard(ws)
    return ws


ROUTES: Final = (
    Route(
        "GET", "/v1/io_uring/{ring}/ring", stream, "submissions in, completions out as they come",
        calls=("io_uring_stat", "io_uring_enter"), websocket=True,
    ),
)  # fmt: skip
