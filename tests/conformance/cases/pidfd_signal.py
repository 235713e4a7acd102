"""pidfd_send_signal(2): whom it reaches, and what it may say."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
    PIDFD_THREAD,
    SI_MESGQ,
    SI_QUEUE,
    SI_TKILL,
    SI_USER,
    SIG_BLOCK,
    SIGKILL,
    SIGRTMIN,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}
PIDFD_SELF_THREAD, PIDFD_SELF_THREAD_GROUP = -10000, -10001


def listener(task: Task, name: str, **how: object) -> Task:
    """A child that keeps its signals."""
    child = task.fork(name, **how)
    child.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2, SIGRTMIN])
    return child


@case
def signals_and_flags_that_are_none(world: World) -> None:
    a = world.root
    fd = a.pidfd_open(a.fork("b"), 0).ret
    for signo in (0, -1, 65, INT_MAX):
        a.pidfd_send_signal(fd, signo)
    for flags in (3, 5, 6, 7, 8, 1 << 31, PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP):
        a.pidfd_send_signal(fd, 0, None, flags)
    for bad in (-1, 99, a.mq_open("q", 0o102, 0o600).ret):
        a.pidfd_send_signal(bad, 0)
        a.pidfd_send_signal(bad, 65, None, 8)


@case
def siginfo_without_info(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_KILL"])
    c.pidfd_open(b, 0)
    c.pidfd_send_signal(0, SIGUSR1)
    b.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    c.pidfd_send_signal(0, SIGUSR1, None, PIDFD_SIGNAL_THREAD)
    b.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    c.pidfd_send_signal(c.pidfd_open(b, PIDFD_THREAD).ret, SIGUSR1)
    b.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def info_that_one_may_give(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    fd = a.pidfd_open(b, 0).ret
    for code in (SI_QUEUE, SI_USER, SI_TKILL, SI_MESGQ, -60, 1, 0x80):
        a.pidfd_send_signal(fd, SIGUSR1, {"si_code": code, "si_value": 5, "si_pid": 77, "si_uid": 88})
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def anything_may_be_said_to_oneself(world: World) -> None:
    a = world.root
    b = listener(a, "b", uid=1000, gid=1000)
    fd = b.pidfd_open(b, 0).ret
    for code in (SI_QUEUE, SI_USER, SI_TKILL, 0x80):
        b.pidfd_send_signal(fd, SIGUSR1, {"si_code": code, "si_value": 5, "si_pid": 77, "si_uid": 88})
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def users_may_signal_their_own(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1000, gid=2000)
    for task in (a, c):
        fd = b.pidfd_open(task, 0).ret
        b.pidfd_send_signal(fd, 0)
        b.pidfd_send_signal(fd, 0, {"si_code": SI_QUEUE, "si_value": 0})
    b.pidfd_send_signal(1, SIGTERM)
    c.alive()


@case
def whole_group(world: World) -> None:
    a = world.root
    b, c, d = listener(a, "b"), listener(a, "c"), listener(a, "d")
    a.setpgid(b, b)
    a.setpgid(c, b)
    a.pidfd_open(b, 0)
    a.pidfd_open(c, 0)
    a.pidfd_send_signal(0, SIGUSR1, None, PIDFD_SIGNAL_PROCESS_GROUP)
    a.pidfd_send_signal(1, SIGUSR2, None, PIDFD_SIGNAL_PROCESS_GROUP)
    a.pidfd_send_signal(0, SIGRTMIN, {"si_code": SI_QUEUE, "si_value": 3}, PIDFD_SIGNAL_PROCESS_GROUP)
    for task in (b, c, d):
        task.rt_sigpending()
    c.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    c.rt_sigtimedwait([SIGRTMIN], AT_ONCE)
    b.exit()
    a.pidfd_send_signal(0, SIGUSR2, None, PIDFD_SIGNAL_PROCESS_GROUP)
    c.rt_sigpending()


@case
def self_needs_no_descriptor(world: World) -> None:
    b = listener(world.root, "b")
    for fd in (PIDFD_SELF_THREAD, PIDFD_SELF_THREAD_GROUP, -10002):
        b.pidfd_send_signal(fd, SIGUSR1)
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    b.pidfd_send_signal(PIDFD_SELF_THREAD_GROUP, SIGKILL)
    b.alive()


@case
def ended_tasks_are_not_there(world: World) -> None:
    a = world.root
    b = a.fork("b")
    fd = a.pidfd_open(b, 0).ret
    b.exit()
    a.pidfd_send_signal(fd, 0)
    a.pidfd_send_signal(fd, 65)
    a.pidfd_send_signal(fd, 0, None, PIDFD_SIGNAL_PROCESS_GROUP)
