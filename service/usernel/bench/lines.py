"""Lines of 100 bytes, appended to a file one by one, as a log is; closing the file is part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from .pace import WARM_UP, Pace, on
from .reads import AIOFILES, OURS, ROUTED
from .row import Corpus, Row

WORK: Final = "appending lines of 100 bytes"
SYNC: Final = "open, synchronous"
LINE: Final = b"what happened, to whom, and whatever else they will look for who read a log".ljust(99, b".") + b"\n"
MOST: Final = 400_000
"""So many lines at most: more would measure the disk."""

Lines = Iterator[Sequence[bytes]]
Writing = Callable[[str, Lines], Awaitable[None]]


async def _each(opened: Any, lines: Lines) -> None:
    async with opened as file:
        for chunk in lines:
            for line in chunk:
                await file.write(line)


async def by_usernel(path: str, lines: Lines) -> None:
    """The files of usernel."""
    import usernel

    await _each(usernel.open(path, "ab"), lines)


async def by_aiofiles(path: str, lines: Lines) -> None:
    """The files of aiofiles."""
    import aiofiles

    await _each(aiofiles.open(path, "ab"), lines)


async def by_anyio(path: str, lines: Lines) -> None:
    """The files of anyio, routed on our loop."""
    import anyio

    import usernel

    usernel.anyio.install()
    await _each(await anyio.open_file(path, "ab"), lines)


async def by_aiofile(path: str, lines: Lines) -> None:
    """The files of aiofile."""
    from aiofile import async_open

    await _each(async_open(path, "ab"), lines)


async def by_asyncfiles(path: str, lines: Lines) -> None:
    """The files of py-asyncfiles."""
    import asyncfiles

    await _each(asyncfiles.open(path, "ab", backend="io_uring"), lines)


async def by_threads(path: str, lines: Lines) -> None:
    """What one writes who has nothing but asyncio."""
    with open(path, "ab") as file:  # noqa: ASYNC230, PTH123 - what is measured is the writing
        for chunk in lines:
            for line in chunk:
                await asyncio.to_thread(file.write, line)


async def _measured(writing: Writing, path: str, seconds: float) -> float:
    warming = Pace(seconds * WARM_UP)
    await writing(path, warming.once([LINE] * 1000))
    pace = Pace(seconds)
    await writing(path, pace.once([LINE] * MOST))
    return pace.rate()


def measure(loop: str, writing: Writing, corpus: Corpus, seconds: float) -> float:
    """Lines a second of one way on a loop. RuntimeError where not all of them are in the file."""
    path = corpus.directory / "log"
    try:
        return on(loop, _measured(writing, str(path), seconds))
    finally:
        whole = path.stat().st_size % len(LINE) == 0
        path.unlink()
        if not whole:
            raise RuntimeError("lines were lost")


def synchronous(corpus: Corpus, seconds: float) -> float:
    """Lines a second of a program that does nothing else."""
    path = Path(corpus.directory / "log")
    pace = Pace(seconds)
    with path.open("ab") as file:
        for chunk in pace.once([LINE] * MOST):
            for line in chunk:
                file.write(line)
    path.unlink()
    return pace.rate()


WAYS: Final[Sequence[tuple[str, str, Writing, str]]] = (
    (OURS, "usernel", by_usernel, ""),
    (ROUTED, "usernel", by_aiofiles, "aiofiles"),
    ("anyio on usernel", "usernel", by_anyio, "anyio"),
    ("py-asyncfiles (io_uring) on uvloop", "uvloop", by_asyncfiles, "asyncfiles"),
    ("aiofile/caio on uvloop", "uvloop", by_aiofile, "aiofile"),
    ("to_thread(file.write) on uvloop", "uvloop", by_threads, ""),
    (AIOFILES, "uvloop", by_aiofiles, "aiofiles"),
    ("anyio on uvloop", "uvloop", by_anyio, "anyio"),
)


def rows() -> Iterator[Row]:
    """All ways."""
    yield Row(WORK, SYNC, synchronous)
    for name, loop, writing, needs in WAYS:
        yield Row(WORK, name, partial(measure, loop, writing), needs)
