"""A web handler (aiohttp), each of whose requests reads a file: what that adds at p99.

There are 256 clients. Each asks again at once, or after a rest, so that there are 2,000 requests a second. Beside it,
in the same process, stands the same handler without the read: it answers with the same bytes out of memory. Both are
asked by turns of a quarter of a second, so that a machine whose speed changes changes it for both. Server and load are
a process each, on a processor each where there are two.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from .corpus import SIZE, warm
from .load import load
from .pace import on, p99
from .row import Corpus, Row

WORK: Final = "aiohttp handler, 256 requests at once: p99 more than with the bodies in memory"
CALM: Final = "aiohttp handler, 256 clients, 2,000 requests a second: p99 more than with the bodies in memory"
BESIDE: Final = "its bodies in memory"
AGAIN: Final = "bodies in memory, once more"
ONE: Final = "one body for all, in memory"
OPENED: Final = "usernel.open: pread of an open file"
OPENED_SYNC: Final = "os.pread of an open file, synchronous"
WHOLE: Final = "usernel.open: open, read, close"
FUSED: Final = "usernel.read_file"
KEPT: Final = "usernel.OpenFileCache: read_file"
SYNC: Final = "open, read, close, synchronous"
ROUTED: Final = "aiofiles on usernel: open, read, close"
AIOFILES: Final = "aiofiles on uvloop: open, read, close"
CONNECTIONS: Final = 256
REST_S: Final = CONNECTIONS / 2000
"""How long a client rests after an answer, where not all are always waiting for one."""
START_S: Final = 60.0
LONGER: Final = 4
"""How many times longer than others the two together are measured."""
STEP: Final = 7919
"""From one block to the next that is read."""

Reader = Callable[[], Awaitable[bytes]]
Making = Callable[[Corpus], Awaitable[Reader]]
Bodies = Callable[[Corpus], Sequence[bytes]]


def around(count: int, step: int) -> Iterator[int]:
    """So many places, again and again."""
    at = 0
    while True:
        at = (at + step) % count
        yield at


def in_memory(bodies: Sequence[bytes]) -> Reader:
    """The bodies are there; another each time."""
    places = around(len(bodies), STEP)

    async def read() -> bytes:
        return bodies[next(places)]

    return read


def blocks(corpus: Corpus) -> list[bytes]:
    """Those of the one file."""
    body = Path(corpus.big).read_bytes()
    return [body[at : at + SIZE] for at in range(0, len(body), SIZE)]


def smalls(corpus: Corpus) -> list[bytes]:
    """Those of the many."""
    return [Path(name).read_bytes() for name in corpus.smalls()]


async def reads_memory(corpus: Corpus) -> Reader:
    """What all are compared with."""
    return in_memory(blocks(corpus))


async def reads_one(_corpus: Corpus) -> Reader:
    """The same body each time."""
    return in_memory([bytes(SIZE)])


async def reads_opened_synchronously(corpus: Corpus) -> Reader:
    """A block of a file that stays open, holding up the loop if it is not cached."""
    fd = os.open(corpus.big, os.O_RDONLY)
    places = around(corpus.blocks, STEP)

    async def read() -> bytes:
        return os.pread(fd, SIZE, next(places) * SIZE)

    return read


async def reads_opened(corpus: Corpus) -> Reader:
    """A block of a file that stays open, another each time."""
    import usernel

    file = await usernel.open(corpus.big, "rb")
    places = around(corpus.blocks, STEP)

    async def read() -> bytes:
        return await file.pread(SIZE, next(places) * SIZE)

    return read


async def reads_whole(corpus: Corpus) -> Reader:
    """A small file, another each time."""
    import usernel

    return _each(corpus, lambda path: usernel.open(path, "rb"))


async def reads_in_one_go(corpus: Corpus) -> Reader:
    """The same in one go."""
    import usernel

    return _in_one_go(usernel.read_file, corpus)


async def reads_kept_open(corpus: Corpus) -> Reader:
    """The same where the files are kept open."""
    import usernel

    files = usernel.OpenFileCache(max=corpus.files)
    for path in corpus.smalls():
        await files.read_file(path)
    return _in_one_go(files.read_file, corpus)


def _in_one_go(read_file: Callable[[str], Awaitable[bytes]], corpus: Corpus) -> Reader:
    paths = cycle(corpus.smalls())

    async def read() -> bytes:
        return await read_file(next(paths))

    return read


async def reads_synchronously(corpus: Corpus) -> Reader:
    """The same, holding up the loop if the file is not cached."""
    paths = cycle(corpus.smalls())

    async def read() -> bytes:
        with open(next(paths), "rb") as file:  # noqa: ASYNC230, PTH123 - that is what it is compared with
            return file.read()

    return read


async def reads_aiofiles(corpus: Corpus) -> Reader:
    """The same by aiofiles."""
    import aiofiles

    return _each(corpus, lambda path: aiofiles.open(path, "rb"))


def _each(corpus: Corpus, opening: Callable[[str], Any]) -> Reader:
    paths = cycle(corpus.smalls())

    async def read() -> bytes:
        async with opening(next(paths)) as file:
            return bytes(await file.read())

    return read


# --------------------------------------------------------------------------------------------------------- the server


def _answering(read: Reader) -> Callable[[Any], Awaitable[Any]]:
    from aiohttp import web

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=await read())

    return handle


async def _serving(making: Making, bodies: Bodies, corpus: Corpus, pipe: Connection) -> None:
    from aiohttp import web

    app = web.Application()
    app.router.add_get("/", _answering(await making(corpus)))
    app.router.add_get("/memory", _answering(in_memory(bodies(corpus))))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4 * CONNECTIONS)
    await site.start()
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
    gc.collect()
    gc.freeze()  # or a full collection, one in ten thousand requests, is what a p99 shows
    pipe.send(runner.addresses[0][1])
    await over.wait()
    await runner.cleanup()


def serve(loop: str, making: Making, bodies: Bodies, corpus: Corpus, pipe: Connection) -> None:
    """In a process of its own: serve until the other end of the pipe is closed."""
    _on_processor(0)
    on(loop, _serving(making, bodies, corpus, pipe))


def _on_processor(number: int) -> None:
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) > 1:
        with suppress(OSError):
            os.sched_setaffinity(0, {ours[number]})


def measure(loop: str, making: Making, bodies: Bodies, rest_s: float, corpus: Corpus, seconds: float) -> float:
    """How much later than from memory an answer is at p99, in milliseconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(loop, making, bodies, corpus, there))
    server.start()
    there.close()
    try:
        _on_processor(1)
        if not here.poll(START_S):
            raise TimeoutError("the server did not start")
        port = here.recv()
        for path in (corpus.big, *corpus.smalls()):
            warm(path)
        ours, memory = on("uvloop", load(port, ("/", "/memory"), CONNECTIONS, seconds * LONGER, rest_s))
        return (p99(ours) - p99(memory)) * 1e3
    finally:
        here.close()
        server.join(10)
        if server.is_alive():
            server.kill()
            server.join()


WAYS: Final[Sequence[tuple[str, str, Making, Bodies, str]]] = (
    (AGAIN, "usernel", reads_memory, blocks, ""),
    (ONE, "usernel", reads_one, blocks, ""),
    (OPENED, "usernel", reads_opened, blocks, ""),
    (OPENED_SYNC, "usernel", reads_opened_synchronously, blocks, ""),
    (WHOLE, "usernel", reads_whole, smalls, ""),
    (FUSED, "usernel", reads_in_one_go, smalls, ""),
    (KEPT, "usernel", reads_kept_open, smalls, ""),
    (SYNC, "usernel", reads_synchronously, smalls, ""),
    (ROUTED, "usernel", reads_aiofiles, smalls, "aiofiles"),
    (AIOFILES, "uvloop", reads_aiofiles, smalls, "aiofiles"),
)


def rows() -> Iterator[Row]:
    """All handlers."""
    for work, rest_s in ((WORK, 0.0), (CALM, REST_S)):
        for name, loop, making, bodies, needs in WAYS:
            yield Row(work, name, partial(measure, loop, making, bodies, rest_s), needs)
