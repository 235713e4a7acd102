"""Signal masks, dispositions, pending sets and rt_sigtimedwait(2)."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SA_SIGINFO,
    SIG_BLOCK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGRTMAX,
    SIGRTMIN,
    SIGSTOP,
    SIGTERM,
    SIGURG,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import World, after, case

NOW = {"tv_sec": 0, "tv_nsec": 0}


@case
def mask_is_changed_in_three_ways(world: World) -> None:
    a = world.root
    a.rt_sigprocmask(SIG_BLOCK)
    a.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2])
    a.rt_sigprocmask(SIG_BLOCK, [SIGTERM])
    a.rt_sigprocmask(SIG_UNBLOCK, [SIGUSR1])
    a.rt_sigprocmask(SIG_SETMASK, [SIGRTMAX, SIGRTMIN, 1])
    a.rt_sigprocmask(SIG_SETMASK, [])
    a.rt_sigprocmask(SIG_BLOCK)


@case
def ways_to_change_the_mask_that_are_none(world: World) -> None:
    a = world.root
    for how in (3, -1, 99, INT_MAX):
        a.rt_sigprocmask(how, [SIGUSR1])
        a.rt_sigprocmask(how)


@case
def two_signals_are_never_blocked(world: World) -> None:
    a = world.root
    a.rt_sigprocmask(SIG_SETMASK, list(range(1, 65)))
    a.rt_sigprocmask(SIG_BLOCK)
    b = a.fork("b")
    a.kill(b, SIGKILL)
    b.alive()


@case
def dispositions(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGUSR1)
    a.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})
    a.rt_sigaction(SIGUSR1)
    a.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_IGN", "sa_flags": SA_NODEFER | SA_SIGINFO})
    a.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_DFL"})
    a.rt_sigaction(SIGUSR1)
    for signo in (0, -1, 65, INT_MAX):
        a.rt_sigaction(signo)
        a.rt_sigaction(signo, {"sa_handler": "SIG_IGN"})
    for signo in (SIGKILL, SIGSTOP):
        a.rt_sigaction(signo)
        for handler in ("SIG_DFL", "SIG_IGN", "SIG_CATCH"):
            a.rt_sigaction(signo, {"sa_handler": handler})


@case
def handler_that_is_used_once(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH", "sa_flags": SA_RESETHAND})
    a.kill(b, SIGUSR1)
    b.alive()
    b.rt_sigaction(SIGUSR1)
    a.kill(b, SIGUSR1)
    b.alive()


@case
def blocked_signals_pend(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2, SIGRTMIN, SIGURG])
    for signo in (SIGUSR2, SIGRTMIN, SIGUSR1, SIGUSR1, SIGURG):
        a.kill(b, signo)
    b.rt_sigpending()
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    b.rt_sigpending()
    b.rt_sigaction(SIGURG, {"sa_handler": "SIG_DFL"})
    b.rt_sigpending()
    a.kill(b, SIGUSR2)
    b.rt_sigpending()
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    b.rt_sigaction(SIGRTMIN, {"sa_handler": "SIG_CATCH"})
    b.rt_sigprocmask(SIG_SETMASK, [])
    b.rt_sigpending()
    b.alive()


@case
def unblocking_lets_a_signal_end_the_task(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGTERM])
    a.kill(b, SIGTERM)
    b.alive()
    b.rt_sigprocmask(SIG_UNBLOCK, [SIGTERM])
    b.alive()


@case
def child_inherits_mask_and_dispositions_but_nothing_pending(world: World) -> None:
    a = world.root
    a.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    a.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    a.kill(a, SIGUSR1)
    b = a.fork("b")
    b.rt_sigpending()
    b.rt_sigprocmask(SIG_BLOCK)
    b.rt_sigaction(SIGUSR2)
    a.rt_sigpending()


@case
def standard_signals_pend_once_and_real_time_ones_queue(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGRTMIN, SIGRTMIN + 1])
    for _ in range(3):
        a.kill(b, SIGUSR1)
        a.kill(b, SIGRTMIN + 1)
        a.kill(b, SIGRTMIN)
    for _ in range(8):
        b.rt_sigtimedwait([SIGUSR1, SIGRTMIN, SIGRTMIN + 1], NOW)


@case
def lowest_signal_is_waited_for_first(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2, SIGTERM])
    for signo in (SIGTERM, SIGUSR2, SIGUSR1):
        a.kill(b, signo)
    b.rt_sigtimedwait([SIGUSR2, SIGTERM], NOW)
    b.rt_sigtimedwait([SIGUSR2], NOW)
    b.rt_sigtimedwait([SIGUSR1, SIGTERM], NOW)
    b.rt_sigtimedwait([SIGUSR1, SIGTERM], NOW)
    b.rt_sigtimedwait([SIGUSR1, SIGTERM], NOW)


@case
def waiting_for_a_signal(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGURG])
    waiting = b.start.rt_sigtimedwait([SIGUSR1, SIGURG])
    a.kill(b, SIGURG)
    waiting.result()
    waiting = b.start.rt_sigtimedwait([SIGUSR1], after(100))
    a.kill(b, SIGURG)
    waiting.sleeps()
    a.kill(b, SIGUSR1)
    waiting.result()
    b.rt_sigpending()


@case
def waiting_for_a_signal_that_is_not_blocked(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_CATCH"})
    waiting = b.start.rt_sigtimedwait([SIGUSR1, SIGUSR2, SIGURG])
    a.kill(b, SIGURG)
    waiting.sleeps()
    a.kill(b, SIGUSR2)
    waiting.sleeps()
    if waiting.answer is not None:
        waiting = b.start.rt_sigtimedwait([SIGUSR1, SIGUSR2, SIGURG])
    a.kill(b, SIGUSR1)
    waiting.sleeps()
    b.alive()


@case
def waiting_for_a_signal_in_vain(world: World) -> None:
    a = world.root
    a.rt_sigtimedwait([SIGUSR1], NOW)
    a.start.rt_sigtimedwait([SIGUSR1], after(0.03)).result()
    a.rt_sigtimedwait([], NOW)
    for seconds, nanoseconds in ((0, 10**9), (-1, 0), (0, -1)):
        a.rt_sigtimedwait([SIGUSR1], {"tv_sec": seconds, "tv_nsec": nanoseconds})


@case
def waiting_is_interrupted_by_another_signal(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for flags in (0, SA_RESTART):
        b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_CATCH", "sa_flags": flags})
        waiting = b.start.rt_sigtimedwait([SIGUSR1])
        a.kill(b, SIGUSR2)
        waiting.result()
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    waiting = b.start.rt_sigtimedwait([SIGUSR1])
    a.kill(b, SIGUSR2)
    waiting.sleeps()
    a.kill(b, SIGTERM)
    waiting.result()


@case
def ignored_signal_that_is_waited_for(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_IGN"})
    a.kill(b, SIGUSR1)
    b.rt_sigtimedwait([SIGUSR1], NOW)
    waiting = b.start.rt_sigtimedwait([SIGUSR1, SIGCHLD, SIGCONT])
    for signo in (SIGUSR1, SIGCHLD, SIGCONT):
        a.kill(b, signo)
        waiting.sleeps()


@case
def ignored_signal_that_is_blocked_and_waited_for(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_IGN"})
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGCHLD])
    for signo in (SIGUSR1, SIGCHLD):
        a.kill(b, signo)
        b.rt_sigpending()
        b.rt_sigtimedwait([SIGUSR1, SIGCHLD], NOW)
        waiting = b.start.rt_sigtimedwait([SIGUSR1, SIGCHLD])
        a.kill(b, signo)
        waiting.result()


@case
def pending_signals_are_limited(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4201, gid=4201)
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2, SIGRTMIN])
    b.prlimit64(0, 11, {"rlim_cur": 2, "rlim_max": 4096})
    for signo in (SIGRTMIN, SIGRTMIN, SIGRTMIN, SIGUSR1, SIGUSR2):
        a.kill(b, signo)
    b.rt_sigpending()
    for _ in range(6):
        b.rt_sigtimedwait([SIGUSR1, SIGUSR2, SIGRTMIN], NOW)


@case
def no_place_for_siginfo(world: World) -> None:
    a = world.root
    q = a.mq_open("q", 0o102, 0o666, {"mq_maxmsg": 1, "mq_msgsize": 8}).ret or 0
    for signo in (SIGUSR1, SIGRTMIN):
        b = a.fork(f"kill{signo}", uid=4202, gid=4202)
        b.rt_sigprocmask(SIG_BLOCK, [signo])
        b.prlimit64(0, 11, {"rlim_cur": 0, "rlim_max": 4096})
        a.kill(b, signo)
        b.rt_sigpending()
        b.rt_sigtimedwait([signo], NOW)
        a.kill(b, signo)
        b.mq_notify(q, {"sigev_notify": 0, "sigev_signo": signo, "sigev_value": 5})
        b.rt_sigtimedwait([signo], NOW)
        a.mq_timedsend(q, b"x")
        a.mq_timedreceive(q, 8)
        b.rt_sigpending()
        b.rt_sigtimedwait([signo], NOW)
        b.mq_notify(q)
