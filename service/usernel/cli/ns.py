"""``usernel ns``: namespaces: list them, enter them, make new ones, as lsns(8), nsenter(1) and unshare(1) do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from . import show
from .failure import Refused
from .options import Options, connection_options, pass_options
from .parts import done, pages
from .running import run_as
from .session import run

if TYPE_CHECKING:
    from rich.tree import Tree

    from usernel_client.client import Actor

KINDS: Final = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
INITIAL_LAST: Final = 0xEFFFFFFF


@click.group()
@connection_options
def ns() -> None:
    """Namespaces. One is named by its number (4026531839) or its link (ipc:[4026531839])."""


def number_of(text: str) -> int:
    """The number of a namespace, out of what was written. UsageError."""
    number = text.partition(":[")[2].removesuffix("]") or text
    if not number.isdecimal():
        raise click.UsageError(f"{text!r} is neither a namespace's number nor its link (ipc:[4026531839])")
    return int(number)


async def _listed(actor: Actor, kind: str | None) -> list[dict[str, Any]]:
    async def page(**how: Any) -> dict[str, Any]:
        return (await actor.call("ns_list", type=kind, **how)).out or {}

    return await pages(page, "namespaces")


@ns.command()
@click.option("--type", "-t", "kind", type=click.Choice(KINDS), help="Those of one kind.")
@connection_options
@pass_options
def ls(options: Options, kind: str | None) -> None:
    """List the namespaces."""

    async def act(actor: Actor) -> None:
        found = await _listed(actor, kind)
        if options.json:
            show.as_json(found)
            return
        rows = [[item[name] for name in ("inum", "type", "tasks", "uid")] + _places(item) for item in found]
        show.table(("number", "type", "tasks", "uid", "owner", "parent", "kept by"), rows, "no namespaces")

    run(options, act)


def _places(item: dict[str, Any]) -> list[str]:
    pinned = "pin" if item["pinned"] else "" if item["inum"] <= INITIAL_LAST else f"{item['refs']} refs"
    return [item["owner"] or "", item["parent"] or "", pinned or "always"]


@ns.command()
@click.argument("namespace")
@connection_options
@pass_options
def stat(options: Options, namespace: str) -> None:
    """Show a namespace: who owns it, who is in it, its limits."""

    async def act(actor: Actor) -> None:
        shown = (await actor.call("ns_stat", inum=number_of(namespace))).out or {}
        if options.json:
            show.as_json(shown)
        else:
            sysctls = shown.pop("sysctls")
            show.fields({**shown, **sysctls})

    run(options, act)


@ns.command("set")
@click.argument("namespace")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--pin/--unpin", "pinned", default=None, help="Keep it without tasks in it, or no more.")
@connection_options
@pass_options
def set_(options: Options, namespace: str, values: Sequence[str], *, pinned: bool | None) -> None:
    """Write a namespace's numbers (kernel.msgmni=10), keep it or not."""
    numbers = dict(map(_assignment, values))
    if not numbers and pinned is None:
        raise click.UsageError("give NAME=VALUE, --pin or --unpin")

    async def act(actor: Actor) -> None:
        inum = number_of(namespace)
        for name, value in numbers.items():
            await actor.call("ns_sysctl", inum=inum, name=name, value=value)
        if pinned is not None:
            await actor.call("ns_pin", inum=inum, pinned=pinned)
        done(options, f"namespace {inum} is set", inum=inum, sysctls=numbers, pinned=pinned)

    run(options, act)


def _assignment(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    try:
        return name, int(value, 0)
    except ValueError:
        raise click.UsageError(f"{text!r} is not NAME=NUMBER") from None


@ns.command()
@connection_options
@pass_options
def tree(options: Options) -> None:
    """Show user namespaces as a tree, and in each what it owns."""

    async def act(actor: Actor) -> None:
        found = await _listed(actor, None)
        if options.json:
            show.as_json(found)
        else:
            show.console().print(_tree(found))

    run(options, act)


def _tree(found: Sequence[dict[str, Any]]) -> Tree:
    from rich.tree import Tree

    root = Tree("namespaces", hide_root=True)
    branches: dict[str, Tree] = {}
    for item in sorted(found, key=lambda item: (item["type"] != "user", item["inum"])):
        above = branches.get(item["owner"], root)
        branch = above.add(_leaf(item))
        if item["type"] == "user":
            branches[item["link"]] = branch
    return root


def _leaf(item: dict[str, Any]) -> str:
    from rich.markup import escape

    colour = "bold cyan" if item["type"] == "user" else "cyan"
    more = f", below {item['parent']}" if item["type"] == "pid" and item["parent"] else ""
    more += ", pinned" if item["pinned"] else ""
    return f"[{colour}]{escape(item['link'])}[/]  {item['tasks']} tasks{escape(more)}"


def kind_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--ipc --uts ...``."""
    for kind in reversed(KINDS):
        command = click.option(f"--{kind}", kind, is_flag=True, help=f"The {kind} namespace.")(command)
    return command


def flags_of(chosen: dict[str, bool]) -> list[str]:
    """The CLONE_* flags of the kinds that were chosen."""
    return [f"CLONE_NEW{'NS' if kind == 'mnt' else kind.upper()}" for kind, wanted in chosen.items() if wanted]


@ns.command()
@click.argument("target")
@click.argument("command", nargs=-1, required=True)
@kind_options
@connection_options
@pass_options
def enter(options: Options, /, target: str, command: Sequence[str], **chosen: bool) -> None:
    """Run COMMAND beside a task inside a namespace, or (a PID and kinds) in those of a task.

    Every usernel command that COMMAND runs acts as that task: USERNEL_TASK says so. Example:
    usernel ns enter ipc:[4026531841] -- usernel msg ls
    """
    flags = flags_of(chosen)

    async def prepare(actor: Actor) -> int:
        task = await actor.fork()
        if flags:
            await task.setns(actor.task(number_of(target)), flags)
        else:
            await task.setns(number_of(target))
        return task.pid

    run_as(options, prepare, command)


@ns.command()
@click.argument("command", nargs=-1, required=True)
@kind_options
@click.option("--map-root", is_flag=True, help="In a new user namespace be root (implies --user).")
@connection_options
@pass_options
def unshare(options: Options, /, command: Sequence[str], *, map_root: bool, **chosen: bool) -> None:
    """Run COMMAND beside a task in new namespaces, which end with it. Example: usernel ns unshare --ipc -- bash."""
    flags = flags_of(chosen | ({"user": True} if map_root else {}))
    if not flags:
        raise Refused("name the kinds of namespaces to make: --ipc, --uts, ...")

    async def prepare(actor: Actor) -> int:
        uid, gid = await actor.calls.geteuid(), await actor.calls.getegid()
        task = await actor.fork(unshare=flags)
        if map_root:
            await task.calls.proc_pid_write(0, "setgroups", "deny")
            await task.calls.proc_pid_write(0, "uid_map", f"0 {uid} 1")
            await task.calls.proc_pid_write(0, "gid_map", f"0 {gid} 1")
        return task.pid

    run_as(options, prepare, command)
