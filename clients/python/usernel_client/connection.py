"""One WebSocket: calls out, answers in, many at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import aiohttp

from .errors import ConnectionLost, KernelError, ProtocolError
from .protocol import SUBPROTOCOL, CallFrame, Cancel, Reply, Settle, encode, replies

LARGEST_FRAME = 64 * 1024 * 1024
Answered = Callable[[Reply | ConnectionLost], None]
Orphan = Callable[[Reply], None]


class Connection:
    """A WebSocket to ``/v1/syscalls``.

    What is asked in one turn of the loop leaves as one frame; the first request of an idle connection leaves at once.
    """

    def __init__(self, session: aiohttp.ClientSession, ws: aiohttp.ClientWebSocketResponse, base: str) -> None:
        self._session = session
        self._ws = ws
        self._base = base
        self.loop = asyncio.get_running_loop()
        self._answered: dict[int, Answered] = {}
        self._unsent: list[CallFrame | Cancel | Settle] = []
        self._last_id = 0
        self._lost: ConnectionLost | None = None
        self._wake = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    @classmethod
    async def open(cls, url: str, token: str | None, **options: Any) -> Connection:
        """Connect to ``http://``, ``https://`` or ``unix:///path``. ConnectionLost, ProtocolError."""
        session, base = session_for(url, token)
        try:
            ws = await session.ws_connect(
                f"{base}/v1/syscalls", protocols=(SUBPROTOCOL,), compress=0, max_msg_size=LARGEST_FRAME, **options
            )
        except aiohttp.WSServerHandshakeError as error:
            await session.close()
            why = _REFUSALS.get(error.status, error.message)
            raise ProtocolError(error.status, f"{url} answered {error.status}: {why}") from None
        except (aiohttp.ClientError, OSError) as error:
            await session.close()
            raise ConnectionLost(f"no usernel service answers at {url}: {_reason(error)}") from None
        return cls(session, ws, base)

    # ----------------------------------------------------------------------------------------------------------- calls

    def submit(
        self, name: str, args: dict[str, Any], pid: int | None, answered: Answered, *, hold: bool = False
    ) -> int:
        """Send a call; ``answered`` is called with its reply, or with the loss of the connection. Returns its id.

        With ``hold`` what it receives is held until ``commit`` or ``abort``, where its reply says ``held``.
        """
        ident = self._expect(answered)
        self._send(CallFrame(ident, name, args, pid, hold))
        return ident

    def commit(self, held: int, answered: Answered) -> None:
        """What a call holds leaves its queue; answered when that is durable."""
        self._send(Settle(self._expect(answered), commit=held))

    def abort(self, held: int, answered: Answered) -> None:
        """What a call holds goes back to its place."""
        self._send(Settle(self._expect(answered), abort=held))

    def _expect(self, answered: Answered) -> int:
        if self._lost is not None:
            raise ConnectionLost(str(self._lost))
        self._last_id += 1
        self._answered[self._last_id] = answered
        return self._last_id

    async def call(
        self, name: str, args: dict[str, Any], pid: int | None, wait: float | None = None, orphan: Orphan | None = None
    ) -> Reply:
        """Send a call and wait for its answer. Cancelled, it interrupts the call. KernelError, ProtocolError.

        After ``wait`` seconds it is interrupted too, and ends with TimeoutError unless it was done by then. A good
        answer that comes when nobody waits for it any more goes to ``orphan``.
        """
        future: asyncio.Future[Reply] = self.loop.create_future()

        def answered(reply: Reply | ConnectionLost) -> None:
            if not future.done():
                settle(future, reply)
            elif orphan is not None and isinstance(reply, Reply) and error_of(reply) is None:
                orphan(reply)

        ident = self.submit(name, args, pid, answered)
        try:
            return await (future if wait is None else self._within(wait, ident, future))
        except asyncio.CancelledError:
            # It may have been answered and this task cancelled before it could run again.
            if orphan is not None and future.done() and not future.cancelled() and future.exception() is None:
                orphan(future.result())
            future.cancel()
            self.cancel(ident)
            raise

    async def _within(self, wait: float, ident: int, future: asyncio.Future[Reply]) -> Reply:
        done, _ = await asyncio.wait({future}, timeout=wait)
        if done:
            return future.result()
        self.cancel(ident)
        try:
            return await future
        except KernelError as error:
            if error.name == "EINTR":
                raise TimeoutError(f"{wait} s went by") from None
            raise

    def cancel(self, ident: int) -> None:
        """Interrupt a call, if it sleeps still; its answer comes either way."""
        if ident in self._answered and self._lost is None:
            self._send(Cancel(ident))

    def _send(self, frame: CallFrame | Cancel | Settle) -> None:
        self._unsent.append(frame)
        self._wake.set()

    # ------------------------------------------------------------------------------------------------------------ wire

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsent:
                frames, self._unsent = self._unsent, []
                try:
                    await self._ws.send_frame(encode(frames), aiohttp.WSMsgType.BINARY)
                except (ConnectionError, aiohttp.ClientError) as error:
                    self._lose(f"the connection broke: {error}")
                    return

    async def _read(self) -> None:
        why = "the service closed the connection"
        try:
            async for message in self._ws:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    why = f"the service sent a {message.type.name} frame: {message.data!r}"
                    break
                for reply in replies(message.data):
                    self._take(reply)
            why += f" ({self._ws.close_code})" if self._ws.close_code is not None else ""
        except ValueError as error:
            why = str(error)
        finally:
            self._lose(why)

    def _take(self, reply: Reply) -> None:
        if reply.id is None:
            raise ValueError(f"the service could not read a frame: {reply.detail}")
        answered = self._answered.pop(reply.id, None)
        if answered is not None:
            answered(reply)

    def _lose(self, why: str) -> None:
        """Tell everybody who waits. What was under way is in doubt: it may have been executed."""
        if self._lost is not None:
            return
        under_way = len(self._answered)
        doubt = f"; {under_way} calls were under way, and each may have been executed or not" if under_way else ""
        self._lost = ConnectionLost(why + doubt)
        waiting, self._answered = self._answered, {}
        for answered in waiting.values():
            answered(self._lost)

    async def close(self) -> None:
        """End the connection; what sleeps is given up."""
        self._lose("the client was closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ws.close()
        await self._session.close()

    def websocket(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Any:
        """Another WebSocket of the same service: an async context."""
        return self._session.ws_connect(self._base + path, params=query, headers=headers)

    def stat(self) -> dict[str, Any]:
        """What is under way."""
        return {"under_way": len(self._answered), "unsent": len(self._unsent), "lost": self._lost is not None}


def _reason(error: Exception) -> str:
    """Why there is no connection, without the library's words around it."""
    if isinstance(error, aiohttp.InvalidURL):
        return "that is no URL"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        return os.strerror(cause.errno) if cause.errno is not None and cause.errno > 0 else cause.strerror or str(cause)
    return str(error)


_REFUSALS = {
    401: "it wants a token (USERNEL_TOKEN)",
    403: "it does not take this Host or Origin",
    429: "it has too many tasks",
    503: "it has too many connections",
}


def session_for(url: str, token: str | None) -> tuple[aiohttp.ClientSession, str]:
    """An HTTP session and the base URL to use with it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if url.startswith("unix://"):
        connector = aiohttp.UnixConnector(url.removeprefix("unix://"))
        return aiohttp.ClientSession(connector=connector, headers=headers), "http://localhost"
    if not url.startswith(("http://", "https://")):
        raise ConnectionLost(f"{url!r} is no URL of a service: http://HOST:PORT, https://... or unix:///PATH")
    return aiohttp.ClientSession(headers=headers), url.rstrip("/")


def settle(future: asyncio.Future[Any], reply: Reply | ConnectionLost) -> None:
    """Give a future its answer, or the error that it is."""
    error = error_of(reply)
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(reply)


def error_of(reply: Reply | ConnectionLost) -> Exception | None:
    """The error that an answer is, if it is one."""
    if isinstance(reply, ConnectionLost):
        return ConnectionLost(str(reply))
    if reply.errno is not None:
        return KernelError(reply.errno, reply.errno_name or "", reply.detail)
    if reply.status:
        return ProtocolError(reply.status, reply.detail)
    return None
