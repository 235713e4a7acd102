"""Children that nobody has to wait for, and waits that end without one."""

from __future__ import annotations

from ..linux import (
    P_ALL,
    P_PIDFD,
    PIDFD_NONBLOCK,
    SA_NOCLDWAIT,
    SA_RESTART,
    SIG_BLOCK,
    SIGCHLD,
    SIGUSR1,
    SIGUSR2,
    WEXITED,
    WNOHANG,
)
from ..scenario import Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}


def parent(world: World) -> Task:
    """The root, whose children wait for it when they have ended."""
    world.root.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    return world.root


@case
def sleeper_whose_last_child_is_reaped_for_it(world: World) -> None:
    a = world.root
    b = a.fork("b")
    waiting = a.start.wait4(-1, 0)
    b.exit()
    waiting.result()


@case
def signals_interrupt_a_wait(world: World) -> None:
    a = parent(world)
    r = a.fork("r")
    a.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    a.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})
    waiting = a.start.wait4(-1, 0)
    r.kill(a, SIGUSR2)
    waiting.sleeps()
    r.kill(a, SIGUSR1)
    waiting.result()
    waiting = a.start.waitid(P_ALL, 0, WEXITED)
    r.kill(a, SIGUSR2)
    waiting.sleeps()
    r.kill(a, SIGUSR1)
    waiting.result()


@case
def nobody_waits_where_the_signal_is_ignored(world: World) -> None:
    a = world.root
    for act in ({"sa_handler": "SIG_IGN"}, {"sa_handler": "SIG_DFL", "sa_flags": SA_NOCLDWAIT}):
        a.rt_sigaction(SIGCHLD, act)
        b = a.fork(f"b{len(world.tasks)}")
        b.exit()
        a.kill(b, 0)
        a.wait4(-1, 0)
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    c = a.fork("c")
    c.exit()
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_IGN"})
    a.wait4(-1, WNOHANG)


@case
def sleeper_returns_when_the_last_of_its_ignored_children_ends(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_IGN"})
    b, c = a.fork("b"), a.fork("c")
    waiting = a.start.wait4(b, 0)
    b.exit()
    waiting.result()
    waiting = a.start.wait4(-1, 0)
    c.exit()
    waiting.result()


@case
def no_child_wait_with_a_handler_still_signals(world: World) -> None:
    a = world.root
    a.rt_sigprocmask(SIG_BLOCK, [SIGCHLD])
    for act in (
        {"sa_handler": "SIG_CATCH", "sa_flags": SA_NOCLDWAIT},
        {"sa_handler": "SIG_DFL", "sa_flags": SA_NOCLDWAIT},
        {"sa_handler": "SIG_IGN"},
    ):
        a.rt_sigaction(SIGCHLD, act)
        b = a.fork(f"b{len(world.tasks)}")
        b.exit()
        a.rt_sigpending()
        a.rt_sigtimedwait([SIGCHLD], AT_ONCE)


@case
def a_pidfd_names_whom_to_wait_for(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    fd = a.pidfd_open(b, 0).ret
    nonblocking = a.pidfd_open(c, PIDFD_NONBLOCK).ret
    a.waitid(P_PIDFD, fd, WEXITED | WNOHANG)
    a.waitid(P_PIDFD, nonblocking, WEXITED)
    a.waitid(P_PIDFD, 99, WEXITED)
    b.exit_group(4)
    c.exit_group(5)
    a.waitid(P_PIDFD, fd, WEXITED)
    a.waitid(P_PIDFD, fd, WEXITED)
    a.waitid(P_PIDFD, nonblocking, WEXITED)
    a.waitid(P_PIDFD, nonblocking, WEXITED)
    a.waitid(P_PIDFD, a.pidfd_open(a, 0).ret, WEXITED)
    a.waitid(P_PIDFD, a.mq_open("q", 0o102, 0o600).ret, WEXITED)
