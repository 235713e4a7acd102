"""msgsnd(2): what is refused, in which order, and what counts against the queue's size."""

from __future__ import annotations

from ..linux import (
    INT_MAX,
    INT_MIN,
    IPC_CREAT,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    LONG_MAX,
    LONG_MIN,
    MSG_NOERROR,
)
from ..scenario import World, case


def sized(world: World, qbytes: int, key: int = 1) -> int:
    """A queue with room for this many bytes."""
    q = world.root.msgget(key, IPC_CREAT | 0o666).ret or 0
    world.root.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": qbytes})
    return q


@case
def types_of_every_size(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    for mtype in (1, 2, INT_MAX, INT_MAX + 1, LONG_MAX, 0, -1, INT_MIN, LONG_MIN):
        a.msgsnd(q, mtype, b"x", None, IPC_NOWAIT)
    for _ in range(6):
        a.msgrcv(q, 10, 0, IPC_NOWAIT)


@case
def bad_ids(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    for msqid in (-1, INT_MIN, INT_MAX, q + 1, q + 32768, 7):
        a.msgsnd(msqid, 1, b"x")
    a.msgctl(q, IPC_RMID)
    a.msgsnd(q, 1, b"x")


@case
def zero_length_message(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgsnd(q, 5, b"")
    a.msgsnd(q, 6, b"ignored", 0)
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 0)
    a.msgrcv(q, 0)
    a.msgctl(q, IPC_STAT)


@case
def size_below_zero(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgsnd(q, 1, b"x", -1)
    a.msgsnd(q, 1, b"x", LONG_MIN)
    a.msgsnd(q, 0, b"x", -1)
    a.msgsnd(-1, 1, b"x", -1)
    a.msgsnd(q, 1, b"x")


@case
def message_may_be_a_prefix_of_its_bytes(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgsnd(q, 1, b"abcdef", 3)
    a.msgrcv(q, 100)


@case
def msgmax_is_inclusive(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgsnd(q, 1, b"a" * 8192)
    a.msgsnd(q, 1, b"b" * 8193)
    a.msgsnd(q, 1, b"c" * 8192)
    a.msgsnd(q, 1, b"d", None, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 8192)
    a.msgrcv(q, 8191)
    a.msgrcv(q, 8192)


@case
def msgmax_of_the_namespace(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.sysctl("kernel.msgmax", 4)
    a.msgsnd(q, 1, b"four")
    a.msgsnd(q, 1, b"fives")
    a.sysctl("kernel.msgmax", 0)
    a.msgsnd(q, 1, b"x")
    a.msgsnd(q, 1, b"")
    a.sysctl("kernel.msgmax", 20000)
    a.msgsnd(q, 2, b"y" * 16380)
    a.msgsnd(q, 2, b"z" * 16381, None, IPC_NOWAIT)
    a.msgrcv(q, 8192)
    a.msgrcv(q, 20000, 2)


@case
def message_larger_than_the_queue(world: World) -> None:
    a, q = world.root, sized(world, 4)
    a.msgsnd(q, 1, b"five!", None, IPC_NOWAIT)
    a.msgsnd(q, 1, b"four", None, IPC_NOWAIT)
    b = a.fork("b")
    waiting = b.start.msgsnd(q, 1, b"five!")
    a.msgrcv(q, 10)
    waiting.sleeps()
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": 5})
    waiting.result()


@case
def queue_counts_bytes_and_messages(world: World) -> None:
    a, q = world.root, sized(world, 3)
    for _ in range(4):
        a.msgsnd(q, 1, b"", None, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"a", None, IPC_NOWAIT)
    a.msgrcv(q, 0)
    a.msgsnd(q, 1, b"abc", None, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)
    a.msgrcv(q, 0)
    a.msgsnd(q, 1, b"a", None, IPC_NOWAIT)
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)


@case
def queue_of_no_bytes(world: World) -> None:
    a, q = world.root, sized(world, 0)
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)
    a.msgsnd(q, 1, b"x", None, IPC_NOWAIT)
    waiting = a.fork("b").start.msgsnd(q, 1, b"")
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": 1})
    waiting.result()


@case
def shrunken_queue_keeps_what_it_has(world: World) -> None:
    a, q = world.root, sized(world, 100)
    a.msgsnd(q, 1, b"twelve bytes")
    a.msgsnd(q, 1, b"and more")
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": 5})
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)
    a.msgrcv(q, 100)
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)
    a.msgrcv(q, 100)
    a.msgsnd(q, 1, b"fives", None, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)


@case
def refusals_have_an_order(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    b = a.fork("b", uid=1000, gid=1000)
    b.msgsnd(q, 0, b"x")
    b.msgsnd(q, 1, b"x" * 8193)
    b.msgsnd(q, 1, b"x", -1)
    b.msgsnd(q, 1, b"x")
    b.msgsnd(q + 1, 1, b"x")
    b.msgsnd(q + 1, 0, b"x")
    full = sized(world, 0, key=2)
    a.msgctl(full, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o600}, "msg_qbytes": 0})
    b.msgsnd(full, 1, b"x", None, IPC_NOWAIT)
    a.msgsnd(full, 1, b"x", None, IPC_NOWAIT)


@case
def other_flags_do_nothing(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    for flags in (MSG_NOERROR, -1, INT_MAX, IPC_CREAT, 0o777):
        a.msgsnd(q, 1, b"x", None, flags)
    a.msgctl(q, IPC_STAT)


@case
def sending_stamps_the_queue(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o666).ret
    b = a.fork("b", uid=1000)
    b.msgsnd(q, 1, b"x")
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"y")
    a.msgctl(q, IPC_STAT)
    b.msgrcv(q, 10)
    a.msgctl(q, IPC_STAT)
    b.msgsnd(q, 0, b"refused")
    a.msgrcv(q, 0)
    a.msgctl(q, IPC_STAT)
    b.exit()
    a.msgctl(q, IPC_STAT)
