"""Whose the children of an ended task become, and the signal they may ask for at its end."""

from __future__ import annotations

from ..linux import (
    P_ALL,
    PR_GET_CHILD_SUBREAPER,
    PR_GET_PDEATHSIG,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    SIG_BLOCK,
    SIGCHLD,
    SIGKILL,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    WALL,
    WEXITED,
    WNOHANG,
    WNOWAIT,
)
from ..scenario import Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}


def parent(task: Task) -> Task:
    """A task whose children wait for it when they have ended."""
    task.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    return task


def reaper(task: Task) -> Task:
    """A task that orphans below it go to."""
    parent(task).prctl(PR_SET_CHILD_SUBREAPER, 1)
    return task


@case
def orphans_go_to_init(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b")
    c = b.fork("c")
    c.getppid()
    b.exit()
    c.getppid()
    a.wait4(c, WNOHANG)
    a.wait4(-1, 0)
    a.wait4(-1, 0)


@case
def zombie_of_an_ended_parent_is_reaped_by_init(world: World) -> None:
    a = parent(world.root)
    b = parent(a.fork("b"))
    c = b.fork("c")
    c.exit()
    a.kill(c, 0)
    b.exit()
    a.kill(c, 0)
    a.kill(b, 0)


@case
def orphans_go_to_the_subreaper(world: World) -> None:
    a = reaper(world.root)
    b = a.fork("b")
    c = b.fork("c")
    d = c.fork("d")
    c.exit_group(1)
    d.getppid()
    d.exit_group(2)
    a.wait4(-1, WNOHANG)
    a.waitid(P_ALL, 0, WEXITED | WNOHANG)
    b.exit_group(3)
    a.wait4(-1, WNOHANG)
    a.wait4(-1, WNOHANG)
    a.wait4(-1, WNOHANG)


@case
def nearest_subreaper_takes_them(world: World) -> None:
    a = reaper(world.root)
    b = reaper(a.fork("b"))
    c = b.fork("c")
    d = c.fork("d")
    c.exit()
    d.getppid()
    b.prctl(PR_SET_CHILD_SUBREAPER, 0)
    b.exit()
    d.getppid()
    d.exit_group(4)
    a.wait4(d, WNOHANG)


@case
def subreaper_for_those_who_were_born_before(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b")
    c = b.fork("c")
    d = c.fork("d")
    a.prctl(PR_SET_CHILD_SUBREAPER, 1)
    c.exit()
    d.getppid()
    e = d.fork("e")
    d.exit()
    e.getppid()


@case
def subreaper_is_not_inherited(world: World) -> None:
    a = reaper(world.root)
    b = a.fork("b")
    b.prctl(PR_GET_CHILD_SUBREAPER)
    c = b.fork("c")
    d = c.fork("d")
    c.exit()
    d.getppid()
    a.prctl(PR_SET_CHILD_SUBREAPER, 0)
    b.exit()
    d.getppid()


@case
def zombies_go_along(world: World) -> None:
    a = reaper(world.root)
    b = parent(a.fork("b"))
    c, d = b.fork("c"), b.fork("d")
    c.exit_group(5)
    a.wait4(c, 0)
    b.exit_group(6)
    a.wait4(c, WNOHANG)
    a.wait4(-1, WNOHANG)
    d.getppid()


@case
def a_zombie_that_goes_along_wakes_a_waiting_reaper(world: World) -> None:
    a = reaper(world.root)
    b = parent(a.fork("b"))
    c = b.fork("c")
    c.exit_group(5)
    waiting = a.start.wait4(-1, WALL)
    b.exit_group(6)
    waiting.result()
    a.wait4(-1, WNOHANG)


@case
def reaper_that_ignores_its_children(world: World) -> None:
    a = world.root
    a.prctl(PR_SET_CHILD_SUBREAPER, 1)
    between = parent(a.fork("between"))
    b = parent(between.fork("b"))
    c = b.fork("c")
    c.exit()
    a.kill(c, 0)
    b.exit()
    a.kill(c, 0)
    a.kill(b, 0)
    a.wait4(-1, WNOHANG)


@case
def orphan_ends_with_sigchld(world: World) -> None:
    a = reaper(world.root)
    a.rt_sigprocmask(SIG_BLOCK, [SIGCHLD, SIGUSR1])
    b = a.fork("b")
    c = b.child("c", SIGUSR1)
    b.exit()
    a.rt_sigtimedwait([SIGCHLD, SIGUSR1], AT_ONCE)
    c.exit()
    a.rt_sigtimedwait([SIGCHLD, SIGUSR1], AT_ONCE)
    a.wait4(c, WNOHANG)


@case
def sibling_by_clone_parent(world: World) -> None:
    a = parent(world.root)
    b = a.child("b", SIGUSR1)
    c = b.child("c", 0x8000 | SIGCHLD)
    c.getppid()
    a.rt_sigprocmask(SIG_BLOCK, [SIGCHLD, SIGUSR1])
    c.exit()
    a.rt_sigpending()
    b.wait4(-1, WALL)
    a.wait4(c, WALL)


@case
def signal_at_the_death_of_the_parent(world: World) -> None:
    a = reaper(world.root)
    b = a.fork("b", uid=1000, gid=1000)
    c, d, e = b.fork("c"), b.fork("d"), b.fork("e")
    c.prctl(PR_SET_PDEATHSIG, SIGUSR1)
    c.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    d.prctl(PR_SET_PDEATHSIG, SIGTERM)
    e.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    e.prctl(PR_SET_PDEATHSIG, SIGUSR2)
    b.exit()
    c.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    d.alive()
    e.alive()
    c.prctl(PR_GET_PDEATHSIG)
    a.wait4(d, 0)


@case
def death_signal_comes_again_at_the_next_parent(world: World) -> None:
    a = world.root
    b = reaper(a.fork("b"))
    c = b.fork("c")
    d = c.fork("d")
    d.prctl(PR_SET_PDEATHSIG, SIGUSR1)
    d.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    c.exit()
    d.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    b.exit()
    d.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def death_signal_is_not_inherited_and_makes_a_chain(world: World) -> None:
    a = reaper(world.root)
    b = a.fork("b")
    c = b.fork("c")
    c.prctl(PR_SET_PDEATHSIG, SIGKILL)
    d = c.fork("d")
    d.prctl(PR_GET_PDEATHSIG)
    d.prctl(PR_SET_PDEATHSIG, SIGTERM)
    e = d.fork("e")
    b.exit()
    for task in (c, d, e):
        task.alive()
    e.getppid()
    for _ in range(4):
        a.waitid(P_ALL, 0, WEXITED | WNOHANG)
    a.waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT)
