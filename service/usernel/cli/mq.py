"""``usernel mq``: POSIX message queues, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from . import show
from .failure import Failure, Refused
from .msg import octal
from .options import Options, connection_options, pass_options
from .parts import (
    PAGE,
    bodies,
    done,
    durability_of,
    durability_option,
    pages,
    print_message,
    received,
    receiving_options,
    send_each,
    shown_messages,
    waiting_options,
)
from .session import run

if TYPE_CHECKING:
    from usernel_client.client import Actor
    from usernel_client.mq import PosixQueue

NONBLOCK = "O_NONBLOCK"


@click.group()
@connection_options
def mq() -> None:
    """POSIX message queues. NAME is what mq_open(3) takes; the leading slash may stand or not."""


def with_queue(options: Options, name: str, flags: list[str], act: Callable[[PosixQueue], Any]) -> None:
    """Open a queue and do something with it."""

    async def with_actor(actor: Actor) -> None:
        await act(await actor.mq_open(name, flags))

    run(options, with_actor)


@mq.command()
@connection_options
@pass_options
def ls(options: Options) -> None:
    """List the queues."""

    async def act(actor: Actor) -> None:
        queues = await pages(lambda **page: _listed(actor, page), "queues")
        if options.json:
            show.as_json(queues)
            return
        columns = "name mode uid gid messages bytes maxmsg msgsize senders receivers durability oldest".split()
        show.table(columns, [_row(queue) for queue in queues], "no queues")

    run(options, act)


async def _listed(actor: Actor, page: dict[str, Any]) -> dict[str, Any]:
    return (await actor.call("mq_list", **page)).out or {}


def _row(queue: dict[str, Any]) -> Sequence[object]:
    as_they_are = "uid gid mq_curmsgs qsize mq_maxmsg mq_msgsize senders receivers durability".split()
    shown = [queue[name] for name in as_they_are]
    return [queue["name"], show.mode(queue["mode"]), *shown, show.age(queue["oldest"])]


@mq.command()
@click.argument("name")
@connection_options
@pass_options
def stat(options: Options, name: str) -> None:
    """Show a queue: attributes, owner, times, who sleeps, the status line."""

    async def act(actor: Actor) -> None:
        shown = (await actor.call("mq_stat", name=name.removeprefix("/"))).out or {}
        if options.json:
            show.as_json(shown)
            return
        times = {key.removesuffix("_ns"): show.clock(shown.pop(key) / 1e9) for key in [*shown] if key.endswith("_ns")}
        show.fields({**shown, "mode": f"{shown['mode']:04o}", **times, "oldest": show.moment(shown["oldest"])})

    run(options, act)


@mq.command()
@click.argument("name")
@click.option("--maxmsg", type=int, help="How many messages it holds (mq_maxmsg).")
@click.option("--msgsize", type=int, help="How many bytes a message has at most (mq_msgsize).")
@click.option("--mode", default="0600", help="Permission bits, octal (default 0600).")
@click.option("--exclusive", is_flag=True, help="Fail where it exists (O_EXCL).")
@durability_option
@connection_options
@pass_options
def create(options: Options, name: str, maxmsg: int | None, msgsize: int | None, mode: str, *,
           exclusive: bool, durable: bool | None) -> None:  # fmt: skip
    """Make a queue, or find it."""
    flags = ["O_RDWR", "O_CREAT", *(["O_EXCL"] if exclusive else [])]

    async def act(actor: Actor) -> None:
        attr = None
        if maxmsg is not None or msgsize is not None:
            attr = {
                "mq_maxmsg": maxmsg if maxmsg is not None else await actor.sysctl("fs.mqueue.msg_default"),
                "mq_msgsize": msgsize if msgsize is not None else await actor.sysctl("fs.mqueue.msgsize_default"),
            }
        kept = durability_of(durable)
        queue = await actor.mq_open(name, flags, mode=octal(mode), attr=attr, durability=kept)
        done(options, queue.name, name=queue.name)

    run(options, act)


@mq.command("set", hidden=True, add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
def set_(words: tuple[str, ...]) -> None:
    """Say why there is nothing to set."""
    del words
    raise Refused(
        "a POSIX queue's size is fixed when it is made, and mq_setattr(3) sets O_NONBLOCK of one open descriptor only: "
        "give send or recv --nowait"
    )


@mq.command()
@click.argument("name")
@click.argument("texts", nargs=-1)
@click.option("--priority", "-p", type=int, default=0, help="0 to 32767; the highest is received first.")
@click.option("--file", metavar="PATH", help="Send a file's bytes as one message; - reads standard input.")
@waiting_options
@connection_options
@pass_options
def send(options: Options, name: str, texts: tuple[str, ...], priority: int, file: str | None, wait: float | None, *,
         nowait: bool) -> None:  # fmt: skip
    """Send each of TEXTS as a message, waiting for room."""
    messages = bodies(texts, file)

    async def act(queue: PosixQueue) -> None:
        await send_each(options, messages, lambda body: queue.send(body, priority, wait=wait))
        done(options, f"sent {len(messages)}", sent=len(messages), name=queue.name)

    with_queue(options, name, ["O_WRONLY", *([NONBLOCK] if nowait else [])], act)


@mq.command()
@click.argument("name")
@receiving_options
@connection_options
@pass_options
def recv(options: Options, name: str, count: int, wait: float | None, *, follow: bool, raw: bool,
         nowait: bool) -> None:  # fmt: skip
    """Receive messages, the most urgent first, waiting for them, and print them."""

    async def act(queue: PosixQueue) -> None:
        async for came in received(queue, lambda: queue.receive(wait=wait), count, follow=follow):
            print_message(options, "priority", came.priority, came.data, raw=raw)

    with_queue(options, name, ["O_RDONLY", *([NONBLOCK] if nowait else [])], act)


@mq.command()
@click.argument("name")
@connection_options
@pass_options
def peek(options: Options, name: str) -> None:
    """Look at the messages of a queue; they stay."""

    async def act(actor: Actor) -> None:
        queue = await actor.mq_open(name, "O_RDONLY")
        messages = await pages(lambda **page: _peeked(actor, queue.mqdes, page), "messages")
        if options.json:
            show.as_json(shown_messages("priority", messages))
            return
        rows = [(item["priority"], len(item["data"]), show.preview(item["data"])) for item in messages]
        show.table(("priority", "bytes", "message"), rows, "the queue is empty")

    run(options, act)


async def _peeked(actor: Actor, mqdes: int, page: dict[str, Any]) -> dict[str, Any]:
    return (await actor.call("mq_peek", mqdes=mqdes, **page)).out or {}


@mq.command()
@click.argument("name")
@connection_options
@pass_options
def purge(options: Options, name: str) -> None:
    """Receive all that is there, and throw it away."""

    async def act(queue: PosixQueue) -> None:
        from usernel_client import KernelError

        count = 0
        try:
            while True:
                count += len(await queue.receive_many(PAGE))
        except KernelError as error:
            if error.name != "EAGAIN":
                raise
        done(options, f"purged {count}", purged=count, name=queue.name)

    with_queue(options, name, ["O_RDONLY", NONBLOCK], act)


@mq.command()
@click.argument("name")
@connection_options
@pass_options
def rm(options: Options, name: str) -> None:
    """Take a queue's name away (mq_unlink); it ends with its last descriptor."""

    async def act(actor: Actor) -> None:
        await actor.mq_unlink(name)
        done(options, f"queue {name} was unlinked", name=name.removeprefix("/"))

    run(options, act)


@mq.command()
@click.argument("name")
@click.option("--count", "-n", type=click.IntRange(min=1), help="So many events (default: until Ctrl-C).")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="So long at most.")
@connection_options
@pass_options
def notify(options: Options, name: str, count: int | None, wait: float | None) -> None:
    """Print a line whenever a message arrives in the empty queue and nobody waits for it (mq_notify)."""
    import asyncio

    async def act(queue: PosixQueue) -> None:
        seen = 0
        async with asyncio.timeout(wait) if wait is not None else nullcontext(), queue.notify() as events:
            async for event in events:
                seen += 1
                show.as_json(event) if options.json else click.echo(f"{event['time']}  {name} has a message")
                if seen == count:
                    return

    def guarded(queue: PosixQueue) -> Any:
        return _in_time(options, act(queue), wait)

    with_queue(options, name, ["O_RDONLY"], guarded)


async def _in_time(options: Options, watching: Any, wait: float | None) -> None:
    try:
        await watching
    except TimeoutError:
        raise Failure(options, f"nothing came within {wait:g} s") from None
