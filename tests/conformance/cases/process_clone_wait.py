"""Children that end with another signal than SIGCHLD, or none, and what the parent is told when a child changes."""

from __future__ import annotations

from ..linux import (
    P_ALL,
    SA_NOCLDSTOP,
    SIG_BLOCK,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGSTOP,
    SIGTERM,
    SIGUSR1,
    WALL,
    WCLONE,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
)
from ..scenario import Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}


def parent(world: World) -> Task:
    """The root, whose children wait for it when they have ended, and which takes its signals when it likes."""
    world.root.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    world.root.rt_sigprocmask(SIG_BLOCK, [SIGCHLD, SIGUSR1])
    return world.root


@case
def child_without_a_signal(world: World) -> None:
    a = parent(world)
    b = a.child("b", 0)
    a.wait4(-1, WNOHANG)
    a.wait4(b, WNOHANG)
    a.waitid(P_ALL, 0, WEXITED | WNOHANG)
    a.wait4(-1, WNOHANG | WCLONE)
    a.wait4(-1, WNOHANG | WALL)
    b.exit_group(1)
    a.rt_sigpending()
    a.wait4(-1, 0)
    a.waitid(P_ALL, 0, WEXITED | WCLONE)
    a.wait4(-1, WALL)


@case
def child_with_another_signal(world: World) -> None:
    a = parent(world)
    b = a.child("b", SIGUSR1)
    b.exit_group(2)
    a.rt_sigpending()
    a.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    a.wait4(-1, WNOHANG)
    a.wait4(-1, WALL | WNOHANG)
    a.wait4(-1, WALL)


@case
def clone_children_are_not_ordinary_ones(world: World) -> None:
    a = parent(world)
    b, c = a.child("b", 0), a.child("c", SIGCHLD)
    b.exit_group(1)
    c.exit_group(2)
    a.wait4(b, 0)
    a.wait4(c, WCLONE)
    a.wait4(-1, WCLONE)
    a.wait4(-1, 0)


@case
def clone_wait_sleeps_too(world: World) -> None:
    a = parent(world)
    b, c = a.child("b", 0), a.child("c", SIGCHLD)
    waiting = a.start.wait4(-1, WCLONE)
    c.exit()
    waiting.sleeps()
    b.exit()
    waiting.result()
    a.wait4(-1, WNOTHREAD)


@case
def ignoring_does_not_reap_a_child_without_a_signal(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_IGN"})
    b = a.child("b", 0)
    b.exit()
    a.kill(b, 0)
    a.wait4(-1, WALL)
    c = a.child("c", SIGUSR1)
    a.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_IGN"})
    c.exit()
    a.wait4(-1, WALL)


@case
def exit_signal_by_clone3(world: World) -> None:
    a = parent(world)
    b = a.child3("b", exit_signal=SIGUSR1)
    b.exit_group(1)
    a.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    a.wait4(b, WALL)
    for signo in (65, 256, SIGCHLD | 256, -1):
        a.clone3({"exit_signal": signo})


@case
def signal_tells_how_a_child_ended(world: World) -> None:
    a = parent(world)
    b = a.fork("b", uid=1000, gid=1000)
    b.exit_group(6)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.wait4(b, 0)
    c = a.fork("c", uid=1000, gid=1000)
    a.kill(c, SIGTERM)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)


@case
def signals_of_several_children_are_one(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    b.exit_group(1)
    c.exit_group(2)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)


@case
def waiting_does_not_take_the_signal(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    b.exit()
    a.wait4(b, 0)
    a.rt_sigpending()


@case
def signal_tells_of_stopping_and_continuing(world: World) -> None:
    a = parent(world)
    b = a.fork("b", uid=1000, gid=1000)
    a.kill(b, SIGSTOP)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.kill(b, SIGCONT)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL", "sa_flags": SA_NOCLDSTOP})
    a.kill(b, SIGSTOP)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.kill(b, SIGCONT)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
    a.kill(b, SIGKILL)
    a.rt_sigtimedwait([SIGCHLD], AT_ONCE)
