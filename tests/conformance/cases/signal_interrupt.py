"""Which sleeping calls a signal ends, with and without SA_RESTART."""

from __future__ import annotations

from collections.abc import Callable

from ..linux import (
    IPC_CREAT,
    IPC_NOWAIT,
    IPC_SET,
    O_CREAT,
    O_NONBLOCK,
    O_RDWR,
    POLLIN,
    SA_RESTART,
    SIG_BLOCK,
    SIG_UNBLOCK,
    SIGURG,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import Pending, Task, World, after, case

Sleep = Callable[[Task], Pending]


def interrupt(world: World, sleep: Sleep) -> None:
    """Send signals to a task in a sleep of this kind: caught ones with either flag, blocked and ignored ones."""
    a = world.root
    b = a.fork("b")
    for flags in (0, SA_RESTART):
        b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH", "sa_flags": flags})
        waiting = sleep(b)
        a.kill(b, SIGUSR1)
        waiting.sleeps()
        if waiting.answer is None:
            b.alive()
            a.kill(b, 9)
            b = a.fork(f"after{flags}")
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    waiting = sleep(b)
    for signo in (SIGUSR1, SIGUSR2, SIGURG):
        a.kill(b, signo)
        waiting.sleeps()
    a.kill(b, 15)
    waiting.sleeps()
    b.alive()


@case
def msgrcv(world: World) -> None:
    q = world.root.msgget(1, IPC_CREAT | 0o600).ret or 0
    interrupt(world, lambda task: task.start.msgrcv(q, 10))


@case
def msgsnd(world: World) -> None:
    q = world.root.msgget(1, IPC_CREAT | 0o600).ret or 0
    world.root.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o600}, "msg_qbytes": 0})
    interrupt(world, lambda task: task.start.msgsnd(q, 1, b"x"))


def opened(world: World) -> int:
    """A queue of one message."""
    return world.root.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 8}).ret or 0


@case
def mq_timedreceive(world: World) -> None:
    q = opened(world)
    interrupt(world, lambda task: task.start.mq_timedreceive(q, 8))


@case
def mq_timedreceive_with_a_time_limit(world: World) -> None:
    q = opened(world)
    interrupt(world, lambda task: task.start.mq_timedreceive(q, 8, after(3600)))


@case
def mq_timedsend(world: World) -> None:
    q = opened(world)
    world.root.mq_timedsend(q, b"full")
    interrupt(world, lambda task: task.start.mq_timedsend(q, b"x"))


@case
def mq_timedsend_with_a_time_limit(world: World) -> None:
    q = opened(world)
    world.root.mq_timedsend(q, b"full")
    interrupt(world, lambda task: task.start.mq_timedsend(q, b"x", None, 0, after(3600)))


@case
def poll(world: World) -> None:
    q = opened(world)
    interrupt(world, lambda task: task.start.poll([{"fd": q, "events": POLLIN}], -1))


@case
def poll_with_a_time_limit(world: World) -> None:
    q = opened(world)
    interrupt(world, lambda task: task.start.poll([{"fd": q, "events": POLLIN}], 1000000))


@case
def rt_sigtimedwait(world: World) -> None:
    interrupt(world, lambda task: task.start.rt_sigtimedwait([40]))


@case
def restarted_call_goes_on_as_if_nothing_had_been(world: World) -> None:
    a = world.root
    q = opened(world)
    b, c = a.fork("b"), a.fork("c")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH", "sa_flags": SA_RESTART})
    first = b.start.mq_timedreceive(q, 8)
    second = c.start.mq_timedreceive(q, 8)
    a.kill(b, SIGUSR1)
    a.mq_timedsend(q, b"1")
    a.mq_timedsend(q, b"2")
    first.result()
    second.result()


@case
def interrupted_sender_sent_nothing(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o600}, "msg_qbytes": 1})
    a.msgsnd(q, 1, b"a")
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    waiting = b.start.msgsnd(q, 2, b"b")
    a.kill(b, SIGUSR1)
    waiting.result()
    a.msgrcv(q, 10)
    a.msgrcv(q, 10, 0, IPC_NOWAIT)
    p = opened(world)
    fd = b.mq_open("q", O_RDWR).ret or 0
    a.mq_timedsend(p, b"a")
    waiting = b.start.mq_timedsend(fd, b"b")
    a.kill(b, SIGUSR1)
    waiting.sleeps()
    a.mq_getsetattr(p, {"mq_flags": O_NONBLOCK})
    a.mq_timedreceive(p, 8)
    a.mq_timedreceive(p, 8)


@case
def pending_signal_interrupts_the_next_sleep_only_when_let_in(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1])
    a.kill(b, SIGUSR1)
    waiting = b.start.msgrcv(q, 10)
    a.msgsnd(q, 1, b"x")
    waiting.result()
    b.rt_sigprocmask(SIG_UNBLOCK, [SIGUSR1])
    waiting = b.start.msgrcv(q, 10)
    waiting.sleeps()
    a.msgsnd(q, 1, b"y")
    waiting.result()


@case
def message_that_came_first_is_kept(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    b = a.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    waiting = b.start.msgrcv(q, 10)
    a.msgsnd(q, 1, b"x")
    a.kill(b, SIGUSR1)
    waiting.result()
    b.alive()
