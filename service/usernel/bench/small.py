"""Small files: opened, read and closed, 32 at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from .corpus import warm
from .pace import WARM_UP, Pace, on, paced
from .reads import AIOFILES, OURS, ROUTED, TASKS
from .row import Corpus, Row

WORK: Final = "open, read, close of 4 KiB files, 32 at a time"
SYNC: Final = "open, synchronous"
FUSED: Final = "usernel.read_file"
KEPT: Final = "usernel.OpenFileCache: read_file"

Paths = Iterator[Sequence[str]]
Reading = Callable[[Paths], Awaitable[None]]


async def _each(opening: Callable[[str], Any], paths: Paths) -> None:
    for chunk in paths:
        for path in chunk:
            async with opening(path) as file:
                await file.read()


async def _whole(read_file: Callable[[str], Awaitable[bytes]], paths: Paths) -> None:
    for chunk in paths:
        for path in chunk:
            await read_file(path)


async def by_usernel(paths: Paths) -> None:
    """The files of usernel."""
    import usernel

    await _each(lambda path: usernel.open(path, "rb"), paths)


async def in_one_go(paths: Paths) -> None:
    """Whole files, by usernel."""
    import usernel

    await _whole(usernel.read_file, paths)


async def by_aiofiles(paths: Paths) -> None:
    """The files of aiofiles."""
    import aiofiles

    await _each(lambda path: aiofiles.open(path, "rb"), paths)


async def by_anyio(paths: Paths) -> None:
    """The files of anyio, routed on our loop."""
    import anyio

    import usernel

    usernel.anyio.install()
    for chunk in paths:
        for path in chunk:
            async with await anyio.open_file(path, "rb") as file:
                await file.read()


async def by_aiofile(paths: Paths) -> None:
    """The files of aiofile."""
    from aiofile import async_open

    await _each(lambda path: async_open(path, "rb"), paths)


async def by_asyncfiles(paths: Paths) -> None:
    """The files of py-asyncfiles."""
    import asyncfiles

    await _each(lambda path: asyncfiles.open(path, "rb", backend="io_uring"), paths)


async def by_threads(paths: Paths) -> None:
    """What one writes who has nothing but asyncio."""
    for chunk in paths:
        for path in chunk:
            await asyncio.to_thread(Path(path).read_bytes)


async def _measured(reading: Reading, corpus: Corpus, seconds: float) -> float:
    names = corpus.smalls()
    for name in names:
        warm(name)

    async def task(pace: Pace, number: int) -> None:
        await reading(pace.again_and_again(names[number::TASKS], 8))

    await paced(TASKS, seconds * WARM_UP, task)
    return await paced(TASKS, seconds, task)


async def _measured_kept_open(corpus: Corpus, seconds: float) -> float:
    import usernel

    async with usernel.OpenFileCache(max=corpus.files) as files:
        for name in corpus.smalls():
            await files.read_file(name)
        return await _measured(partial(_whole, files.read_file), corpus, seconds)


def kept_open(corpus: Corpus, seconds: float) -> float:
    """Files a second where all of them are kept open."""
    return on("usernel", _measured_kept_open(corpus, seconds))


def measure(loop: str, reading: Reading, corpus: Corpus, seconds: float) -> float:
    """Files a second of one way on a loop."""
    return on(loop, _measured(reading, corpus, seconds))


def synchronous(corpus: Corpus, seconds: float) -> float:
    """Files a second of a program that does nothing else."""
    names = corpus.smalls()
    for name in names:
        warm(name)
    pace = Pace(seconds)
    for chunk in pace.again_and_again(names):
        for name in chunk:
            with open(name, "rb") as file:  # noqa: PTH123 - as it is written everywhere
                file.read()
    return pace.rate()


WAYS: Final[Sequence[tuple[str, str, Reading, str]]] = (
    (FUSED, "usernel", in_one_go, ""),
    (OURS, "usernel", by_usernel, ""),
    (ROUTED, "usernel", by_aiofiles, "aiofiles"),
    ("anyio on usernel", "usernel", by_anyio, "anyio"),
    ("py-asyncfiles (io_uring) on uvloop", "uvloop", by_asyncfiles, "asyncfiles"),
    ("aiofile/caio on uvloop", "uvloop", by_aiofile, "aiofile"),
    ("to_thread(read_bytes) on uvloop", "uvloop", by_threads, ""),
    (AIOFILES, "uvloop", by_aiofiles, "aiofiles"),
    ("anyio on uvloop", "uvloop", by_anyio, "anyio"),
)


def rows() -> Iterator[Row]:
    """All ways."""
    yield Row(WORK, SYNC, synchronous)
    yield Row(WORK, KEPT, kept_open)
    for name, loop, reading, needs in WAYS:
        yield Row(WORK, name, partial(measure, loop, reading), needs)
