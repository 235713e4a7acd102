"""The event loop: programs that read files, as they are on uvloop's loop, and on one whose file I/O is a ring."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

import uvloop

import usernel

from .tour import Tour

BLOCK: Final = 4096
LATE_S: Final = 0.02
MANY: Final = 200
FEW: Final = 40
"""Files that are read, and those whose lines are read one by one."""
ROUTED: Final = "routed"
HANDED_ON: Final = "handed_on"
Program = Callable[[list[Path]], Coroutine[Any, Any, tuple[str, int]]]
"""Reads files; what of, in short, and by how many calls."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a program went on one kind of loop."""

    found: str
    calls: int
    seconds: float
    routing: dict[str, int]


async def chapter(tour: Tour) -> None:
    """Show asyncio programs on loops of both kinds, in a thread that has no loop yet."""
    tour.chapter("The event loop: unmodified asyncio programs, on uvloop's loop and on usernel.new_event_loop()")
    await asyncio.to_thread(_programs, tour)
    await asyncio.to_thread(usernel.run, _files(tour))


# --------------------------------------------------------------------------------------------------------- unmodified


def _programs(tour: Tour) -> None:
    paths = sorted(Path(usernel.__file__).parent.rglob("*.py"))[:MANY]
    _compare(tour, "by asyncio.to_thread(os.pread, ...)", with_pread, paths)
    if find_spec("aiofiles") is not None:
        _compare(tour, "line by line by aiofiles", with_aiofiles, paths[:FEW])
    else:
        tour.text("aiofiles is not installed here; its programs run unmodified too")


def _compare(tour: Tour, how: str, program: Program, paths: list[Path]) -> None:
    content = sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()  # and now all of it is cached
    before, now = _run(uvloop.new_event_loop, program, paths), _run(usernel.new_event_loop, program, paths)
    tour.show(f"{len(paths)} files of usernel itself, read {how}: on both loops what is in them",
              [before.found == content, now.found == content], [True, True])  # fmt: skip
    routing = now.routing
    tour.show("... calls that went through the ring, as many as were made; and handed on to threads",
              [routing[ROUTED] == now.calls, routing[HANDED_ON]], [True, 0])  # fmt: skip
    rates = [run.calls / run.seconds for run in (before, now)]
    tour.text(
        f"uvloop {rates[0]:,.0f} calls/s, usernel {rates[1]:,.0f} calls/s: {rates[1] / rates[0]:.1f} times as many"
    )
    tour.text(f"loop.ring.stat()['routing']: {routing}")


def _run(make: Callable[[], asyncio.AbstractEventLoop], program: Program, paths: list[Path]) -> Run:
    with asyncio.Runner(loop_factory=make) as runner:
        loop = runner.get_loop()
        started = time.perf_counter()
        found, calls = runner.run(program(paths))
        seconds = time.perf_counter() - started
        routing = loop.ring.stat()["routing"] if isinstance(loop, usernel.EventLoop) else {}
        return Run(found, calls, seconds, routing)


async def with_pread(paths: list[Path]) -> tuple[str, int]:
    """Read files with nothing but what Python brings."""
    content, calls = sha256(), 0
    for path in paths:
        fd, at = await asyncio.to_thread(os.open, path, os.O_RDONLY), 0
        while block := await asyncio.to_thread(os.pread, fd, BLOCK, at):
            content.update(block)
            at, calls = at + len(block), calls + 1
        await asyncio.to_thread(os.close, fd)
        calls += 3
    return content.hexdigest(), calls


async def with_aiofiles(paths: list[Path]) -> tuple[str, int]:
    """Read lines as aiofiles' own documentation does."""
    import aiofiles

    content, calls = sha256(), 0
    for path in paths:
        async with aiofiles.open(path, "rb") as file:
            async for line in file:
                content.update(line)
                calls += 1
        calls += 3
    return content.hexdigest(), calls


# ------------------------------------------------------------------------------------------------------- usernel.open


async def _files(tour: Tour) -> None:
    ring = cast("usernel.EventLoop", asyncio.get_running_loop()).ring
    await asyncio.to_thread(sum, (1, 2))
    tour.show("what is no call on a file, such as sum, is handed on to a thread", ring.stat()["routing"],
              {ROUTED: 0, "inline": 0, "punted": 0, HANDED_ON: 1})  # fmt: skip
    await _lines(tour)
    await _kept_open(tour)
    with tempfile.TemporaryDirectory(prefix="usernel-demo-") as directory:
        fifo = Path(directory, "fifo")
        os.mkfifo(fifo)
        ended = await _late(_open(fifo))
        tour.show(f"a FIFO that nobody writes to is opened, within {LATE_S * 1000:g} ms", ended, "TimeoutError")
        writer = os.open(fifo, os.O_RDWR)
        try:
            ended = await _late(_read(fifo))
        finally:
            os.close(writer)
        tour.show("... it is open, and nothing comes: a read, within as long", ended, "TimeoutError")
        tour.show("... what is left of them: open descriptors, requests of the ring",
                  [opened(fifo), ring.stat()["requests"]], [0, 0])  # fmt: skip


async def _lines(tour: Tour) -> None:
    path = max(Path(usernel.__file__).parent.rglob("*.py"), key=lambda path: path.stat().st_size)
    opening = usernel.open(path, encoding="utf-8")
    started = time.perf_counter()
    async with opening as file:
        lines = [line async for line in file]
    seconds = time.perf_counter() - started
    expected = path.read_text("utf-8").splitlines(keepends=True)
    tour.show(f"usernel.open('{path.name}'): lines, and whether they are those that Python reads",
              [len(lines), lines == expected], [len(expected), True])  # fmt: skip
    tour.text(f"{len(lines) / seconds:,.0f} lines/s")


async def _kept_open(tour: Tour) -> None:
    with tempfile.TemporaryDirectory(prefix="usernel-demo-") as directory:
        page, newer = Path(directory, "page"), Path(directory, "newer")
        await usernel.write_file(page, b"as it was")
        await usernel.write_file(newer, b"replaced")
        async with usernel.OpenFileCache() as files:
            for _ in range(MANY):
                await files.read_file(str(page))
            opens = files.stat()["opened"]
            tour.text(f"usernel.OpenFileCache: {MANY} reads of a file by its path; files opened: {opens}")
            await usernel.os.replace(newer, page)
            found = (await files.read_file(str(page))).decode()
        tour.show("... and once another file has its name, what is read", found, "replaced")


async def _open(fifo: Path) -> None:
    async with usernel.open(fifo, "rb"):
        pass


async def _read(fifo: Path) -> None:
    async with usernel.open(fifo, "rb", buffering=0) as file:
        await file.read(1)


async def _late(reading: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(LATE_S):
            await reading
    except TimeoutError as error:
        return type(error).__name__
    return "it ended"


def opened(path: Path) -> int:
    """How often this process has a file open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += link.readlink() == path
        except OSError:  # that of the listing itself
            continue
    return count
