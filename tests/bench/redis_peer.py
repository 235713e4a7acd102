"""Redis lists: a private redis-server on a loopback port, no persistence; both of redis-py's clients, with hiredis."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import redis_async, redis_blocking
from tests.bench.contender import Contender, RoundTrip, Throughput
from tests.bench.ports import free_port, wait_for_port

CLIENTS = {"Redis": redis_async, "Redis, blocking client": redis_blocking}
WORDS = {"one": "one by one", "pipelined": "pipelined 100", "variadic": "variadic 100"}


@dataclass(frozen=True, slots=True)
class RedisPeer:
    """Redis, from Debian's package, where it is on the PATH."""

    name: str = "Redis"

    def missing(self) -> str | None:
        """Why Redis cannot be measured here."""
        if shutil.which("redis-server") is None:
            return "no redis-server on the PATH"
        if importlib.util.find_spec("redis") is None or importlib.util.find_spec("hiredis") is None:
            return "no redis-py with hiredis: pip install '.[bench]'"
        return None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """The server, and the rows."""
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="usernel-bench-redis-") as directory:
            command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", directory]
            command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
            server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for_port(port, time.monotonic() + 30)
                yield list(_rows(port))
            finally:
                server.terminate()
                server.wait(30)


def _rows(port: int) -> Iterator[Contender]:
    for how, words in WORDS.items():
        for name, client in CLIENTS.items():
            key = f"bench-{how}"
            yield Throughput(f"{name}, {words}", client.Producer(port, key, how), client.Consumer(port, key, how))
    for name, client in CLIENTS.items():
        yield RoundTrip(f"{name}, round trip", client.Requester(port), client.Answerer(port))
