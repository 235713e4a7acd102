"""Steps with a journal's storage, and what must hold of it."""

from __future__ import annotations

from pathlib import Path

from usernel.journal.directory import DataDirectory
from usernel.journal.port import Record
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts

from .histories import History


def opened(directory: Path, vfs: str | None = None) -> SqliteStorage:
    """A journal, open for writing."""
    return SqliteStorage(DataDirectory(directory), facts.VERSION, vfs=vfs)


def make_snapshot(storage: SqliteStorage, parts: list[Record]) -> None:
    """A snapshot, and the space that it frees."""
    for part, record in enumerate(parts):
        storage.add_part(part, record)
    storage.finish_snapshot(parts[0].position, len(parts), 1)
    while storage.reclaim():
        pass


def is_whole(found: list[Record], history: History, position: int) -> bool:
    """Whether records are those of a history up to a position, or a snapshot of it and those behind that.

    They then lead to the state of that position, which is looked at once.
    """
    for base, parts in {0: [], **history.snapshots}.items():
        if found == parts + [record for record in history.after(base) if record.position <= position]:
            if (base, position) not in history.seen:
                assert history.state_of(found) == history.states[position]
                history.seen.add((base, position))
            return base <= position
    return False


def check(storage: SqliteStorage, history: History, position: int) -> None:
    """It reads as the history up to a position, to the byte, and leads to the state of then."""
    assert is_whole(list(storage.read()), history, position)


def go_on(storage: SqliteStorage, history: History) -> None:
    """What of the history is missing is appended, a snapshot made and space reclaimed as if nothing had been."""
    for record in history.after(storage.position):
        storage.append(record)
    check(storage, history, history.last)
    make_snapshot(storage, history.final)
    assert list(storage.read()) == history.final


def examine(directory: Path, history: History, acked: int) -> None:
    """All that was acknowledged is there, as it was written; the journal can be read, and goes on."""
    storage = opened(directory)
    storage._connection.execute("PRAGMA synchronous = OFF")
    try:
        assert storage.position >= acked, "what was acknowledged is gone"
        check(storage, history, storage.position)
        go_on(storage, history)
    finally:
        storage.close()
