"""Backups of a journal in use, and repairs of a damaged one."""

from __future__ import annotations

from pathlib import Path

import pytest

from usernel.journal.copying import backup, repair
from usernel.journal.directory import DataDirectory
from usernel.journal.port import JournalDamagedError, JournalError, Record
from usernel.kernel import facts

from .conftest import Left
from .histories import History
from .storing import check, examine, is_whole, make_snapshot, opened
from .test_damage import LOG, closed, damage_of, flip, ignored, statement


def test_a_backup_of_a_journal_in_use_is_its_equal(left: Left, tmp_path: Path) -> None:
    storage = opened(left.copy(tmp_path / "data").path)
    seen: list[Record] = []
    try:
        copied = backup(storage.directory, tmp_path / "copy", facts.VERSION, seen.append)
        assert seen == list(storage.read())
        assert (copied.base, copied.position, copied.damage) == (18, left.history.last, None)
        assert copied.records == len(left.history.after(18))
    finally:
        storage.close()
    assert DataDirectory(tmp_path / "copy").acked == left.history.last
    examine(tmp_path / "copy", left.history, left.history.last)


def test_a_backup_is_the_journal_at_one_moment(history: History, tmp_path: Path) -> None:
    """What is appended, made and reclaimed while it is copied is not in it."""
    storage = opened(tmp_path / "data")
    first, *others = history.records
    storage.append(first)
    later = iter([*others[:6]])

    def meanwhile(_record: Record) -> None:
        for record in later:
            storage.append(record)
        if storage.base_bytes == 0:
            make_snapshot(storage, [storage_part._replace(position=storage.position) for storage_part in history.final])

    copied = backup(storage.directory, tmp_path / "copy", facts.VERSION, meanwhile)
    storage.close()
    assert copied.position == first.position
    copy = opened(tmp_path / "copy")
    check(copy, history, first.position)
    copy.close()


def test_a_backup_of_nothing_is_nothing(tmp_path: Path) -> None:
    opened(tmp_path / "data").close()
    assert backup(DataDirectory(tmp_path / "data"), tmp_path / "copy", facts.VERSION, ignored).position == 0
    opened(tmp_path / "copy").close()


def test_a_backup_of_a_damaged_journal_leaves_nothing(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    statement(directory, "DELETE FROM record WHERE position = 21")
    with pytest.raises(JournalDamagedError, match="position 18"):
        backup(directory, tmp_path / "copy", facts.VERSION, ignored)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_backup_of_a_journal_without_its_end_leaves_nothing(left: Left, tmp_path: Path) -> None:
    directory = left.copy(tmp_path / "data")
    (directory.path / LOG).unlink()
    with pytest.raises(JournalDamagedError, match="23 was acknowledged"):
        backup(directory, tmp_path / "copy", facts.VERSION, ignored)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_backup_goes_nowhere_where_something_is(left: Left, tmp_path: Path) -> None:
    directory = left.copy(tmp_path / "data")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("mine")
    with pytest.raises(JournalError, match="not empty"):
        backup(directory, tmp_path / "copy", facts.VERSION, ignored)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]


def test_there_is_no_backup_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        backup(DataDirectory(tmp_path), tmp_path / "copy", facts.VERSION, ignored)


def test_a_repaired_journal_ends_before_the_damage(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    statement(directory, "UPDATE record SET data = x'00' WHERE position = 23")
    copied = repair(directory, facts.VERSION, ignored)
    assert (copied.position, copied.base) == (21, 18)
    assert copied.damage is not None
    assert copied.damage.position == 21
    assert directory.acked == 0
    storage = opened(directory.path)
    check(storage, left.history, 21)
    storage.close()
    assert (directory.path / "damaged-1" / "journal.db").exists()


def test_each_damaged_journal_is_kept(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    for number, position in ((1, 23), (2, 21)):
        statement(directory, f"UPDATE record SET time_ns = 7 WHERE position = {position}")
        damaged = directory.database.read_bytes()
        repair(directory, facts.VERSION, ignored)
        assert (directory.path / f"damaged-{number}" / "journal.db").read_bytes() == damaged
    storage = opened(directory.path)
    check(storage, left.history, 18)
    storage.close()


def test_a_damaged_snapshot_loses_nothing(left: Left, tmp_path: Path) -> None:
    """The one before it is there, with all records behind it."""
    directory = closed(left, tmp_path)
    statement(directory, "UPDATE snapshot_part SET checksum = 0 WHERE position = 18 AND part = 1")
    assert isinstance(damage_of(directory, left.history), JournalDamagedError)
    copied = repair(directory, facts.VERSION, ignored)
    assert (copied.base, copied.position, copied.damage) == (10, left.history.last, None)
    examine(directory.path, left.history, left.history.last)


def test_with_no_snapshot_whole_there_is_only_a_backup(left: Left, tmp_path: Path) -> None:
    directory = closed(left, tmp_path)
    statement(directory, "UPDATE snapshot_part SET checksum = 0")
    before = directory.database.read_bytes()
    with pytest.raises(JournalError, match="restore a backup"):
        repair(directory, facts.VERSION, ignored)
    assert directory.database.read_bytes() == before
    assert not list(directory.path.glob("damaged-*"))


def test_a_log_with_a_flipped_bit_is_kept_with_its_database(left: Left, tmp_path: Path) -> None:
    directory = left.copy(tmp_path / "data")
    flip(directory.path / LOG, 8 * 9000)
    damaged = (directory.path / LOG).read_bytes()
    assert damage_of(directory, left.history) is not None
    copied = repair(directory, facts.VERSION, ignored)
    assert (directory.path / "damaged-1" / LOG).read_bytes() == damaged
    storage = opened(directory.path)
    assert is_whole(list(storage.read()), left.history, copied.position)
    storage.close()


def test_a_journal_in_use_is_not_repaired(left: Left, tmp_path: Path) -> None:
    storage = opened(left.copy(tmp_path / "data").path)
    with pytest.raises(JournalError, match="another usernel"):
        repair(storage.directory, facts.VERSION, ignored)
    check(storage, left.history, left.history.last)
    storage.close()


@pytest.mark.parametrize("at", ["_replace", "_keep"])
def test_a_repair_that_was_cut_short_is_ended_by_the_next(
    left: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    directory = closed(left, tmp_path)
    statement(directory, "UPDATE record SET data = x'00' WHERE position = 23")
    with monkeypatch.context() as cut:
        cut.setattr(f"usernel.journal.copying.{at}", killed)
        with pytest.raises(KeyboardInterrupt):
            repair(directory, facts.VERSION, ignored)
    assert repair(directory, facts.VERSION, ignored).position == 21
    storage = opened(directory.path)
    check(storage, left.history, 21)
    storage.close()
    assert not (directory.path / "repaired").exists()


def killed(*_args: object) -> None:
    raise KeyboardInterrupt
