"""POSIX calls that sleep: who is served first, hand-over, time limits."""

from __future__ import annotations

from ..linux import O_CREAT, O_NONBLOCK, O_RDWR, PRIO_PROCESS
from ..scenario import World, after, case

ATTR = {"mq_maxmsg": 2, "mq_msgsize": 8}


def opened(world: World, maxmsg: int = 2) -> int:
    """A queue that every later child has open."""
    return world.root.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": maxmsg, "mq_msgsize": 8}).ret or 0


@case
def receiver_sleeps_until_a_message_comes(world: World) -> None:
    a, q = world.root, opened(world)
    waiting = a.fork("b").start.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"hello", None, 7)
    waiting.result()
    a.mq_getsetattr(q)


@case
def sender_sleeps_until_there_is_room(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_timedsend(q, b"one")
    a.mq_timedsend(q, b"two")
    waiting = a.fork("b").start.mq_timedsend(q, b"three", None, 1)
    a.mq_getsetattr(q)
    a.mq_timedreceive(q, 8)
    waiting.result()
    a.mq_getsetattr(q)
    a.mq_timedreceive(q, 8)
    a.mq_timedreceive(q, 8)


@case
def receivers_are_served_first_come_first(world: World) -> None:
    a, q = world.root, opened(world)
    waiting = [a.fork(name).start.mq_timedreceive(q, 8) for name in ("b", "c", "d")]
    for data in (b"1", b"2", b"3"):
        a.mq_timedsend(q, data)
    for receiver in waiting:
        receiver.result()


@case
def receivers_are_served_by_their_priority(world: World) -> None:
    a, q = world.root, opened(world)
    waiting = []
    for name, nice in (("low", 10), ("plain", 0), ("high", -5), ("late", 0), ("lowest", 19)):
        task = a.fork(name)
        task.setpriority(PRIO_PROCESS, 0, nice)
        waiting.append(task.start.mq_timedreceive(q, 8))
    for data in (b"1", b"2", b"3", b"4", b"5"):
        a.mq_timedsend(q, data)
    for receiver in waiting:
        receiver.result()


@case
def senders_are_served_by_their_priority(world: World) -> None:
    a, q = world.root, opened(world, 1)
    a.mq_timedsend(q, b"first")
    for name, nice, priority in (("low", 10, 9), ("plain", 0, 1), ("high", -5, 3), ("late", 0, 2)):
        task = a.fork(name)
        task.setpriority(PRIO_PROCESS, 0, nice)
        task.start.mq_timedsend(q, name.encode(), None, priority)
    for _ in range(5):
        a.mq_timedreceive(q, 8)


@case
def priority_counts_when_the_wait_begins(world: World) -> None:
    a, q = world.root, opened(world)
    tasks = [a.fork(name) for name in ("b", "c", "d")]
    waiting = [task.start.mq_timedreceive(q, 8) for task in tasks]
    a.setpriority(PRIO_PROCESS, tasks[0], 10)
    a.setpriority(PRIO_PROCESS, tasks[2], -10)
    for data in (b"1", b"2", b"3"):
        a.mq_timedsend(q, data)
    for receiver in waiting:
        receiver.result()


@case
def newcomer_meets_sleepers_by_their_priority_of_now(world: World) -> None:
    a, q = world.root, opened(world)
    tasks = [a.fork(name) for name in ("b", "c")]
    waiting = [task.start.mq_timedreceive(q, 8) for task in tasks]
    a.setpriority(PRIO_PROCESS, tasks[0], 10)
    late = a.fork("late")
    late.setpriority(PRIO_PROCESS, 0, 5)
    waiting.append(late.start.mq_timedreceive(q, 8))
    last = a.fork("last")
    waiting.append(last.start.mq_timedreceive(q, 8))
    for data in (b"1", b"2", b"3", b"4"):
        a.mq_timedsend(q, data)
    for receiver in waiting:
        receiver.result()


@case
def sleeper_that_became_less_urgent_is_passed(world: World) -> None:
    a, q = world.root, opened(world)
    b, late, high = a.fork("b"), a.fork("late"), a.fork("high")
    waiting = [b.start.mq_timedreceive(q, 8)]
    a.setpriority(PRIO_PROCESS, b, 10)
    late.setpriority(PRIO_PROCESS, 0, 5)
    waiting.append(late.start.mq_timedreceive(q, 8))
    a.setpriority(PRIO_PROCESS, b, -15)
    high.setpriority(PRIO_PROCESS, 0, -10)
    waiting.append(high.start.mq_timedreceive(q, 8))
    for data in (b"1", b"2", b"3"):
        a.mq_timedsend(q, data)
    for receiver in waiting:
        receiver.result()


@case
def one_receive_lets_one_sender_in(world: World) -> None:
    a, q = world.root, opened(world, 1)
    a.mq_timedsend(q, b"0")
    waiting = [a.fork(name).start.mq_timedsend(q, name.encode()) for name in ("b", "c", "d")]
    a.mq_timedreceive(q, 8)
    waiting[0].result()
    waiting[1].sleeps()
    for _ in range(3):
        a.mq_timedreceive(q, 8)
    waiting[2].result()


@case
def nonblocking_call_does_not_take_what_is_handed_over(world: World) -> None:
    a, q = world.root, opened(world, 1)
    other = a.mq_open("q", O_RDWR | O_NONBLOCK).ret
    waiting = a.fork("b").start.mq_timedreceive(q, 8)
    a.mq_timedsend(other, b"one")
    a.mq_timedreceive(other, 8)
    waiting.result()


@case
def time_limits_in_the_past(world: World) -> None:
    a, q = world.root, opened(world, 1)
    for limit in ({"tv_sec": 0, "tv_nsec": 0}, {"tv_sec": 1, "tv_nsec": 999999999}, after(0), after(-1)):
        a.mq_timedreceive(q, 8, limit)
    a.mq_timedsend(q, b"x")
    for limit in ({"tv_sec": 0, "tv_nsec": 0}, {"tv_sec": 1, "tv_nsec": 999999999}, after(0), after(-1)):
        a.mq_timedsend(q, b"y", None, 0, limit)
    a.mq_timedreceive(q, 8, {"tv_sec": 0, "tv_nsec": 0})
    a.mq_timedsend(q, b"z", None, 0, {"tv_sec": 0, "tv_nsec": 0})


@case
def time_limits_that_are_none(world: World) -> None:
    a, q = world.root, opened(world, 1)
    bad = ((0, 10**9), (0, -1), (-1, 0), (-1, 5), (2**40, 10**9), (0, 2**40))
    for seconds, nanoseconds in bad:
        limit = {"tv_sec": seconds, "tv_nsec": nanoseconds}
        a.mq_timedreceive(q, 8, limit)
        a.mq_timedsend(q, b"x", None, 0, limit)
    a.mq_timedsend(q, b"y", None, 0, {"tv_sec": 2**62, "tv_nsec": 999999999})
    a.mq_timedreceive(q, 8, {"tv_sec": 2**62, "tv_nsec": 999999999})
    a.mq_getsetattr(q)


@case
def time_limits_that_come(world: World) -> None:
    a, q = world.root, opened(world, 1)
    a.start.mq_timedreceive(q, 8, after(0.05)).result()
    a.mq_timedsend(q, b"x")
    a.start.mq_timedsend(q, b"y", None, 0, after(0.05)).result()
    a.mq_getsetattr(q)


@case
def time_limit_that_is_far_off(world: World) -> None:
    a, q = world.root, opened(world, 1)
    b, c = a.fork("b"), a.fork("c")
    receiver = b.start.mq_timedreceive(q, 8, after(3600))
    a.mq_timedsend(q, b"x", None, 0, after(3600))
    receiver.result()
    a.mq_timedsend(q, b"y")
    sender = c.start.mq_timedsend(q, b"z", None, 0, {"tv_sec": 2**62, "tv_nsec": 0})
    a.mq_timedreceive(q, 8)
    sender.result()


@case
def one_that_gave_up_is_passed_over(world: World) -> None:
    a, q = world.root, opened(world, 1)
    b, c = a.fork("b"), a.fork("c")
    patient = c.start.mq_timedreceive(q, 8)
    b.start.mq_timedreceive(q, 8, after(0.05)).result()
    a.mq_timedsend(q, b"x")
    patient.result()


@case
def killed_sleepers_are_passed_over(world: World) -> None:
    a, q = world.root, opened(world, 1)
    b, c = a.fork("b"), a.fork("c")
    b.start.mq_timedreceive(q, 8)
    waiting = c.start.mq_timedreceive(q, 8)
    a.kill(b, 15)
    b.alive()
    a.mq_timedsend(q, b"x")
    waiting.result()
    a.mq_timedsend(q, b"y")
    d, e = a.fork("d"), a.fork("e")
    d.start.mq_timedsend(q, b"d")
    waiting = e.start.mq_timedsend(q, b"e")
    a.kill(d, 9)
    a.mq_timedreceive(q, 8)
    waiting.result()
    a.mq_timedreceive(q, 8)


@case
def unlinked_queue_is_waited_on_still(world: World) -> None:
    a, q = world.root, opened(world, 1)
    waiting = a.fork("b").start.mq_timedreceive(q, 8)
    a.mq_unlink("q")
    waiting.sleeps()
    a.mq_timedsend(q, b"x")
    waiting.result()


@case
def senders_enter_with_their_message_priority(world: World) -> None:
    a, q = world.root, opened(world, 2)
    a.mq_timedsend(q, b"a", None, 1)
    a.mq_timedsend(q, b"b", None, 1)
    for name, priority in (("c", 5), ("d", 9)):
        a.fork(name).start.mq_timedsend(q, name.encode(), None, priority)
    for _ in range(4):
        a.mq_timedreceive(q, 8)


@case
def queue_in_a_namespace_without_tasks(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=0x08000000)
    fd = b.mq_open("q", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, ATTR).ret or 0
    b.mq_timedsend(fd, b"x")
    b.unshare(0x08000000)
    b.mq_open("q", O_RDWR)
    b.mq_timedreceive(fd, 8)
    b.mq_timedsend(fd, b"y")
    b.mq_getsetattr(fd)
    b.close(fd)
