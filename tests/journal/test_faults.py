"""A journal on a disk that fails at each single write and sync of its life: what was acknowledged is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeVar

import apsw
import pytest

from usernel.journal import schema
from usernel.journal.port import JournalError, JournalFullError

from .faulty import Disk, Fault, disk
from .histories import History
from .storing import examine, make_snapshot, opened

T = TypeVar("T")
ATTEMPTS = 8
KINDS = {
    "one I/O error": lambda at: Fault("error", at),
    "I/O errors from there on": lambda at: Fault("error", at, float("inf")),
    "no room for a moment": lambda at: Fault("full", at),
    "no room for a while": lambda at: Fault("full", at, 5),
    "a torn write with the process killed": lambda at: Fault("torn", at),
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory, where there is such: what is synced here is not the disk's to lose."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


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


def persisting(act: Callable[[], T]) -> T:
    """Try again while the disk is full."""
    for _ in range(ATTEMPTS):
        with suppress(JournalFullError):
            return act()
    return act()


def lives(place: Path, history: History, fault: Callable[[int], Fault]) -> Iterator[tuple[Disk, Life, Path]]:
    """A life with a fault at its first operation, one at the second, and so on until one ends without it."""
    at = 0
    while True:
        at += 1
        home = place / str(at)
        with disk(fault(at)) as under:
            life = Life()
            life.run(home / "data", history, under.name)
            yield under, life, home
            shutil.rmtree(home)
            if len(under.operations) < at:
                assert life.ended
                return


def test_a_life_has_every_kind_of_operation(place: Path, history: History) -> None:
    with disk() as under:
        life = Life()
        life.run(place / "data", history, under.name)
    assert (life.ended, life.acked) == (True, history.last)
    assert {kind for kind, _ in under.operations} == {"write", "sync", "truncate", "delete"}
    moved = [name for kind, name in under.operations if kind == "sync" and name == "journal.db"]
    assert len(moved) > 3, "the write-ahead log is moved into the database only at the end"
    assert all(len(parts) > 2 for parts in history.snapshots.values())
    examine(place / "data", history, life.acked)
    examine(place / "killed", history, life.acked)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_operation(place: Path, history: History, kind: str) -> None:
    count = 0
    for under, life, home in lives(place, history, KINDS[kind]):
        count += 1
        left = [home / "killed"] if under.dead else [home / "killed", home / "data"]
        for directory in left:
            if directory.exists():
                examine(directory, history, life.acked)
    assert count > 200


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_at_every_operation(place: Path, history: History, seed: int) -> None:
    """What was written and not synced is there in part, or not at all; the file ``acked`` may be as old as can be."""
    for under, life, home in lives(place, history, lambda at: Fault("cut", at)):
        random = Random(f"{seed} {len(under.operations)}")
        after = home / "after"
        after.mkdir()
        under.survivors(random, after)
        if (acked := home / "data" / "acked").exists() and random.random() < 0.5:
            shutil.copy(acked, after)
        examine(after, history, life.acked)


def test_a_journal_that_does_not_sync_is_caught(place: Path, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = schema.connect

    def careless(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
        connection = connect(path, flags, vfs)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(schema, "connect", careless)
    with pytest.raises((AssertionError, JournalError)):
        test_a_power_cut_at_every_operation(place, history, 0)
