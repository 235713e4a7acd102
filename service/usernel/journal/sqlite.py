"""The embedded journal: SQLite in WAL mode with ``synchronous = FULL``, one row a group commit.

SQLite comes with APSW and not with Python: the version is one that is known (older ones could damage a database that
two connections used, as a backup of a running service does), and tests put a file layer of their own beneath it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import apsw

from . import schema
from .checksum import checksum
from .directory import Acked, DataDirectory, Lock
from .port import JournalDamagedError, JournalError, JournalFullError, Record
from .reading import Extent, bases, extent, parts, records

KEPT_SNAPSHOTS: Final = 2
RECLAIM_ROWS: Final = 16
"""Rows that one step of reclaiming deletes."""
RECLAIM_PAGES: Final = 1024
"""Pages that one step gives back to the file system."""
WRITE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


class SqliteStorage:
    """A journal in a data directory, open for writing by this process alone.

    JournalError where it cannot be: another process has it, it is no journal, a newer version wrote it.
    JournalDamagedError where it ends before what was acknowledged.
    """

    def __init__(self, directory: DataDirectory, facts_version: int, *, vfs: str | None = None) -> None:
        directory.make()
        self.directory = directory
        self._lock = Lock(directory)
        try:
            directory.make_private(directory.database)
            self._connection = schema.connect(directory.database, WRITE, vfs)
            self._extent, self._acked = self._take_over(facts_version)
        except BaseException:
            self._lock.release()
            raise

    def _take_over(self, facts_version: int) -> tuple[Extent, Acked]:
        """Everything else that opening means; where that fails the journal stays as it was found."""
        path = self.directory.database
        try:
            self._prepare(facts_version)
            found = self._measure()
            acked = Acked(self.directory)
            acked.tell(found.last)
        except (apsw.Error, OSError) as error:
            self._abandon()
            raise _opening(path, error) from None
        except BaseException:
            self._abandon()
            raise
        return found, acked

    def _prepare(self, facts_version: int) -> None:
        connection = self._connection
        if schema.is_empty(connection):
            if self.directory.acked:
                raise JournalDamagedError(0, f"the database is empty, and {self.directory.acked} was acknowledged")
            schema.create(connection, facts_version)
            self.directory.sync()
        schema.check(connection, self.directory.database, facts_version)
        schema.announce(connection, facts_version)
        connection.execute(f"PRAGMA wal_autocheckpoint = {schema.CHECKPOINT_PAGES}")

    def _measure(self) -> Extent:
        found = extent(self._connection)
        if found.last < self.directory.acked:
            raise JournalDamagedError(found.last, f"it ends there, and {self.directory.acked} was acknowledged")
        return found

    def _abandon(self) -> None:
        """Close a journal that is not to be used, and leave its write-ahead log where it is."""
        with suppress(apsw.Error):
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._connection.close()

    @property
    def position(self) -> int:
        """That of the last fact that is durable."""
        return self._extent.last

    def read(self) -> Iterator[Record]:
        """The parts of the newest snapshot, then every record behind it. JournalDamagedError."""
        base = bases(self._connection)[0]
        yield from parts(self._connection, base)
        yield from records(self._connection, base.position)

    def append(self, record: Record) -> None:
        """Keep a record; it is durable when this returns. JournalFullError; any other JournalError is final."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?)", (*record[:3], checksum(record), record.data)
            )
        self._acked.tell(record.position)
        size, known = len(record.data), self._extent
        self._extent = known._replace(
            records=known.records + 1, last=record.position, record_bytes=known.record_bytes + size,
            tail_bytes=known.tail_bytes + size,
        )  # fmt: skip

    def add_part(self, part: int, record: Record) -> None:
        """Keep a part of the snapshot at ``record.position``."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO snapshot_part VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                (record.position, part, *record[1:3], checksum(record), record.data),
            )

    def finish_snapshot(self, position: int, parts: int, time_ns: int) -> None:
        """A snapshot has all its parts, and counts from now on."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO snapshot VALUES (?, ?, ?)", (position, parts, time_ns))
        self._extent = extent(self._connection)

    def reclaim(self) -> bool:
        """Give back some of the space of what is not needed any more; False where there is nothing left to give."""
        with self._transaction() as connection:
            deleted = self._delete_some(connection)
            free = connection.pragma("freelist_count")
            if free and not deleted:
                connection.execute(f"PRAGMA incremental_vacuum({RECLAIM_PAGES})")
        if not (deleted or free):
            self._extent = extent(self._connection)
            return False
        return True

    def _delete_some(self, connection: apsw.Connection) -> int:
        """Delete a few rows: parts that no finished snapshot needs, old snapshots, the records before the oldest."""
        kept = bases(connection)[:KEPT_SNAPSHOTS]
        needed = tuple(base.position for base in kept)
        marks = ", ".join("?" * len(needed))
        oldest = needed[-1] if len(needed) == KEPT_SNAPSHOTS else 0
        before = connection.total_changes()
        connection.execute(f"DELETE FROM snapshot WHERE position NOT IN ({marks})", needed)  # noqa: S608 - marks only
        for table, key, where, values in (
            ("snapshot_part", "id", f"position NOT IN ({marks})", needed),
            ("record", "position", "position <= ?", (oldest,)),
        ):
            connection.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {where} LIMIT {RECLAIM_ROWS})",  # noqa: S608 - names and marks of this line
                values,
            )
        return connection.total_changes() - before

    @contextmanager
    def loading(self) -> Iterator[None]:
        """A journal is filled from another: only all of it together becomes durable, when this ends."""
        self._connection.execute("PRAGMA synchronous = OFF")
        yield
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _transaction(self) -> Iterator[apsw.Connection]:
        """All of it, or nothing. JournalFullError where it may be tried again; JournalError where it must not be."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                self._roll_back()
            if isinstance(error, apsw.Error):
                raise _failure(error) from None
            raise

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except apsw.Error:
            pass  # the failure that led here is the one to report

    @property
    def base_bytes(self) -> int:
        """Bytes of the newest snapshot."""
        return self._extent.base_bytes

    @property
    def tail_bytes(self) -> int:
        """Bytes of the records behind it."""
        return self._extent.tail_bytes

    def stat(self) -> dict[str, Any]:
        """Its positions and sizes."""
        known, base = self._extent, self._extent.base
        return {
            "position": known.last, "records": known.records,
            "record_bytes": known.record_bytes, "tail_bytes": known.tail_bytes, "snapshot_position": base.position,
            "snapshot_bytes": known.base_bytes, "snapshot_time_ns": base.time_ns, "file_bytes": self._file_bytes(),
        }  # fmt: skip

    def _file_bytes(self) -> int:
        paths = (self.directory.database, *self.directory.beside)
        return sum(path.stat().st_size for path in paths if path.exists())

    def close(self) -> None:
        """Let go of it; the last to close moves the write-ahead log into the database."""
        try:
            self._connection.close()
        finally:
            self._acked.close()
            self._lock.release()


def _opening(path: Any, error: apsw.Error | OSError) -> JournalError:
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return JournalDamagedError(0, f"{path} cannot be read: {error}")
    return JournalError(f"{path} cannot be opened: {error}")


def _failure(error: apsw.Error) -> JournalError:
    """What a failed transaction means. A failed sync is final: nobody knows what the disk has of what was written."""
    if isinstance(error, apsw.FullError):
        return JournalFullError("the disk is full")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return JournalFullError("another program holds the journal's database")
    if isinstance(error, apsw.ReadOnlyError):
        return JournalFullError("the journal cannot be written: it is read-only")
    return JournalError(f"the journal cannot be written: {error}")
