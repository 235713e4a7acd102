"""Looking at all of a journal, one that may be in use: whatever is not as it was written, not only the first of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import apsw

from .copying import open_reading
from .directory import DataDirectory
from .port import JournalDamagedError
from .reading import DAMAGED, EMPTY, Base, bases, scan, scan_parts

DATABASE: Final = "database"
SNAPSHOT: Final = "snapshot"
RECORD: Final = "record"
END: Final = "end"
STATE: Final = "state"
CHECK_STEPS: Final = 100_000
"""Steps of SQLite's own check between two moments at which Ctrl-C is heard."""
TOTAL: Final = """
    SELECT (SELECT ifnull(sum(length(data)), 0) FROM record) + (SELECT ifnull(sum(length(data)), 0) FROM snapshot_part)
"""
IN_MAIN: Final = "*** in database main *** "

OnStage = Callable[[str, int | None], None]
"""Told of what is looked at next, and how many bytes that has (None: nobody knows)."""
OnBytes = Callable[[int], None]
"""Told of bytes that were looked at."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written.

    ``kind`` says what: the ``database`` itself, a ``snapshot``, a ``record``, the ``end`` of what was acknowledged, the
    ``state`` that it stands for. ``position`` is that of the snapshot, else the last that is good before the damage.
    """

    kind: str
    position: int
    why: str

    def __str__(self) -> str:
        if self.kind == DATABASE:
            return f"in the database: {self.why}"
        where = "in the snapshot at" if self.kind == SNAPSHOT else "behind position"
        return f"{where} {self.position}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at: records with positions from ``first`` to ``last``, the snapshots at ``snapshots``."""

    first: int = 0
    last: int = 0
    records: int = 0
    snapshots: tuple[int, ...] = ()
    parts: int = 0
    bytes: int = 0
    acked: int = 0
    damages: tuple[Damage, ...] = ()


def verify(directory: DataDirectory, facts_version: int, on_stage: OnStage, on_bytes: OnBytes) -> Verified:
    """Look at everything: SQLite's own check, each part and record, the acknowledged end.

    JournalError where there is no journal, or none that this version reads. Damage is not an error here.
    """
    acked = directory.acked  # before what is read: whatever is acknowledged from now on need not be there
    try:
        connection = open_reading(directory, facts_version)
    except JournalDamagedError as error:
        return Verified(acked=acked, damages=(Damage(DATABASE, 0, error.why),))
    try:
        return _Verification(connection, acked, on_bytes).run(on_stage)
    finally:
        connection.close()


class _Verification:
    """One look at a journal, and what came of it so far."""

    def __init__(self, connection: apsw.Connection, acked: int, on_bytes: OnBytes) -> None:
        self._connection = connection
        self._acked = acked
        self._on_bytes = on_bytes
        self._damages: list[Damage] = []
        self._records = self._parts = self._bytes = self._first = self._last = 0

    def run(self, on_stage: OnStage) -> Verified:
        on_stage("the database", None)
        self._check_database()
        try:
            found = bases(self._connection)
        except JournalDamagedError as error:
            self._add(DATABASE, 0, error.why)
            return self._verified(())
        on_stage("snapshots and records", self._total())
        snapshots = [base for base in found if base != EMPTY]
        for base in snapshots:
            self._check_snapshot(base)
        self._check_records(found)
        self._check_end(found)
        return self._verified(tuple(base.position for base in snapshots))

    def _verified(self, snapshots: tuple[int, ...]) -> Verified:
        damages = tuple(dict.fromkeys(self._damages))
        return Verified(
            self._first, self._last, self._records, snapshots, self._parts, self._bytes, self._acked, damages
        )

    def _total(self) -> int | None:
        """Bytes to look at; None where that cannot be counted."""
        try:
            total = next(self._connection.execute(TOTAL))[0]
        except DAMAGED:
            return None
        return total if isinstance(total, int) else None

    def _add(self, kind: str, position: int, why: str) -> None:
        self._damages.append(Damage(kind, position, why))

    def _looked_at(self, size: int) -> None:
        self._bytes += size
        self._on_bytes(size)

    def _check_database(self) -> None:
        """SQLite's own check: its trees and pages, the order of the keys in them."""
        self._connection.set_progress_handler(_go_on, CHECK_STEPS)
        try:
            for (line,) in self._connection.execute("PRAGMA quick_check"):
                if line != "ok":
                    self._add(DATABASE, 0, " ".join(str(line).split()).removeprefix(IN_MAIN))
        except DAMAGED as error:
            self._add(DATABASE, 0, str(error))
        finally:
            self._connection.set_progress_handler(None)

    def _check_snapshot(self, base: Base) -> None:
        damaged = partial(self._add, SNAPSHOT, base.position)
        count = 0
        try:
            for part, record, intact in scan_parts(self._connection, base):
                count += 1
                if intact:
                    self._looked_at(len(record.data))
                else:
                    damaged(f"part {part} is not as it was written")
        except JournalDamagedError as error:
            damaged(error.why)
        else:
            if count != base.parts:
                damaged(f"it has {count} of its {base.parts} parts")
        self._parts += count

    def _check_records(self, found: list[Base]) -> None:
        """Each record, and that each begins where the one before it ends: from the oldest snapshot on, or before it."""
        good = found[-1].position
        try:
            for record, intact in scan(self._connection, -1):
                self._records += 1
                if self._records == 1 and intact:
                    self._first = record.position - record.facts + 1
                    good = min(good, self._first - 1)
                if not intact:
                    self._add(RECORD, good, f"the record up to {record.position} is not as it was written")
                else:
                    if record.position - record.facts != good:
                        self._add(RECORD, good, f"the record behind it begins at {record.position - record.facts + 1}")
                    self._looked_at(len(record.data))
                good = record.position
        except JournalDamagedError as error:
            self._add(RECORD, good, error.why)
        self._last = good

    def _check_end(self, found: list[Base]) -> None:
        snapshot = found[0].position
        if self._last < snapshot:
            self._add(RECORD, self._last, f"the records up to the snapshot at {snapshot} are missing")
            self._last = snapshot
        if self._last < self._acked:
            self._add(END, self._last, f"it ends there, and {self._acked} was acknowledged")


def _go_on() -> bool:
    """Nothing is interrupted but by the exception that a signal raises here."""
    return False


def first_of(damages: tuple[Damage, ...]) -> Damage:
    """The damage to name where only one is: the first by position, one of the database only where there is no other."""
    return min(damages, key=lambda damage: (damage.kind == DATABASE, damage.position))


__all__ = ["DATABASE", "END", "RECORD", "SNAPSHOT", "STATE", "Damage", "Verified", "first_of", "verify"]
