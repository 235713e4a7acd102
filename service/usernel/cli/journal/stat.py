"""``usernel journal stat``: how much a journal holds, and who writes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from .. import show
from ..options import Options, pass_options
from .place import fields, place_options, refusing, size

if TYPE_CHECKING:
    import apsw

    from usernel.journal.directory import DataDirectory
    from usernel.journal.reading import Extent

NSEC_PER_SEC = 1_000_000_000
LAST_NS = 2**62
"""A time behind which no clock shows any."""


@click.command()
@place_options
@pass_options
def stat(options: Options, directory: DataDirectory) -> None:
    """Show a journal's positions and sizes, and which service writes it."""
    with refusing(options, directory):
        found = _found(directory)
    if options.json:
        show.as_json(found)
    else:
        fields(_shown(found))


def _found(directory: DataDirectory) -> dict[str, Any]:
    from usernel.journal.copying import open_reading
    from usernel.journal.directory import holder
    from usernel.journal.reading import EMPTY, bases, extent
    from usernel.kernel.facts import VERSION

    acked = directory.acked
    connection = open_reading(directory, VERSION)
    try:
        known, kept = extent(connection), [base.position for base in bases(connection) if base != EMPTY]
        versions = _versions(connection)
    finally:
        connection.close()
    files = [path.stat().st_size for path in (directory.database, *directory.beside) if path.exists()]
    return {
        "directory": str(directory.path), "held_by": holder(directory), **versions, **_extent(known), "acked": acked,
        "snapshots": kept, "file_bytes": sum(files),
    }  # fmt: skip


def _versions(connection: apsw.Connection) -> dict[str, Any]:
    written = dict(connection.execute("SELECT name, value FROM journal"))
    return {"schema_version": connection.pragma("user_version"), "facts_version": written.get("facts_version", 0)}


def _extent(known: Extent) -> dict[str, Any]:
    base = known.base
    return {
        "first_position": known.first + 1 if known.records else None, "position": known.last, "records": known.records,
        "record_bytes": known.record_bytes, "tail_bytes": known.tail_bytes, "snapshot_position": base.position,
        "snapshot_bytes": known.base_bytes, "snapshot_time_ns": base.time_ns,
        "snapshot_age_seconds": round(time.time() - base.time_ns / NSEC_PER_SEC, 3) if base.position else None,
    }  # fmt: skip


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    records = f"{found['records']:,}, {size(found['record_bytes'])}"
    if found["records"]:
        records += f", from position {found['first_position']}"
    pid = found["held_by"]
    return {
        "directory": found["directory"],
        "written by": "nobody now" if pid is None else f"a service now (pid {pid or 'unknown'})",
        "format": f"schema {found['schema_version']}, facts {found['facts_version']}",
        "position": f"{found['position']}, acknowledged {found['acked'] or 'unknown'}",
        "records": records,
        "newest snapshot": _snapshot(found),
        "behind it": size(found["tail_bytes"]),
        "snapshots kept": f"{len(found['snapshots'])}" + "".join(f", at {at}" for at in found["snapshots"]),
        "files": size(found["file_bytes"]),
    }


def _snapshot(found: dict[str, Any]) -> str:
    if not found["snapshot_position"]:
        return "none yet"
    made, age = found["snapshot_time_ns"], max(int(found["snapshot_age_seconds"]), 0)
    when = show.clock(made / NSEC_PER_SEC) if 0 < made < LAST_NS else "at an unknown time"
    return f"at {found['snapshot_position']}, {size(found['snapshot_bytes'])}, {when} ({_age(age)} ago)"


def _age(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
