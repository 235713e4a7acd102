"""rt_sigqueueinfo(2) and tgkill(2): signals that say something, in order, and to one thread."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    RLIMIT_SIGPENDING,
    SI_MESGQ,
    SI_QUEUE,
    SI_TKILL,
    SI_USER,
    SIG_BLOCK,
    SIGKILL,
    SIGRTMAX,
    SIGRTMIN,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import NOBODY, Task, World, case

AT_ONCE = {"tv_sec": 0, "tv_nsec": 0}
KEPT = [SIGUSR1, SIGUSR2, SIGTERM, SIGRTMIN, SIGRTMIN + 1, SIGRTMAX]


def saying(value: int, code: int = SI_QUEUE) -> dict[str, int]:
    """``siginfo_t`` with a value."""
    return {"si_code": code, "si_value": value}


def listener(task: Task, name: str, **how: object) -> Task:
    """A child that keeps its signals."""
    child = task.fork(name, **how)
    child.rt_sigprocmask(SIG_BLOCK, KEPT)
    return child


@case
def codes_that_one_may_give(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    for code in (SI_QUEUE, SI_USER, SI_TKILL, SI_MESGQ, -2, -4, -60, INT_MIN, 1, 0x80, INT_MAX):
        a.rt_sigqueueinfo(b, SIGUSR1, saying(7, code) | {"si_pid": 55, "si_uid": 66})
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def anything_may_be_said_to_oneself(world: World) -> None:
    b = listener(world.root, "b", uid=1000, gid=1000)
    for code in (SI_QUEUE, SI_USER, SI_TKILL, 0x80):
        b.rt_sigqueueinfo(b, SIGUSR1, saying(7, code) | {"si_pid": 55, "si_uid": 66})
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)


@case
def values(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    for value in (0, -1, INT_MAX, LONG_MAX):
        a.rt_sigqueueinfo(b, SIGRTMIN, saying(value))
        b.rt_sigtimedwait([SIGRTMIN], AT_ONCE)


@case
def numbers_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for signo in (0, -1, 65, INT_MAX):
        a.rt_sigqueueinfo(b, signo, saying(0))
    for pid in (0, -1, NOBODY, INT_MIN):
        a.rt_sigqueueinfo(pid, 0, saying(0))
        a.rt_sigqueueinfo(pid, 65, saying(0))
        a.rt_sigqueueinfo(pid, 0, saying(0, SI_USER))
    a.rt_sigqueueinfo(b, 65, saying(0, SI_USER))
    a.rt_sigqueueinfo(-b, 0, saying(0))


@case
def users_may_signal_their_own(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1000, gid=1000)
    b.rt_sigqueueinfo(a, 0, saying(0))
    b.rt_sigqueueinfo(a, SIGTERM, saying(0))
    b.rt_sigqueueinfo(c, 0, saying(0))
    b.rt_sigqueueinfo(c, SIGTERM, saying(0))
    c.alive()
    b.tgkill(a, a, 0)
    d = a.fork("d", uid=1001, gid=1001, cap=["CAP_KILL"])
    d.tgkill(b, b, 0)
    d.rt_sigqueueinfo(b, SIGKILL, saying(0))
    b.alive()


@case
def real_time_signals_are_queued_in_order(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    for value, signo in enumerate((SIGRTMAX, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN, SIGRTMAX, SIGRTMIN), start=1):
        a.rt_sigqueueinfo(b, signo, saying(value))
    b.rt_sigpending()
    for _ in range(7):
        b.rt_sigtimedwait(KEPT, AT_ONCE)


@case
def other_signals_are_pending_once(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    for value in (1, 2, 3):
        a.rt_sigqueueinfo(b, SIGUSR1, saying(value))
    a.kill(b, SIGUSR2)
    a.rt_sigqueueinfo(b, SIGUSR2, saying(4))
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(5))
    a.kill(b, SIGRTMIN)
    for _ in range(5):
        b.rt_sigtimedwait(KEPT, AT_ONCE)


@case
def ignored_signals_are_not_kept(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGRTMIN, {"sa_handler": "SIG_IGN"})
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(1))
    b.rt_sigprocmask(SIG_BLOCK, [SIGRTMIN])
    b.rt_sigpending()
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(2))
    b.rt_sigpending()
    b.rt_sigtimedwait([SIGRTMIN], AT_ONCE)
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(3))
    b.rt_sigaction(SIGRTMIN, {"sa_handler": "SIG_IGN"})
    b.rt_sigpending()


@case
def child_has_no_pending_signals(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(1))
    a.kill(b, SIGUSR1)
    c = b.child("c")
    c.rt_sigpending()
    c.rt_sigprocmask(SIG_BLOCK, None)


@case
def queue_of_pending_signals_is_limited(world: World) -> None:
    a = world.root
    b = listener(a, "b", uid=4441, gid=4441)
    b.prlimit64(0, RLIMIT_SIGPENDING, {"rlim_cur": 2, "rlim_max": 4096})
    for value in (1, 2, 3):
        a.rt_sigqueueinfo(b, SIGRTMIN, saying(value))
    a.kill(b, SIGRTMIN)
    a.kill(b, SIGRTMIN + 1)
    a.rt_sigqueueinfo(b, SIGUSR1, saying(4))
    b.rt_sigpending()
    for _ in range(6):
        b.rt_sigtimedwait(KEPT, AT_ONCE)


@case
def sleeper_takes_what_is_sent(world: World) -> None:
    a = world.root
    b = listener(a, "b")
    waiting = b.start.rt_sigtimedwait([SIGRTMIN, SIGUSR1])
    a.rt_sigqueueinfo(b, SIGRTMIN, saying(8))
    waiting.result()
    waiting = b.start.rt_sigtimedwait([SIGUSR1])
    a.tgkill(b, b, SIGUSR1)
    waiting.result()


@case
def tgkill_wants_thread_and_process(world: World) -> None:
    a = world.root
    b, c = listener(a, "b"), a.fork("c")
    a.tgkill(b, b, 0)
    a.tgkill(b, c, 0)
    for tgid, tid in ((0, 0), (-1, 1), (1, -1), (NOBODY, NOBODY), (-1, -1)):
        a.tgkill(tgid, tid, 0)
    a.tgkill(b, b, 65)
    a.tgkill(b, b, -1)
    a.tgkill(b, NOBODY, 0)
    a.tgkill(b, b, SIGUSR1)
    b.rt_sigpending()
    b.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    a.kill(b, SIGUSR1)
    a.tgkill(b, b, SIGUSR1)
    for _ in range(3):
        b.rt_sigtimedwait([SIGUSR1], AT_ONCE)
    a.tgkill(b, b, SIGKILL)
    b.alive()
    a.tgkill(b, b, 0)
