"""``usernel tasks``: the tasks of a service: list them, make them, end them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import show
from .options import Options, connection_options, pass_options
from .parts import done, pages
from .session import run

if TYPE_CHECKING:
    from usernel_client.client import Actor


@click.group()
@connection_options
def tasks() -> None:
    """Tasks: who calls. A PID is that of the service, not of this machine."""


@tasks.command()
@connection_options
@pass_options
def ls(options: Options) -> None:
    """List the tasks."""

    async def act(actor: Actor) -> None:
        async def page(**how: Any) -> dict[str, Any]:
            return (await actor.call("task_list", **how)).out or {}

        found = await pages(page, "tasks")
        if options.json:
            show.as_json(found)
            return
        names = ("pid", "ppid", "state", "uid", "gid", "fds")
        rows = [[item[name] for name in names] + _more(item) for item in found]
        show.table((*names, "sleeps in", "comm"), rows, "no tasks")

    run(options, act)


def _more(item: dict[str, Any]) -> list[str]:
    return [" ".join(call["call"] for call in item["calls"]), item["comm"]]


@tasks.command()
@click.argument("pid", type=int)
@connection_options
@pass_options
def stat(options: Options, pid: int) -> None:
    """Show a task as /proc/[pid] does."""

    async def act(actor: Actor) -> None:
        shown = (await actor.call("task_stat", pid=pid)).out or {}
        if options.json:
            show.as_json(shown)
        else:
            show.fields(shown)

    run(options, act)


@tasks.command()
@click.option("--uid", type=int, help="Its user.")
@click.option("--gid", type=int, help="Its group.")
@click.option("--comm", help="Its name.")
@click.option("--ttl", type=click.IntRange(min=1), metavar="SECONDS", help="How long it lives unless renewed.")
@click.option("--unshare", "kinds", multiple=True, metavar="KIND", help="A namespace of its own: ipc, uts, user, ...")
@connection_options
@pass_options
def create(options: Options, /, kinds: Sequence[str], **how: Any) -> None:
    """Make a task that lives until it is removed, or its ttl ends; prints its pid."""
    from .ns import KINDS, flags_of

    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise click.UsageError(f"{unknown[0]!r} is no kind of namespace; there are {', '.join(KINDS)}")

    async def act(actor: Actor) -> None:
        flags = flags_of(dict.fromkeys(kinds, True))
        made = await actor.fork(lease=None, daemon=True, setsid=True, close_fds=True, unshare=flags, **how)
        done(options, str(made.pid), pid=made.pid)

    run(options, act)


@tasks.command()
@click.argument("pid", type=int)
@click.option("--ttl", type=click.IntRange(min=1), required=True, metavar="SECONDS", help="How long it lives from now.")
@connection_options
@pass_options
def renew(options: Options, pid: int, ttl: int) -> None:
    """Renew a task's lease."""

    async def act(actor: Actor) -> None:
        await actor.task(pid).call("task_renew", ttl=ttl)
        done(options, f"task {pid} lives {ttl} s more", pid=pid, ttl=ttl)

    run(options, act)


@tasks.command()
@click.argument("pid", type=int)
@click.option("--signal", "-s", "sig", default="SIGKILL", help="SIGKILL (default), SIGTERM, 10, ...")
@connection_options
@pass_options
def rm(options: Options, pid: int, sig: str) -> None:
    """End a task, or send it another signal."""

    async def act(actor: Actor) -> None:
        await actor.kill(pid, int(sig) if sig.isdecimal() else sig)
        done(options, f"task {pid} has got {sig}", pid=pid, signal=sig)

    run(options, act)
