"""How late a timer of 1 ms is, at p99, while 256 readers read what is cached: whether they let others run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Final

from . import reads
from .corpus import warm
from .pace import CHUNK, Pace, on, p99
from .row import Corpus, Row

WORK: Final = "lateness of a 1 ms timer, 256 readers (p99, ms)"
IDLE: Final = "nobody reads"
READERS: Final = 256
TICK_S: Final = 0.001


async def ticks(seconds: float) -> float:
    """The p99 of a timer's lateness, in milliseconds."""
    late: list[float] = []
    until = perf_counter() + seconds
    while not late or perf_counter() < until:
        asked = perf_counter()
        await asyncio.sleep(TICK_S)
        late.append(perf_counter() - asked - TICK_S)
    return p99(late) * 1e3


async def _measured(opening: reads.Opening | None, reading: reads.Reading, corpus: Corpus, seconds: float) -> float:
    if opening is None:
        return await ticks(seconds)
    warm(corpus.big)
    offsets = reads.offsets(corpus, 0, READERS, cold=False)
    pace = Pace(seconds * 1.5)  # not without end: some let nobody else run, who could end them

    async def reader(at: int) -> None:
        async with opening(corpus.big) as file:
            await reading(file, pace.again_and_again(offsets[at : at + 2 * CHUNK]))

    readers = [asyncio.create_task(reader(number)) for number in range(READERS)]
    await ticks(seconds / 4)  # until all are open
    try:
        return await ticks(seconds)
    finally:
        for task in readers:
            task.cancel()
        for task in readers:
            with suppress(asyncio.CancelledError):
                await task


def measure(loop: str, opening: reads.Opening | None, reading: reads.Reading, corpus: Corpus, seconds: float) -> float:
    """The p99 on a loop."""
    return on(loop, _measured(opening, reading, corpus, seconds))


WAYS: Final[Sequence[tuple[str, str, reads.Opening | None, reads.Reading, str]]] = (
    (IDLE, "usernel", None, reads.at_offsets, ""),
    (reads.OURS, "usernel", reads.usernel_open, reads.at_offsets, ""),
    (reads.BATCH, "usernel", reads.usernel_open, reads.in_batches, ""),
    (reads.ROUTED, "usernel", reads.aiofiles_open, reads.seek_and_read, "aiofiles"),
    (reads.ROUTED_THREADS, "usernel", reads.descriptor, reads.in_threads, ""),
    ("py-asyncfiles (io_uring) on uvloop", "uvloop", reads.asyncfiles_open, reads.asyncfiles_reads, "asyncfiles"),
    (reads.AIOFILES, "uvloop", reads.aiofiles_open, reads.seek_and_read, "aiofiles"),
)


def rows() -> Iterator[Row]:
    """All ways."""
    for name, loop, opening, reading, needs in WAYS:
        yield Row(WORK, name, partial(measure, loop, opening, reading), needs)
