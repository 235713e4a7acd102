"""``python -m tests.bench.recovery [--messages N] [--size BYTES]... [--directory DIR] [--json]``.

A service is filled, killed, and started again: how long until ``/readyz`` is 200, from records alone (a message a fact,
and a hundred a fact) and from a snapshot. Then a snapshot is made of that while messages are sent: what it costs them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from rich.console import Console
from rich.table import Table

import usernel
from tests.bench.served import DIRECTORY, NEVER, ROOM, Served, serving, start, workplace
from usernel.kernel.snapshot import Snapshot
from usernel_client import Client

QUEUES = 10
WINDOW = 256
"""Calls under way while a service is filled."""
SLEEPLESS = 3600.0
SENDERS = 8
CALM_SECONDS = 5.0
"""How long sends are timed before the snapshot."""
MARGIN = 32 * 1024 * 1024
"""Bytes of journal that those may fill until then, and that are filled to bring it about."""
LARGE = [(1, b"m" * 8000)] * 100
Progress = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Restart:
    """What a start read, and how long it took."""

    what: str
    size: int
    seconds: float
    journal_bytes: int
    rss: int


@dataclass(frozen=True, slots=True)
class Making:
    """A snapshot of a service that is used: p50, p99 and longest of a send in milliseconds, without it and meanwhile.

    ``capture_ms`` is how long the loop stood still for it, measured on a kernel in this process.
    """

    size: int
    capture_ms: float
    seconds: float
    calm: tuple[float, float, float]
    meanwhile: tuple[float, float, float]


async def fill(url: str, messages: int, size: int, batch: int) -> None:
    """Send so many messages to a few queues, ``batch`` a call, which is a fact."""
    data, left = b"m" * size, messages // batch
    async with Client(url) as client:
        queues = [await client.msgget("IPC_PRIVATE", mode=0o600) for _ in range(QUEUES)]
        for queue in queues:
            await queue.set(msg_qbytes=ROOM)

        async def sender(number: int) -> None:
            nonlocal left
            queue = queues[number % QUEUES]
            while left > 0:
                left -= 1
                if batch == 1:
                    await client.calls.msgsnd(queue.msqid, 1, data)
                else:
                    await queue.send_many([(1, data)] * batch)

        await asyncio.gather(*map(sender, range(WINDOW if batch == 1 else 2)))


def filled(directory: Path, messages: int, size: int, batch: int) -> None:
    """A fresh data directory with so many messages in records, whose service was killed."""
    directory.mkdir()
    with serving(directory, NEVER) as served:
        on_loop(fill(served.url, messages, size, batch))
        served.kill()


def restart(directory: Path, what: str, size: int) -> Restart:
    """Start the service of a directory, wait until it may be asked, and kill it."""
    began = time.monotonic()
    served = start(directory, NEVER)
    try:
        served.wait(SLEEPLESS)
        seconds, journal = time.monotonic() - began, served.journal()
        return Restart(what, size, seconds, journal["tail_bytes"] + journal["snapshot_bytes"], served.rss())
    finally:
        served.kill()


def making(directory: Path, size: int, tail_bytes: int, capture_ms: float) -> Making:
    """Time sends to a service that holds all this, before and while it makes a snapshot."""
    with serving(directory, tail_bytes + MARGIN, SLEEPLESS) as served:
        found = on_loop(watch(served, size, capture_ms))
        served.kill()
    return found


async def watch(served: Served, size: int, capture_ms: float) -> Making:
    """Send from some tasks all the time; after a while, so much from another that a snapshot is made."""
    trips: list[tuple[float, float]] = []
    over = asyncio.Event()
    async with Client(served.url) as client:
        queue = await client.msgget("IPC_PRIVATE", mode=0o600)
        await queue.set(msg_qbytes=ROOM)

        async def sender() -> None:
            while not over.is_set():
                began = time.monotonic()
                await queue.send(b"m" * size)
                trips.append((began, time.monotonic()))

        senders = [asyncio.create_task(sender()) for _ in range(SENDERS)]
        await asyncio.sleep(CALM_SECONDS)
        calm_ends = time.monotonic()
        await provoke(client)
        journal, ends = await asyncio.to_thread(made, served)
        over.set()
        await asyncio.gather(*senders)
    seconds: float = journal["snapshot_seconds"]
    calm = [after - began for began, after in trips if after < calm_ends]
    meanwhile = [after - began for began, after in trips if after > ends - seconds and began < ends]
    return Making(size, capture_ms, seconds, percentiles(calm), percentiles(meanwhile))


async def provoke(client: Client) -> None:
    """Fill the journal up to where a snapshot is made, with messages that are received before."""
    queue = await client.msgget("IPC_PRIVATE", mode=0o600)
    await queue.set(msg_qbytes=ROOM)
    for _ in range(MARGIN // sum(len(data) for _, data in LARGE) + 1):
        await queue.send_many(LARGE)
        await queue.receive_many(len(LARGE))


def made(served: Served) -> tuple[dict[str, Any], float]:
    """The journal's counts when there is a snapshot, and the moment at which that was seen."""
    while not (journal := served.journal())["snapshots"]:
        time.sleep(0.05)
    return journal, time.monotonic()


def capture(messages: int, size: int) -> float:
    """Milliseconds for which a loop stands still while the state of so many messages is captured: a median."""
    kernel = usernel.Kernel()
    task = kernel.fork()
    body = [(1, b"m" * size)] * 100
    for _ in range(QUEUES):
        queue = task.msgget(0, 0o600)
        task.msgctl(queue, "IPC_SET", {"msg_qbytes": ROOM})
        for _ in range(messages // QUEUES // len(body)):
            task.msgsnd_batch(queue, body)
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        snapshot = Snapshot(kernel.model)
        times.append(time.perf_counter() - began)
        del snapshot
    return statistics.median(times) * 1e3


def percentiles(seconds: list[float]) -> tuple[float, float, float]:
    """p50, p99 and the longest, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1e3, cuts[98] * 1e3, max(seconds) * 1e3


def on_loop(what: Coroutine[Any, Any, T]) -> T:
    """The answer of a coroutine, on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(what)


def measure(parent: str, messages: int, size: int, progress: Progress) -> tuple[list[Restart], Making]:
    """Everything about so many messages of one size."""
    found: list[Restart] = []
    with workplace(parent) as place:
        for batch in (1, 100):
            facts = f"records, {batch} a fact"
            progress(f"{messages:,} messages of {size} bytes: filling, {batch} a fact")
            filled(place / str(batch), messages, size, batch)
            progress(f"starting from {facts}")
            found.append(restart(place / str(batch), facts, size))
        shutil.rmtree(place / "1")
        progress("making a snapshot while messages are sent")
        snapshot = making(place / "100", size, found[-1].journal_bytes, capture(messages, size))
        progress("starting from the snapshot")
        found.append(restart(place / "100", "a snapshot", size))
    return found, snapshot


def show(messages: int, restarts: list[Restart], makings: list[Making], console: Console) -> None:
    """Print both tables."""
    table = Table(title=f"from the start of the process until /readyz is 200, {messages:,} messages")
    for heading in ("from", "bytes a message", "seconds", "messages a second", "journal MB", "RSS MB"):
        table.add_column(heading, justify="right" if heading != "from" else "left")
    for row in restarts:
        rate = f"{messages / row.seconds:,.0f}"
        sizes = [f"{count / 1e6:,.0f}" for count in (row.journal_bytes, row.rss)]
        table.add_row(row.what, str(row.size), f"{row.seconds:.2f}", rate, *sizes)
    console.print(table)
    table = Table(title=f"a snapshot of {messages:,} messages while {SENDERS} tasks send: p50, p99, longest in ms")
    for heading in ("bytes a message", "capture ms", "seconds", "sends before", "sends meanwhile"):
        table.add_column(heading, justify="right")
    for made_of in makings:
        trips = [", ".join(f"{ms:.1f}" for ms in side) for side in (made_of.calm, made_of.meanwhile)]
        table.add_row(str(made_of.size), f"{made_of.capture_ms:.1f}", f"{made_of.seconds:.2f}", *trips)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recovery", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, action="append", help="bytes a message: 100 and 256 where none is given")
    parser.add_argument("--directory", default=DIRECTORY, help="on the disk to measure")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    options = parser.parse_args()
    restarts: list[Restart] = []
    makings: list[Making] = []
    for size in options.size or (100, 256):
        found, snapshot = measure(options.directory, options.messages, size, report)
        restarts += found
        makings.append(snapshot)
    if options.json:
        print(json.dumps({"restarts": [*map(asdict, restarts)], "snapshots": [*map(asdict, makings)]}, indent=2))
    else:
        show(options.messages, restarts, makings, Console(width=120))


def report(line: str) -> None:
    """How far it is, beside the tables."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
