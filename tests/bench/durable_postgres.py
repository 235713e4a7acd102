"""PostgreSQL with a table as a queue: a private cluster, ``fsync`` and ``synchronous_commit`` on, driven by pgbench.

pgbench is C; each of its connections sends one statement at a time, and each statement is a transaction.
"""

from __future__ import annotations

import os
import pwd
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.contender import Contender, Sample
from tests.bench.durable_peers import MANY, PAIRS, SENDERS, output, senders
from tests.bench.pair import PairError
from tests.bench.ports import free_port, wait_for_port
from tests.bench.sides import SIZE

TABLE = "CREATE TABLE queue (id bigserial PRIMARY KEY, data text NOT NULL)"
SEND = f"INSERT INTO queue (data) VALUES (repeat('m', {SIZE}));\n"
RECEIVE = (
    "DELETE FROM queue WHERE id = (SELECT id FROM queue ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING data;\n"
)
SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
    "max_connections": "300", "max_wal_size": "4GB",
}  # fmt: skip
USERS = ("postgres", "nobody")
"""As whom it runs where we are root, which it refuses to be."""


def user() -> str | None:
    """Whom to run the server as; None: as ourselves."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS if name in names)


def binary(name: str) -> str:
    """A program of PostgreSQL's, from the PATH or from where Debian keeps it; where it is not, its name."""
    kept = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))
    return shutil.which(name) or (kept[-1] if kept else name)


@dataclass(frozen=True, slots=True)
class PostgresDurable:
    """A private PostgreSQL."""

    directory: Path
    name: str = "PostgreSQL"

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        absent = [name for name in ("initdb", "postgres", "psql", "pgbench") if shutil.which(binary(name)) is None]
        return f"no {absent[0]} on the PATH" if absent else None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """The server with its table, and the rows."""
        port, data = free_port(), self.directory / "data"
        self._make(data)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [binary("postgres"), "-D", str(data), "-p", str(port), *settings]
        log = (self.directory / "log").open("wb")
        server = subprocess.Popen(command, cwd=self.directory, user=user(), stdout=log, stderr=log)
        try:
            wait_for_port(port, time.monotonic() + 30)
            psql(port, self.directory, TABLE)
            yield list(_rows(port, self.directory))
        finally:
            server.terminate()
            server.wait(60)
            log.close()

    def _make(self, data: Path) -> None:
        self.directory.mkdir()
        whose = user()
        if whose is not None:
            self.directory.parent.chmod(0o755)
            shutil.chown(self.directory, whose)
        output([binary("initdb"), "-D", data, "-U", "bench", "-A", "trust", "-N"], self.directory, whose)


def psql(port: int, cwd: Path, statement: str) -> None:
    """Run a statement; just after the start it may have to be asked again."""
    command = [binary("psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d", "postgres", "-c", statement]
    for left in range(20, -1, -1):
        try:
            output(command, cwd)
        except PairError as error:
            if not left or "starting up" not in str(error):
                raise
            time.sleep(0.2)
        else:
            return


def _rows(port: int, directory: Path) -> Iterator[Contender]:
    for count in SENDERS:
        yield Pgbench(f"{senders(count)}: PostgreSQL, pgbench", port, directory, count, SEND)
    yield Pgbench(f"{PAIRS}: PostgreSQL, pgbench", port, directory, MANY, SEND + RECEIVE)


@dataclass(slots=True)
class Pgbench:
    """So many connections, each running a script again and again.

    Told a time it would count that of connecting: it is told how often, which what was measured last says.
    """

    name: str
    port: int
    directory: Path
    clients: int
    script: str
    _rate: float = field(default=0.0)

    def measure(self, seconds: float) -> Sample:
        """Scripts a second, on a table that was empty."""
        if not self._rate:
            self._rate = self._once(10).rate
        sample = self._once(max(int(self._rate * seconds / self.clients), 2))
        self._rate = sample.rate
        return sample

    def _once(self, times: int) -> Sample:
        psql(self.port, self.directory, "TRUNCATE queue")
        script = self.directory / "script.sql"
        script.write_text(self.script, "ascii")
        command = [binary("pgbench"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-n", "-M", "prepared"]
        command += ["-c", str(self.clients), "-j", str(min(self.clients, 2)), "-t", str(times), "-f", str(script), "-l"]
        output([*command, "postgres"], self.directory)
        return self._sample()

    def _sample(self) -> Sample:
        """What pgbench logged of each script: its microseconds, and the moment at which it ended."""
        trips: list[int] = []
        ends: list[float] = []
        for path in self.directory.glob("pgbench_log.*"):
            for line in path.read_text("ascii").splitlines():
                fields = line.split()
                trips.append(int(fields[2]))
                ends.append(int(fields[4]) + int(fields[5]) / 1e6)
            path.unlink()
        cuts = statistics.quantiles(trips, n=100)
        began = min(ends) - trips[ends.index(min(ends))] / 1e6
        return Sample(len(trips) / (max(ends) - began), cuts[49], cuts[98])
