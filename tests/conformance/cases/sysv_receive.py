"""msgrcv(2): which message is taken, and what a buffer that is too small means."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    INT_MIN,
    IPC_CREAT,
    IPC_NOWAIT,
    IPC_STAT,
    LONG_MAX,
    LONG_MIN,
    MSG_COPY,
    MSG_EXCEPT,
    MSG_NOERROR,
)
from ..scenario import Task, World, case


def filled(world: World, *types: int) -> tuple[Task, int]:
    """A queue with a message of each of these types, in this order, each saying which it is."""
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    for place, mtype in enumerate(types):
        a.msgsnd(q, mtype, b"%d:%d" % (place, mtype))
    return a, q


@case
def type_zero_takes_the_first(world: World) -> None:
    a, q = filled(world, 5, 3, 9)
    for _ in range(4):
        a.msgrcv(q, 100, 0, IPC_NOWAIT)


@case
def positive_type_takes_the_first_of_it(world: World) -> None:
    a, q = filled(world, 5, 3, 9, 3)
    for mtype in (3, 3, 3, 9, 1, LONG_MAX, 5):
        a.msgrcv(q, 100, mtype, IPC_NOWAIT)


@case
def negative_type_takes_the_lowest_up_to_it(world: World) -> None:
    a, q = filled(world, 5, 3, 9, 3, 1)
    a.msgrcv(q, 100, -4, IPC_NOWAIT)
    for _ in range(3):
        a.msgrcv(q, 100, -3, IPC_NOWAIT)
    a.msgrcv(q, 100, -4, IPC_NOWAIT)
    a.msgrcv(q, 100, -100, IPC_NOWAIT)
    a.msgrcv(q, 100, -100, IPC_NOWAIT)
    a.msgrcv(q, 100, -100, IPC_NOWAIT)


@case
def negative_type_at_the_extremes(world: World) -> None:
    a, q = filled(world, LONG_MAX, LONG_MAX - 1, INT_MAX, 1)
    a.msgrcv(q, 100, -1, IPC_NOWAIT)
    a.msgrcv(q, 100, -1, IPC_NOWAIT)
    a.msgrcv(q, 100, INT_MIN, IPC_NOWAIT)
    a.msgrcv(q, 100, -(LONG_MAX - 1), IPC_NOWAIT)
    a.msgrcv(q, 100, -(LONG_MAX - 1), IPC_NOWAIT)
    a.msgrcv(q, 100, LONG_MIN, IPC_NOWAIT)
    a.msgrcv(q, 100, LONG_MIN, IPC_NOWAIT)


@case
def except_takes_the_first_of_another_type(world: World) -> None:
    a, q = filled(world, 3, 3, 7, 3)
    a.msgrcv(q, 100, 3, IPC_NOWAIT | MSG_EXCEPT)
    a.msgrcv(q, 100, 3, IPC_NOWAIT | MSG_EXCEPT)
    a.msgrcv(q, 100, 7, IPC_NOWAIT | MSG_EXCEPT)
    a.msgrcv(q, 100, 0, IPC_NOWAIT | MSG_EXCEPT)
    a.msgrcv(q, 100, -3, IPC_NOWAIT | MSG_EXCEPT)


@case
def too_small_a_buffer(world: World) -> None:
    a, q = filled(world, 3)
    a.msgsnd(q, 4, b"12345678")
    a.msgrcv(q, 2, 3)
    a.msgrcv(q, 0, 3)
    a.msgrcv(q, 7, 4, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 3, 4, MSG_NOERROR)
    a.msgrcv(q, 0, 3, MSG_NOERROR)
    a.msgctl(q, IPC_STAT)


@case
def too_small_for_the_first_is_not_too_small_for_another(world: World) -> None:
    a, q = filled(world)
    a.msgsnd(q, 2, b"long message")
    a.msgsnd(q, 1, b"s")
    a.msgrcv(q, 5)
    a.msgrcv(q, 5, -2)
    a.msgrcv(q, 5, -2)
    a.msgrcv(q, 5, 1, MSG_EXCEPT)
    a.msgrcv(q, 12)


@case
def size_below_zero(world: World) -> None:
    a, q = filled(world, 1)
    a.msgrcv(q, -1)
    a.msgrcv(q, -1, 0, MSG_NOERROR)
    a.msgrcv(q, LONG_MIN, 0, IPC_NOWAIT)
    a.msgrcv(-1, 10)
    a.msgrcv(-1, -1)
    a.msgrcv(q, LONG_MAX)


@case
def bad_ids(world: World) -> None:
    a, q = filled(world, 1)
    for msqid in (INT_MIN, -1, q + 1, q + 32768, INT_MAX):
        a.msgrcv(msqid, 10, 0, IPC_NOWAIT)


@case
def nothing_there(world: World) -> None:
    a, q = filled(world)
    a.msgrcv(q, 10, 0, IPC_NOWAIT)
    a.msgrcv(q, 10, 5, IPC_NOWAIT | MSG_NOERROR)
    a.msgsnd(q, 4, b"four")
    a.msgrcv(q, 10, 5, IPC_NOWAIT)
    a.msgrcv(q, 10, -3, IPC_NOWAIT)
    a.msgrcv(q, 10, 4, IPC_NOWAIT | MSG_EXCEPT)
    a.msgctl(q, IPC_STAT)


@case
def order_within_one_type_is_that_of_sending(world: World) -> None:
    a, q = filled(world, 2, 1, 2, 1, 2)
    for mtype in (2, -2, 0, 2, -1):
        a.msgrcv(q, 100, mtype, IPC_NOWAIT)


@case
def refusals_have_an_order(world: World) -> None:
    a, q = filled(world)
    b = a.fork("b", uid=1000, gid=1000)
    b.msgrcv(q, -1)
    b.msgrcv(q, 10, 0, IPC_NOWAIT)
    b.msgrcv(q, 10, 0, MSG_COPY)
    b.msgrcv(q, 10, 0, MSG_COPY | IPC_NOWAIT)
    b.msgrcv(q, 10, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT)
    b.msgrcv(q + 1, 10, 0, MSG_COPY)


@case
def copy_leaves_the_message(world: World) -> None:
    a, q = filled(world, 5, 3, 9)
    for place in (0, 1, 2, 3, 0):
        a.msgrcv(q, 100, place, MSG_COPY | IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 100)
    a.msgrcv(q, 100, 0, MSG_COPY | IPC_NOWAIT)


@case
def copy_wants_nowait_and_no_except(world: World) -> None:
    a, q = filled(world, 5)
    a.msgrcv(q, 100, 0, MSG_COPY)
    a.msgrcv(q, 100, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT)
    a.msgrcv(q, 100, 0, MSG_COPY | MSG_EXCEPT)
    a.msgrcv(q, 100, -1, MSG_COPY | IPC_NOWAIT)
    a.msgrcv(q, 100, LONG_MIN, MSG_COPY | IPC_NOWAIT)
    a.msgrcv(q, 100, LONG_MAX, MSG_COPY | IPC_NOWAIT)


@case
def copy_into_too_small_a_buffer(world: World) -> None:
    a, q = filled(world)
    a.msgsnd(q, 1, b"12345678")
    for size in (8, 7, 0, -1, 9000):
        a.msgrcv(q, size, 0, MSG_COPY | IPC_NOWAIT)
    for size in (8, 7, 0, 9000):
        a.msgrcv(q, size, 0, MSG_COPY | IPC_NOWAIT | MSG_NOERROR)
    a.sysctl("kernel.msgmax", 4)
    for size in (8, 4, 9000):
        a.msgrcv(q, size, 0, MSG_COPY | IPC_NOWAIT)
        a.msgrcv(q, size, 0, MSG_COPY | IPC_NOWAIT | MSG_NOERROR)
    a.msgrcv(q, 100)


@case
def copy_of_an_empty_queue(world: World) -> None:
    a, q = filled(world)
    a.msgrcv(q, 10, 0, MSG_COPY | IPC_NOWAIT)
    a.msgrcv(q, 10, 1, MSG_COPY | IPC_NOWAIT)
