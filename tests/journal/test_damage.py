"""Flipped bits, lost files and lost rows: a journal reads as all that was acknowledged, or says that it is damaged."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from usernel.journal.copying import repair
from usernel.journal.directory import DataDirectory
from usernel.journal.port import JournalDamagedError, JournalError, Record
from usernel.kernel import facts

from .conftest import Left
from .histories import History, read
from .storing import go_on, is_whole, opened

FLIPS = 200
DATABASE, LOG = "journal.db", "journal.db-wal"


def ignored(record: Record) -> None:
    """Nobody looks at what is copied."""


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file around."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def damage_of(directory: DataDirectory, history: History) -> JournalError | None:
    """Why a journal cannot be read; None where it reads as the whole history, to the byte."""
    try:
        storage = opened(directory.path)
    except JournalError as error:
        return error
    try:
        found, damage = read(storage)
        if damage is None:
            assert storage.position == history.last
            assert is_whole(found, history, history.last), "bytes that were never written"
        return damage
    finally:
        storage.close()


def statement(directory: DataDirectory, sql: str) -> None:
    """Do something to the database that usernel would not."""
    connection = apsw.Connection(str(directory.database))
    connection.execute(sql)
    assert connection.changes() or not sql.startswith(("DELETE", "UPDATE"))
    connection.close()


def test_what_a_killed_process_left_is_whole(left: Left, tmp_path: Path) -> None:
    assert damage_of(left.copy(tmp_path / "data"), left.history) is None
    assert DataDirectory(left.path).acked == left.history.last
    assert all((left.path / name).stat().st_size > 10_000 for name in (DATABASE, LOG))


@pytest.mark.parametrize("seed", range(2))
def test_a_bit_flipped_in_the_log(left: Left, tmp_path: Path, seed: int) -> None:
    flips_anywhere(left, tmp_path, LOG, seed)


@pytest.mark.parametrize("seed", range(2))
def test_a_bit_flipped_in_the_database(left: Left, tmp_path: Path, seed: int) -> None:
    flips_anywhere(Left(closed(left, tmp_path).path, left.history), tmp_path, DATABASE, seed)


def flips_anywhere(left: Left, tmp_path: Path, name: str, seed: int) -> None:
    """Many flips; each second journal is repaired, and what comes out is a prefix of the history that goes on."""
    random = Random(f"{name} {seed}")
    size, damaged = (left.path / name).stat().st_size, 0
    for number in range(FLIPS):
        directory = left.copy(tmp_path / str(number))
        flip(directory.path / name, random.randrange(size * 8))
        damage = damage_of(directory, left.history)
        damaged += damage is not None
        if damage is not None and number % 2:
            repaired(directory, left.history)
    assert damaged > FLIPS // 50


def repaired(directory: DataDirectory, history: History) -> None:
    """Repair a journal, and see that what is left of it is a prefix, and a journal as any other."""
    before = (directory.path / DATABASE).read_bytes()
    try:
        copied = repair(directory, facts.VERSION, ignored)
    except JournalError:
        assert (directory.path / DATABASE).read_bytes() == before
        return
    assert (directory.path / "damaged-1" / DATABASE).exists()
    assert (copied.damage is None) == (copied.position == history.last)
    storage = opened(directory.path)
    try:
        assert storage.position == copied.position
        assert is_whole(list(storage.read()), history, copied.position)
        go_on(storage, history)
    finally:
        storage.close()


def places_of(path: Path, data: bytes) -> list[int]:
    """Where in a file some data begins."""
    content, places, at = path.read_bytes(), [], -1
    while (at := content.find(data, at + 1)) >= 0:
        places.append(at)
    return places


def test_a_bit_flipped_in_each_record_and_part(left: Left, tmp_path: Path) -> None:
    base = max(left.history.snapshots)
    needed = [*left.history.snapshots[base], *left.history.after(base)]
    for number, record in enumerate(needed):
        directory = left.copy(tmp_path / str(number))
        places = [(name, at) for name in (DATABASE, LOG) for at in places_of(left.path / name, record.data[:100])]
        assert places, record.position
        for name, at in places:
            flip(directory.path / name, (at + min(len(record.data), 100) - 1) * 8)
        assert isinstance(damage_of(directory, left.history), JournalDamagedError)


@pytest.mark.parametrize("number", [0, 1])
def test_a_lost_record_is_found_with_its_position(left: Left, tmp_path: Path, number: int) -> None:
    directory = closed(left, tmp_path)
    behind = left.history.after(max(left.history.snapshots))
    behind = [Record(max(left.history.snapshots), 0, 0, b""), *behind]
    statement(directory, f"DELETE FROM record WHERE position = {behind[number + 1].position}")
    damage = damage_of(directory, left.history)
    assert isinstance(damage, JournalDamagedError)
    assert damage.position == behind[number].position


def closed(left: Left, tmp_path: Path) -> DataDirectory:
    """The journal, with everything in the database."""
    directory = left.copy(tmp_path / "data")
    opened(directory.path).close()
    assert not (directory.path / LOG).exists()
    return directory


@pytest.mark.parametrize("column", ["position", "facts", "time_ns", "checksum"])
def test_another_number_in_a_record_is_found(left: Left, tmp_path: Path, column: str) -> None:
    directory = closed(left, tmp_path)
    record = left.history.after(max(left.history.snapshots))[0]
    statement(directory, f"UPDATE record SET {column} = {column} + 1 WHERE position = {record.position}")
    assert isinstance(damage_of(directory, left.history), JournalDamagedError)


@pytest.mark.parametrize("table", ["record", "snapshot", "snapshot_part"])
def test_an_emptied_table_is_found(left: Left, tmp_path: Path, table: str) -> None:
    directory = closed(left, tmp_path)
    statement(directory, f"DELETE FROM {table}")
    assert isinstance(damage_of(directory, left.history), JournalDamagedError)


def test_a_deleted_log_is_found(left: Left, tmp_path: Path) -> None:
    directory = left.copy(tmp_path / "data")
    (directory.path / LOG).unlink()
    damage = damage_of(directory, left.history)
    assert isinstance(damage, JournalDamagedError)
    assert damage.position < left.history.last
    assert f"{left.history.last} was acknowledged" in str(damage)


def test_a_shortened_log_is_found(left: Left, tmp_path: Path) -> None:
    log = (left.path / LOG).read_bytes()
    for number, size in enumerate(range(0, len(log), 1237)):
        directory = left.copy(tmp_path / str(number))
        (directory.path / LOG).write_bytes(log[:size])
        damage_of(directory, left.history)


@pytest.mark.parametrize("size", [0, 100, 4096, 8192])
def test_a_shortened_database_is_found(left: Left, tmp_path: Path, size: int) -> None:
    directory = closed(left, tmp_path)
    directory.database.write_bytes(directory.database.read_bytes()[:size])
    assert isinstance(damage_of(directory, left.history), JournalDamagedError)


def test_an_empty_database_is_no_new_journal_where_something_was_acknowledged(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    directory.database.unlink()
    damage = damage_of(directory, left.history)
    assert isinstance(damage, JournalDamagedError)
    assert "is empty" in str(damage)


@pytest.mark.parametrize("content", [b"", b"torn", bytes(12), b"\xff" * 12])
def test_a_torn_acked_file_tells_nothing_and_harms_nothing(left: Left, tmp_path: Path, content: bytes) -> None:
    directory = left.copy(tmp_path / "data")
    (directory.path / "acked").write_bytes(content)
    assert directory.acked == 0
    assert damage_of(directory, left.history) is None
    assert directory.acked == left.history.last


def test_what_is_refused_stays_as_it_was(left: Left, tmp_path: Path) -> None:
    """Also its write-ahead log, which whoever closes a database last moves into it."""
    directory = left.copy(tmp_path / "data")
    flip(directory.path / LOG, (left.path / LOG).stat().st_size * 4)
    before = {name: (directory.path / name).read_bytes() for name in (DATABASE, LOG, "acked")}
    assert damage_of(directory, left.history) is not None
    assert {name: (directory.path / name).read_bytes() for name in before} == before
