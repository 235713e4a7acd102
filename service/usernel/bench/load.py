"""Requests to a server, so many always under way, each on a connection of its own; how long each took."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any, Final

ANSWERED_S: Final = 30.0


class Client(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, request: bytes, trips: list[float], failed: asyncio.Future[None]) -> None:
        self._request = request
        self._trips = trips
        self._failed = failed
        self.answered = asyncio.Event()
        """Set by the first answer. The next request waits for ``go_on``: a busy loop accepts one connection a turn."""
        self._transport: asyncio.Transport | None = None
        self._asked = 0.0
        self._length = 0
        self._got = bytearray()
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        if self._transport is None or self.stopped:
            return
        self._got.clear()
        self._asked = perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """All answers are of one length, which the first tells."""
        self._got += data
        if not self._length:
            head, found, _ = self._got.partition(b"\r\n\r\n")
            if not found:
                return None
            if not head.startswith(b"HTTP/1.1 200"):
                return self._fail(RuntimeError(f"the server said {bytes(head[:80])!r}"))
            fields = dict(line.split(b": ", 1) for line in bytes(head).split(b"\r\n")[1:])
            self._length = len(head) + 4 + int(fields[b"Content-Length"])
        if len(self._got) >= self._length:
            self._trips.append(perf_counter() - self._asked)
            if self.answered.is_set():
                self._ask()
            self.answered.set()
        return None

    def go_on(self) -> None:
        """Ask, again and again."""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Too early, unless it was stopped."""
        if not self.stopped:
            self._fail(exc or ConnectionError("the server hung up"))

    def _fail(self, error: Exception) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def stop(self) -> None:
        """No more requests."""
        self.stopped = True
        if self._transport is not None:
            self._transport.close()


async def load(port: int, path: str, connections: int, seconds: float) -> list[float]:
    """Seconds that each request took, once all have had an answer. Exception: what the server answered instead."""
    loop = asyncio.get_running_loop()
    trips: list[float] = []
    failed: asyncio.Future[None] = loop.create_future()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    clients = [Client(request, trips, failed) for _ in range(connections)]
    await asyncio.gather(*(loop.create_connection(lambda c=c: c, "127.0.0.1", port) for c in clients))  # type: ignore[misc]
    try:
        all_answered: asyncio.Future[Any] = asyncio.gather(*(client.answered.wait() for client in clients))
        waited: list[asyncio.Future[Any]] = [failed, all_answered]
        await asyncio.wait(waited, timeout=ANSWERED_S, return_when=asyncio.FIRST_COMPLETED)
        if not (failed.done() or all_answered.done()):
            raise TimeoutError("some requests were never answered")
        all_answered.cancel()
        for client in clients:
            client.go_on()
        await asyncio.wait([failed], timeout=seconds / 4)
        warm = len(trips)
        await asyncio.wait([failed], timeout=seconds)
        if failed.done():
            failed.result()
        return trips[warm:]
    finally:
        for client in clients:
            client.stop()
        failed.cancel()
