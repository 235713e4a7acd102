"""``usernel journal repair`` and ``backup``: the good part of a journal, and another just like it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .. import show
from ..failure import Failure
from ..options import Options, pass_options
from ..parts import done
from .bar import Bar, bar
from .place import place_options, refusing, size
from .verify import Checked, check, replaying, sentence

if TYPE_CHECKING:
    from usernel.journal.copying import Copied
    from usernel.journal.directory import DataDirectory
    from usernel.journal.port import Record

NOTHING_GOOD: Final = "nothing of it can be recovered: restore a backup"


@click.command()
@place_options
@pass_options
def repair(options: Options, directory: DataDirectory) -> None:
    """Replace a damaged journal by what is good of it, and keep the damaged one beside it.

    Good is the newest snapshot that is whole and what stands behind it up to the first damage. A journal that is not
    damaged is left as it is. The service must not run.
    """
    with refusing(options, directory, NOTHING_GOOD), bar() as shown:
        _refuse_held(options, directory)
        checked = check(directory, shown)
        copied = _repaired(directory, checked, shown) if checked.damages else None
    if copied is None:
        done(options, "nothing is damaged, and nothing was changed", repaired=False, position=checked.read.last)
    elif options.json:
        show.as_json(_as_object(checked, copied))
    else:
        _tell(checked, copied)


def _refuse_held(options: Options, directory: DataDirectory) -> None:
    from usernel.journal.directory import holder

    pid = holder(directory)
    if pid is not None:
        raise Failure(options, f"a service (pid {pid or 'unknown'}) uses {directory.path}: stop it first", held_by=pid)


def _repaired(directory: DataDirectory, checked: Checked, shown: Bar) -> Copied:
    """Copy what is good: what can be read, and replayed too."""
    from usernel.journal.copying import repair
    from usernel.kernel.facts import VERSION

    shown.stage("repair", checked.read.bytes)
    with replaying() as replay:

        def on_record(record: Record) -> None:
            replay.fold(record)
            shown.add(len(record.data))

        return repair(directory, VERSION, on_record)


def _lost(checked: Checked, copied: Copied) -> tuple[int, int] | None:
    """From which position up to which, as far as is known, nothing was recovered; None where nothing is lost."""
    last = max(checked.read.last, checked.read.acked)
    return (copied.position + 1, last) if last > copied.position else None


def _as_object(checked: Checked, copied: Copied) -> dict[str, Any]:
    return {
        "repaired": True, "position": copied.position, "records": copied.records, "snapshot_position": copied.base,
        "lost": _lost(checked, copied), "kept": str(copied.kept),
        "damages": [asdict(damage) for damage in checked.damages],
    }  # fmt: skip


def _tell(checked: Checked, copied: Copied) -> None:
    click.echo(sentence(checked.damages).replace(" is ", " was ", 1))
    lost = _lost(checked, copied)
    if lost is not None:
        click.echo(f"lost: positions {lost[0]} to {lost[1]}" if lost[1] > lost[0] else f"lost: position {lost[0]}")
    else:
        click.echo("lost: nothing" if copied.damage is None else f"lost: what stood behind {copied.position}, if any")
    click.echo(f"recovered: everything up to position {copied.position}")
    click.echo(f"the damaged journal is kept in {copied.kept}")


@click.command()
@click.argument("dest", metavar="DEST")
@place_options
@pass_options
def backup(options: Options, directory: DataDirectory, dest: str) -> None:
    """Copy a journal, in use or not, to the new directory DEST, from which `usernel serve --data-dir DEST` starts."""
    with refusing(options, directory), bar() as shown:
        target = Path(dest).resolve()
        copied, count = _backed_up(directory, target, shown)
    told = {"position": copied.position, "snapshot_position": copied.base, "records": copied.records, "bytes": count}
    snapshot = f"the snapshot at {copied.base} and " if copied.base else ""
    behind = f"{snapshot}{copied.records:,} records"
    done(
        options, f"{target} holds everything up to position {copied.position}: {behind}, {size(count)}",
        directory=str(target), **told,
    )  # fmt: skip


def _backed_up(directory: DataDirectory, target: Path, shown: Bar) -> tuple[Copied, int]:
    """Copy; what was copied, and how many bytes."""
    from usernel.journal.copying import backup
    from usernel.kernel.facts import VERSION

    shown.stage("backup", _size(directory))
    count = 0

    def on_record(record: Record) -> None:
        nonlocal count
        count += len(record.data)
        shown.add(len(record.data))

    copied = backup(directory, target, VERSION, on_record)
    return copied, count


def _size(directory: DataDirectory) -> int:
    """Bytes that a backup copies."""
    from usernel.journal.copying import open_reading
    from usernel.journal.reading import extent
    from usernel.kernel.facts import VERSION

    connection = open_reading(directory, VERSION)
    try:
        known = extent(connection)
    finally:
        connection.close()
    return known.base_bytes + known.tail_bytes
