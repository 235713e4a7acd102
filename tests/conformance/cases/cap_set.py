"""Capabilities: what a task may have, keep, hand down and get back."""

from __future__ import annotations

from ..linux import (
    CAPABILITIES,
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAP_AMBIENT_IS_SET,
    PR_CAP_AMBIENT_LOWER,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    PR_SET_KEEPCAPS,
    PR_SET_NO_NEW_PRIVS,
)
from ..scenario import NOBODY, Task, World, case

BIT = {name.removeprefix("CAP_"): 1 << number for name, number in CAPABILITIES.items()}
KILL, CHOWN, SETPCAP, SETUID = (BIT[name] for name in ("KILL", "CHOWN", "SETPCAP", "SETUID"))
NUMBER = {name.removeprefix("CAP_"): number for name, number in CAPABILITIES.items()}


def holder(root: Task, name: str = "b", *caps: str) -> Task:
    """A user with some capabilities."""
    return root.fork(name, uid=1000, gid=1000, cap=[f"CAP_{cap}" for cap in caps])


@case
def what_is_permitted_can_only_shrink(world: World) -> None:
    b = holder(world.root, "b", "KILL", "CHOWN", "SETUID")
    b.capget(0)
    for effective, permitted in (
        (KILL, KILL | CHOWN), (KILL | CHOWN, KILL | CHOWN), (0, KILL), (CHOWN, KILL), (KILL, KILL | SETUID),
        (KILL | CHOWN, KILL | CHOWN), (KILL, KILL), (0, 0), (KILL, KILL), (0, KILL),
    ):  # fmt: skip
        b.capset(effective, permitted, 0)
        b.capget(0)


@case
def inheritable_ones_are_from_the_permitted(world: World) -> None:
    b = holder(world.root, "b", "KILL", "CHOWN")
    for inheritable in (KILL, SETUID, KILL | CHOWN, 0):
        b.capset(KILL, KILL, inheritable)
        b.capget(0)
    b.capset(0, 0, KILL)
    b.capget(0)
    b.capset(0, 0, KILL)
    b.capset(0, 0, 0)
    b.capset(0, 0, KILL)


@case
def setpcap_takes_inheritable_ones_from_the_bounding_set(world: World) -> None:
    b = holder(world.root, "b", "SETPCAP")
    b.capset(SETPCAP, SETPCAP, KILL | CHOWN)
    b.capget(0)
    b.prctl(PR_CAPBSET_DROP, NUMBER["SETUID"])
    b.capset(SETPCAP, SETPCAP, SETUID)
    b.capset(0, SETPCAP, KILL)
    b.capset(0, SETPCAP, KILL | SETUID)
    b.capset(0, SETPCAP, KILL | BIT["SYS_ADMIN"])
    b.capget(0)


@case
def dropped_from_the_bounding_set_but_still_inheritable(world: World) -> None:
    b = holder(world.root, "b", "SETPCAP", "KILL")
    b.capset(SETPCAP | KILL, SETPCAP | KILL, KILL)
    b.prctl(PR_CAPBSET_DROP, NUMBER["KILL"])
    b.capget(0)
    b.capset(SETPCAP, SETPCAP | KILL, KILL)
    b.capset(SETPCAP, SETPCAP | KILL, 0)
    b.capset(SETPCAP, SETPCAP | KILL, KILL)


@case
def bits_that_are_no_capabilities(world: World) -> None:
    b = holder(world.root, "b", "KILL")
    for extra in (1 << 41, 1 << 63, 1 << 62 | 1 << 41):
        b.capset(KILL, KILL | extra, 0)
        b.capset(KILL | extra, KILL, 0)
        b.capset(KILL, KILL, extra)
        b.capset(KILL | extra, KILL | extra, extra)
        b.capget(0)


@case
def capabilities_of_others(world: World) -> None:
    a = world.root
    b = holder(a, "b", "KILL")
    c = b.child("c")
    c.capset(0, 0, 0)
    b.capget(c)
    c.capget(b)
    c.capget(a)
    a.capget(b)
    a.capget(NOBODY)
    a.capget(-1)
    c.exit()
    b.capget(c)


@case
def bounding_set_is_read_and_dropped(world: World) -> None:
    a = world.root
    for number in (0, 5, 24, 40, 41, 63, 64, 1000, -1):
        a.prctl(PR_CAPBSET_READ, number)
    b = holder(a, "b", "KILL")
    b.prctl(PR_CAPBSET_DROP, NUMBER["KILL"])
    b.prctl(PR_CAPBSET_DROP, 41)
    c = holder(a, "c", "SETPCAP", "KILL")
    c.prctl(PR_CAPBSET_DROP, NUMBER["KILL"])
    c.prctl(PR_CAPBSET_READ, NUMBER["KILL"])
    c.capget(0)
    c.prctl(PR_CAPBSET_DROP, NUMBER["KILL"])
    c.prctl(PR_CAPBSET_DROP, 41)
    c.prctl(PR_CAPBSET_DROP, -1)
    d = c.child("d")
    d.prctl(PR_CAPBSET_READ, NUMBER["KILL"])
    d.prctl(PR_CAPBSET_READ, NUMBER["CHOWN"])


@case
def ambient_ones_are_permitted_and_inheritable(world: World) -> None:
    b = holder(world.root, "b", "KILL", "CHOWN")
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])
    b.capset(KILL, KILL | CHOWN, KILL)
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["CHOWN"])
    for name in ("KILL", "CHOWN"):
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER[name])
    c = b.child("c")
    c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER["KILL"])
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, NUMBER["KILL"])
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, NUMBER["KILL"])
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER["KILL"])
    c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0)
    c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER["KILL"])


@case
def ambient_ones_go_with_the_others(world: World) -> None:
    for effective, permitted, inheritable in ((0, KILL, 0), (0, 0, KILL), (0, KILL, KILL)):
        b = holder(world.root, f"b{len(world.tasks)}", "KILL")
        b.capset(KILL, KILL, KILL)
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])
        b.capset(effective, permitted, inheritable)
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER["KILL"])


@case
def ambient_ones_and_leaving_root(world: World) -> None:
    for keep in (0, 1):
        b = world.root.fork(f"b{keep}")
        b.capset(KILL | SETUID, KILL | SETUID, KILL)
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])
        b.prctl(PR_SET_KEEPCAPS, keep)
        b.setresuid(1000, 1000, 1000)
        b.capget(0)
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NUMBER["KILL"])


@case
def ambient_rules(world: World) -> None:
    b = holder(world.root, "b", "KILL")
    b.capset(KILL, KILL, KILL)
    for arg2, arg3 in (
        (0, 0), (5, 0), (PR_CAP_AMBIENT_RAISE, 41), (PR_CAP_AMBIENT_RAISE, -1), (PR_CAP_AMBIENT_IS_SET, 41),
        (PR_CAP_AMBIENT_LOWER, 41), (PR_CAP_AMBIENT_CLEAR_ALL, 1), (PR_CAP_AMBIENT_LOWER, NUMBER["KILL"]),
        (-1, 3),
    ):  # fmt: skip
        b.prctl(PR_CAP_AMBIENT, arg2, arg3)
    b.prctl(PR_SET_NO_NEW_PRIVS, 1)
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])


@case
def status_shows_every_set(world: World) -> None:
    b = holder(world.root, "b", "KILL", "CHOWN", "SETPCAP")
    b.prctl(PR_CAPBSET_DROP, NUMBER["SYS_ADMIN"])
    b.capset(KILL, KILL | CHOWN, KILL)
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, NUMBER["KILL"])
    b.proc_pid_read(0, "status")


@case
def what_is_not_effective_does_not_help(world: World) -> None:
    a = world.root
    b = holder(a, "b", "KILL", "SETUID")
    b.kill(a, 0)
    b.capset(0, KILL | SETUID, 0)
    b.kill(a, 0)
    b.setuid(1001)
    b.setresuid(1001, -1, -1)
    b.capset(KILL | SETUID, KILL | SETUID, 0)
    b.kill(a, 0)
    b.setresuid(1001, -1, -1)
    b.getresuid()
