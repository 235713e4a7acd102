"""Looking at all of a journal: each damage is told of, with its place, and looking changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import apsw
import pytest

from usernel.journal.copying import backup, open_reading, repair
from usernel.journal.directory import DataDirectory, holder
from usernel.journal.port import JournalDamagedError, Record
from usernel.journal.reading import bases, parts
from usernel.journal.sqlite import SqliteStorage
from usernel.journal.verifying import DATABASE, END, RECORD, SNAPSHOT, Damage, Verified, first_of, verify

VERSION = 1
SNAPSHOTS = (8, 14)
LAST = 20


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """Records of two facts, the first from position 9; snapshots of two parts."""
    storage = SqliteStorage(DataDirectory(tmp_path / "data"), VERSION)
    for position in range(2, LAST + 1, 2):
        storage.append(Record(position, 2, position, b"record %d" % position))
        if position in SNAPSHOTS:
            _snapshot(storage, position)
    storage.close()
    return storage.directory


def _snapshot(storage: SqliteStorage, position: int) -> None:
    for part in range(2):
        storage.add_part(part, Record(position, 1, position, b"part %d of %d" % (part, position)))
    storage.finish_snapshot(position, 2, position)
    while storage.reclaim():
        pass


def look(directory: DataDirectory) -> Verified:
    return verify(directory, VERSION, lambda what, total: None, lambda size: None)


def damage(directory: DataDirectory, *statements: str) -> None:
    connection = apsw.Connection(str(directory.database))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def mutilate(directory: DataDirectory, name: str, change: Callable[[bytes], bytes]) -> None:
    """Overwrite the only page of a table or index."""
    connection = apsw.Connection(str(directory.database))
    page = next(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)))[0]
    connection.close()
    data = bytearray(directory.database.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    data[(page - 1) * size : page * size] = change(bytes(data[(page - 1) * size : page * size]))
    directory.database.write_bytes(data)


def test_what_is_whole_is_told_of(directory: DataDirectory):
    stages: list[tuple[str, int | None]] = []
    sizes: list[int] = []
    found = verify(directory, VERSION, lambda what, total: stages.append((what, total)), sizes.append)
    assert (found.first, found.last, found.records, found.acked) == (9, LAST, 6, LAST)
    assert (found.snapshots, found.parts, found.damages) == (SNAPSHOTS[::-1], 4, ())
    assert stages == [("the database", None), ("snapshots and records", found.bytes)]
    assert sum(sizes) == found.bytes


def test_each_damage_is_told_of_with_the_last_good_position_before_it(directory: DataDirectory):
    damage(
        directory,
        "UPDATE record SET data = x'00' WHERE position = 12",
        "UPDATE record SET facts = 1 WHERE position = 16",
        "UPDATE snapshot_part SET data = x'00' WHERE position = 14 AND part = 1",
        "DELETE FROM snapshot_part WHERE position = 8 AND part = 1",
    )
    assert look(directory).damages == (
        Damage(SNAPSHOT, 14, "part 1 is not as it was written"),
        Damage(SNAPSHOT, 8, "it has 1 of its 2 parts"),
        Damage(RECORD, 10, "the record up to 12 is not as it was written"),
        Damage(RECORD, 14, "the record up to 16 is not as it was written"),
    )


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM record WHERE position = 16", Damage(RECORD, 14, "the record behind it begins at 17")),
        ("DELETE FROM record WHERE position = 10", Damage(RECORD, 8, "the record behind it begins at 11")),
        ("DELETE FROM record WHERE position > 18", Damage(END, 18, "it ends there, and 20 was acknowledged")),
    ],
)
def test_a_record_that_is_missing_is_told_of(directory: DataDirectory, statement: str, found: Damage):
    damage(directory, statement)
    assert look(directory).damages == (found,)


def test_records_between_two_snapshots_may_not_be_missing(directory: DataDirectory):
    damage(directory, "DELETE FROM record WHERE position > 12")
    assert look(directory).damages == (
        Damage(RECORD, 12, "the records up to the snapshot at 14 are missing"),
        Damage(END, 14, "it ends there, and 20 was acknowledged"),
    )


def test_the_rest_is_looked_at_where_the_database_is_damaged(directory: DataDirectory):
    mutilate(directory, "snapshot_part", lambda page: bytes(len(page)))
    found = look(directory)
    assert {damage.kind for damage in found.damages} == {DATABASE, SNAPSHOT}
    assert (found.records, found.last) == (6, LAST)
    assert first_of(found.damages).kind == SNAPSHOT


def test_a_damaged_index_costs_no_snapshot(directory: DataDirectory, tmp_path: Path):
    mutilate(directory, "sqlite_autoindex_snapshot_part_1", lambda page: bytes(len(page)))
    assert {damage.kind for damage in look(directory).damages} == {DATABASE}
    copied = repair(directory, VERSION, lambda record: None)
    assert (copied.base, copied.position, copied.damage) == (14, LAST, None)
    assert look(directory).damages == ()


def test_a_database_that_cannot_be_read_at_all_is_a_damage(directory: DataDirectory):
    mutilate(directory, "journal", lambda page: bytes(len(page)))
    (found,) = look(directory).damages
    assert (found.kind, found.position) == (DATABASE, 0)


def test_looking_changes_no_byte(directory: DataDirectory):
    damage(directory, "UPDATE record SET data = x'00' WHERE position = 12")
    before = directory.database.read_bytes()
    look(directory)
    assert directory.database.read_bytes() == before


@pytest.mark.parametrize("value", ["NULL", "'text'", "-1", "1.5"])
def test_a_field_that_is_no_number_any_more_is_damage(directory: DataDirectory, value: str):
    # As flipped bits in the head of a row make it; SQLite itself would refuse to write it.
    damage(
        directory,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(replace(sql, ' STRICT', ''), 'NOT NULL', '') WHERE name = 'record'",
        "PRAGMA writable_schema = RESET",
        f"UPDATE record SET facts = {value}, time_ns = {value}, data = {value} WHERE position = 16",
    )
    assert Damage(RECORD, 14, "the record up to 16 is not as it was written") in look(directory).damages


def test_a_backup_of_a_journal_that_lost_its_end_is_refused(directory: DataDirectory, tmp_path: Path):
    damage(directory, "DELETE FROM record WHERE position > 18")
    with pytest.raises(JournalDamagedError, match="20 was acknowledged"):
        backup(directory, tmp_path / "copy", VERSION, lambda record: None)
    assert not (tmp_path / "copy").exists()


def test_whoever_is_told_of_a_record_may_find_it_damaged(directory: DataDirectory):
    def on_record(record: Record) -> None:
        if record.position == 18:
            raise JournalDamagedError(16, "it makes no sense")

    copied = repair(directory, VERSION, on_record)
    assert (copied.position, copied.damage and copied.damage.why) == (16, "it makes no sense")
    assert look(directory).last == 16
    assert copied.kept is not None
    assert (copied.kept / "journal.db").exists()


def test_who_holds_a_directory_is_known_without_disturbing_it(directory: DataDirectory, tmp_path: Path):
    assert holder(DataDirectory(tmp_path / "nowhere")) is None
    assert holder(directory) is None
    storage = SqliteStorage(directory, VERSION)
    assert holder(directory) == os.getpid()
    storage.close()
    assert holder(directory) is None


def test_a_reader_that_stops_in_the_middle_lets_go(directory: DataDirectory):
    connection = open_reading(directory, VERSION)
    reading: Iterator[Record] = parts(connection, bases(connection)[0])
    assert len(list(islice(reading, 1))) == 1
    connection.close()
