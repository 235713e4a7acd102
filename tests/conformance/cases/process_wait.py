"""wait4(2) and waitid(2): which child, in which state, and what is told of it."""

from __future__ import annotations

from ..linux import (
    INT_MIN,
    P_ALL,
    P_PGID,
    P_PID,
    P_PIDFD,
    SA_RESTART,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGSTOP,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
    WNOWAIT,
    WSTOPPED,
    WUNTRACED,
)
from ..scenario import NOBODY, Task, World, case


def parent(world: World) -> Task:
    """The root, whose children wait for it when they have ended."""
    world.root.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    return world.root


@case
def no_children(world: World) -> None:
    a = parent(world)
    for pid in (-1, 0, 1, NOBODY, -NOBODY, INT_MIN, a, -a):
        for options in (0, WNOHANG):
            a.wait4(pid, options)
    for idtype, number in ((P_ALL, 0), (P_PID, NOBODY), (P_PGID, 0), (P_PGID, NOBODY)):
        a.waitid(idtype, number, WEXITED)
        a.waitid(idtype, number, WEXITED | WNOHANG)


@case
def options_that_are_none(world: World) -> None:
    a = parent(world)
    a.fork("b")
    for options in (WEXITED, WNOWAIT, 0x10, 0x100, WNOHANG | 0x10):
        a.wait4(-1, options)
    for options in (0, WNOHANG, WNOWAIT, 0x10 | WEXITED, WEXITED | 0x100, WNOTHREAD):
        a.waitid(P_ALL, 0, options)
    for idtype, number in ((4, 0), (-1, 0), (P_PID, 0), (P_PID, -1), (P_PGID, -1), (P_PIDFD, -1)):
        a.waitid(idtype, number, WEXITED | WNOHANG)
    for options in (WNOHANG | WNOTHREAD, WNOHANG | WALL, WNOHANG | WCLONE, WNOHANG | WUNTRACED | WCONTINUED):
        a.wait4(-1, options)


@case
def status_of_an_exit(world: World) -> None:
    a = parent(world)
    for status in (0, 1, 7, 255, 256, -1, 0x1234):
        b = a.fork(f"b{status}")
        b.exit_group(status)
        a.wait4(b, 0)
        c = a.fork(f"c{status}")
        c.start.exit(status)
        a.waitid(P_PID, c, WEXITED)


@case
def status_of_a_killed_one(world: World) -> None:
    a = parent(world)
    for signo in (SIGKILL, SIGTERM, SIGUSR1, 1, 13, 34, 64):
        b = a.fork(f"b{signo}")
        a.kill(b, signo)
        a.waitid(P_PID, b, WEXITED | WNOWAIT)
        a.wait4(b, 0)


@case
def every_child_once(world: World) -> None:
    a = parent(world)
    b, c, d = a.fork("b"), a.fork("c"), a.fork("d")
    a.wait4(-1, WNOHANG)
    for task in (c, d, b):
        task.exit_group(3)
    for _ in range(4):
        a.wait4(-1, 0)
    a.wait4(b, 0)


@case
def grandchildren_are_not_waited_for(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    c = b.fork("c")
    a.wait4(c, WNOHANG)
    b.wait4(a, WNOHANG)
    c.wait4(-1, WNOHANG)
    a.waitid(P_PID, c, WEXITED | WNOHANG)


@case
def one_child_or_a_group(world: World) -> None:
    a = parent(world)
    b, c, d, e = (a.fork(name) for name in "bcde")
    b.setpgid(0, 0)
    c.setpgid(0, b)
    d.setpgid(0, 0)
    for task in (e, d, c, b):
        task.exit()
    a.wait4(d, 0)
    a.wait4(-d, 0)
    a.wait4(0, 0)
    a.wait4(0, 0)
    a.waitid(P_PGID, b, WEXITED | WNOWAIT)
    a.wait4(-b, 0)
    a.waitid(P_PGID, b, WEXITED)
    a.wait4(-b, WNOHANG)


@case
def group_zero_of_waitid_is_ones_own(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    b.setpgid(0, 0)
    c.exit()
    b.exit()
    a.waitid(P_PGID, 0, WEXITED)
    a.waitid(P_PGID, 0, WEXITED)
    a.waitid(P_ALL, 12345, WEXITED)


@case
def looking_without_reaping(world: World) -> None:
    a = parent(world)
    b = a.fork("b", uid=1000, gid=1000)
    b.exit_group(9)
    for _ in range(2):
        a.waitid(P_ALL, 0, WEXITED | WNOWAIT)
    a.waitid(P_ALL, 0, WSTOPPED | WNOHANG)
    a.waitid(P_ALL, 0, WEXITED)
    a.waitid(P_ALL, 0, WEXITED)


@case
def nothing_to_tell_yet(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    a.wait4(-1, WNOHANG)
    a.waitid(P_ALL, 0, WEXITED | WNOHANG)
    a.waitid(P_PID, b, WEXITED | WSTOPPED | WCONTINUED | WNOHANG)


@case
def stopped_and_continued(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    a.kill(b, SIGSTOP)
    a.wait4(b, WNOHANG)
    a.waitid(P_PID, b, WSTOPPED | WNOWAIT)
    a.wait4(b, WUNTRACED)
    a.wait4(b, WUNTRACED | WNOHANG)
    a.kill(b, SIGCONT)
    a.wait4(b, WUNTRACED | WNOHANG)
    a.waitid(P_PID, b, WCONTINUED | WNOWAIT)
    a.wait4(b, WCONTINUED)
    a.wait4(b, WCONTINUED | WNOHANG)
    a.kill(b, SIGSTOP)
    a.kill(b, SIGCONT)
    a.wait4(b, WUNTRACED | WCONTINUED)
    a.wait4(b, WUNTRACED | WCONTINUED | WNOHANG)


@case
def killed_while_stopped(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    a.kill(b, SIGSTOP)
    a.kill(b, SIGTERM)
    b.alive()
    a.kill(b, SIGKILL)
    a.waitid(P_ALL, 0, WSTOPPED | WNOHANG)
    a.wait4(-1, WUNTRACED)


@case
def sleeping_until_a_child_ends(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    waiting = a.start.wait4(-1, 0)
    c.exit_group(2)
    waiting.result()
    waiting = a.start.waitid(P_PID, b, WEXITED)
    b.exit_group(3)
    waiting.result()


@case
def sleeping_for_one_of_two(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    waiting = a.start.wait4(b, 0)
    c.exit()
    waiting.sleeps()
    b.exit()
    waiting.result()
    a.wait4(-1, 0)


@case
def sleeping_until_a_child_stops(world: World) -> None:
    a, r = parent(world), world.root.fork("r")
    b = a.fork("b")
    waiting = a.start.waitid(P_PID, b, WSTOPPED)
    r.kill(b, SIGSTOP)
    waiting.result()
    waiting = a.start.wait4(b, WCONTINUED)
    r.kill(b, SIGCONT)
    waiting.result()


@case
def a_child_that_is_no_longer_asked_for_wakes_nobody(world: World) -> None:
    r, a = world.root, world.root.fork("a")
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    a.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})
    b = a.fork("b")
    waiting = a.start.wait4(0, 0)
    b.setpgid(0, 0)
    b.exit()
    waiting.sleeps()
    r.kill(a, SIGUSR2)
    waiting.result()
    a.wait4(-1, 0)
