"""``usernel doctor``: what this machine allows, why not where not, and what usernel does about it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import click

from usernel.version import __version__

from . import host_unsafe as host
from . import show
from .options import Options, json_option, pass_options


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a machine has or has not. ``usernel`` says what that means here."""

    feature: str
    here: bool
    why_not: str
    usernel: str


OWN_QUEUES = "not needed: usernel's queues are its own"
OWN_RINGS = "not needed: `usernel.Ring`, the event loop's ring and the service's rings are usernel's own"
HITS = "the event loop reads what is cached at once; where not, of a tmpfs and of open files of an overlayfs only"
PATHS = "the event loop opens at once what is cached; where not, workers of its ring do"
WAKES = "needed: workers wake the event loop by it"
LATER = "this version does not use it: it serves message queues, namespaces and rings"
TRIALS: tuple[tuple[str, Callable[[], None], str, str | None], ...] = (
    ("System V queues", host.system_v_queues, OWN_QUEUES, None),
    ("POSIX queues", host.posix_queues, OWN_QUEUES, None),
    ("io_uring", host.io_uring, OWN_RINGS, "/proc/sys/kernel/io_uring_disabled"),
    ("reads that never wait (RWF_NOWAIT)", host.nowait, HITS, None),
    ("paths that never wait (RESOLVE_CACHED)", host.cached_paths, PATHS, None),
    ("eventfd", host.eventfd, WAKES, None),
    ("fanotify: events", host.fanotify_events, LATER, None),
    ("fanotify: permission events", host.fanotify_permission, LATER, None),
    ("seccomp user notification", host.seccomp_notify, "`usernel run` serves unmodified programs by it", None),
    (
        "user namespaces",
        host.user_namespaces,
        "not needed: usernel's namespaces are its own",
        "/proc/sys/user/max_user_namespaces",
    ),
)
"""What is tried: its name, the trial, what usernel does, the setting that may forbid it."""


def findings() -> Sequence[Finding]:
    """Try everything."""
    return [_finding(*trial) for trial in TRIALS]


def _finding(feature: str, trial: Callable[[], None], usernel: str, path: str | None) -> Finding:
    why = host.why_not(trial)
    value = host.setting(path) if why is not None and path is not None else None
    if value is not None:
        why = f"{why} ({path} is {value})"
    return Finding(feature, why is None, why or "", usernel)


@click.command()
@json_option
@pass_options
def doctor(options: Options) -> None:
    """Say what this machine allows. Nothing that it lacks keeps message queues from working."""
    found = findings()
    about = {"usernel": __version__, "python": platform.python_version(), "kernel": platform.release()}
    if options.json:
        show.as_json({**about, "findings": [asdict(finding) for finding in found]})
        return
    click.echo(", ".join(f"{name} {version}" for name, version in about.items()))
    rows = [(row.feature, "yes" if row.here else "no", row.why_not, row.usernel) for row in found]
    show.table(("on this machine", "works", "why not", "usernel"), rows, "")
