"""What a journal keeps of its past, and how it gives back the rest: a few rows a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from usernel.journal import sqlite
from usernel.journal.port import JournalDamagedError, Record
from usernel.journal.sqlite import KEPT_SNAPSHOTS, RECLAIM_ROWS, SqliteStorage

from .storing import opened

TABLES = ("record", "snapshot", "snapshot_part")


@pytest.fixture
def storage(tmp_path: Path):
    made = opened(tmp_path)
    made._connection.execute("PRAGMA synchronous = OFF")
    yield made
    made.close()


def record(position: int, size: int = 10) -> Record:
    return Record(position, 1, position, bytes(size))


def rows(storage: SqliteStorage) -> dict[str, list[int]]:
    """The positions in each table."""
    return {
        table: [row[0] for row in storage._connection.execute(f"SELECT position FROM {table} ORDER BY position")]
        for table in TABLES
    }


def append(storage: SqliteStorage, last: int, size: int = 10) -> None:
    for position in range(storage.position + 1, last + 1):
        storage.append(record(position, size))


def finish(storage: SqliteStorage, parts: int = 1) -> None:
    """A snapshot of now."""
    for part in range(parts):
        storage.add_part(part, record(storage.position))
    storage.finish_snapshot(storage.position, parts, 1)


def reclaim(storage: SqliteStorage) -> int:
    steps = 0
    while storage.reclaim():
        steps += 1
    return steps


def test_with_one_snapshot_everything_is_kept(storage: SqliteStorage):
    append(storage, 5)
    finish(storage)
    assert reclaim(storage) == 0
    assert rows(storage) == {"record": [1, 2, 3, 4, 5], "snapshot": [5], "snapshot_part": [5]}


@pytest.mark.parametrize("count", [KEPT_SNAPSHOTS - 1, KEPT_SNAPSHOTS, KEPT_SNAPSHOTS + 1, KEPT_SNAPSHOTS + 3])
def test_the_newest_snapshots_are_kept_with_the_records_behind_the_oldest(storage: SqliteStorage, count: int):
    for number in range(1, count + 1):
        append(storage, 3 * number)
        finish(storage, parts=2)
    append(storage, 3 * count + 2)
    reclaim(storage)
    kept = [3 * number for number in range(1, count + 1)][-KEPT_SNAPSHOTS:]
    first = kept[0] + 1 if count >= KEPT_SNAPSHOTS else 1
    assert rows(storage) == {
        "record": list(range(first, storage.position + 1)), "snapshot": kept, "snapshot_part": sorted(kept * 2),
    }  # fmt: skip
    assert [found.position for found in storage.read()] == [3 * count] * 2 + [3 * count + 1, 3 * count + 2]


@pytest.mark.parametrize(("count", "steps"), [
    (RECLAIM_ROWS - 1, 1), (RECLAIM_ROWS, 1), (RECLAIM_ROWS + 1, 2), (3 * RECLAIM_ROWS, 3), (3 * RECLAIM_ROWS + 1, 4),
])  # fmt: skip
def test_a_step_deletes_a_bounded_number_of_rows(storage: SqliteStorage, count: int, steps: int):
    append(storage, count)
    finish(storage)
    append(storage, count + 1)
    finish(storage)
    left = []
    while storage.reclaim():
        left.append(len(rows(storage)["record"]))
    assert left[:steps] == [max(count + 1 - RECLAIM_ROWS * step, 1) for step in range(1, steps + 1)]
    assert set(left[steps:]) <= {1}


def test_parts_of_what_was_not_finished_go_a_few_at_a_time(storage: SqliteStorage):
    append(storage, 1)
    finish(storage, parts=2)
    append(storage, 2)
    for part in range(RECLAIM_ROWS + 1):
        storage.add_part(part, record(2))
    assert storage.reclaim()
    assert rows(storage)["snapshot_part"] == [1, 1, 2]
    reclaim(storage)
    assert rows(storage) == {"record": [1, 2], "snapshot": [1], "snapshot_part": [1, 1]}
    finish(storage, parts=3)
    assert len(list(storage.read())) == 3


def test_the_files_become_smaller(storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite, "RECLAIM_PAGES", 7)
    append(storage, 40, size=20_000)
    finish(storage)
    append(storage, 41)
    finish(storage)
    pages = storage._connection.pragma("page_count")
    assert reclaim(storage) > 20
    assert storage._connection.pragma("freelist_count") == 0
    assert storage._connection.pragma("page_count") < pages // 10


def test_what_it_tells_of_itself(storage: SqliteStorage):
    append(storage, 4)
    assert (storage.base_bytes, storage.tail_bytes) == (0, 40)
    finish(storage, parts=2)
    append(storage, 5)
    assert (storage.base_bytes, storage.tail_bytes) == (20, 10)
    shown = storage.stat()
    assert (shown["position"], shown["records"], shown["record_bytes"]) == (5, 5, 50)
    assert (shown["snapshot_position"], shown["snapshot_bytes"], shown["tail_bytes"]) == (4, 20, 10)
    finish(storage)
    reclaim(storage)
    shown = storage.stat()
    assert (shown["records"], shown["record_bytes"], shown["tail_bytes"]) == (1, 10, 0)


def test_a_snapshot_that_lacks_a_part_is_damage(storage: SqliteStorage):
    append(storage, 1)
    storage.add_part(0, record(1))
    storage.add_part(2, record(1))
    storage.finish_snapshot(1, 3, 1)
    with pytest.raises(JournalDamagedError, match="part 1 of the snapshot at 1"):
        list(storage.read())
