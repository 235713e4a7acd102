"""Start a service, walk through the chapters, say how it went."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import click

from usernel.cli import show
from usernel.cli.failure import Refused
from usernel.cli.options import Options, json_option, pass_options
from usernel.cli.session import INTERRUPTED

if TYPE_CHECKING:
    from .tour import Tour

LONGEST_CHAPTER: Final = 30.0
"""Seconds, on a machine that is busy with something else."""


@click.command()
@json_option
@pass_options
def demo(options: Options) -> None:
    """Show what works: queues, namespaces and rings, between processes, over every door, on a service of its own."""
    import uvloop

    from .tour import Tour

    tour = Tour(quiet=options.json)
    started = time.monotonic()
    try:
        uvloop.run(_walk(tour))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    if options.json:
        show.as_json({"steps": [step.stat() for step in tour.steps], "wrong": tour.wrong})
    else:
        tour.close(time.monotonic() - started)
    if tour.wrong:
        sys.exit(1)


async def _walk(tour: Tour) -> None:
    from usernel.compose import service
    from usernel.config import Settings

    from . import doors, event_loop, journal, namespaces, permissions, posix, process, rings, system_v, unmodified

    chapters: tuple[Callable[[Tour], Awaitable[None]], ...] = (
        system_v.chapter, posix.chapter, permissions.chapter, namespaces.chapter, journal.chapter, doors.chapter,
        rings.chapter, event_loop.chapter, unmodified.chapter, process.chapter,
    )  # fmt: skip
    async with service(Settings(port=0)) as running:
        tour.open(running.url)
        for chapter in chapters:
            await _in_time(chapter(tour))


async def _in_time(chapter: Awaitable[None]) -> None:
    import asyncio

    limit = asyncio.timeout(LONGEST_CHAPTER)
    try:
        async with limit:
            await chapter
    except TimeoutError:
        if not limit.expired():  # a timeout of the chapter's own is a defect, and keeps its traceback
            raise
        raise Refused(f"a chapter of the demo took longer than {LONGEST_CHAPTER:g} s") from None
