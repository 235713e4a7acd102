"""``usernel run``: an unmodified program on our kernel."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from .options import Options, connection_options, pass_options

if TYPE_CHECKING:
    from usernel.gateway.backend import Login
    from usernel.gateway.trace import Trace

IDS = click.IntRange(0, 0xFFFF_FFFE)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--trace", is_flag=True, help="Print every call that is served, as strace(1) does, to standard error.")
@click.option("--proc", is_flag=True, help="Show the queues and their limits in /proc too (ipcs, sysctl).")
@click.option("--uid", type=IDS, help="Be this user in the kernel of the queues; on its host it stays who it is.")
@click.option("--gid", type=IDS, help="And this group (default: the number that --uid says).")
@click.option("--summary", is_flag=True, help="Say at the end what was served and what the host did.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@connection_options
@pass_options
def run(
    options: Options, *, trace: bool, proc: bool, uid: int | None, gid: int | None, summary: bool,
    command: tuple[str, ...],
) -> None:  # fmt: skip
    """Run PROG with its message queues served by usernel: by a kernel of its own, or with --url by a service.

    The program is not changed, and need not be: its calls are trapped by seccomp, without privilege. With --url (or
    USERNEL_URL) programs on several hosts meet in the same queues.

    Its queues are owned and guarded by who the program is on its host, or by --uid: that user, in no other groups, with
    root's capabilities or none. A service has to allow it.
    """
    from usernel.gateway.run import Job, end_as
    from usernel.gateway.run import run as start
    from usernel.gateway.trace import Trace

    url = options.url or os.environ.get("USERNEL_URL")
    token = options.token or os.environ.get("USERNEL_TOKEN")
    told = Trace(sys.stderr if trace else None)
    told_of = _summary if trace or summary else _silent
    job = Job(command, url, token, told, proc, told_of, options.task if url else None, _login(uid, gid))
    sys.exit(end_as(start(job)))


def _login(uid: int | None, gid: int | None) -> Login | None:
    from usernel.gateway.backend import Login

    if uid is not None:
        return Login(uid, uid if gid is None else gid, os.getuid(), os.getgid())
    if gid is not None:
        raise click.UsageError("--gid says the group of --uid, which is missing")
    return None


def _silent(trace: Trace, processes: int) -> None:
    """Nobody asked."""


def _summary(trace: Trace, processes: int) -> None:
    served = ", ".join(f"{name} {count}" for name, count in trace.calls.most_common()) or "nothing"
    failed = sum(trace.errors.values())
    click.echo(f"usernel: {processes} processes; served: {served}; {failed} calls ended with an errno", err=True)
    if trace.on_host:
        passed = ", ".join(f"{name} {count}" for name, count in trace.on_host.most_common())
        click.echo(f"usernel: passed to the host: {passed}", err=True)
