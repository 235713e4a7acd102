"""The life of one data directory: rounds of start, load and death, and in the end the judgment."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw

from usernel.journal.directory import DataDirectory
from usernel.journal.sqlite import KEPT_SNAPSHOTS

from .checks import violations
from .doom import Plan, plan
from .history import History, Kind
from .load import Load
from .service import Directory, Nursery, Service, ServiceError

DEADLINE = 30.0
UNPLANNED = Plan(None, plain=False, delay=0.0, stopping=None)
SHOWN = 20
OnRound = Callable[["Summary"], None]


class BrokenError(AssertionError):
    """A life that went wrong: what, and how to have it again."""


@dataclass(slots=True)
class Summary:
    """What so many rounds were made of."""

    rounds: int = 0
    lives: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0
    sends_in_doubt: int = 0
    receives_in_doubt: int = 0
    snapshots: int = 0
    slowest_start: float = 0.0

    def add(self, history: History) -> None:
        """Count a life's messages: what was acknowledged, and what was under way when the service died."""
        for operation in history.operations:
            if operation.kind is Kind.SEND:
                self.sent += operation.went
                self.sends_in_doubt += len(operation.messages) if operation.cut else 0
            elif operation.kind is Kind.RECEIVE:
                self.received += len(operation.messages)
                self.receives_in_doubt += operation.asked if operation.cut else 0

    def __str__(self) -> str:
        kills = ", ".join(f"{kind} {times}" for kind, times in self.kills.most_common())
        return (
            f"{self.rounds} rounds in {self.lives} lives; killed at: {kills}\n"
            f"messages acknowledged: {self.sent} sent, {self.received} received; "
            f"in doubt: {self.sends_in_doubt} sent, {self.receives_in_doubt} asked for; "
            f"snapshots seen: {self.snapshots}; slowest start: {self.slowest_start:.2f} s"
        )


class Life:
    """One data directory, and everything that its seed decides."""

    def __init__(self, seed: int, path: Path, nursery: Nursery, summary: Summary) -> None:
        self.seed = seed
        self._rng = Random(seed)
        self.rounds = self._rng.choice([3, 6, 12])
        self._directory = Directory(path / f"life-{seed}")
        self._directory.make(snapshot_bytes=self._rng.choice([4_000, 20_000]))
        self._nursery = nursery
        self._summary = summary
        self._load = Load(Random(self._rng.getrandbits(64)))
        self._events: list[str] = []
        self._service: Service | None = None

    def run(self, most: int, on_round: OnRound) -> None:
        """Live, for so many rounds at most. BrokenError."""
        try:
            for number in range(1, min(self.rounds, most) + 1):
                asyncio.run(self._round(number))
                self._summary.rounds += 1
                on_round(self._summary)
            asyncio.run(self._end())
        except Exception as error:
            self._load.history.write(self._directory.path / "history.jsonl")
            raise BrokenError(self._story(error)) from error
        finally:
            if self._service is not None:
                self._service.kill()
        self._summary.lives += 1
        self._summary.add(self._load.history)
        self._summary.snapshots += self._load.snapshots
        shutil.rmtree(self._directory.path)

    def _story(self, error: Exception) -> str:
        again = f"python -m tests.crash --seed {self.seed} --rounds {self.rounds}"
        return "\n".join([
            f"seed {self.seed}: {type(error).__name__}: {error}", *self._events,
            f"kept in {self._directory.path}; again: {again}",
        ])  # fmt: skip

    # ----------------------------------------------------------------------------------------------------------- rounds

    async def _round(self, number: int) -> None:
        planned = plan(self._rng)
        service = self._start(planned)
        told = killed = False
        if service.url is not None:
            load = asyncio.create_task(self._load.run(service.url))
            told, killed = await self._end_of(service, load, planned)
            async with asyncio.timeout(DEADLINE):
                await load
        status = self._status(service, {0, -signal.SIGKILL} if told else {-signal.SIGKILL})
        by = _by(planned, status, told=told, killed=killed)
        self._summary.kills[by] += 1
        self._events.append(f"round {number}: {planned}; ended by {by}; {service.url or 'never ready'}")
        shutil.copytree(self._directory.data, self._directory.path / f"killed-{number}")

    async def _end_of(self, service: Service, load: asyncio.Task[None], planned: Plan) -> tuple[bool, bool]:
        """Wait for its end, or bring it about: whether it was told to stop, and whether it was killed."""
        await asyncio.wait([load], timeout=planned.delay)
        if load.done():
            await load
            if not service.died(DEADLINE):
                raise ServiceError("it lost all its clients and lives")
            return False, False
        if planned.stopping is not None:
            service.terminate()
            await asyncio.sleep(planned.stopping)
        killed = not service.dead
        service.kill()
        return planned.stopping is not None, killed

    def _start(self, planned: Plan) -> Service:
        began, doom = time.monotonic(), planned.doom
        self._service = service = Service(self._directory, None if planned.plain else self._nursery, doom)
        if service.url is None and doom is None:
            raise ServiceError(f"it did not start: {service.complaint}")
        if service.url is not None and doom is None:
            status, shown = service.readyz()
            assert status == 200, shown
            self._summary.slowest_start = max(self._summary.slowest_start, time.monotonic() - began)
        return service

    def _status(self, service: Service, wanted: set[int]) -> int:
        status, complaint = service.ended(), service.complaint
        self._service = None
        if status not in wanted or complaint:
            raise ServiceError(f"it ended with {status} and said: {complaint}")
        return status

    # ---------------------------------------------------------------------------------------------------------- the end

    async def _end(self) -> None:
        """Start once more, receive everything, stop, and judge."""
        service = self._start(UNPLANNED)
        try:
            async with asyncio.timeout(DEADLINE):
                await self._load.finish(service.url or "")
        finally:
            service.terminate()
            self._status(service, {0})
        wrong = violations(self._load.history)
        assert not wrong, "\n".join([f"{len(wrong)} violations", *wrong[:SHOWN]])
        check_database(self._directory)


def check_database(directory: Directory) -> None:
    """What a clean stop leaves: a whole database that shrinks, of snapshots the two that are kept."""
    connection = apsw.Connection(str(DataDirectory(directory.data).database))
    try:
        left = {name: connection.pragma(name) for name in ("integrity_check", "auto_vacuum", "journal_mode")}
        left["snapshots"] = len(connection.execute("SELECT position FROM snapshot").fetchall())
    finally:
        connection.close()
    kept = min(int(str(left["snapshots"])), KEPT_SNAPSHOTS)
    assert left == {"integrity_check": "ok", "auto_vacuum": 2, "journal_mode": "wal", "snapshots": kept}, left


def _by(planned: Plan, status: int, *, told: bool, killed: bool) -> str:
    """What the summary counts a death as."""
    if status == 0:
        return "stopped"
    if killed or planned.doom is None:
        return "stopping" if told else "any time"
    return planned.doom.kind
