"""Requests to a server, so many always under way, each on a connection of its own; how long each took.

They go to some paths by turns, all to one at a time: whatever else the machine does then slows down each as much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from random import Random
from time import perf_counter
from typing import Any, Final

ANSWERED_S: Final = 30.0
WINDOW_S: Final = 0.25
"""How long all ask for one path, and are counted."""


class Asked:
    """What clients ask for now. It is counted once each has had one answer to it, and so none has one of before."""

    def __init__(self, request: bytes, trips: list[float], clients: int) -> None:
        self.request = request
        self._trips = trips
        self._left = clients
        self.by_all = asyncio.Event()
        self.counted = False

    def answered(self, trip: float, *, first: bool) -> None:
        """By one, so many seconds after it had asked."""
        if self.counted:
            self._trips.append(trip)
        if first:
            self._left -= 1
            if not self._left:
                self.by_all.set()


class Load:
    """What is asked for, how long a client rests before it asks again, and what went wrong."""

    def __init__(self, now: Asked, rest_s: float) -> None:
        self.now = now
        self._rest_s = rest_s
        self._random = Random(0)  # noqa: S311 - nothing is secret
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.together = True
        """Whether who has had its answer waits: a busy loop accepts one connection a turn."""

    def rest(self) -> float:
        """Seconds until a client asks again."""
        return self._random.uniform(0, 2 * self._rest_s)

    def fail(self, error: Exception) -> None:
        """The server did not answer as it ought to."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def until(self, awaited: Awaitable[Any], seconds: float) -> None:
        """Wait for it, unless something goes wrong. TimeoutError."""
        task = asyncio.ensure_future(awaited)
        try:
            await asyncio.wait([self.failed, task], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                self.failed.result()
            if not task.done():
                raise TimeoutError("some requests were never answered")
        finally:
            task.cancel()


class Client(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._asked = load.now
        self._first = True
        self._transport: asyncio.Transport | None = None
        self._at = 0.0
        self._length = 0
        self._got = bytearray()
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport  # type: ignore[assignment]
        self.ask()

    def ask(self) -> None:
        """Send a request."""
        if self._transport is None or self.stopped:
            return
        self._got.clear()
        self._first = self._asked is not self._load.now or self._load.together
        self._asked = self._load.now
        self._at = perf_counter()
        self._transport.write(self._asked.request)

    def data_received(self, data: bytes) -> None:
        """All answers are of one length, which the first tells."""
        self._got += data
        if not self._length:
            head, found, _ = self._got.partition(b"\r\n\r\n")
            if not found:
                return None
            if not head.startswith(b"HTTP/1.1 200"):
                return self._load.fail(RuntimeError(f"the server said {bytes(head[:80])!r}"))
            fields = dict(line.split(b": ", 1) for line in bytes(head).split(b"\r\n")[1:])
            self._length = len(head) + 4 + int(fields[b"Content-Length"])
        if len(self._got) >= self._length:
            self._asked.answered(perf_counter() - self._at, first=self._first)
            if not self._load.together:
                self._ask_again()
        return None

    def _ask_again(self) -> None:
        rest = self._load.rest()
        if rest:
            asyncio.get_running_loop().call_later(rest, self.ask)
        else:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Too early, unless it was stopped."""
        if not self.stopped:
            self._load.fail(exc or ConnectionError("the server hung up"))

    def stop(self) -> None:
        """No more requests."""
        self.stopped = True
        if self._transport is not None:
            self._transport.close()


async def load(
    port: int, paths: Sequence[str], connections: int, seconds: float, rest_s: float = 0
) -> list[list[float]]:
    """Seconds that each request took, path by path. Exception: what the server answered instead.

    After an answer each client rests for ``rest_s``, more or less.
    """
    loop = asyncio.get_running_loop()
    trips: list[list[float]] = [[] for _ in paths]
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in paths]
    load = Load(Asked(requests[0], [], connections), rest_s)
    clients = [Client(load) for _ in range(connections)]
    await asyncio.gather(*(loop.create_connection(lambda c=c: c, "127.0.0.1", port) for c in clients))  # type: ignore[misc]
    try:
        await load.until(load.now.by_all.wait(), ANSWERED_S)
        load.together = False
        for client in clients:
            client.ask()
        windows = max(round(seconds / WINDOW_S), len(paths))
        for number in range(-len(paths), windows):
            which = number % len(paths)
            load.now = Asked(requests[which], trips[which], connections)
            await load.until(load.now.by_all.wait(), ANSWERED_S)
            load.now.counted = number >= 0  # the first of each is for code that nobody has run before
            await load.until(asyncio.sleep(WINDOW_S), ANSWERED_S)
        return trips
    finally:
        for client in clients:
            client.stop()
        load.failed.cancel()
