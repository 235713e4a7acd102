"""mq_notify(2): who is told, when, how, and when not."""

from __future__ import annotations

from typing import Any

from ..linux import (
    INT_MAX,
    O_CREAT,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    SIG_BLOCK,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGEV_THREAD,
    SIGEV_THREAD_ID,
    SIGRTMAX,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import Task, World, case


def opened(world: World, flags: int = O_NONBLOCK) -> int:
    """A queue that every later child has open, and the signals that are waited for blocked."""
    attr = {"mq_maxmsg": 4, "mq_msgsize": 8}
    return world.root.mq_open("q", O_CREAT | O_RDWR | flags, 0o666, attr).ret or 0


def signal(signo: int, value: int = 0) -> dict[str, Any]:
    """A sigevent that asks for a signal."""
    return {"sigev_notify": SIGEV_SIGNAL, "sigev_signo": signo, "sigev_value": value}


def waiter(world: World, name: str = "w", *, uid: int | None = None) -> Task:
    """A task that blocks the signals it waits for."""
    task = world.root.fork(name) if uid is None else world.root.fork(name, uid=uid, gid=uid)
    task.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2, SIGRTMAX])
    return task


@case
def signal_comes_once_and_says_who(world: World) -> None:
    a, q = world.root, opened(world)
    w, sender = waiter(world), a.fork("sender", uid=1000, gid=1000)
    w.mq_notify(q, signal(SIGUSR1, 1234))
    sender.mq_timedsend(q, b"x", None, 3)
    w.rt_sigpending()
    w.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})
    sender.mq_timedreceive(q, 8)
    sender.mq_timedsend(q, b"y")
    w.rt_sigpending()
    w.mq_notify(q, signal(SIGUSR1, -1))
    sender.mq_timedsend(q, b"z")
    w.rt_sigpending()
    sender.mq_timedreceive(q, 8)
    sender.mq_timedreceive(q, 8)
    sender.mq_timedsend(q, b"z")
    w.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})


@case
def signal_to_one_who_waits_for_it(world: World) -> None:
    a, q = world.root, opened(world)
    w = waiter(world)
    w.mq_notify(q, signal(SIGRTMAX, 7))
    waiting = w.start.rt_sigtimedwait([SIGRTMAX, SIGUSR1])
    a.mq_timedsend(q, b"x")
    waiting.result()


@case
def only_one_registers(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    other = a.mq_open("q", O_RDWR).ret
    for how in (SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD):
        event = {"sigev_notify": how, "sigev_signo": SIGUSR1}
        a.mq_notify(q, event)
        a.mq_notify(q, event)
        a.mq_notify(other, event)
        b.mq_notify(q, event)
        b.mq_notify(q)
        b.mq_notify(q, {"sigev_notify": SIGEV_NONE})
        a.mq_notify(other)
        b.mq_notify(q, {"sigev_notify": SIGEV_NONE})
        b.mq_notify(q)


@case
def taking_back_what_is_not_there(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_notify(q)
    a.mq_notify(99)
    a.mq_notify(-1)
    a.mq_notify(99, signal(SIGUSR1))


@case
def kinds_and_signals_that_are_none(world: World) -> None:
    a, q = world.root, opened(world)
    for how in (3, SIGEV_THREAD_ID, 5, 6, -1, INT_MAX):
        a.mq_notify(q, {"sigev_notify": how, "sigev_signo": SIGUSR1})
    for signo in (0, -1, 65, INT_MAX, 64, 9, 19, 32):
        a.mq_notify(q, signal(signo))
        a.mq_notify(q)
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE, "sigev_signo": 99})
    a.mq_notify(q)
    a.mq_notify(99, {"sigev_notify": 3})
    a.mq_notify(99, signal(65))


@case
def signal_number_zero_tells_nobody(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    a.mq_notify(q, signal(0))
    b.mq_notify(q, signal(SIGUSR1))
    b.mq_timedsend(q, b"x")
    a.rt_sigpending()
    b.mq_notify(q, signal(SIGUSR1))


@case
def silent_kind_is_used_up_too(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE})
    b.mq_notify(q, {"sigev_notify": SIGEV_NONE})
    b.mq_timedsend(q, b"x")
    b.mq_notify(q, {"sigev_notify": SIGEV_NONE})


@case
def thread_kind_is_used_up_too(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    a.mq_notify(q, {"sigev_notify": SIGEV_THREAD})
    b.mq_notify(q, {"sigev_notify": SIGEV_THREAD})
    b.mq_timedsend(q, b"x")
    b.mq_notify(q, {"sigev_notify": SIGEV_THREAD})


@case
def silent_while_the_queue_is_not_empty(world: World) -> None:
    a, q = world.root, opened(world)
    w = waiter(world)
    a.mq_timedsend(q, b"x")
    w.mq_notify(q, signal(SIGUSR1))
    a.mq_timedsend(q, b"y")
    w.rt_sigpending()
    a.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"z")
    w.rt_sigpending()
    a.mq_timedreceive(q, 8)
    a.mq_timedreceive(q, 8)
    w.rt_sigpending()
    a.mq_timedsend(q, b"now")
    w.rt_sigpending()


@case
def silent_while_a_receiver_waits(world: World) -> None:
    a, q = world.root, opened(world, 0)
    w, receiver = waiter(world), a.fork("r")
    w.mq_notify(q, signal(SIGUSR1))
    waiting = receiver.start.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"x")
    waiting.result()
    w.rt_sigpending()
    a.mq_timedsend(q, b"y")
    w.rt_sigpending()


@case
def sleeping_sender_that_comes_in_tells_nobody(world: World) -> None:
    a = world.root
    q = a.mq_open("one", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 8}).ret or 0
    w, sender = waiter(world), a.fork("s")
    a.mq_timedsend(q, b"x")
    w.mq_notify(q, signal(SIGUSR1))
    sender.start.mq_timedsend(q, b"y")
    a.mq_timedreceive(q, 8)
    w.rt_sigpending()
    a.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"z")
    w.rt_sigpending()


@case
def any_descriptor_will_do(world: World) -> None:
    a, q = world.root, opened(world)
    reader, writer = a.mq_open("q", O_RDONLY).ret or 0, a.mq_open("q", O_WRONLY).ret or 0
    a.mq_notify(writer, {"sigev_notify": SIGEV_NONE})
    a.mq_notify(reader)
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE})
    a.close(reader)
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE})


@case
def closing_any_descriptor_of_the_registrant_takes_it_back(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    twin = a.dup(q).ret or 0
    a.mq_notify(q, signal(SIGUSR1))
    b.close(q)
    b.mq_open("q", O_RDWR)
    b.mq_notify(q, signal(SIGUSR1))
    a.close(twin)
    b.mq_notify(q, signal(SIGUSR1))


@case
def registrants_end_takes_it_back(world: World) -> None:
    a, q = world.root, opened(world)
    b, c = a.fork("b"), a.fork("c")
    b.mq_notify(q, signal(SIGUSR1))
    c.mq_notify(q, signal(SIGUSR1))
    b.exit()
    c.mq_notify(q, signal(SIGUSR1))
    a.kill(c, 9)
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE})


@case
def child_does_not_inherit_it(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_notify(q, {"sigev_notify": SIGEV_NONE})
    b = a.fork("b")
    b.mq_notify(q)
    b.close(q)
    b.mq_open("q", O_RDWR)
    b.mq_notify(q, {"sigev_notify": SIGEV_NONE})
    a.mq_notify(q)
    b.mq_notify(q, {"sigev_notify": SIGEV_NONE})


@case
def status_line_shows_the_registration(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    for event in ({"sigev_notify": SIGEV_NONE}, {"sigev_notify": SIGEV_THREAD}, signal(SIGUSR2, 5), signal(SIGRTMAX)):
        b.mq_notify(q, event)
        fd = a.mq_open("q", O_RDONLY).ret or 0
        a.read(fd, 200)
        a.close(fd)
        b.mq_notify(q)
    fd = a.mq_open("q", O_RDONLY).ret or 0
    a.read(fd, 200)


@case
def uncaught_signal_ends_the_registrant(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    b.mq_notify(q, signal(SIGUSR1))
    a.mq_timedsend(q, b"x")
    b.alive()


@case
def user_need_not_be_allowed_to_signal(world: World) -> None:
    opened(world)
    w = waiter(world, uid=1000)
    sender = world.root.fork("sender", uid=1001, gid=1001)
    w.mq_notify(0, signal(SIGUSR2, 99))
    sender.kill(w, SIGUSR2)
    sender.mq_timedsend(0, b"x")
    w.rt_sigtimedwait([SIGUSR2], {"tv_sec": 0, "tv_nsec": 0})
