"""What commands print: tables for people, JSON for programs, the bytes of messages as they are."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 1000
"""Of a table that is not shown on a terminal: no cell is folded."""
AGES = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
"""Units of an age, in seconds."""


def as_json(value: Any) -> None:
    """A value as one line of JSON, at once."""
    click.echo(json.dumps(value, default=_base64))
    sys.stdout.flush()


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is no JSON")


def console(*, stderr: bool = False) -> Console:
    """Where tables go: with colour on a terminal, plain and as wide as need be elsewhere."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Rows under their columns; numbers to the right. ``empty`` is said where there are none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(empty, err=True)
        return
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numbers = all(isinstance(row[index], int) for row in rows)
        shown.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(str(cell)) for cell in row))
    console().print(shown)


def fields(values: Mapping[str, Any]) -> None:
    """One object, a line a field; what is nested as JSON."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        shown = json.dumps(value) if isinstance(value, dict | list) else printable(str(value).rstrip("\n"))
        click.echo(f"{name.ljust(width)}  {shown}")


def message(data: bytes, *, raw: bool) -> None:
    """The bytes of a message, and a newline unless ``raw``. On a terminal its control characters are made visible."""
    if sys.stdout.isatty() and not raw:
        click.echo(readable(data))
        return
    sys.stdout.buffer.write(data if raw else data + b"\n")
    sys.stdout.buffer.flush()


def preview(data: bytes, most: int = 60) -> str:
    """The beginning of a message, as text that is safe to print."""
    text = readable(data[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def readable(data: bytes) -> str:
    """Bytes as text that is safe to print."""
    return printable(data.decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """Text whose control characters a terminal will not obey."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def clock(seconds: float) -> str:
    """A moment in local time, or ``never``."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S") if seconds else "never"


def age(since: int | None) -> str:
    """How long ago a moment is, in the largest unit that fits: ``42s``, ``5m``, ``3h``, ``12d``; ``-`` for none."""
    if since is None:
        return "-"
    seconds = max(0, int(time.time()) - since)
    unit, length = next((pair for pair in AGES if seconds >= pair[1]), AGES[-1])
    return f"{seconds // length}{unit}"


def moment(since: int | None) -> str:
    """A moment in local time, and how long ago it is; ``-`` for none."""
    return "-" if since is None else f"{clock(since)} ({age(since)} ago)"


def mode(bits: int) -> str:
    """Permission bits as ls(1) shows them."""
    return "".join(letter if bits & 1 << 8 - index else "-" for index, letter in enumerate("rwxrwxrwx"))
