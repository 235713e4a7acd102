"""System V calls that sleep: who is woken, by what, in which order."""

from __future__ import annotations

from ..linux import IPC_CREAT, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT, MSG_EXCEPT, MSG_NOERROR
from ..scenario import World, case


def queue_of(world: World, qbytes: int) -> int:
    """A queue with room for this many bytes."""
    q = world.root.msgget(1, IPC_CREAT | 0o666).ret or 0
    world.root.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": qbytes})
    return q


@case
def receiver_sleeps_until_a_message_comes(world: World) -> None:
    a, q = world.root, queue_of(world, 100)
    b = a.fork("b")
    waiting = b.start.msgrcv(q, 50)
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 4, b"hello")
    waiting.result()
    a.msgctl(q, IPC_STAT)


@case
def removal_wakes_everybody(world: World) -> None:
    a, q = world.root, queue_of(world, 4)
    a.msgsnd(q, 1, b"full")
    sleepers = [a.fork("s1").start.msgsnd(q, 1, b"x"), a.fork("s2").start.msgsnd(q, 2, b"y")]
    sleepers += [a.fork("r1").start.msgrcv(q, 10, 7), a.fork("r2").start.msgrcv(q, 10, -0)]
    a.msgctl(q, IPC_RMID)
    for sleeper in sleepers:
        sleeper.result()
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"", 0, IPC_NOWAIT)


@case
def receivers_are_served_in_order_by_what_they_want(world: World) -> None:
    a, q = world.root, queue_of(world, 100)
    first = a.fork("first").start.msgrcv(q, 10, 3)
    second = a.fork("second").start.msgrcv(q, 10, 0)
    third = a.fork("third").start.msgrcv(q, 10, -5)
    fourth = a.fork("fourth").start.msgrcv(q, 10, 2, MSG_EXCEPT)
    a.msgsnd(q, 2, b"two")
    second.result()
    a.msgsnd(q, 2, b"again")
    third.result()
    a.msgsnd(q, 2, b"stays")
    a.msgsnd(q, 9, b"nine")
    fourth.result()
    a.msgsnd(q, 3, b"three")
    first.result()
    a.msgrcv(q, 10, 0, IPC_NOWAIT | MSG_NOERROR)
