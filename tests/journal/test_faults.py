"""A journal on a disk that fails at each single write and sync of its life: what was acknowledged is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

import apsw
import pytest

from usernel.journal import schema, sqlite
from usernel.journal.directory import DataDirectory
from usernel.journal.port import JournalError, JournalFullError, Record
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts, snapshot

from .faulty import Disk, Fault, disk
from .histories import History, live

T = TypeVar("T")
RECORDS = 13
SNAPSHOTS = (6, 11)
ATTEMPTS = 8
KINDS = {
    "one I/O error": lambda at: Fault("error", at),
    "I/O errors from there on": lambda at: Fault("error", at, float("inf")),
    "no room for a moment": lambda at: Fault("full", at),
    "no room for a while": lambda at: Fault("full", at, 5),
    "a torn write with the process killed": lambda at: Fault("torn", at),
}


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    """Parts of a few messages, and a write-ahead log that is moved every few commits: all happens in a short life."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "PART_MESSAGES", 6)
        patch.setattr(schema, "CHECKPOINT_PAGES", 12)
        patch.setattr(sqlite, "RECLAIM_ROWS", 3)
        yield live(RECORDS, SNAPSHOTS)


@dataclass
class Life:
    """One life of a journal: how far it was acknowledged, and whether it came to its end."""

    acked: int = 0
    ended: bool = False

    def run(self, directory: Path, history: History, vfs: str) -> None:
        """Open, append, make snapshots, reclaim, close; as the service does, it ends at what cannot be tried again."""
        with suppress(JournalError):
            storage = persisting(lambda: opened(directory, vfs))
            try:
                for record in history.after(storage.position):
                    persisting(lambda record=record: storage.append(record))
                    self.acked = record.position
                    if parts := history.snapshots.get(record.position):
                        with suppress(JournalFullError):
                            make_snapshot(storage, parts)
                self.ended = True
            finally:
                shutil.copytree(directory, directory.with_name("killed"))
                with suppress(Exception):
                    storage.close()


def opened(directory: Path, vfs: str | None = None) -> SqliteStorage:
    return SqliteStorage(DataDirectory(directory), facts.VERSION, vfs=vfs)


def persisting(act: Callable[[], T]) -> T:
    """Try again while the disk is full."""
    for _ in range(ATTEMPTS):
        with suppress(JournalFullError):
            return act()
    return act()


def make_snapshot(storage: SqliteStorage, parts: list[Record]) -> None:
    for part, record in enumerate(parts):
        storage.add_part(part, record)
    storage.finish_snapshot(parts[0].position, len(parts), 1)
    reclaim(storage)


def reclaim(storage: SqliteStorage) -> None:
    while storage.reclaim():
        pass


def examine(directory: Path, history: History, acked: int) -> None:
    """All that was acknowledged is there, as it was written; the journal can be read, and goes on."""
    storage = opened(directory)
    storage._connection.execute("PRAGMA synchronous = OFF")
    try:
        assert storage.position >= acked, "what was acknowledged is gone"
        check(storage, history, storage.position)
        for record in history.after(storage.position):
            storage.append(record)
        check(storage, history, history.last)
        make_snapshot(storage, history.final)
        assert list(storage.read()) == history.final
    finally:
        storage.close()


def check(storage: SqliteStorage, history: History, position: int) -> None:
    """It reads as a snapshot of the history and the records behind it, to the byte."""
    found = list(storage.read())
    base = storage.stat()["snapshot_position"]
    parts = history.snapshots.get(base, [])
    assert found == parts + [record for record in history.after(base) if record.position <= position]
    assert history.state_of(found) == history.states[position]


def lives(tmp_path: Path, history: History, fault: Callable[[int], Fault]) -> Iterator[tuple[Disk, Life, Path]]:
    """A life with a fault at its first operation, one at the second, and so on until one ends without it."""
    at = 0
    while True:
        at += 1
        home = tmp_path / str(at)
        with disk(fault(at)) as under:
            life = Life()
            life.run(home / "data", history, under.name)
            yield under, life, home
            shutil.rmtree(home)
            if len(under.operations) < at:
                assert life.ended
                return


def test_a_life_has_every_kind_of_operation(tmp_path: Path, history: History) -> None:
    with disk() as under:
        life = Life()
        life.run(tmp_path / "data", history, under.name)
    assert (life.ended, life.acked) == (True, history.last)
    assert {kind for kind, _ in under.operations} == {"write", "sync", "truncate", "delete"}
    moved = [name for kind, name in under.operations if kind == "sync" and name == "journal.db"]
    assert len(moved) > 3, "the write-ahead log is moved into the database only at the end"
    assert all(len(parts) > 2 for parts in history.snapshots.values())
    examine(tmp_path / "data", history, life.acked)
    examine(tmp_path / "killed", history, life.acked)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_operation(tmp_path: Path, history: History, kind: str) -> None:
    count = 0
    for under, life, home in lives(tmp_path, history, KINDS[kind]):
        count += 1
        left = [home / "killed"] if under.dead else [home / "killed", home / "data"]
        for directory in left:
            if directory.exists():
                examine(directory, history, life.acked)
    assert count > 200


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_at_every_operation(tmp_path: Path, history: History, seed: int) -> None:
    """What was written and not synced is there in part, or not at all; the file ``acked`` may be as old as can be."""
    for under, life, home in lives(tmp_path, history, lambda at: Fault("cut", at)):
        random = Random(f"{seed} {len(under.operations)}")
        after = home / "after"
        after.mkdir()
        under.survivors(random, after)
        if (acked := home / "data" / "acked").exists() and random.random() < 0.5:
            shutil.copy(acked, after)
        examine(after, history, life.acked)


def test_a_journal_that_does_not_sync_is_caught(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = schema.connect

    def careless(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
        connection = connect(path, flags, vfs)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(schema, "connect", careless)
    with pytest.raises((AssertionError, JournalError)):
        test_a_power_cut_at_every_operation(tmp_path, history, 0)
