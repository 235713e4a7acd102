"""System V calls that sleep: who is woken, by what, in which order."""

from __future__ import annotations

from ..linux import IPC_CREAT, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT, MSG_EXCEPT, MSG_NOERROR
from ..scenario import World, case


def queue_of(world: World, qbytes: int) -> int:
    """A queue with room for this many bytes."""
    q = world.root.msgget(1, IPC_CREAT | 0o666).ret or 0
    resize(world, q, qbytes)
    return q


def resize(world: World, q: int, qbytes: int) -> None:
    """Give a queue another size."""
    world.root.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": qbytes})


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
def sender_sleeps_until_there_is_room(world: World) -> None:
    a, q = world.root, queue_of(world, 10)
    a.msgsnd(q, 1, b"123456")
    b = a.fork("b")
    waiting = b.start.msgsnd(q, 2, b"789ab")
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 10)
    waiting.result()
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 10, 0, IPC_NOWAIT)


@case
def removal_wakes_everybody(world: World) -> None:
    a, q = world.root, queue_of(world, 4)
    a.msgsnd(q, 1, b"full")
    sleepers = [a.fork("s1").start.msgsnd(q, 1, b"x"), a.fork("s2").start.msgsnd(q, 2, b"y")]
    sleepers += [a.fork("r1").start.msgrcv(q, 10, 7), a.fork("r2").start.msgrcv(q, 10, 1, MSG_EXCEPT)]
    a.msgctl(q, IPC_RMID)
    for sleeper in sleepers:
        sleeper.result()
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"", None, IPC_NOWAIT)


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


@case
def waiting_receiver_with_too_small_a_buffer(world: World) -> None:
    a, q = world.root, queue_of(world, 100)
    small = a.fork("small").start.msgrcv(q, 2)
    cuts = a.fork("cuts").start.msgrcv(q, 2, 0, MSG_NOERROR)
    large = a.fork("large").start.msgrcv(q, 50)
    a.msgsnd(q, 1, b"12345")
    small.result()
    cuts.result()
    large.sleeps()
    a.msgctl(q, IPC_STAT)
    a.msgsnd(q, 1, b"6789")
    large.result()


@case
def every_small_receiver_is_told_and_the_message_stays(world: World) -> None:
    a, q = world.root, queue_of(world, 100)
    waiting = [a.fork(f"r{size}").start.msgrcv(q, size) for size in (0, 1, 2)]
    typed = a.fork("typed").start.msgrcv(q, 0, 9)
    a.msgsnd(q, 1, b"123")
    for receiver in waiting:
        receiver.result()
    typed.sleeps()
    a.msgctl(q, IPC_STAT)
    a.msgrcv(q, 10)
    a.msgctl(q, IPC_RMID)
    typed.result()


@case
def handed_over_message_does_not_touch_the_queue(world: World) -> None:
    a, q = world.root, queue_of(world, 3)
    waiting = a.fork("r").start.msgrcv(q, 10)
    a.msgsnd(q, 1, b"large message", None, IPC_NOWAIT)
    waiting.sleeps()
    a.msgsnd(q, 1, b"abc", None, IPC_NOWAIT)
    waiting.result()
    a.msgsnd(q, 1, b"def", None, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)


@case
def one_receive_wakes_all_senders_that_fit(world: World) -> None:
    a, q = world.root, queue_of(world, 10)
    a.msgsnd(q, 1, b"0123456789")
    senders = [a.fork(f"s{index}").start.msgsnd(q, index, b"%d" % index * 3) for index in (1, 2, 3, 4)]
    a.msgrcv(q, 10)
    a.msgctl(q, IPC_STAT)
    for _ in range(4):
        a.msgrcv(q, 10, 0, IPC_NOWAIT)
    for sender in senders:
        sender.result()


@case
def sender_that_does_not_fit_goes_to_the_tail(world: World) -> None:
    a, q = world.root, queue_of(world, 10)
    for digit in b"01234":
        a.msgsnd(q, 1, bytes([digit, digit]))
    large = a.fork("large").start.msgsnd(q, 2, b"LLLLLL")
    small = a.fork("small").start.msgsnd(q, 3, b"ss")
    middle = a.fork("middle").start.msgsnd(q, 4, b"mmmm")
    for _ in range(9):
        a.msgrcv(q, 10, 0, IPC_NOWAIT)
    for sender in (large, small, middle):
        sender.result()
    a.msgctl(q, IPC_STAT)


@case
def senders_that_fit_alone_but_not_together(world: World) -> None:
    a, q = world.root, queue_of(world, 6)
    a.msgsnd(q, 1, b"full!!")
    for index in (1, 2, 3):
        a.fork(f"s{index}").start.msgsnd(q, index, b"%d" % index * 4)
    for _ in range(5):
        a.msgrcv(q, 10, 0, IPC_NOWAIT)
    a.msgctl(q, IPC_STAT)


@case
def newcomer_may_pass_a_sleeping_sender(world: World) -> None:
    a, q = world.root, queue_of(world, 6)
    a.msgsnd(q, 1, b"1234")
    waiting = a.fork("b").start.msgsnd(q, 2, b"567")
    a.msgsnd(q, 3, b"ab", None, IPC_NOWAIT)
    waiting.sleeps()
    a.msgrcv(q, 10, 3)
    waiting.sleeps()
    a.msgrcv(q, 10, 1)
    waiting.result()


@case
def zero_length_messages_wait_for_a_place(world: World) -> None:
    a, q = world.root, queue_of(world, 2)
    a.msgsnd(q, 1, b"")
    a.msgsnd(q, 1, b"")
    first = a.fork("b").start.msgsnd(q, 2, b"")
    second = a.fork("c").start.msgsnd(q, 3, b"")
    a.msgrcv(q, 0)
    a.msgctl(q, IPC_STAT)
    first.result()
    second.sleeps()
    a.msgrcv(q, 0, 2)
    second.result()


@case
def growing_the_queue_wakes_senders(world: World) -> None:
    a, q = world.root, queue_of(world, 2)
    a.msgsnd(q, 1, b"ab")
    first = a.fork("b").start.msgsnd(q, 2, b"cdef")
    second = a.fork("c").start.msgsnd(q, 3, b"gh")
    resize(world, q, 4)
    second.result()
    first.sleeps()
    resize(world, q, 100)
    first.result()
    a.msgctl(q, IPC_STAT)


@case
def set_lets_receivers_look_again(world: World) -> None:
    a, q = world.root, queue_of(world, 10)
    first = a.fork("first").start.msgrcv(q, 10)
    second = a.fork("second").start.msgrcv(q, 10)
    resize(world, q, 11)
    a.msgsnd(q, 1, b"x")
    first.result()
    second.sleeps()
    a.msgsnd(q, 1, b"y")
    second.result()


@case
def sleeping_sender_hands_to_a_sleeping_receiver(world: World) -> None:
    a, q = world.root, queue_of(world, 4)
    a.msgsnd(q, 1, b"full")
    receiver = a.fork("r").start.msgrcv(q, 10, 5)
    sender = a.fork("s").start.msgsnd(q, 5, b"five")
    a.msgrcv(q, 10, 1)
    sender.result()
    receiver.result()
    a.msgctl(q, IPC_STAT)


@case
def chain_of_senders_and_receivers(world: World) -> None:
    a, q = world.root, queue_of(world, 3)
    a.msgsnd(q, 9, b"999")
    receivers = [a.fork(f"r{index}").start.msgrcv(q, 10, index) for index in (1, 2, 3)]
    senders = [a.fork(f"s{index}").start.msgsnd(q, index, b"%d" % index * 3) for index in (3, 1, 2)]
    a.msgrcv(q, 10, 9)
    for waiting in receivers + senders:
        waiting.result()
    a.msgctl(q, IPC_STAT)


@case
def killed_sleepers_leave_the_queue(world: World) -> None:
    a, q = world.root, queue_of(world, 3)
    first, second = a.fork("first"), a.fork("second")
    first.start.msgrcv(q, 10)
    waiting = second.start.msgrcv(q, 10)
    a.kill(first, 9)
    first.alive()
    a.msgsnd(q, 1, b"abc")
    waiting.result()
    a.msgsnd(q, 1, b"abc")
    third, fourth = a.fork("third"), a.fork("fourth")
    third.start.msgsnd(q, 3, b"333")
    waiting = fourth.start.msgsnd(q, 4, b"444")
    a.kill(third, 15)
    third.alive()
    a.msgrcv(q, 10)
    waiting.result()
    a.msgrcv(q, 10, 0, IPC_NOWAIT)
    a.msgrcv(q, 10, 0, IPC_NOWAIT)


@case
def times_and_pids_of_sleepers(world: World) -> None:
    a, q = world.root, queue_of(world, 3)
    a.msgsnd(q, 1, b"abc")
    sender = a.fork("s").start.msgsnd(q, 2, b"de")
    a.msgctl(q, IPC_STAT)
    a.fork("r").msgrcv(q, 10)
    sender.result()
    a.msgctl(q, IPC_STAT)


@case
def namespace_of_a_sleeper_outlives_its_maker(world: World) -> None:
    a = world.root
    maker = a.fork("maker", unshare=0x08000000)
    q = maker.msgget(1, IPC_CREAT | 0o600).ret or 0
    inside = maker.fork("inside")
    waiting = inside.start.msgrcv(q, 10)
    maker.exit()
    waiting.sleeps()
    a.kill(inside, 15)
    waiting.result()
