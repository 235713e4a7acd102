"""Sessions and process groups that nobody is left to look after, and what stops them."""

from __future__ import annotations

from ..linux import (
    PR_SET_CHILD_SUBREAPER,
    SIG_BLOCK,
    SIGCHLD,
    SIGCONT,
    SIGHUP,
    SIGSTOP,
    WUNTRACED,
)
from ..scenario import Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}


def session(world: World) -> tuple[Task, Task]:
    """The leader of a session of its own, and its child."""
    leader = world.root.fork("leader")
    leader.setsid()
    return leader, leader.fork("b")


@case
def who_ends_leaves_stopped_orphans_a_hangup(world: World) -> None:
    _, b = session(world)
    c, d = b.fork("c"), b.fork("d")
    b.setpgid(c, c)
    b.setpgid(d, d)
    b.kill(c, SIGSTOP)
    b.exit()
    c.alive()
    d.alive()


@case
def hangup_and_continuation_of_an_orphaned_group(world: World) -> None:
    _, b = session(world)
    c, d = b.fork("c"), b.fork("d")
    b.setpgid(c, c)
    b.setpgid(d, c)
    d.rt_sigprocmask(SIG_BLOCK, [SIGHUP, SIGCONT])
    b.kill(c, SIGSTOP)
    b.exit()
    d.rt_sigtimedwait([SIGHUP, SIGCONT], AT_ONCE)
    d.rt_sigtimedwait([SIGHUP, SIGCONT], AT_ONCE)
    d.rt_sigtimedwait([SIGHUP, SIGCONT], AT_ONCE)
    c.alive()


@case
def group_with_a_parent_in_its_session_is_no_orphan(world: World) -> None:
    leader, b = session(world)
    leader.prctl(PR_SET_CHILD_SUBREAPER, 1)
    c = b.fork("c")
    b.setpgid(c, c)
    b.kill(c, SIGSTOP)
    b.exit()
    c.alive()
    leader.exit()
    c.alive()


@case
def orphaned_groups_do_not_stop_by_the_terminals_signals(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    b = a.fork("b")
    c = b.fork("c")
    b.setpgid(c, c)
    b.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    for signo in (20, 21, 22):
        b.kill(c, signo)
        b.wait4(c, WUNTRACED)
        b.kill(c, SIGCONT)
    c.setsid()
    d = a.fork("d")
    d.setsid()
    for signo in (20, 21, 22):
        a.kill(d, signo)
        d.alive()
        d.getpid()
    a.kill(d, SIGSTOP)
    a.wait4(d, WUNTRACED)
