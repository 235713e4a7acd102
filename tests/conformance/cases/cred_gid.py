"""Group ids: who may change which to what."""

from __future__ import annotations

from collections.abc import Iterator

from ..linux import CAPABILITIES, PR_GET_DUMPABLE, PR_GET_PDEATHSIG, PR_SET_PDEATHSIG, SIGTERM, UINT_MAX
from ..scenario import Task, World, case


def ids(task: Task) -> None:
    """Note a task's group ids, the one for files included."""
    task.getresgid()
    task.setfsgid(-1)
    task.getgid()
    task.getegid()


def members(root: Task) -> Iterator[Task]:
    """Tasks of three group ids: without a capability, and with the one to change them."""
    for able in (False, True):
        task = root.fork(f"{'able' if able else 'bare'}{len(root.world.tasks)}", uid=1000, gid=1001, cap=["CAP_SETGID"])
        task.setresgid(1001, 1002, 1003)
        if not able:
            task.capset(0, 0, 0)
        yield task


@case
def setgid_to(world: World) -> None:
    for wanted in (1001, 1002, 1003, 1004, 0):
        for task in members(world.root):
            task.setgid(wanted)
            ids(task)


@case
def setregid_to(world: World) -> None:
    for rgid, egid in ((1001, -1), (1002, -1), (1003, -1), (1004, -1), (-1, 1001), (-1, 1002), (-1, 1003), (-1, 1004)):
        for task in members(world.root):
            task.setregid(rgid, egid)
            ids(task)


@case
def setregid_of_both(world: World) -> None:
    for rgid, egid in ((-1, -1), (1002, 1001), (1001, 1002), (1002, 1004), (1004, 1001), (1002, 1003)):
        for task in members(world.root):
            task.setregid(rgid, egid)
            ids(task)


@case
def setresgid_to(world: World) -> None:
    for wanted in ((1001, 1001, 1001), (1003, 1001, 1002), (-1, 1003, -1), (-1, -1, 1004), (1004, -1, -1)):
        for task in members(world.root):
            task.setresgid(*wanted)
            ids(task)


@case
def setfsgid_to(world: World) -> None:
    for wanted in (1001, 1002, 1003, 1004, -1, 0):
        for task in members(world.root):
            task.setfsgid(wanted)
            ids(task)


@case
def ids_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for task in (a, b):
        task.setgid(-1)
        task.setregid(-1, -1)
        task.setresgid(-1, UINT_MAX, -1)
        task.setfsgid(-1)
        task.getresgid()


@case
def group_ids_leave_capabilities_alone(world: World) -> None:
    b = world.root.fork("b", cap=["CAP_KILL", "CAP_SETGID"])
    b.setresgid(1000, 1000, 1000)
    b.capget(0)
    ids(b)
    b.setgid(0)
    b.capget(0)
    b.capset(1 << CAPABILITIES["CAP_KILL"], 1 << CAPABILITIES["CAP_KILL"], 0)
    b.setgid(1000)
    b.getresgid()


@case
def supplementary_groups_are_no_reason(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000, groups=[2000])
    b.setgid(2000)
    b.setregid(-1, 2000)
    b.setfsgid(2000)
    ids(b)


@case
def changed_ids_clear_the_death_signal_and_dumpable(world: World) -> None:
    changes = ("setgid", (1000,)), ("setresgid", (1000, -1, -1)), ("setfsgid", (1000,)), ("setgid", (0,))
    for index, (name, values) in enumerate(changes):
        b = world.root.fork(f"b{index}")
        b.prctl(PR_SET_PDEATHSIG, SIGTERM)
        getattr(b, name)(*values)
        b.prctl(PR_GET_PDEATHSIG)
        b.prctl(PR_GET_DUMPABLE)


@case
def child_has_its_parents_ids(world: World) -> None:
    b = world.root.fork("b")
    b.setresgid(1001, 1002, 1003)
    b.setfsgid(1001)
    ids(b.child("c"))
