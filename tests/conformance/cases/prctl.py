"""prctl(2): the small switches of a process, one by one."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    PR_CAPBSET_READ,
    PR_GET_CHILD_SUBREAPER,
    PR_GET_DUMPABLE,
    PR_GET_KEEPCAPS,
    PR_GET_NAME,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_PDEATHSIG,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    SIGKILL,
    SIGRTMAX,
    SIGTERM,
)
from ..scenario import World, case


@case
def options_that_are_none(world: World) -> None:
    for option in (0, -1, 9999, INT_MAX):
        world.root.prctl(option)


@case
def death_signal(world: World) -> None:
    a = world.root
    a.prctl(PR_GET_PDEATHSIG)
    for signo in (SIGTERM, SIGKILL, SIGRTMAX, 0, 65, -1, INT_MAX):
        a.prctl(PR_SET_PDEATHSIG, signo)
        a.prctl(PR_GET_PDEATHSIG)
    a.prctl(PR_SET_PDEATHSIG, SIGTERM, 5)
    a.child("b").prctl(PR_GET_PDEATHSIG)


@case
def dumpable(world: World) -> None:
    b = world.root.fork("b")
    for value in (0, 1, 2, 3, -1):
        b.prctl(PR_SET_DUMPABLE, value)
        b.prctl(PR_GET_DUMPABLE)
    b.prctl(PR_SET_DUMPABLE, 0)
    b.child("c").prctl(PR_GET_DUMPABLE)


@case
def keepcaps(world: World) -> None:
    a = world.root
    a.prctl(PR_GET_KEEPCAPS)
    for value in (1, 2, -1, 0, 1):
        a.prctl(PR_SET_KEEPCAPS, value)
        a.prctl(PR_GET_KEEPCAPS)
    a.child("b").prctl(PR_GET_KEEPCAPS)


@case
def name(world: World) -> None:
    b = world.root.fork("b")
    for value in ("short", "exactly fifteen", "sixteen letters.", "x" * 100, "", "a\nb\\c"):
        b.prctl(PR_SET_NAME, value)
        b.prctl(PR_GET_NAME)
        b.proc_pid_read(0, "comm")
    b.prctl(PR_SET_NAME, "parent")
    c = b.child("c")
    c.prctl(PR_GET_NAME)
    c.prctl(PR_SET_NAME, "child")
    b.prctl(PR_GET_NAME)


@case
def subreaper(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000)
    b.prctl(PR_GET_CHILD_SUBREAPER)
    for value in (1, 0, 5, -1):
        b.prctl(PR_SET_CHILD_SUBREAPER, value)
        b.prctl(PR_GET_CHILD_SUBREAPER)
    b.child("c").prctl(PR_GET_CHILD_SUBREAPER)


@case
def no_new_privileges(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000)
    b.prctl(PR_GET_NO_NEW_PRIVS)
    for arg2, arg3 in ((0, 0), (2, 0), (1, 1), (-1, 0)):
        b.prctl(PR_SET_NO_NEW_PRIVS, arg2, arg3)
    b.prctl(PR_GET_NO_NEW_PRIVS, 1)
    b.prctl(PR_GET_NO_NEW_PRIVS, 0, 1)
    b.prctl(PR_GET_NO_NEW_PRIVS)
    b.prctl(PR_SET_NO_NEW_PRIVS, 1)
    b.prctl(PR_GET_NO_NEW_PRIVS)
    b.prctl(PR_SET_NO_NEW_PRIVS, 0)
    c = b.child("c")
    c.prctl(PR_GET_NO_NEW_PRIVS)


@case
def no_new_privileges_leave_the_calls_alone(world: World) -> None:
    b = world.root.fork("b")
    b.prctl(PR_SET_NO_NEW_PRIVS, 1)
    b.setresuid(1000, 1000, 0)
    b.setresuid(-1, 0, -1)
    b.capget(0)


@case
def bounding_set_is_read_by_anybody(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000)
    for number in (0, 5, 24, 40, 41):
        b.prctl(PR_CAPBSET_READ, number)
