"""A web handler (aiohttp) with 256 requests always under way, each of which reads a file: what that costs at p99.

One body of 4 KiB is what all handlers answer with; the one that others are compared with has it in memory. Server and
load are a process each, on a processor each where there are two.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final

from .corpus import SIZE, warm
from .load import load
from .pace import on
from .row import Corpus, Row

WORK: Final = "aiohttp handler, 256 requests at once (p99, ms)"
NOTHING: Final = "reads nothing, on usernel"
ON_UVLOOP: Final = "reads nothing, on uvloop"
OPENED: Final = "usernel.open: pread of an open file"
WHOLE: Final = "usernel.open: open, read, close"
FUSED: Final = "usernel.read_file"
SYNC: Final = "open, synchronous: open, read, close"
ROUTED: Final = "aiofiles on usernel: open, read, close"
AIOFILES: Final = "aiofiles on uvloop: open, read, close"
CONNECTIONS: Final = 256
START_S: Final = 60.0
LONGER: Final = 4
"""How many times longer than others it is measured: a p99 wants many requests, and 256 clients begin all at once."""

Reader = Callable[[], Awaitable[bytes]]
Making = Callable[[Corpus], Awaitable[Reader]]


async def reads_nothing(_corpus: Corpus) -> Reader:
    """The body is there."""
    body = bytes(SIZE)

    async def read() -> bytes:
        return body

    return read


async def reads_opened(corpus: Corpus) -> Reader:
    """A block of a file that stays open, another each time."""
    import usernel

    file = await usernel.open(corpus.big, "rb")
    at = 0

    async def read() -> bytes:
        nonlocal at
        at = (at + 7919) % corpus.blocks
        return await file.pread(SIZE, at * SIZE)

    return read


async def reads_whole(corpus: Corpus) -> Reader:
    """A small file, another each time."""
    import usernel

    return _each(corpus, lambda path: usernel.open(path, "rb"))


async def reads_in_one_go(corpus: Corpus) -> Reader:
    """The same in one go."""
    import usernel

    at = 0

    async def read() -> bytes:
        nonlocal at
        at += 1
        return await usernel.read_file(corpus.small(at))

    return read


async def reads_synchronously(corpus: Corpus) -> Reader:
    """The same, holding up the loop if the file is not cached."""
    at = 0

    async def read() -> bytes:
        nonlocal at
        at += 1
        with open(corpus.small(at), "rb") as file:  # noqa: ASYNC230, PTH123 - that is what it is compared with
            return file.read()

    return read


async def reads_aiofiles(corpus: Corpus) -> Reader:
    """The same by aiofiles."""
    import aiofiles

    return _each(corpus, lambda path: aiofiles.open(path, "rb"))


def _each(corpus: Corpus, opening: Callable[[str], Any]) -> Reader:
    at = 0

    async def read() -> bytes:
        nonlocal at
        at += 1
        async with opening(corpus.small(at)) as file:
            return bytes(await file.read())

    return read


# --------------------------------------------------------------------------------------------------------- the server


async def _serving(making: Making, corpus: Corpus, pipe: Connection) -> None:
    from aiohttp import web

    read = await making(corpus)

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=await read())

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4 * CONNECTIONS)
    await site.start()
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
    pipe.send(runner.addresses[0][1])
    await over.wait()
    await runner.cleanup()


def serve(loop: str, making: Making, corpus: Corpus, pipe: Connection) -> None:
    """In a process of its own: serve until the other end of the pipe is closed."""
    _on_processor(0)
    for number in range(corpus.files):
        warm(corpus.small(number))
    warm(corpus.big)
    on(loop, _serving(making, corpus, pipe))


def _on_processor(number: int) -> None:
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) > 1:
        with suppress(OSError):
            os.sched_setaffinity(0, {ours[number]})


def measure(loop: str, making: Making, corpus: Corpus, seconds: float) -> float:
    """The p99 of a request, in milliseconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(loop, making, corpus, there))
    server.start()
    there.close()
    try:
        _on_processor(1)
        if not here.poll(START_S):
            raise TimeoutError("the server did not start")
        trips = sorted(on("uvloop", load(here.recv(), "/", CONNECTIONS, seconds * LONGER)))
        return trips[int(len(trips) * 0.99)] * 1e3
    finally:
        here.close()
        server.join(10)
        if server.is_alive():
            server.kill()
            server.join()


WAYS: Final[Sequence[tuple[str, str, Making, str]]] = (
    (NOTHING, "usernel", reads_nothing, ""),
    (OPENED, "usernel", reads_opened, ""),
    (WHOLE, "usernel", reads_whole, ""),
    (FUSED, "usernel", reads_in_one_go, ""),
    (SYNC, "usernel", reads_synchronously, ""),
    (ROUTED, "usernel", reads_aiofiles, "aiofiles"),
    (ON_UVLOOP, "uvloop", reads_nothing, ""),
    (AIOFILES, "uvloop", reads_aiofiles, "aiofiles"),
)


def rows() -> Iterator[Row]:
    """All handlers."""
    for name, loop, making, needs in WAYS:
        yield Row(WORK, name, partial(measure, loop, making), needs)
