"""User ids: who may change which to what, and what becomes of the capabilities meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from ..linux import (
    CAPABILITIES,
    INT_MAX,
    PR_GET_DUMPABLE,
    PR_GET_KEEPCAPS,
    PR_GET_PDEATHSIG,
    PR_SET_KEEPCAPS,
    PR_SET_PDEATHSIG,
    SIGTERM,
    UINT_MAX,
)
from ..scenario import Task, World, case

SETUID = ["CAP_SETUID"]


def ids(task: Task) -> None:
    """Note a task's user ids, the one for files included."""
    task.getresuid()
    task.setfsuid(-1)
    task.getuid()
    task.geteuid()


def users(root: Task, ruid: int, euid: int, suid: int) -> Iterator[Task]:
    """Tasks of these ids: without a capability, and with the one to change them."""
    for name, cap in (("bare", []), ("able", SETUID)):
        task = root.fork(f"{name}{len(root.world.tasks)}", uid=ruid, gid=ruid, cap=SETUID)
        task.setresuid(ruid, euid, suid)
        if not cap:
            task.capset(0, 0, 0)
        yield task


@case
def setuid_to(world: World) -> None:
    for wanted in (1001, 1002, 1003, 1004, 0):
        for task in users(world.root, 1001, 1002, 1003):
            task.setuid(wanted)
            ids(task)


@case
def setreuid_to(world: World) -> None:
    for ruid, euid in ((1001, -1), (1002, -1), (1003, -1), (1004, -1), (-1, 1001), (-1, 1002), (-1, 1003), (-1, 1004)):
        for task in users(world.root, 1001, 1002, 1003):
            task.setreuid(ruid, euid)
            ids(task)


@case
def setreuid_of_both(world: World) -> None:
    for ruid, euid in ((-1, -1), (1002, 1001), (1001, 1002), (1001, 1001), (1002, 1004), (1004, 1001), (1002, 1003)):
        for task in users(world.root, 1001, 1002, 1003):
            task.setreuid(ruid, euid)
            ids(task)


@case
def setresuid_to(world: World) -> None:
    for wanted in (
        (1001, 1001, 1001),
        (1003, 1001, 1002),
        (-1, -1, -1),
        (-1, 1003, -1),
        (-1, -1, 1004),
        (1004, -1, -1),
    ):
        for task in users(world.root, 1001, 1002, 1003):
            task.setresuid(*wanted)
            ids(task)


@case
def setresuid_is_all_or_nothing(world: World) -> None:
    for wanted in ((1001, 1002, 1004), (1004, 1002, 1001), (1001, 1004, 1001), (1001, 1002, 1003)):
        task = next(users(world.root, 1001, 1002, 1003))
        task.setresuid(*wanted)
        ids(task)


@case
def setfsuid_to(world: World) -> None:
    for wanted in (1001, 1002, 1003, 1004, -1, 0):
        for task in users(world.root, 1001, 1002, 1003):
            task.setfsuid(wanted)
            ids(task)


@case
def ids_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for task in (a, b):
        task.setuid(-1)
        task.setuid(UINT_MAX)
        task.setreuid(-1, -1)
        task.setresuid(-1, -1, -1)
        task.setresuid(UINT_MAX, -1, UINT_MAX)
        task.setfsuid(-1)
        task.getresuid()
    a.setuid(UINT_MAX - 1)
    a.getuid()
    a.fork("c").setuid(INT_MAX)


@case
def unprivileged_uid_stays(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000)
    b.setuid(1000)
    b.setuid(0)
    b.setreuid(0, 0)
    b.setresuid(0, -1, -1)
    b.setfsuid(0)
    ids(b)
    b.capget(0)


@case
def leaving_root_loses_capabilities(world: World) -> None:
    b = world.root.fork("b")
    b.capget(0)
    b.setuid(1000)
    b.capget(0)
    ids(b)
    b.setuid(0)


@case
def root_comes_back_by_the_saved_id(world: World) -> None:
    b = world.root.fork("b")
    b.setresuid(-1, 1000, -1)
    b.capget(0)
    b.setuid(1001)
    b.setresuid(-1, 0, -1)
    b.capget(0)
    ids(b)


@case
def root_stays_in_one_of_three(world: World) -> None:
    for wanted in ((0, 1000, 1000), (1000, 0, 1000), (1000, 1000, 0), (1000, 1000, 1000)):
        b = world.root.fork(f"b{wanted.index(0) if 0 in wanted else 3}")
        b.setresuid(*wanted)
        b.capget(0)
        b.setreuid(-1, 0)
        b.capget(0)


@case
def saved_id_follows_setreuid(world: World) -> None:
    a = world.root
    for ruid, euid in ((1000, -1), (-1, 1000), (1000, 1001), (-1, 0), (0, 1000)):
        b = a.fork(f"b{len(world.tasks)}")
        b.setreuid(ruid, euid)
        ids(b)
        b.capget(0)


@case
def keepcaps_keep_what_is_permitted(world: World) -> None:
    b = world.root.fork("b")
    b.prctl(PR_SET_KEEPCAPS, 1)
    b.setresuid(1000, 1000, 1000)
    b.capget(0)
    b.prctl(PR_GET_KEEPCAPS)
    b.setuid(1001)
    kill = 1 << CAPABILITIES["CAP_KILL"]
    b.capset(kill, kill, 0)
    b.capget(0)


@case
def effective_ones_go_with_the_effective_id(world: World) -> None:
    b = world.root.fork("b")
    b.prctl(PR_SET_KEEPCAPS, 1)
    b.setreuid(-1, 1000)
    b.capget(0)
    b.setreuid(-1, 0)
    b.capget(0)
    b.setresuid(1000, 0, 1000)
    b.setresuid(-1, 1000, -1)
    b.capget(0)


@case
def filesystem_id_moves_the_filesystem_capabilities(world: World) -> None:
    b = world.root.fork("b")
    b.setfsuid(1000)
    b.capget(0)
    b.setfsuid(0)
    b.capget(0)
    c = world.root.fork("c", cap=["CAP_KILL", "CAP_CHOWN", "CAP_SETUID"])
    c.setfsuid(1000)
    c.capget(0)
    c.setfsuid(0)
    c.capget(0)


@case
def a_user_who_becomes_root_is_given_what_is_permitted(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000, cap=["CAP_SETUID", "CAP_KILL"])
    kill = 1 << CAPABILITIES["CAP_KILL"]
    setuid = 1 << CAPABILITIES["CAP_SETUID"]
    b.capset(setuid, kill | setuid, 0)
    b.setresuid(-1, 0, -1)
    b.capget(0)
    b.setresuid(-1, 1000, -1)
    b.capget(0)


@case
def changed_ids_clear_the_death_signal_and_dumpable(world: World) -> None:
    for change in ({"uid": 1000}, {"uid": 0}):
        b = world.root.fork(f"b{change['uid']}")
        b.prctl(PR_SET_PDEATHSIG, SIGTERM)
        b.prctl(PR_GET_DUMPABLE)
        b.setuid(**change)
        b.prctl(PR_GET_PDEATHSIG)
        b.prctl(PR_GET_DUMPABLE)
    c = world.root.fork("c")
    c.prctl(PR_SET_PDEATHSIG, SIGTERM)
    c.setfsuid(1000)
    c.prctl(PR_GET_PDEATHSIG)
    c.prctl(PR_GET_DUMPABLE)
    d = world.root.fork("d")
    d.prctl(PR_SET_PDEATHSIG, SIGTERM)
    d.setresuid(1000, -1, -1)
    d.prctl(PR_GET_PDEATHSIG)
    d.prctl(PR_GET_DUMPABLE)


@case
def child_has_its_parents_ids(world: World) -> None:
    b = world.root.fork("b")
    b.setresuid(1001, 1002, 0)
    b.setfsuid(1001)
    c = b.child("c")
    ids(c)
    c.capget(0)
