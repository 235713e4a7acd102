"""Who keeps messages on disk before it acknowledges them: usernel, Redis with ``appendfsync always``, PostgreSQL."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.contender import Contender, Sample
from tests.bench.durable_sides import Alone, RedisTasks, UsernelTasks
from tests.bench.pair import PairError
from tests.bench.ports import free_port, wait_for_port
from tests.bench.served import serving
from tests.bench.sides import SIZE

SENDERS = (1, 32, 256)
MANY = SENDERS[-1]
PAIRS = "256 send and receive"
REDIS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
REDIS += ["--auto-aof-rewrite-percentage", "0"]
"""Without rewrites of its file, which usernel's checkpoints and snapshots are the like of: to Redis' advantage."""


def senders(count: int) -> str:
    """The group of rows with so many at once."""
    return "1 sender" if count == 1 else f"{count} senders"


@dataclass(frozen=True, slots=True)
class UsernelDurable:
    """``usernel serve`` with a journal."""

    directory: Path
    name: str = "usernel"

    def missing(self) -> str | None:
        """It is there."""
        return None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """The service, and the rows."""
        self.directory.mkdir()
        with serving(self.directory) as served:
            url = served.url
            yield [
                *(Alone(f"{senders(count)}: usernel", UsernelTasks(url, count)) for count in SENDERS),
                Alone(f"{senders(MANY)}: usernel, a connection each", UsernelTasks(url, MANY, connections=MANY)),
                Alone(f"{PAIRS}: usernel", UsernelTasks(url, MANY, receive=True)),
            ]


@dataclass(frozen=True, slots=True)
class RedisDurable:
    """A private redis-server whose append-only file is synced before every reply."""

    directory: Path
    name: str = "Redis, appendfsync always"

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        for program in ("redis-server", "redis-benchmark", "redis-cli"):
            if shutil.which(program) is None:
                return f"no {program} on the PATH"
        return None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """The server, and the rows of both clients."""
        port = free_port()
        self.directory.mkdir()
        command = ["redis-server", *REDIS, "--port", str(port), "--dir", str(self.directory)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, time.monotonic() + 30)
            yield [*_c_rows(port), *_py_rows(port)]
        finally:
            server.terminate()
            server.wait(30)


def _c_rows(port: int) -> Iterator[Contender]:
    for count in SENDERS:
        yield RedisBenchmark(f"{senders(count)}: Redis AOF, C client", port, count)
    yield RedisBenchmark(f"{senders(MANY)}: Redis AOF, C client, 16 connections of 16", port, 16, pipeline=16)
    yield RedisBenchmark(f"{PAIRS}: Redis AOF, C client", port, MANY, tests=("lpush", "rpop"))


def _py_rows(port: int) -> Iterator[Contender]:
    if importlib.util.find_spec("redis") is None or importlib.util.find_spec("hiredis") is None:
        return
    for count in SENDERS:
        yield Alone(f"{senders(count)}: Redis AOF, redis-py", RedisTasks(port, count))
    yield Alone(f"{senders(MANY)}: Redis AOF, redis-py, joined by hand", RedisTasks(port, MANY, joined=True))
    yield Alone(f"{PAIRS}: Redis AOF, redis-py", RedisTasks(port, MANY, receive=True))


@dataclass(slots=True)
class RedisBenchmark:
    """redis-benchmark: so many connections, each with ``pipeline`` commands under way; several tests one by one.

    It wants a number of commands, not a time: what was measured last says how many.
    """

    name: str
    port: int
    clients: int
    pipeline: int = 1
    tests: tuple[str, ...] = ("lpush",)
    _rate: float = field(default=0.0)

    def measure(self, seconds: float) -> Sample:
        """Commands of all tests together as one, a second."""
        if not self._rate:
            self._rate = self._once(20 * self.clients * self.pipeline).rate
        sample = self._once(max(int(self._rate * seconds), self.clients * self.pipeline))
        self._rate = sample.rate
        return sample

    def _once(self, count: int) -> Sample:
        output(["redis-cli", "-p", str(self.port), "unlink", "mylist"])
        found = [self._test(test, count) for test in self.tests]
        rate = 1 / sum(1 / rate for rate, _, _ in found)
        return Sample(rate, sum(p50 for _, p50, _ in found), sum(p99 for *_, p99 in found))

    def _test(self, test: str, count: int) -> tuple[float, float, float]:
        command = ["redis-benchmark", "-p", str(self.port), "-t", test, "-c", str(self.clients), "-n", str(count)]
        command += ["-d", str(SIZE), "-P", str(self.pipeline), "--csv"]
        *_, row = csv.DictReader(output(command).splitlines())
        return float(row["rps"]), float(row["p50_latency_ms"]) * 1e3, float(row["p99_latency_ms"]) * 1e3


def output(command: Sequence[str | Path], cwd: Path | None = None, user: str | None = None) -> str:
    """What a program prints; PairError where it fails."""
    words = [*map(str, command)]
    done = subprocess.run(words, cwd=cwd, user=user, capture_output=True, text=True, check=False, timeout=180)
    if done.returncode:
        raise PairError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout
