"""When snapshots are made, and what becomes of those that are not finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clients.embedded import eventually
from tests.journal.faulty import Disk, Fault, disk
from tests.journal.histories import folded
from tests.journal.storing import opened
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import snapshot
from usernel.kernel.durable import durable_state
from usernel.kernel.kernel import Kernel
from usernel.runtime import Keeper, Runtime
from usernel.runtime.snapshots import Snapshots
from usernel.syscalls.table import TABLE

LEAST = 1000
NEVER = 2**40


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "PART_MESSAGES", 8)


class Begun:
    """A journal that only counts what is begun."""

    def __init__(self, tail: int, base: int, working: bool = False) -> None:
        self.storage = SimpleNamespace(tail_bytes=tail, base_bytes=base)
        self.working = working
        self.count = 0

    def work(self, _steps: Iterator[None]) -> None:
        self.count += 1


@pytest.mark.parametrize(("tail", "base", "begins"), [
    (0, 0, False),
    (LEAST, 0, False),
    (LEAST + 1, 0, True),
    (LEAST + 1, LEAST + 1, False),
    (5 * LEAST, 5 * LEAST, False),
    (5 * LEAST + 1, 5 * LEAST, True),
])  # fmt: skip
def test_it_is_time_when_the_records_are_more_than_the_snapshot_and_not_few(tail: int, base: int, begins: bool):
    commit: Any = Begun(tail, base)
    Snapshots(Kernel(), commit, LEAST).consider()
    assert commit.count == begins


def test_one_at_a_time():
    commit: Any = Begun(2 * LEAST, 0, working=True)
    Snapshots(Kernel(), commit, LEAST).consider()
    assert commit.count == 0


class Life:
    """A service without doors, on a directory."""

    def __init__(self, directory: Path, vfs: str | None = None) -> None:
        self.storage = opened(directory, vfs)
        self.keeper = Keeper(self.storage)
        self.runtime = Runtime(Kernel(), self.keeper.commit)
        self.commit = self.keeper.commit

    async def start(self, snapshot_bytes: int = NEVER) -> None:
        await self.keeper.recover(self.runtime, snapshot_bytes)
        await self.commit.settled()

    def call(self, name: str, *args: Any) -> Any:
        row = TABLE[name]
        task = self.runtime.kernel.default_task
        return self.runtime.submit(task, row, row.bind(args, {}), lambda _: None).outcome().ret

    async def send(self, count: int, size: int = 100) -> None:
        """So many messages, each with a commit of its own."""
        for _ in range(count):
            self.call("msgsnd", 0, 1, b"x" * size)
            position = self.runtime.kernel.position
            await eventually(lambda position=position: self.commit.durable >= position or self.commit.failure)

    @property
    def position(self) -> int:
        return self.storage.stat()["snapshot_position"]

    def parts(self) -> list[tuple[int, int]]:
        """The parts of all snapshots, finished or not: position, and how many."""
        counts = "SELECT position, count(*) FROM snapshot_part GROUP BY position ORDER BY position"
        return list(self.storage._connection.execute(counts))

    async def stop(self) -> None:
        self.runtime.close()
        await self.keeper.close(10)


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    made = Life(tmp_path / "data")
    await made.start(LEAST)
    made.call("msgget", 1, ["IPC_CREAT", 0o600])
    yield made
    await made.stop()


def state_of(storage: SqliteStorage) -> dict[str, Any]:
    return durable_state(folded(storage.read()))


async def test_the_records_bring_it_about(life: Life):
    await life.send(5)
    await life.commit.settled()
    assert life.position == 0
    await life.send(8)
    await life.commit.settled()
    assert life.position > 0
    assert state_of(life.storage) == durable_state(life.runtime.kernel)
    assert life.commit.stat()["snapshots"] == 1


async def test_commits_go_on_while_it_is_made(life: Life):
    await life.send(12)
    while life.commit.working:
        await life.send(1)
    await life.commit.settled()
    assert 0 < life.position < life.storage.position
    assert state_of(life.storage) == durable_state(life.runtime.kernel)


async def test_it_grows_with_the_state(life: Life):
    """With a large snapshot, the next waits for as much again."""
    await life.send(40)
    await life.commit.settled()
    first = life.commit.stat()["snapshots"]
    base = life.storage.base_bytes
    assert base > 2 * LEAST
    while life.storage.tail_bytes <= base - 200:
        await life.send(1)
    assert life.commit.stat()["snapshots"] == first


async def test_the_last_one_is_made_at_the_end(tmp_path: Path):
    first = Life(tmp_path)
    await first.start()
    first.call("msgget", 1, ["IPC_CREAT", 0o600])
    await first.send(3)
    state = durable_state(first.runtime.kernel)
    await first.stop()
    second = Life(tmp_path)
    assert (second.storage.tail_bytes, second.position) == (0, second.storage.position)
    await second.start()
    assert durable_state(second.runtime.kernel) == state
    await second.stop()
    third = Life(tmp_path)
    assert third.commit.durable == second.commit.durable, "nothing happened, and nothing was written"
    await third.stop()


async def begun(life: Life, parts: int) -> None:
    """Let a snapshot be made up to so many of its parts, and no further."""
    steps = life.keeper._snapshots._steps(snapshot.Snapshot(life.runtime.kernel), 0.0)
    while sum(count for position, count in life.parts() if position > life.position) < parts:
        next(steps)


async def test_one_that_was_not_finished_is_made_anew_at_its_position(tmp_path: Path, caplog):
    """As after a crash: its parts are there, and the next snapshot has the same position."""
    first = Life(tmp_path / "data")
    await first.start()
    first.call("msgget", 1, ["IPC_CREAT", 0o600])
    await first.send(20)
    await begun(first, 2)
    copytree(tmp_path / "data", tmp_path / "killed", ignore=ignore_patterns("*-shm"))
    state = durable_state(first.runtime.kernel)
    await first.stop()
    second = Life(tmp_path / "killed")
    assert second.position == 0
    assert [count for _, count in second.parts()] == [2]
    await second.start()
    await second.stop()
    third = Life(tmp_path / "killed")
    assert third.position == third.storage.position
    assert state_of(third.storage) == state
    await third.stop()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.fixture
def under() -> Iterator[Disk]:
    with disk() as made:
        yield made


async def test_without_room_it_gives_back_what_it_took(tmp_path: Path, under: Disk):
    life = Life(tmp_path, under.name)
    await life.start()
    life.call("msgget", 1, ["IPC_CREAT", 0o600])
    await life.send(30)
    await begun(life, 2)
    under.operations.clear()
    under.fault = Fault("full", 1)
    life.keeper._snapshots.begin()
    await life.commit.settled()
    assert (life.commit.failure, life.position) == (None, 0)
    assert life.parts() == []
    await life.send(2)
    assert life.commit.idle
    position = life.runtime.kernel.position
    await life.stop()
    assert snapshot_position(tmp_path) == position


async def test_given_up_it_is_not_begun_again_with_the_next_commit(tmp_path: Path, under: Disk):
    life = Life(tmp_path, under.name)
    await life.start(LEAST)
    life.call("msgget", 1, ["IPC_CREAT", 0o600])
    add_part, tried = life.storage.add_part, []

    def counted(part: int, record: Any) -> None:
        tried.append(life.storage.tail_bytes)
        if len(tried) < 3:
            under.operations.clear()
            under.fault = Fault("full", 1)
        add_part(part, record)

    life.storage.add_part = counted  # type: ignore[method-assign]
    for _ in range(40):
        await life.send(1)
        await life.commit.settled()
    assert tried[1] - tried[0] > LEAST
    assert tried[2] - tried[1] > LEAST
    assert life.position > 0
    await life.stop()


async def test_on_a_disk_that_fails_there_is_no_last_one(tmp_path: Path, under: Disk):
    life = Life(tmp_path, under.name)
    await life.start()
    life.call("msgget", 1, ["IPC_CREAT", 0o600])
    under.operations.clear()
    under.fault = Fault("error", 1, float("inf"))
    await eventually(lambda: life.runtime.lost)
    under.fault = None
    async with asyncio.timeout(5):
        await life.stop()
    assert snapshot_position(tmp_path) == 0


def snapshot_position(directory: Path) -> int:
    storage = opened(directory)
    storage.close()
    return storage.stat()["snapshot_position"]
