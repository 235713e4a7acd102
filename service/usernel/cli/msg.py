"""``usernel msg``: System V message queues, by key or by ``--id``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import show
from .failure import Failure
from .options import F, Options, connection_options, pass_options
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
    from usernel_client.msg import MessageQueue

NOWAIT = "IPC_NOWAIT"


@click.group()
@connection_options
def msg() -> None:
    """System V message queues. KEY is a number (1234, 0x4d2); --id N names a queue by its msqid."""


def queue_option(command: F) -> F:
    """Give a command ``--id``."""
    return click.option("--id", "msqid", type=int, metavar="MSQID", help="The queue's id, instead of its key.")(command)


def key_of(text: str) -> int | str:
    """A key as it was written: a number, or IPC_PRIVATE."""
    try:
        return int(text, 0)
    except ValueError:
        return text


async def queue_of(actor: Actor, msqid: int | None, key: str | None) -> MessageQueue:
    """The queue that the command names. KernelError, UsageError."""
    if (msqid is None) == (key is None):
        raise click.UsageError("name the queue by its KEY, or by --id")
    return actor.msg(msqid) if msqid is not None else await actor.msgget(key_of(key or ""))


def with_queue(options: Options, msqid: int | None, key: str | None, act: Callable[[MessageQueue], Any]) -> None:
    """Do something with a queue."""

    async def with_actor(actor: Actor) -> None:
        await act(await queue_of(actor, msqid, key))

    run(options, with_actor)


@msg.command()
@connection_options
@pass_options
def ls(options: Options) -> None:
    """List the queues."""

    async def act(actor: Actor) -> None:
        queues = await pages(lambda **page: _listed(actor, page), "queues")
        if options.json:
            show.as_json(queues)
            return
        columns = "msqid key mode uid gid messages bytes limit senders receivers durability oldest".split()
        show.table(columns, [_row(queue) for queue in queues], "no queues")

    run(options, act)


async def _listed(actor: Actor, page: dict[str, Any]) -> dict[str, Any]:
    return (await actor.call("msg_list", **page)).out or {}


def _row(queue: dict[str, Any]) -> Sequence[object]:
    perm = queue["msg_perm"]
    counts = (queue[f"msg_{name}"] for name in ("qnum", "cbytes", "qbytes"))
    key = f"{perm['key'] & 0xFFFFFFFF:#010x}"
    return [
        queue["msqid"], key, show.mode(perm["mode"]), perm["uid"], perm["gid"], *counts,
        queue["senders"], queue["receivers"], queue["durability"], show.age(queue["oldest"]),
    ]  # fmt: skip


@msg.command()
@click.argument("key", required=False)
@queue_option
@connection_options
@pass_options
def stat(options: Options, key: str | None, msqid: int | None) -> None:
    """Show a queue: owner, limits, times, who sleeps."""

    async def act(queue: MessageQueue) -> None:
        shown = await queue.stat()
        if options.json:
            show.as_json(shown)
            return
        perm = shown.pop("msg_perm")
        times = {f"msg_{name}": show.clock(shown[f"msg_{name}"]) for name in ("stime", "rtime", "ctime")}
        key = {"key": f"{perm['key'] & 0xFFFFFFFF:#010x}", "mode": f"{perm['mode']:04o}"}
        show.fields({**perm, **key, **shown, **times, "oldest": show.moment(shown["oldest"])})

    with_queue(options, msqid, key, act)


@msg.command()
@click.argument("key")
@click.option("--mode", default="0600", help="Permission bits, octal (default 0600).")
@click.option("--exclusive", is_flag=True, help="Fail where it exists (IPC_EXCL).")
@durability_option
@connection_options
@pass_options
def create(options: Options, key: str, mode: str, *, exclusive: bool, durable: bool | None) -> None:
    """Make the queue of KEY (or of IPC_PRIVATE), or find it; prints its id."""
    flags = ["IPC_CREAT", *(["IPC_EXCL"] if exclusive else [])]

    async def act(actor: Actor) -> None:
        queue = await actor.msgget(key_of(key), flags, mode=octal(mode), durability=durability_of(durable))
        done(options, str(queue.msqid), msqid=queue.msqid)

    run(options, act)


def octal(mode: str) -> int:
    """Permission bits out of octal digits."""
    try:
        return int(mode, 8)
    except ValueError:
        raise click.UsageError(f"the mode {mode!r} is not octal") from None


@msg.command("set")
@click.argument("key", required=False)
@queue_option
@click.option("--qbytes", type=int, help="The queue's size in bytes (msg_qbytes).")
@click.option("--uid", type=int, help="The owner.")
@click.option("--gid", type=int, help="The owner's group.")
@click.option("--mode", help="Permission bits, octal.")
@connection_options
@pass_options
def set_(options: Options, key: str | None, msqid: int | None, qbytes: int | None, mode: str | None,
         uid: int | None, gid: int | None) -> None:  # fmt: skip
    """Change a queue's size, owner or mode (IPC_SET); what is not named stays."""
    bits = octal(mode) if mode is not None else None

    async def act(queue: MessageQueue) -> None:
        await queue.set(msg_qbytes=qbytes, uid=uid, gid=gid, mode=bits)
        done(options, f"queue {queue.msqid} was changed", msqid=queue.msqid)

    with_queue(options, msqid, key, act)


@msg.command(options_metavar="[OPTIONS] KEY")
@click.argument("texts", nargs=-1)
@queue_option
@click.option("--type", "mtype", type=int, default=1, help="The messages' type (default 1).")
@click.option("--file", metavar="PATH", help="Send a file's bytes as one message; - reads standard input.")
@waiting_options
@connection_options
@pass_options
def send(options: Options, texts: tuple[str, ...], msqid: int | None, mtype: int, file: str | None,
         wait: float | None, *, nowait: bool) -> None:  # fmt: skip
    """Send each of TEXTS as a message, waiting for room."""
    key, texts = (texts[0], texts[1:]) if msqid is None and texts else (None, texts)
    messages = bodies(texts, file)
    flags = [NOWAIT] if nowait else []

    async def act(queue: MessageQueue) -> None:
        await send_each(options, messages, lambda body: queue.send(body, mtype, flags=flags, wait=wait))
        done(options, f"sent {len(messages)}", sent=len(messages), msqid=queue.msqid)

    with_queue(options, msqid, key, act)


@msg.command()
@click.argument("key", required=False)
@queue_option
@click.option("--type", "mtype", type=int, default=0, help="0 any, N that type, -N the lowest type up to N.")
@click.option("--except", "but", is_flag=True, help="Any type but --type (MSG_EXCEPT).")
@receiving_options
@connection_options
@pass_options
def recv(options: Options, key: str | None, msqid: int | None, mtype: int, count: int, wait: float | None, *,
         but: bool, follow: bool, raw: bool, nowait: bool) -> None:  # fmt: skip
    """Receive messages, waiting for them, and print them."""
    flags = [*([NOWAIT] if nowait else []), *(["MSG_EXCEPT"] if but else [])]

    async def act(queue: MessageQueue) -> None:
        try:
            async for came in received(
                queue, lambda: queue.receive(mtype, flags=flags, wait=wait), count, follow=follow
            ):
                print_message(options, "mtype", came.mtype, came.data, raw=raw)
        except TimeoutError:
            raise Failure(options, f"no message came within {wait:g} s") from None

    with_queue(options, msqid, key, act)


@msg.command()
@click.argument("key", required=False)
@queue_option
@connection_options
@pass_options
def peek(options: Options, key: str | None, msqid: int | None) -> None:
    """Look at the messages of a queue; they stay."""

    async def act(actor: Actor) -> None:
        queue = await queue_of(actor, msqid, key)
        messages = await pages(lambda **page: _peeked(actor, queue.msqid, page), "messages")
        if options.json:
            show.as_json(shown_messages("mtype", messages))
            return
        rows = [(item["mtype"], len(item["data"]), show.preview(item["data"])) for item in messages]
        show.table(("type", "bytes", "message"), rows, "the queue is empty")

    run(options, act)


async def _peeked(actor: Actor, msqid: int, page: dict[str, Any]) -> dict[str, Any]:
    return (await actor.call("msg_peek", msqid=msqid, **page)).out or {}


@msg.command()
@click.argument("key", required=False)
@queue_option
@connection_options
@pass_options
def purge(options: Options, key: str | None, msqid: int | None) -> None:
    """Receive all that is there, and throw it away."""

    async def act(queue: MessageQueue) -> None:
        from usernel_client import KernelError

        count = 0
        try:
            while True:
                count += len(await queue.receive_many(PAGE, flags=[NOWAIT]))
        except KernelError as error:
            if error.name != "ENOMSG":
                raise
        done(options, f"purged {count}", purged=count, msqid=queue.msqid)

    with_queue(options, msqid, key, act)


@msg.command()
@click.argument("key", required=False)
@queue_option
@connection_options
@pass_options
def rm(options: Options, key: str | None, msqid: int | None) -> None:
    """Remove a queue; whoever sleeps on it gets EIDRM."""

    async def act(queue: MessageQueue) -> None:
        await queue.remove()
        done(options, f"queue {queue.msqid} was removed", msqid=queue.msqid)

    with_queue(options, msqid, key, act)
