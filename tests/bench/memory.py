"""``python -m tests.bench.memory [--messages N] [--size BYTES]... [--directory DIR] [--json]``.

Bytes of memory a queued message, beside its payload: the growth of the service's resident set, and of what Redis says
that it uses (``used_memory``) and of its resident set for a list of the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.durable_peers import RedisDurable, output
from tests.bench.ports import free_port, wait_for_port
from tests.bench.recovery import fill, on_loop
from tests.bench.served import DIRECTORY, NEVER, serving, workplace

BATCH = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes a message; None where there is no Redis."""

    size: int
    usernel: float
    redis: float | None
    redis_rss: float | None


def ours(directory: Path, messages: int, size: int) -> float:
    """The service's, with a journal: what it grows by when so many messages are queued."""
    directory.mkdir()
    with serving(directory, NEVER) as served:
        on_loop(fill(served.url, BATCH, size, BATCH))
        before = served.rss()
        on_loop(fill(served.url, messages, size, BATCH))
        grown = served.rss() - before
        served.kill()
    return grown / messages


@contextmanager
def redis(directory: Path) -> Iterator[int]:
    """The port of a redis-server that keeps nothing."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, time.monotonic() + 30)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def theirs(directory: Path, messages: int, size: int) -> tuple[float, float]:
    """A Redis list's: what is used, and the resident set."""
    with redis(directory) as port:
        before = used(port)
        lpush = ["redis-benchmark", "-p", str(port), "-t", "lpush", "-n", str(messages), "-d", str(size), "-P", "100"]
        output([*lpush, "-q"])
        after = used(port)
    return (after[0] - before[0]) / messages, (after[1] - before[1]) / messages


def used(port: int) -> tuple[int, int]:
    """``used_memory`` and ``used_memory_rss``."""
    lines = output(["redis-cli", "-p", str(port), "info", "memory"]).split()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(found["used_memory"]), int(found["used_memory_rss"])


def measure(place: Path, messages: int, size: int) -> Taken:
    """Both, for one size."""
    usernel = ours(place / str(size), messages, size)
    shutil.rmtree(place / str(size))
    if RedisDurable(place).missing() is not None:
        return Taken(size, usernel, None, None)
    return Taken(size, usernel, *theirs(place, messages, size))


def show(messages: int, found: list[Taken], console: Console) -> None:
    """Print the table."""
    table = Table(title=f"bytes of memory a queued message, {messages:,} queued")
    for heading in (
        "payload",
        "usernel (RSS)",
        "beside payload",
        "Redis (used)",
        "Redis (RSS)",
        "usernel / Redis used",
    ):
        table.add_column(heading, justify="right")
    for row in found:
        redis_cells = ["not measured"] * 3
        if row.redis is not None and row.redis_rss is not None:
            redis_cells = [f"{row.redis:,.0f}", f"{row.redis_rss:,.0f}", f"{row.usernel / row.redis:.2f} x"]
        table.add_row(f"{row.size:,}", f"{row.usernel:,.0f}", f"{row.usernel - row.size:+,.0f}", *redis_cells)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument(
        "--size", type=int, action="append", help="bytes a message; 16, 256 and 1024 where none is given"
    )
    parser.add_argument("--directory", default=DIRECTORY, help="where the journal is meanwhile")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    found: list[Taken] = []
    with workplace(options.directory) as place:
        for size in options.size or (16, 256, 1024):
            print(f"{options.messages:,} messages of {size} bytes", file=sys.stderr, flush=True)
            found.append(measure(place, options.messages, size))
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        show(options.messages, found, Console(width=120))


if __name__ == "__main__":
    main()
