"""Process groups and sessions: who may move whom where, and whom a signal to a group reaches."""

from __future__ import annotations

from ..linux import (
    INT_MIN,
    SIG_BLOCK,
    SIGCONT,
    SIGKILL,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import NOBODY, Task, World, case


def where(task: Task) -> None:
    """Note a task's group and session."""
    task.getpgid(0)
    task.getpgrp()
    task.getsid(0)


@case
def children_are_in_their_parents_group(world: World) -> None:
    a = world.root
    a.setpgid(0, 0)
    b = a.fork("b")
    where(b)
    b.setpgid(0, 0)
    c = b.fork("c")
    where(c)
    a.getpgid(c)
    a.getsid(c)
    c.getpgid(a)


@case
def a_session_of_ones_own(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.setsid()
    where(b)
    b.setsid()
    c = b.fork("c")
    where(c)
    c.setsid()
    where(c)
    a.getsid(c)


@case
def leader_of_a_group_cannot_leave_its_session(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.setpgid(0, 0)
    b.setsid()
    c = b.fork("c")
    b.setpgid(0, a)
    a.setpgid(0, 0)
    b.setpgid(0, a)
    b.setsid()
    c.exit()
    b.setsid()
    where(b)


@case
def group_that_is_left_behind_keeps_its_number_taken(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = a.fork("c")
    b.setpgid(0, 0)
    c.setpgid(0, b)
    a.setpgid(0, 0)
    b.setpgid(0, a)
    b.setsid()
    c.setpgid(0, a)
    b.setsid()


@case
def numbers_of_groups(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for pgid in (-1, INT_MIN, NOBODY):
        b.setpgid(0, pgid)
        b.setpgid(b, pgid)
    for pid in (-1, INT_MIN, NOBODY):
        b.setpgid(pid, 0)
        b.setpgid(pid, b)
        b.getpgid(pid)
        b.getsid(pid)
    b.setpgid(b, b)
    b.setpgid(0, 0)
    b.setpgid(b, 0)
    where(b)


@case
def parent_moves_its_child(world: World) -> None:
    a = world.root
    b, c = a.fork("b"), a.fork("c")
    a.setpgid(b, b)
    a.setpgid(c, b)
    where(b)
    where(c)
    a.setpgid(c, c)
    a.setpgid(c, NOBODY)
    where(c)


@case
def strangers_may_not_be_moved(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = b.fork("c")
    a.setpgid(c, c)
    c.setpgid(b, 0)
    c.setpgid(a, 0)
    d = a.fork("d")
    d.setpgid(b, 0)
    d.setpgid(b, b)


@case
def leader_of_a_session_is_not_moved(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.setsid()
    b.setpgid(0, 0)
    b.setpgid(0, a)
    a.setpgid(b, b)
    a.setpgid(b, 0)


@case
def child_in_another_session_is_not_moved(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = b.fork("c")
    b.setsid()
    b.setpgid(c, c)
    b.setpgid(c, b)
    b.setpgid(c, NOBODY)
    b.setpgid(c, -1)


@case
def group_of_another_session(world: World) -> None:
    a = world.root
    b, c = a.fork("b"), a.fork("c")
    b.setsid()
    c.setpgid(0, b)
    d = b.fork("d")
    d.setpgid(0, 0)
    c.setpgid(0, d)
    e = b.fork("e")
    e.setpgid(0, d)
    where(e)


@case
def a_user_moves_and_asks_whom_it_may(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = b.child("c")
    d = a.fork("d", uid=1001, gid=1001)
    b.setpgid(c, c)
    d.getpgid(c)
    d.getsid(c)
    d.setpgid(0, c)
    where(d)
    a.setpgid(d, 0)


@case
def signal_to_ones_own_group(world: World) -> None:
    a = world.root
    a.setpgid(0, 0)
    b, c = a.fork("b"), a.fork("c")
    c.setpgid(0, 0)
    for task in (a, b, c):
        task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2])
    a.kill(0, SIGUSR1)
    c.kill(0, SIGUSR2)
    for task in (a, b, c):
        task.rt_sigpending()


@case
def signal_to_a_group(world: World) -> None:
    a = world.root
    b, c, d = a.fork("b"), a.fork("c"), a.fork("d")
    a.setpgid(b, b)
    a.setpgid(c, b)
    for task in (b, c, d):
        task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    a.kill(-b, SIGUSR1)
    for task in (b, c, d):
        task.rt_sigpending()
    a.kill(-c, SIGUSR1)
    a.kill(-b, 65)
    a.kill(-b, SIGKILL)
    a.kill(-b, 0)
    d.alive()
    a.kill(INT_MIN, 0)
    a.kill(INT_MIN, 65)


@case
def users_reach_their_own_in_a_group(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001)
    d = a.fork("d", uid=1001, gid=1001)
    a.setpgid(b, b)
    a.setpgid(c, b)
    for task in (b, c):
        task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    d.kill(-b, SIGUSR1)
    for task in (b, c):
        task.rt_sigpending()
    c.exit()
    d.kill(-b, SIGUSR1)
    d.kill(-b, 0)
    d.kill(-d, 0)


@case
def signal_to_everybody(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001)
    d = b.child("d")
    d.setsid()
    for task in (a, b, c, d):
        task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2])
    b.kill(-1, SIGUSR1)
    a.kill(-1, SIGUSR2)
    for task in (a, b, c, d):
        task.rt_sigpending()
    c.kill(-1, SIGUSR1)
    c.kill(-1, 0)
    a.kill(-1, 65)
    a.kill(-1, SIGKILL)
    for task in (a, b, c, d):
        task.alive()
    a.kill(-1, 0)


@case
def session_lets_sigcont_through(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001)
    d = a.fork("d", uid=1001, gid=1001)
    d.setsid()
    for signo in (SIGCONT, SIGTERM, 0):
        b.kill(c, signo)
        b.kill(d, signo)
