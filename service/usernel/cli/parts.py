"""What ``usernel msg`` and ``usernel mq`` share: how to wait, what to send, how to print what came."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from . import show
from .failure import Failure, Refused
from .options import F, Options

if TYPE_CHECKING:
    from usernel_client.flags import Durability

PAGE = 1000
LAST_SECONDS = 1.0
"""How long Ctrl-C waits for the service to say what it had sent already."""


class Received(Protocol):
    """A message as the client gives it."""

    @property
    def data(self) -> bytes:
        """Its bytes."""


class Queue(Protocol):
    """A queue of either family."""

    async def withdrawn(self) -> Sequence[Received]:
        """What came for receives that were cancelled."""


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


def durability_option(command: F) -> F:
    """Give a command ``--durable`` and ``--ephemeral``, as ``durable``; None where neither is given."""
    how = "Keep the queue across a restart, or not (default: as its IPC namespace says)."
    return click.option("--durable/--ephemeral", "durable", default=None, help=how)(command)


def durability_of(durable: bool | None) -> Durability:
    """What the client calls it."""
    return None if durable is None else "durable" if durable else "ephemeral"


def bodies(texts: Sequence[str], file: str | None) -> list[bytes]:
    """What to send: the texts, or the bytes of a file (``-``: standard input)."""
    if bool(texts) == (file is not None):
        raise click.UsageError("give the message's text, or --file (- reads standard input)")
    if file == "-":
        return [sys.stdin.buffer.read()]
    if file is None:
        return [text.encode("utf-8", "surrogateescape") for text in texts]
    try:
        return [Path(file).read_bytes()]
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None


async def send_each(options: Options, messages: Sequence[bytes], send: Callable[[bytes], Awaitable[None]]) -> None:
    """Send messages one after the other. Failure, which says how many of them went before."""
    from usernel_client import KernelError

    for sent, body in enumerate(messages):
        so_far = f"; {sent} of {len(messages)} messages were sent" if len(messages) > 1 else ""
        try:
            await send(body)
        except KernelError as error:
            raise Failure(options, error.detail + so_far, errno=error.errno, errno_name=error.name, sent=sent) from None
        except TimeoutError:
            raise Failure(options, f"the queue stayed full{so_far}", sent=sent) from None


async def received(
    queue: Queue, receive: Callable[[], Awaitable[Received]], count: int, *, follow: bool
) -> AsyncIterator[Any]:
    """So many messages, or messages without end. Interrupted, also those that were on their way here already."""
    left = count
    while follow or left > 0:
        try:
            message = await receive()
        except asyncio.CancelledError:
            for late in await _withdrawn(queue):
                yield late
            raise
        yield message
        left -= 1


async def _withdrawn(queue: Queue) -> Sequence[Received]:
    from usernel_client import ConnectionLost

    with suppress(ConnectionLost, TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            return await queue.withdrawn()
    return ()


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


def shown_messages(kind: str, peeked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages that were peeked at, with ``text`` as a received one has it."""
    return [{"seq": item["seq"], **as_object(kind, item[kind], item["data"])} for item in peeked]


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
