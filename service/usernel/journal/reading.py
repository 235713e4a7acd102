"""Reading a journal's database, every checksum checked: for recovery, and for whoever wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw

from .checksum import checksum
from .port import JournalDamagedError, Record

RECORDS: Final = "SELECT position, facts, time_ns, checksum, data FROM record WHERE position > ? ORDER BY position"
PARTS: Final = (
    "SELECT part, position, facts, time_ns, checksum, data FROM snapshot_part WHERE position = ? ORDER BY part"
)
COUNTS: Final = """
    SELECT (SELECT count(*) FROM record), (SELECT ifnull(min(position - facts), 0) FROM record),
           (SELECT ifnull(max(position), 0) FROM record), (SELECT ifnull(sum(length(data)), 0) FROM record),
           (SELECT ifnull(sum(length(data)), 0) FROM record WHERE position > ?1),
           (SELECT ifnull(sum(length(data)), 0) FROM snapshot_part WHERE position = ?1)
"""


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
    """The finished snapshots, the newest first, and the empty beginning where the records go back to it."""
    found = [Base(*row) for row in connection.execute("SELECT position, parts, time_ns FROM snapshot ORDER BY 1 DESC")]
    first = list(connection.execute("SELECT position - facts FROM record ORDER BY position LIMIT 1"))
    return found if found and (not first or first[0][0] > 0) else [*found, EMPTY]


def extent(connection: apsw.Connection) -> Extent:
    """How much there is, without reading it."""
    base = bases(connection)[0]
    records, first, last, size, tail, base_size = next(connection.execute(COUNTS, (base.position,)))
    return Extent(records, first, max(last, base.position), size, tail, base, base_size)


def parts(connection: apsw.Connection, base: Base) -> Iterator[Record]:
    """The parts of a snapshot. JournalDamagedError, at position 0, where one is missing or is not as it was written."""
    expected = 0
    for part, position, facts, time_ns, found, data in _rows(connection, PARTS, base.position, 0):
        record = Record(position, facts, time_ns, data)
        if part != expected or checksum(record) != found:
            raise JournalDamagedError(0, f"part {expected} of the snapshot at {base.position} is not as it was written")
        expected += 1
        yield record
    if expected != base.parts:
        raise JournalDamagedError(0, f"the snapshot at {base.position} has {expected} of its {base.parts} parts")


def records(connection: apsw.Connection, after: int) -> Iterator[Record]:
    """The records behind a position. JournalDamagedError where one is missing or is not as it was written."""
    good = after
    for position, facts, time_ns, found, data in _rows(connection, RECORDS, after, after):
        record = Record(position, facts, time_ns, data)
        if record.position - record.facts != good:
            raise JournalDamagedError(good, f"the record behind it begins at {record.position - record.facts + 1}")
        if checksum(record) != found:
            raise JournalDamagedError(good, f"the record up to {record.position} is not as it was written")
        yield record
        good = record.position


def _rows(connection: apsw.Connection, statement: str, argument: int, good: int) -> Iterator[tuple[Any, ...]]:
    """Rows; where the database itself is damaged, JournalDamagedError behind the last position that was read."""
    cursor = connection.execute(statement, (argument,))
    while True:
        try:
            row = next(cursor, None)
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
            raise JournalDamagedError(good, f"the database is damaged: {error}") from None
        if row is None:
            return
        yield row
        if statement is RECORDS:
            good = row[0]
