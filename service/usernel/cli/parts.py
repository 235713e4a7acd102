"""What ``usernel msg`` and ``usernel mq`` share: how to wait, what to send, how to print what came."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import click

from . import show
from .options import F, Options

PAGE = 1000


class Received(Protocol):
    """A message as the client gives it."""

    @property
    def data(self) -> bytes:
        """Its bytes."""


def waiting_options(command: F) -> F:
    """Give a command ``--wait`` and ``--nowait``."""
    limit = click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait this long at most.")
    never = click.option("--nowait", is_flag=True, help="Do not wait (IPC_NOWAIT, O_NONBLOCK).")
    return limit(never(command))


def receiving_options(command: F) -> F:
    """Give a command ``--count --follow --raw`` and how to wait."""
    count = click.option("--count", "-n", type=click.IntRange(min=1), default=1, help="So many messages.")
    follow = click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
    raw = click.option("--raw", is_flag=True, help="The bytes as they are, without a newline.")
    return waiting_options(count(follow(raw(command))))


def bodies(texts: Sequence[str], file: str | None) -> list[bytes]:
    """What to send: the texts, or the bytes of a file (``-``: standard input)."""
    if bool(texts) == (file is not None):
        raise click.UsageError("give the message's text, or --file (- reads standard input)")
    if file == "-":
        return [sys.stdin.buffer.read()]
    return (
        [Path(file).read_bytes()] if file is not None else [text.encode("utf-8", "surrogateescape") for text in texts]
    )


async def received(receive: Callable[[], Awaitable[Received]], count: int, *, follow: bool) -> AsyncIterator[Any]:
    """So many messages, or messages without end."""
    left = count
    while follow or left > 0:
        yield await receive()
        left -= 1


def print_message(options: Options, kind: str, number: int, data: bytes, *, raw: bool) -> None:
    """One message that was received."""
    if options.json:
        show.as_json(as_object(kind, number, data))
    else:
        show.message(data, raw=raw)


def as_object(kind: str, number: int, data: bytes) -> dict[str, Any]:
    """A message as REST shows it: ``data`` in base64, and ``text`` where the bytes are UTF-8."""
    shown: dict[str, Any] = {kind: number, "data": data}
    try:
        shown["text"] = data.decode()
    except UnicodeDecodeError:
        pass
    return shown


async def pages(call: Callable[..., Awaitable[dict[str, Any]]], items: str, **first: Any) -> list[dict[str, Any]]:
    """Everything that a paged call shows."""
    shown = await call(limit=PAGE, **first)
    found = list(shown[items])
    while shown["next"] is not None:
        shown = await call(limit=PAGE, after=shown["next"])
        found += shown[items]
    return found


def done(options: Options, sentence: str, **shown: Any) -> None:
    """Say what was done."""
    if options.json:
        show.as_json(shown)
    else:
        click.echo(sentence)
