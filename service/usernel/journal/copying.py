"""Copies of a journal: a backup of one that may be in use, and the good part of one that is damaged.

Both are made record by record through the checksums, so that a copy is never worse than what was read, and both are
made beside their place and moved there when they are whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw

from . import schema
from .directory import DataDirectory, Lock
from .port import JournalDamagedError, JournalError, Record
from .reading import DAMAGED, EMPTY, Base, bases, parts, records
from .sqlite import SqliteStorage

READ: Final = apsw.SQLITE_OPEN_READWRITE
"""A reader of a database in WAL mode has to write into the index that it shares with the writer."""
OnRecord = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: everything up to ``position``; ``damage`` is why it holds no more.

    ``kept`` is where the original is, when the copy took its place.
    """

    base: int
    position: int
    records: int
    damage: JournalDamagedError | None = None
    kept: Path | None = None


def open_reading(directory: DataDirectory, facts_version: int) -> apsw.Connection:
    """A connection that only reads, beside a service that may be writing. JournalError."""
    path = directory.database
    if not path.exists():
        raise JournalError(f"there is no journal in {directory.path}")
    connection = schema.connect(path, READ, None)
    try:
        # A damaged journal stays as it is: the last to close would move the write-ahead log into the database.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        schema.check(connection, path, facts_version)
        connection.execute("BEGIN")  # what is read is the journal as it is now, however long it takes
        connection.execute("SELECT count(*) FROM journal").fetchall()
    except (*DAMAGED, TypeError) as error:  # a version that is no number any more cannot be compared
        connection.close()
        raise JournalDamagedError(0, f"{path} cannot be read: {error}") from None
    except apsw.Error as error:
        connection.close()
        raise JournalError(f"{path} cannot be read: {error}") from None
    except JournalError:
        connection.close()
        raise
    return connection


def backup(source: DataDirectory, target: Path, facts_version: int, on_record: OnRecord) -> Copied:
    """Copy a journal, in use or not, to a new data directory. JournalError; JournalDamagedError leaves no copy."""
    if target.exists() and any(target.iterdir()):
        raise JournalError(f"{target} is not empty")
    acked = source.acked  # before what is read: whatever is acknowledged from now on need not be in the copy
    connection = open_reading(source, facts_version)
    beside = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        base = bases(connection)[0]
        copied = _copy(connection, base, DataDirectory(beside), facts_version, on_record)
        damage = copied.damage or _lost(copied, acked)
        if damage is not None:
            raise damage
        target.mkdir(parents=True, exist_ok=True)
        beside.rename(target)
    finally:
        connection.close()
        shutil.rmtree(beside, ignore_errors=True)
    return copied


def repair(directory: DataDirectory, facts_version: int, on_record: OnRecord) -> Copied:
    """Replace a damaged journal by its good part, and keep the damaged one beside it. JournalError where none is good.

    The good part is the newest snapshot that is whole, or the empty beginning, and what stands behind it up to the
    first damage. A repair that was cut short is ended by the next.
    """
    lock = Lock(directory)
    whole = DataDirectory(directory.path / "repaired")
    try:
        if whole.path.exists():
            copied = _ended(whole, facts_version)
        else:
            copied = _good_part(directory, whole, facts_version, on_record)
        kept = _replace(directory, whole)
        (directory.path / "acked").unlink(missing_ok=True)
        shutil.rmtree(whole.path)
    finally:
        lock.release()
    return replace(copied, kept=kept)


def _good_part(directory: DataDirectory, whole: DataDirectory, facts_version: int, on_record: OnRecord) -> Copied:
    """Copy what is good of a journal; the copy has its place only once it is whole."""
    unfinished = DataDirectory(whole.path.with_name(f"{whole.path.name}.unfinished"))
    shutil.rmtree(unfinished.path, ignore_errors=True)
    connection = open_reading(directory, facts_version)
    try:
        copied = _copy(connection, _good_base(connection), unfinished, facts_version, on_record)
        unfinished.path.rename(whole.path)
    finally:
        connection.close()
        shutil.rmtree(unfinished.path, ignore_errors=True)
    return replace(copied, damage=copied.damage or _lost(copied, directory.acked))


def _ended(whole: DataDirectory, facts_version: int) -> Copied:
    """What a repair that was cut short had copied."""
    storage = SqliteStorage(whole, facts_version)
    try:
        stat = storage.stat()
    finally:
        storage.close()
    return Copied(stat["snapshot_position"], stat["position"], stat["records"])


def _lost(copied: Copied, acked: int) -> JournalDamagedError | None:
    """The damage of a journal that could be copied to its end, where that is before what was acknowledged."""
    if copied.position >= acked:
        return None
    return JournalDamagedError(copied.position, f"it ends there, and {acked} was acknowledged")


def _good_base(connection: apsw.Connection) -> Base:
    """The newest snapshot that is whole, or the beginning where the records go back to it. JournalError for neither."""
    damage: JournalDamagedError | None = None
    for base in bases(connection):
        try:
            for _ in parts(connection, base):
                pass
        except JournalDamagedError as error:
            damage = damage or error
        else:
            return base
    raise JournalError(f"no snapshot is whole, and nothing stands before them: {damage}; restore a backup")


def _copy(
    connection: apsw.Connection, base: Base, target: DataDirectory, facts_version: int, on_record: OnRecord
) -> Copied:
    """Copy a snapshot and what is good behind it into a new data directory.

    ``on_record`` sees each record before it is copied, and may find damage too: JournalDamagedError.
    """
    storage = SqliteStorage(target, facts_version)
    count, damage = 0, None
    try:
        with storage.loading():
            for part, record in enumerate(parts(connection, base)):
                on_record(record)
                storage.add_part(part, record)
            if base != EMPTY:
                storage.finish_snapshot(base.position, base.parts, base.time_ns)
            try:
                for record in records(connection, base.position):
                    on_record(record)
                    storage.append(record)
                    count += 1
            except JournalDamagedError as error:
                damage = error
        return Copied(base.position, storage.position, count, damage)
    finally:
        storage.close()


def _replace(directory: DataDirectory, repaired: DataDirectory) -> Path:
    """Put the repaired database in the place of the damaged one; where that is now, under the next free number."""
    kept = next(path for path in _damaged_names(directory) if not path.exists())
    kept.mkdir()
    for path in (*directory.beside, directory.database):
        if path.exists():
            _keep(path, kept / path.name)
    directory.sync()
    # Before the database: a write-ahead log beside another than its own would be taken for that one's.
    for path in directory.beside:
        path.unlink(missing_ok=True)
    repaired.database.replace(directory.database)
    directory.sync()
    return kept


def _keep(path: Path, to: Path) -> None:
    """Give a file a second name, or where there are none, a copy."""
    try:
        to.hardlink_to(path)
    except OSError:
        shutil.copy2(path, to)


def _damaged_names(directory: DataDirectory) -> Iterator[Path]:
    number = 1
    while True:
        yield directory.path / f"damaged-{number}"
        number += 1


__all__ = ["Copied", "backup", "open_reading", "repair"]
