"""4 KiB reads at random offsets of a cached file and of a cold one: each way with 32 reads in flight."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from .corpus import SIZE, evict, warm
from .pace import WARM_UP, Pace, on, paced
from .row import Corpus, Row

TASKS: Final = 32
CACHED: Final = "4 KiB reads, cached, 32 in flight"
COLD: Final = "4 KiB reads, cold, 32 in flight"
SYNC: Final = "os.pread, synchronous"
AIOFILES: Final = "aiofiles on uvloop"
OURS: Final = "usernel.open"
BATCH: Final = "usernel.open, batches of 32"
ROUTED: Final = "aiofiles on usernel"
THREADS: Final = "to_thread(os.pread) on uvloop"
ROUTED_THREADS: Final = "to_thread(os.pread) on usernel"

Chunks = Iterator[Sequence[int]]
Opening = Callable[[str], AbstractAsyncContextManager[Any]]
Reading = Callable[[Any, Chunks], Awaitable[None]]


# ---------------------------------------------------------------------------------------------------------- the ways


def usernel_open(path: str) -> AbstractAsyncContextManager[Any]:
    """The files of usernel."""
    import usernel

    return usernel.open(path, "rb")


async def at_offsets(file: Any, chunks: Chunks) -> None:
    """One await a read."""
    for chunk in chunks:
        for at in chunk:
            await file.pread(SIZE, at)


async def in_batches(file: Any, chunks: Chunks) -> None:
    """One await for 32."""
    for chunk in chunks:
        await file.pread_many([(SIZE, at) for at in chunk])


def aiofiles_open(path: str) -> AbstractAsyncContextManager[Any]:
    """The files of aiofiles."""
    import aiofiles

    opened: AbstractAsyncContextManager[Any] = aiofiles.open(path, "rb")
    return opened


async def seek_and_read(file: Any, chunks: Chunks) -> None:
    """Two awaits a read: the file knows no other way."""
    for chunk in chunks:
        for at in chunk:
            await file.seek(at)
            await file.read(SIZE)


@asynccontextmanager
async def descriptor(path: str) -> Any:
    """A descriptor."""
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


async def in_threads(fd: int, chunks: Chunks) -> None:
    """What one writes who has nothing but asyncio."""
    for chunk in chunks:
        for at in chunk:
            await asyncio.to_thread(os.pread, fd, SIZE, at)


@asynccontextmanager
async def anyio_open(path: str) -> Any:
    """The files of anyio, routed on our loop."""
    import anyio

    import usernel

    usernel.anyio.install()
    async with await anyio.open_file(path, "rb") as file:
        yield file


@asynccontextmanager
async def aiofile_open(path: str) -> Any:
    """The files of aiofile, which are caio's."""
    from aiofile import AIOFile

    async with AIOFile(path, "rb") as file:
        yield file


async def aiofile_reads(file: Any, chunks: Chunks) -> None:
    """With an offset."""
    for chunk in chunks:
        for at in chunk:
            await file.read_bytes(SIZE, at)


def asyncfiles_open(path: str) -> AbstractAsyncContextManager[Any]:
    """The files of py-asyncfiles, which read no more than they are asked for."""
    import asyncfiles

    opened: AbstractAsyncContextManager[Any] = asyncfiles.open(path, "rb", SIZE, backend="io_uring")
    return opened


async def asyncfiles_reads(file: Any, chunks: Chunks) -> None:
    """Its seek is no coroutine."""
    for chunk in chunks:
        for at in chunk:
            file.seek(at)
            await file.read(SIZE)


# ------------------------------------------------------------------------------------------------------- the measuring


def offsets(corpus: Corpus, task: int, tasks: int, *, cold: bool) -> list[int]:
    """Where one task reads: of a cached file anywhere, of a cold one all blocks of its own, each once."""
    if not cold:
        random = Random(task)  # noqa: S311 - nothing is secret
        return [random.randrange(corpus.blocks) * SIZE for _ in range(1024)]
    blocks = list(range(corpus.blocks))
    Random(0).shuffle(blocks)  # noqa: S311
    return [block * SIZE for block in blocks[task::tasks]]


async def _measured(opening: Opening, reading: Reading, cold: bool, corpus: Corpus, seconds: float) -> float:
    wanted = [offsets(corpus, task, TASKS, cold=cold) for task in range(TASKS)]

    async def task(pace: Pace, number: int) -> None:
        async with opening(corpus.big) as file:
            pieces = wanted[number]
            await reading(file, pace.once(pieces) if cold else pace.again_and_again(pieces))

    (evict if cold else warm)(corpus.big)
    await paced(TASKS, seconds * WARM_UP, task)
    if cold:
        evict(corpus.big)
    return await paced(TASKS, seconds, task)


def measure(loop: str, opening: Opening, reading: Reading, cold: bool, corpus: Corpus, seconds: float) -> float:
    """Reads a second of one way on a loop."""
    return on(loop, _measured(opening, reading, cold, corpus, seconds))


def synchronous(cold: bool, corpus: Corpus, seconds: float) -> float:
    """Reads a second of a program that does nothing else."""
    pieces = offsets(corpus, 0, 1, cold=cold)
    (evict if cold else warm)(corpus.big)
    with Path(corpus.big).open("rb", buffering=0) as file:
        fd, pace = file.fileno(), Pace(seconds)
        for chunk in pace.once(pieces) if cold else pace.again_and_again(pieces):
            for at in chunk:
                os.pread(fd, SIZE, at)
        return pace.rate()


WAYS: Final[Sequence[tuple[str, str, Opening, Reading, str]]] = (
    (BATCH, "usernel", usernel_open, in_batches, ""),
    (OURS, "usernel", usernel_open, at_offsets, ""),
    (ROUTED, "usernel", aiofiles_open, seek_and_read, "aiofiles"),
    (ROUTED_THREADS, "usernel", descriptor, in_threads, ""),
    ("anyio on usernel", "usernel", anyio_open, seek_and_read, "anyio"),
    ("py-asyncfiles (io_uring) on uvloop", "uvloop", asyncfiles_open, asyncfiles_reads, "asyncfiles"),
    ("aiofile/caio on uvloop", "uvloop", aiofile_open, aiofile_reads, "aiofile"),
    (THREADS, "uvloop", descriptor, in_threads, ""),
    (AIOFILES, "uvloop", aiofiles_open, seek_and_read, "aiofiles"),
    ("anyio on uvloop", "uvloop", anyio_open, seek_and_read, "anyio"),
)


def rows() -> Iterator[Row]:
    """All ways, for both works."""
    for work, cold in ((CACHED, False), (COLD, True)):
        yield Row(work, SYNC, partial(synchronous, cold))
        for name, loop, opening, reading, needs in WAYS:
            yield Row(work, name, partial(measure, loop, opening, reading, cold), needs)
