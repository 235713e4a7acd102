"""Reading a journal's database, every checksum checked: for recovery, and for whoever wants to know."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw

from .checksum import checksum
from .port import JournalDamagedError, Record

RECORDS: Final = "SELECT position, facts, time_ns, checksum, data FROM record WHERE position > ? ORDER BY position"
SNAPSHOTS: Final = "SELECT position, parts, time_ns FROM snapshot ORDER BY 1 DESC"
FIRST: Final = "SELECT position - facts FROM record ORDER BY position LIMIT 1"
PARTS: Final = """
    SELECT part, position, facts, time_ns, checksum, data FROM snapshot_part NOT INDEXED
    WHERE position = ? ORDER BY id
"""
"""Parts are written in their order. Without the index a snapshot is whole also where only the index is damaged."""
COUNTS: Final = """
    SELECT (SELECT count(*) FROM record), (SELECT ifnull(min(position - facts), 0) FROM record),
           (SELECT ifnull(max(position), 0) FROM record), (SELECT ifnull(sum(length(data)), 0) FROM record),
           (SELECT ifnull(sum(length(data)), 0) FROM record WHERE position > ?1),
           (SELECT ifnull(sum(length(data)), 0) FROM snapshot_part NOT INDEXED WHERE position = ?1)
"""
DAMAGED: Final = (
    apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError, apsw.TooBigError, apsw.NoMemError,
    UnicodeDecodeError,
)  # fmt: skip
"""What reading from a database with flipped bits may raise: a table that is none, a length that cannot be."""


@dataclass(frozen=True, slots=True)
class Base:
    """A finished snapshot: everything up to ``position``, in so many parts. Position 0 is the empty beginning."""

    position: int
    parts: int
    time_ns: int


EMPTY: Final = Base(0, 0, 0)


class Extent(NamedTuple):
    """How much there is: positions, and bytes of the newest snapshot, of what lies behind it, of all records."""

    records: int
    first: int
    last: int
    record_bytes: int
    tail_bytes: int
    base: Base
    base_bytes: int


def bases(connection: apsw.Connection) -> list[Base]:
    """The finished snapshots, the newest first, and the empty beginning where the records go back to it.

    JournalDamagedError where there is neither that can be read.
    """
    with _reading():
        found = [Base(*_numbers(row)) for row in connection.execute(SNAPSHOTS)]
    try:
        with _reading():
            starts = [_numbers(row)[0] for row in connection.execute(FIRST)]
    except JournalDamagedError:
        if not found:
            raise
        return found
    return found if found and (not starts or starts[0] > 0) else [*found, EMPTY]


def extent(connection: apsw.Connection) -> Extent:
    """How much there is, without reading it. JournalDamagedError."""
    base = bases(connection)[0]
    with _reading():
        row = next(connection.execute(COUNTS, (base.position,)))
        records, first, last, size, tail, base_size = _numbers(row)
    return Extent(records, first, max(last, base.position), size, tail, base, base_size)


def parts(connection: apsw.Connection, base: Base) -> Iterator[Record]:
    """The parts of a snapshot. JournalDamagedError, at position 0, where one is missing or is not as it was written."""
    expected = 0
    for part, record, intact in scan_parts(connection, base):
        if part != expected or not intact:
            raise JournalDamagedError(0, f"part {expected} of the snapshot at {base.position} is not as it was written")
        expected += 1
        yield record
    if expected != base.parts:
        raise JournalDamagedError(0, f"the snapshot at {base.position} has {expected} of its {base.parts} parts")


def scan_parts(connection: apsw.Connection, base: Base) -> Iterator[tuple[int, Record, bool]]:
    """The parts of a snapshot that can be read, their numbers, and whether each is as it was written.

    JournalDamagedError, at position 0, where the database itself is damaged.
    """
    if base == EMPTY:
        return
    for part, position, facts, time_ns, found, data in _rows(connection, PARTS, base.position, 0):
        record = Record(position, facts, time_ns, data)
        yield part, record, _intact(record, found)


def records(connection: apsw.Connection, after: int) -> Iterator[Record]:
    """The records behind a position. JournalDamagedError where one is missing or is not as it was written."""
    good = after
    for record, intact in scan(connection, after):
        if not intact:
            raise JournalDamagedError(good, f"the record up to {record.position} is not as it was written")
        if record.position - record.facts != good:
            raise JournalDamagedError(good, f"the record behind it begins at {record.position - record.facts + 1}")
        yield record
        good = record.position


def scan(connection: apsw.Connection, after: int) -> Iterator[tuple[Record, bool]]:
    """The records behind a position that can be read, and whether each is as it was written.

    JournalDamagedError where the database itself is damaged.
    """
    for position, facts, time_ns, found, data in _rows(connection, RECORDS, after, after):
        record = Record(position, facts, time_ns, data)
        yield record, _intact(record, found)


def _intact(record: Record, found: object) -> bool:
    """Whether a record is the one that was written. Where bits flipped, its fields need not even be numbers."""
    try:
        return checksum(record) == found
    except (struct.error, TypeError):
        return False


def _rows(connection: apsw.Connection, statement: str, argument: int, good: int) -> Iterator[tuple[Any, ...]]:
    """Rows; where the database itself is damaged, JournalDamagedError behind the last position that was read."""
    with _reading(good):
        cursor = connection.execute(statement, (argument,))
    while True:
        with _reading(good):
            row = next(cursor, None)
        if row is None:
            return
        yield row
        if statement is RECORDS:
            good = row[0]


def _numbers(row: tuple[Any, ...]) -> tuple[int, ...]:
    """A row of numbers. JournalDamagedError where bits flipped and there is something else."""
    if not all(isinstance(value, int) for value in row):
        raise JournalDamagedError(0, f"the database is damaged: {row} are not all numbers")
    return row


@contextmanager
def _reading(good: int = 0) -> Iterator[None]:
    """What SQLite says of a database that is damaged, as a JournalDamagedError behind the position ``good``."""
    try:
        yield
    except DAMAGED as error:
        raise JournalDamagedError(good, f"the database is damaged: {error}") from None
