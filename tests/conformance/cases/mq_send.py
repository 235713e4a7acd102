"""mq_timedsend(2) and mq_timedreceive(2): priorities, sizes, what is refused and in which order."""

from __future__ import annotations

from ..linux import INT_MAX, IPC_CREAT, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, UINT_MAX
from ..scenario import World, case

PAST = {"tv_sec": 0, "tv_nsec": 0}
INVALID = {"tv_sec": 0, "tv_nsec": 10**9}
NEGATIVE = {"tv_sec": -1, "tv_nsec": 0}


def opened(world: World, maxmsg: int = 4, msgsize: int = 8, flags: int = O_NONBLOCK) -> int:
    """A queue that is open for both."""
    attr = {"mq_maxmsg": maxmsg, "mq_msgsize": msgsize}
    return world.root.mq_open("q", O_CREAT | O_RDWR | flags, 0o666, attr).ret or 0


@case
def priorities_first_then_order(world: World) -> None:
    a, q = world.root, opened(world, 8)
    for index, priority in enumerate((0, 3, 1, 3, 32767, 0, 1, 2)):
        a.mq_timedsend(q, b"%d:%d" % (index, priority), None, priority)
    for _ in range(9):
        a.mq_timedreceive(q, 8)


@case
def priorities_at_the_limit(world: World) -> None:
    a, q = world.root, opened(world)
    for priority in (0, 32767, 32768, INT_MAX, UINT_MAX):
        a.mq_timedsend(q, b"x", None, priority)
    a.mq_getsetattr(q)


@case
def sizes_at_the_limit(world: World) -> None:
    a, q = world.root, opened(world)
    for data in (b"", b"1", b"12345678", b"123456789", b"x" * 10000):
        a.mq_timedsend(q, data)
    for length in (0, 7, 8, 9, 100):
        a.mq_timedreceive(q, length)
    a.mq_timedsend(q, b"abcdef", 3)
    a.mq_timedreceive(q, 8)


@case
def small_buffer_is_refused_whatever_is_there(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_timedreceive(q, 7)
    a.mq_timedsend(q, b"x")
    a.mq_timedreceive(q, 7)
    a.mq_timedreceive(q, 0)
    a.mq_timedreceive(q, 8)


@case
def full_and_empty(world: World) -> None:
    a, q = world.root, opened(world, 2)
    a.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"1")
    a.mq_timedsend(q, b"2")
    a.mq_timedsend(q, b"3")
    a.mq_getsetattr(q)
    a.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"4")
    a.mq_timedreceive(q, 8)
    a.mq_timedreceive(q, 8)
    a.mq_timedreceive(q, 8)
    a.mq_getsetattr(q)


@case
def bad_descriptors(world: World) -> None:
    a = world.root
    opened(world)
    a.mq_open("q", O_RDONLY)
    a.mq_open("q", O_WRONLY)
    for fd in (-1, 3, 99, INT_MAX, 1):
        a.mq_timedsend(fd, b"x")
    for fd in (-1, 3, 99, INT_MAX, 2):
        a.mq_timedreceive(fd, 8)
    for fd in (-1, 3, 99):
        a.mq_getsetattr(fd)
        a.close(fd)
        a.fstat(fd)
        a.read(fd, 10)
        a.dup(fd)


@case
def refusals_of_sending_have_an_order(world: World) -> None:
    a, q = world.root, opened(world, 1)
    a.mq_timedsend(q, b"full")
    reader = a.mq_open("q", O_RDONLY | O_NONBLOCK).ret
    for fd in (99, reader, q):
        for data in (b"123456789", b"x"):
            for priority in (32768, 0):
                for timeout in (INVALID, NEGATIVE, PAST, None):
                    a.mq_timedsend(fd, data, None, priority, timeout)


@case
def refusals_of_receiving_have_an_order(world: World) -> None:
    a, q = world.root, opened(world, 1)
    writer = a.mq_open("q", O_WRONLY | O_NONBLOCK).ret
    for fd in (99, writer, q):
        for length in (7, 8):
            for timeout in (INVALID, NEGATIVE, PAST, None):
                a.mq_timedreceive(fd, length, timeout)


@case
def attributes_can_be_changed_in_one_flag_only(world: World) -> None:
    a, q = world.root, opened(world, flags=0)
    for flags in (O_NONBLOCK, O_NONBLOCK, 0, 1, O_RDWR, O_CREAT, O_NONBLOCK | 1, -1, 2**40):
        a.mq_getsetattr(q, {"mq_flags": flags})
        a.mq_getsetattr(q)
    a.mq_getsetattr(99, {"mq_flags": 1})
    a.mq_getsetattr(99, {"mq_flags": 0})
    reader = a.mq_open("q", O_RDONLY).ret
    a.mq_getsetattr(reader, {"mq_flags": O_NONBLOCK})
    a.mq_timedreceive(reader, 8)


@case
def nonblock_belongs_to_the_open_file(world: World) -> None:
    a, q = world.root, opened(world, flags=0)
    other = a.mq_open("q", O_RDWR).ret
    twin = a.dup(q).ret
    a.mq_getsetattr(q, {"mq_flags": O_NONBLOCK})
    a.mq_getsetattr(twin)
    a.mq_getsetattr(other)
    b = a.fork("b")
    b.mq_timedreceive(twin, 8)
    b.mq_getsetattr(q, {"mq_flags": 0})
    a.mq_getsetattr(twin)


@case
def message_lives_on_without_descriptors(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_timedsend(q, b"here", None, 5)
    a.close(q)
    again = a.mq_open("q", O_RDWR).ret
    a.mq_timedreceive(again, 8)


@case
def unlinked_queue_lives_while_it_is_open(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_timedsend(q, b"one")
    b = a.fork("b")
    a.mq_unlink("q")
    a.mq_open("q", O_RDWR)
    a.mq_unlink("q")
    a.mq_timedsend(q, b"two")
    a.close(q)
    b.mq_timedreceive(q, 8)
    new = opened(world)
    a.mq_timedreceive(new, 8)
    b.mq_timedreceive(q, 8)
    b.fstat(q)
    b.close(q)
    b.mq_timedreceive(q, 8)


@case
def system_v_calls_do_not_take_descriptors(world: World) -> None:
    a = world.root
    opened(world)
    a.msgsnd(0, 1, b"x")
    a.msgget(1, IPC_CREAT | 0o600)
    a.mq_timedsend(1, b"x")


@case
def largest_message_and_longest_queue(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.msgsize_max", 100000)
    a.sysctl("fs.mqueue.msg_max", 1000)
    large = a.mq_open("large", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, {"mq_maxmsg": 2, "mq_msgsize": 100000}).ret
    a.mq_timedsend(large, b"L" * 100000)
    a.mq_timedreceive(large, 100000)
    long = a.mq_open("long", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, {"mq_maxmsg": 100, "mq_msgsize": 4}).ret
    for index in range(101):
        a.mq_timedsend(long, b"%d" % index, None, index % 7)
    for _ in range(101):
        a.mq_timedreceive(long, 4)
