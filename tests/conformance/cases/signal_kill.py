"""kill(2): whom it reaches, what is refused, what a signal does by itself."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    SIG_BLOCK,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGRTMAX,
    SIGRTMIN,
    SIGTERM,
    SIGURG,
    SIGUSR1,
    SIGUSR2,
    SIGWINCH,
)
from ..scenario import World, case


@case
def signals_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for signo in (-1, 65, 1000, INT_MAX, 0):
        a.kill(b, signo)
    a.kill(4000000, 0)
    a.kill(4000000, SIGTERM)
    a.kill(4000000, 65)
    b.alive()


@case
def users_may_signal_their_own(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1000, gid=2000)
    d = a.fork("d", uid=1001, gid=1000)
    for signo in (0, SIGURG):
        b.kill(c, signo)
        b.kill(d, signo)
        b.kill(a, signo)
        a.kill(b, signo)
    b.kill(d, 65)
    e = a.fork("e", uid=1002, gid=1002, cap=["CAP_KILL"])
    e.kill(d, 0)
    f = a.fork("f", uid=1002, gid=1002, cap=["CAP_SYS_ADMIN"])
    f.kill(d, 0)
    bare = a.fork("bare", cap=[])
    bare.kill(b, 0)
    bare.kill(a, 0)


@case
def ended_tasks_are_not_there(world: World) -> None:
    a = world.root
    b, c = a.fork("b"), a.fork("c")
    b.exit()
    b.alive()
    a.kill(b, 0)
    a.kill(c, SIGKILL)
    c.alive()
    a.kill(c, 0)
    a.kill(c, SIGTERM)


@case
def what_each_signal_does_by_itself(world: World) -> None:
    a = world.root
    for signo in (1, 2, 3, 6, 10, 13, 14, 15, SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGRTMIN, SIGRTMAX):
        b = a.fork(f"b{signo}")
        a.kill(b, signo)
        b.alive()


@case
def caught_and_ignored_signals_do_not_end_a_task(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    a.kill(b, SIGUSR1)
    a.kill(b, SIGUSR2)
    b.alive()
    b.rt_sigpending()
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_DFL"})
    a.kill(b, SIGUSR1)
    b.alive()


@case
def killing_oneself(world: World) -> None:
    a = world.root
    b, c = a.fork("b"), a.fork("c")
    b.kill(b, 0)
    b.kill(b, SIGURG)
    b.kill(b, SIGTERM)
    c.kill(c, SIGKILL)


@case
def group_of_the_caller(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = b.fork("c", uid=1000, gid=1000)
    for task in (a, b, c):
        task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    b.kill(0, SIGUSR1)
    for task in (a, b, c):
        task.rt_sigpending()
    c.kill(0, SIGUSR1)
    for task in (a, b, c):
        task.rt_sigpending()
    a.kill(-4000000, 0)


@case
def siginfo_of_kill(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_KILL"])
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    c.kill(b, SIGUSR1)
    b.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})
    b.kill(b, SIGUSR1)
    b.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})
