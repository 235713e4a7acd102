"""``usernel journal dump``: the facts of a journal, one a line."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from .. import show
from ..options import Options, pass_options
from ..parts import as_object
from .place import place_options, refusing

if TYPE_CHECKING:
    import apsw

    from usernel.journal.directory import DataDirectory
    from usernel.journal.port import Record
    from usernel.kernel.facts import Fact

NSEC_PER_SEC = 1_000_000_000
BROKEN_PIPE: Final = 141
"""What a shell reports of a program that wrote to nobody."""
BEGINS: Final = "SELECT position - facts FROM record WHERE position > ? ORDER BY position LIMIT 1"
NUMBERS: Final = {"key": "#x", "mode": "04o", "kind": "#x"}
"""Fields that people do not read in decimal."""
SHOWN_MESSAGES: Final = 3
"""Of a fact with many, on a terminal."""


class Line(NamedTuple):
    """A fact, its position, and when it became durable."""

    position: int
    time_ns: int
    fact: Fact


@click.command()
@click.option("--after", type=click.IntRange(min=0), metavar="POS", help="Only what stands behind this position.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="So many facts at most.")
@click.option("--snapshot", is_flag=True, help="The newest snapshot, not the records.")
@place_options
@pass_options
def dump(
    options: Options, directory: DataDirectory, after: int | None, limit: int | None, *, snapshot: bool
) -> None:  # fmt: skip
    """Print the facts of a journal, one a line: as JSON, or readable on a terminal.

    `time` is when a fact became durable; a fact's own time, where it has one, is `time_s` (or `time_ns`).
    """
    if snapshot and after is not None:
        raise click.UsageError("--after is of records, and --snapshot has none: give one of them")
    readable = sys.stdout.isatty() and not options.json
    with refusing(options, directory):
        try:
            _print(islice(_lines(directory, after or 0, snapshot=snapshot), limit), readable=readable)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered has nowhere to go
            sys.exit(BROKEN_PIPE)


def _print(lines: Iterator[Line], *, readable: bool) -> None:
    write = sys.stdout.write
    form = _readable if readable else _as_json
    try:
        for line in lines:
            write(form(line) + "\n")
    finally:
        sys.stdout.flush()


def _lines(directory: DataDirectory, after: int, *, snapshot: bool) -> Iterator[Line]:
    """The facts, in order. JournalDamagedError behind the last that is good."""
    from usernel.journal.copying import open_reading
    from usernel.kernel.facts import VERSION

    connection = open_reading(directory, VERSION)
    try:
        if snapshot:
            yield from _snapshot(connection)
        else:
            yield from (line for line in _records(connection, after) if line.position > after)
    finally:
        connection.close()


def _snapshot(connection: apsw.Connection) -> Iterator[Line]:
    from usernel.journal.reading import EMPTY, bases, parts

    base = bases(connection)[0]
    if base == EMPTY:
        click.echo("there is no snapshot yet", err=True)
    for record in parts(connection, base):
        yield from (Line(record.position, record.time_ns, fact) for fact in _facts(record, 0))


def _records(connection: apsw.Connection, after: int) -> Iterator[Line]:
    from usernel.journal.reading import DAMAGED, records

    try:
        begins = [start for (start,) in connection.execute(BEGINS, (after,)) if isinstance(start, int)]
    except DAMAGED:
        begins = []  # told of where the records are read
    for record in records(connection, begins[0] if begins else after):
        first = record.position - record.facts
        for number, fact in enumerate(_facts(record, first), 1):
            yield Line(first + number, record.time_ns, fact)


def _facts(record: Record, good: int) -> Iterator[Fact]:
    """The facts of a record. JournalDamagedError for what are none."""
    from usernel.journal.port import JournalDamagedError, split
    from usernel.runtime.codec import decode

    try:
        for chunk in split(record.data):
            yield from decode(chunk)
    except ValueError as error:
        raise JournalDamagedError(good, f"the record up to {record.position}: {error}") from None


def _as_json(line: Line) -> str:
    when = datetime.fromtimestamp(line.time_ns / NSEC_PER_SEC, UTC).isoformat()
    return json.dumps({"position": line.position, "time": when, "fact": type(line.fact).__name__, **_fields(line.fact)})


def _fields(fact: Fact) -> dict[str, Any]:
    shown = fact._asdict()
    if "time" in shown:
        shown = {("time_s" if name == "time" else name): value for name, value in shown.items()}
    if "messages" in shown:
        shown["messages"] = [_message(fact, message) for message in shown["messages"]]
    return shown


def _message(fact: Fact, message: Any) -> dict[str, Any]:
    """A message as REST shows it: with its place where it was in a snapshot."""
    place, (number, data) = message if isinstance(message[1], tuple) else (None, message)
    kind = "priority" if type(fact).__name__.startswith("Mq") else "mtype"
    shown = {**as_object(kind, number, data), "data": b64encode(data).decode()}
    return shown if place is None else {"seq": place, **shown}


def _readable(line: Line) -> str:
    name = click.style(type(line.fact).__name__, fg="cyan")
    shown = line.fact._asdict()
    messages = shown.pop("messages", ())
    words = [f"{field}={_value(field, value)}" for field, value in shown.items()]
    words += [_short(message) for message in messages[:SHOWN_MESSAGES]]
    if len(messages) > SHOWN_MESSAGES:
        words.append(f"and {len(messages) - SHOWN_MESSAGES} more")
    return f"{line.position:>8}  {show.clock(line.time_ns / NSEC_PER_SEC)}  {name} {' '.join(words)}"


def _value(field: str, value: Any) -> str:
    if field in NUMBERS:
        return format(value, NUMBERS[field])
    return show.printable(value) if isinstance(value, str) else str(value).replace(" ", "")


def _short(message: Any) -> str:
    number, data = message[1] if isinstance(message[1], tuple) else message
    return f'[{number}] "{show.preview(data)}"'
