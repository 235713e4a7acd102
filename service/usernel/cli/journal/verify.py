"""``usernel journal verify``: all of a journal, down to the state that it stands for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from .. import show
from ..failure import Failure
from ..options import Options, pass_options
from .bar import Bar, bar
from .place import fields, place_options, refusing, repair_of

if TYPE_CHECKING:
    import apsw

    from usernel.journal.directory import DataDirectory
    from usernel.journal.port import Record
    from usernel.journal.verifying import Damage, Verified


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read of a journal, and how many facts were replayed of it (None: it was not tried)."""

    read: Verified
    facts: int | None
    damages: tuple[Damage, ...]


@click.command()
@place_options
@pass_options
def verify(options: Options, directory: DataDirectory) -> None:
    """Check all of a journal and replay it. The exit status is 1 where anything is damaged."""
    with refusing(options, directory), bar() as shown:
        checked = check(directory, shown)
    if options.json:
        show.as_json(as_object(directory, checked))
    else:
        tell(checked)
    if checked.damages:
        raise Failure(options, f"{sentence(checked.damages)}; {repair_of(directory)}", **_place(checked.damages))
    if not options.json:
        click.echo("nothing is damaged")


def check(directory: DataDirectory, shown: Bar) -> Checked:
    """Read everything, then replay what recovery would. JournalError; damage is none."""
    from usernel.journal.verifying import verify
    from usernel.kernel.facts import VERSION

    read = verify(directory, VERSION, shown.stage, shown.add)
    if read.damages:
        return Checked(read, None, read.damages)
    facts, damages = _replayed(directory, shown)
    return Checked(read, facts, damages)


def _replayed(directory: DataDirectory, shown: Bar) -> tuple[int, tuple[Damage, ...]]:
    """Replay what can be read; how many facts, and the damage where they make no sense."""
    from usernel.journal.copying import open_reading
    from usernel.journal.port import JournalDamagedError
    from usernel.journal.reading import extent
    from usernel.journal.verifying import STATE, Damage
    from usernel.kernel.facts import VERSION

    connection, facts = open_reading(directory, VERSION), 0
    try:
        known = extent(connection)
        shown.stage("replay", known.base_bytes + known.tail_bytes)
        with replaying() as replay:
            for record in _since_snapshot(connection):
                facts += replay.fold(record)
                shown.add(len(record.data))
    except JournalDamagedError as error:
        return facts, (Damage(STATE, error.position, error.why),)
    finally:
        connection.close()
    return facts, ()


def _since_snapshot(connection: apsw.Connection) -> Iterator[Record]:
    from usernel.journal.reading import bases, parts, records

    base = bases(connection)[0]
    yield from parts(connection, base)
    yield from records(connection, base.position)


class Replay:
    """A fresh kernel, and the facts that it is made to go through."""

    def __init__(self) -> None:
        from usernel.kernel.kernel import Kernel
        from usernel.runtime.recovery import fold

        self._kernel = Kernel()
        self._fold = fold

    def fold(self, record: Record) -> int:
        """Fold a record; how many facts it had. JournalDamagedError where they make no sense."""
        count = self._fold(self._kernel, record, self._kernel.position)
        self._kernel.position = record.position
        return count


@contextmanager
def replaying() -> Iterator[Replay]:
    """A replay. Nothing that is folded is garbage, and until it ends nobody looks for any."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield Replay()
    finally:
        if enabled:
            gc.enable()


def as_object(directory: DataDirectory, checked: Checked) -> dict[str, Any]:
    """What was checked, for programs."""
    read = asdict(checked.read)
    return {
        "directory": str(directory.path),
        **{("first_position" if name == "first" else "position" if name == "last" else name): value
           for name, value in read.items()},
        "replayed_facts": checked.facts,
        "damages": [asdict(damage) for damage in checked.damages],
    }  # fmt: skip


def tell(checked: Checked) -> None:
    """What was checked, and each damage, for people."""
    from usernel.journal.verifying import DATABASE

    read = checked.read
    at = "".join(f", at {position}" for position in read.snapshots)
    span = f", positions {read.first} to {read.last}" if read.records else ""
    database = any(damage.kind == DATABASE for damage in checked.damages)
    fields(
        {
            "database": "damaged" if database else "ok",
            "snapshots": f"{len(read.snapshots)} in {read.parts} parts{at}",
            "records": f"{read.records:,}{span}",
            "acknowledged": str(read.acked or "unknown"),
            "replayed": "not tried" if checked.facts is None else f"{checked.facts:,} facts",
        }
    )
    if checked.damages:
        rows = [(damage.kind, damage.position, show.printable(damage.why)) for damage in checked.damages]
        show.table(("damaged", "position", "how"), rows, "")


def sentence(damages: tuple[Damage, ...]) -> str:
    """The first damage, and how many more there are."""
    from usernel.journal.verifying import first_of

    more = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
    return show.printable(f"the journal is damaged {first_of(damages)}{more}")


def _place(damages: tuple[Damage, ...]) -> dict[str, int]:
    from usernel.journal.verifying import first_of

    return {"position": first_of(damages).position}
