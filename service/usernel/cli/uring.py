"""``usernel uring``: rings of the service, by descriptor."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from . import show
from .options import Options, connection_options, pass_options
from .parts import done, pages
from .session import run

if TYPE_CHECKING:
    from usernel_client.client import Actor

PREFIX: Final = "IORING_OP_"
COLUMNS: Final = (
    "ring", "sq", "cq", "waiting", "ready", "overflow", "in flight", "timeouts", "deferred", "files", "flags",
)  # fmt: skip
COUNTS: Final = tuple("sq_ready cq_ready overflow requests timeouts deferred user_files".split())


@click.group()
@connection_options
def uring() -> None:
    """Rings (io_uring). RING is a descriptor of the task that acts: --task, or the service's default task."""


def as_owner(options: Options, act: Callable[[Actor], Awaitable[None]]) -> None:
    """Act as the task whose rings are meant. A connection's own task, and its rings, would be gone with the command."""

    async def with_actor(actor: Actor) -> None:
        if options.task is None:
            actor = actor.task((await actor.call("getppid")).ret)
        await act(actor)

    run(options, with_actor)


@uring.command()
@connection_options
@pass_options
def ls(options: Options) -> None:
    """List the rings."""

    async def act(actor: Actor) -> None:
        rings = await pages(lambda **page: _listed(actor, page), "rings")
        if options.json:
            show.as_json(rings)
            return
        show.table(COLUMNS, [_row(ring) for ring in rings], "no rings")

    as_owner(options, act)


async def _listed(actor: Actor, page: dict[str, Any]) -> dict[str, Any]:
    return (await actor.call("io_uring_list", **page)).out or {}


def _row(ring: dict[str, Any]) -> Sequence[object]:
    sizes = [ring[name] for name in ("ring", "sq_entries", "cq_entries")]
    return [*sizes, *(ring[name] for name in COUNTS), _names(ring["flags"], "IORING_SETUP_")]


def _names(flags: Sequence[int | str], prefix: str) -> str:
    return " ".join(str(flag).removeprefix(prefix) for flag in flags)


@uring.command()
@click.argument("ring", type=int)
@connection_options
@pass_options
def stat(options: Options, ring: int) -> None:
    """Show a ring: its flags, its queues, what is registered and in flight."""

    async def act(actor: Actor) -> None:
        shown = (await actor.call("io_uring_stat", fd=ring)).out or {}
        if options.json:
            show.as_json(shown)
        else:
            show.fields(shown)

    as_owner(options, act)


@uring.command()
@click.argument("entries", type=int)
@click.option("--flag", "flags", multiple=True, metavar="NAME", help="IORING_SETUP_..., as often as needed.")
@click.option("--cq-entries", type=int, help="How many completions it holds (IORING_SETUP_CQSIZE).")
@connection_options
@pass_options
def create(options: Options, entries: int, flags: Sequence[str], cq_entries: int | None) -> None:
    """Make a ring for so many submissions, and print its descriptor."""

    async def act(actor: Actor) -> None:
        ring = await actor.io_uring(entries, list(flags), cq_entries=cq_entries)
        shown = {"sq_entries": ring.sq_entries, "cq_entries": ring.cq_entries, "features": ring.features}
        done(options, str(ring.fd), ring=ring.fd, **shown)

    as_owner(options, act)


@uring.command()
@click.argument("ring", type=int)
@click.argument("sqes", nargs=-1, metavar="[SQE]...")
@click.option("--min-complete", "-n", type=click.IntRange(min=0), help="Wait for so many completions.")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="So long at most.")
@connection_options
@pass_options
def enter(options: Options, ring: int, sqes: Sequence[str], min_complete: int | None, wait: float | None) -> None:
    """Submit, wait, and print what has completed.

    SQE is the name of an opcode (NOP), a JSON object ({"opcode": "IORING_OP_TIMEOUT", "ts_ns": 1000000}) or a list of
    them; - reads a list from standard input.
    """
    submissions = [sqe for text in sqes for sqe in _sqes(text)]
    least = min_complete if min_complete is not None else int(wait is not None)

    async def act(actor: Actor) -> None:
        flags = ["IORING_ENTER_GETEVENTS"]
        how = {"fd": ring, "sqes": submissions, "min_complete": least, "flags": flags, "timeout": _timespec(wait)}
        entered = await _entered(actor, how)
        if options.json:
            show.as_json(entered)
            return
        click.echo(f"submitted {entered['submitted']}")
        show.table(("user_data", "res", "flags"), [_completed(cqe) for cqe in entered["cqes"]], "no completions")

    as_owner(options, act)


async def _entered(actor: Actor, how: dict[str, Any]) -> dict[str, Any]:
    from usernel_client import KernelError

    try:
        result = await actor.call("io_uring_enter", **how)
    except KernelError as error:
        if error.name != "ETIME":
            raise
        return {"submitted": 0, "cqes": []}
    return {"submitted": result.ret, **(result.out or {})}


def _sqes(text: str) -> list[Any]:
    """The submissions that a word of the command line means. UsageError."""
    if text.removeprefix(PREFIX).replace("_", "").isalnum() and text[:1].isalpha():
        return [{"opcode": PREFIX + text.upper().removeprefix(PREFIX)}]
    try:
        read = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is neither an opcode's name nor JSON: {error}") from None
    return read if isinstance(read, list) else [read]


def _timespec(wait: float | None) -> dict[str, int] | None:
    if wait is None:
        return None
    seconds, nanoseconds = divmod(round(wait * 1e9), 10**9)
    return {"tv_sec": seconds, "tv_nsec": nanoseconds}


def _completed(cqe: dict[str, Any]) -> Sequence[object]:
    name = errno.errorcode.get(-cqe["res"], "") if cqe["res"] < 0 else ""
    return cqe["user_data"], f"{cqe['res']} {name}".rstrip(), _names(cqe["flags"], "IORING_CQE_F_")


@uring.command()
@connection_options
@pass_options
def probe(options: Options) -> None:
    """List the opcodes of Linux, and which of them a ring of the service has."""

    async def act(actor: Actor) -> None:
        async with await actor.io_uring(1) as ring:
            probed = (await ring.register("IORING_REGISTER_PROBE")).out or {}
        if options.json:
            show.as_json(probed["ops"])
            return
        rows = [(op["op"].removeprefix(PREFIX), "yes" if op["flags"] else "no") for op in probed["ops"]]
        show.table(("opcode", "supported"), rows, "no opcodes")

    run(options, act)


@uring.command()
@click.argument("ring", type=int)
@connection_options
@pass_options
def rm(options: Options, ring: int) -> None:
    """Close a ring; what is in flight is cancelled with its last descriptor."""

    async def act(actor: Actor) -> None:
        await actor.call("io_uring_stat", fd=ring)  # so that nothing else is closed
        await actor.call("close", fd=ring)
        done(options, f"ring {ring} was closed", ring=ring)

    as_owner(options, act)
