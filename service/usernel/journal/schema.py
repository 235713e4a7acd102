"""The database of a journal: its tables, its settings, and the versions it was written by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from .port import JournalDamagedError, JournalError

APPLICATION_ID: Final = 0x75736E6C
"""``usnl``: what tells file(1), and us, whose database it is."""
SCHEMA_VERSION: Final = 1
BUSY_MS: Final = 5_000
"""How long a commit waits for somebody else who writes: there should be nobody."""
WAL_BYTES: Final = 64 * 1024 * 1024
"""To what the write-ahead log is cut when it was longer and is empty again."""
CHECKPOINT_PAGES: Final = 4_000
"""Pages in the write-ahead log (of 4 KiB) after which a commit moves them into the database."""
TABLES: Final = """
CREATE TABLE journal (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE record (
    position INTEGER PRIMARY KEY, facts INTEGER NOT NULL, time_ns INTEGER NOT NULL, checksum INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE snapshot (position INTEGER PRIMARY KEY, parts INTEGER NOT NULL, time_ns INTEGER NOT NULL) STRICT;
CREATE TABLE snapshot_part (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL, part INTEGER NOT NULL, facts INTEGER NOT NULL,
    time_ns INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (position, part)
) STRICT;
"""


def connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    """A connection to a journal's database. JournalError where there is none to be had, JournalDamagedError too."""
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise JournalDamagedError(0, f"{path} cannot be read: {error}") from None
    except apsw.Error as error:
        raise JournalError(f"{path} cannot be opened: {error}") from None
    return connection


def create(connection: apsw.Connection, facts_version: int) -> None:
    """Make the tables of a new journal."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLES)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("INSERT INTO journal VALUES ('facts_version', ?)", (facts_version,))
    connection.execute("COMMIT")


def is_empty(connection: apsw.Connection) -> bool:
    """Whether nothing was ever made in this database."""
    return not list(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1"))


def check(connection: apsw.Connection, path: Path, facts_version: int) -> None:
    """JournalError where the database is no journal, or was written by a newer version."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise JournalError(f"{path} is no journal of usernel's")
    schema = connection.pragma("user_version")
    written = list(connection.execute("SELECT value FROM journal WHERE name = 'facts_version'"))
    facts = written[0][0] if written else 0
    if schema > SCHEMA_VERSION or facts > facts_version:
        raise JournalError(
            f"{path} was written by a newer usernel (schema {schema}, facts {facts}); this one reads schema "
            f"{SCHEMA_VERSION} and facts {facts_version}: start the newer one"
        )


def announce(connection: apsw.Connection, facts_version: int) -> None:
    """Say which version writes from now on, so that an older one will refuse."""
    connection.execute("UPDATE journal SET value = ?1 WHERE name = 'facts_version' AND value < ?1", (facts_version,))
