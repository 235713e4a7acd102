"""A POSIX queue as a file: its status line, poll(2), fstat(2), close(2), dup(2)."""

from __future__ import annotations

from ..linux import (
    O_CREAT,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDNORM,
    POLLWRNORM,
)
from ..scenario import World, case

EVERYTHING = POLLIN | POLLOUT | POLLPRI | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM


def opened(world: World, maxmsg: int = 2, flags: int = O_NONBLOCK) -> int:
    """A queue that every later child has open."""
    attr = {"mq_maxmsg": maxmsg, "mq_msgsize": 8}
    return world.root.mq_open("q", O_CREAT | O_RDWR | flags, 0o666, attr).ret or 0


@case
def status_line_counts_bytes(world: World) -> None:
    a, q = world.root, opened(world)
    for data in (b"", b"12345678", b"abc"):
        fd = a.mq_open("q", O_RDONLY).ret or 0
        a.read(fd, 100)
        a.close(fd)
        a.mq_timedsend(q, data)
        a.mq_getsetattr(q)
    a.mq_timedreceive(q, 8)
    a.read(q, 100)


@case
def status_line_is_read_from_its_place(world: World) -> None:
    a, q = world.root, opened(world)
    for count in (0, 1, 5, 10, 100, 100):
        a.read(q, count)
    twin = a.dup(q).ret or 0
    a.read(twin, 100)
    other = a.mq_open("q", O_RDONLY).ret or 0
    a.read(other, 79)
    a.read(other, 79)


@case
def status_line_wants_a_descriptor_to_read(world: World) -> None:
    a = world.root
    opened(world)
    writer = a.mq_open("q", O_WRONLY).ret or 0
    a.read(writer, 100)
    a.read(writer, 0)
    a.read(99, 0)


@case
def status_line_of_an_unlinked_queue(world: World) -> None:
    a, q = world.root, opened(world)
    a.mq_timedsend(q, b"abc")
    a.mq_unlink("q")
    a.read(q, 100)
    a.fstat(q)


@case
def stat_of_a_queue(world: World) -> None:
    a, q = world.root, opened(world)
    a.fstat(q)
    a.mq_timedsend(q, b"abc")
    a.fstat(q)
    a.read(q, 10)
    a.fstat(q)
    b = a.fork("b", uid=1000, gid=1001)
    b.umask(0)
    b.fstat(b.mq_open("other", O_CREAT | O_RDWR, 0o4751, {"mq_maxmsg": 1, "mq_msgsize": 1}).ret)


@case
def closed_descriptors(world: World) -> None:
    a, q = world.root, opened(world)
    twin = a.dup(q).ret or 0
    a.close(q)
    a.close(q)
    a.mq_timedsend(twin, b"x")
    a.mq_timedsend(q, b"x")
    a.close(twin)
    a.mq_open("q", O_RDWR)


@case
def descriptors_of_a_child_are_its_own(world: World) -> None:
    a, q = world.root, opened(world)
    b = a.fork("b")
    b.close(q)
    a.mq_timedsend(q, b"x")
    b.mq_timedreceive(q, 8)
    b.mq_open("q", O_RDWR)
    a.close(q)
    b.mq_timedreceive(q, 8)
    b.mq_timedreceive(1, 8)


@case
def poll_state_of_empty_half_and_full(world: World) -> None:
    a, q = world.root, opened(world)
    for _ in range(3):
        for events in (EVERYTHING, POLLIN, POLLOUT, 0, POLLRDNORM, POLLWRNORM, POLLPRI):
            a.poll([{"fd": q, "events": events}], 0)
        a.mq_timedsend(q, b"x")


@case
def poll_of_several(world: World) -> None:
    a, q = world.root, opened(world)
    reader, writer = a.mq_open("q", O_RDONLY).ret or 0, a.mq_open("q", O_WRONLY).ret or 0
    fds = [{"fd": fd, "events": POLLIN | POLLOUT} for fd in (q, reader, writer, 99, -1, q)]
    a.poll(fds, 0)
    a.mq_timedsend(q, b"x")
    a.poll(fds, 0)
    a.poll([], 0)
    a.poll([{"fd": -1, "events": POLLIN}], 0)
    a.poll([{"fd": -5, "events": EVERYTHING}], 0)


@case
def poll_wakes_when_a_message_comes(world: World) -> None:
    a, q = world.root, opened(world)
    b, c = a.fork("b"), a.fork("c")
    first = b.start.poll([{"fd": q, "events": POLLIN}], -1)
    second = c.start.poll([{"fd": q, "events": POLLIN | POLLOUT}, {"fd": q, "events": 0}], 100000)
    second.result()
    a.mq_timedsend(q, b"x")
    first.result()


@case
def poll_wakes_when_there_is_room(world: World) -> None:
    a, q = world.root, opened(world, 1)
    a.mq_timedsend(q, b"x")
    waiting = a.fork("b").start.poll([{"fd": q, "events": POLLOUT}], -1)
    a.mq_timedreceive(q, 8)
    waiting.result()


@case
def poll_sleeps_through_a_hand_over(world: World) -> None:
    a, q = world.root, opened(world, 1, 0)
    waiting = a.fork("b").start.poll([{"fd": q, "events": POLLIN}], -1)
    receiver = a.fork("r").start.mq_timedreceive(q, 8)
    a.mq_timedsend(q, b"x")
    receiver.result()
    waiting.sleeps()
    a.mq_timedsend(q, b"y")
    waiting.result()
    full = a.fork("c").start.poll([{"fd": q, "events": POLLOUT}], -1)
    sender = a.fork("s").start.mq_timedsend(q, b"z")
    a.mq_timedreceive(q, 8)
    sender.result()
    full.sleeps()
    a.mq_timedreceive(q, 8)
    full.result()


@case
def poll_in_vain(world: World) -> None:
    a, q = world.root, opened(world)
    a.poll([{"fd": q, "events": POLLIN}], 0)
    a.start.poll([{"fd": q, "events": POLLIN}], 30).result()
    a.start.poll([], 20).result()
    a.start.poll([{"fd": -1, "events": POLLIN}], 20).result()


@case
def poll_of_more_than_can_be_open(world: World) -> None:
    a = world.root
    opened(world)
    a.prlimit64(0, 7, {"rlim_cur": 3, "rlim_max": 4096})
    a.poll([{"fd": 0, "events": POLLOUT}] * 3, 0)
    a.poll([{"fd": 0, "events": POLLOUT}] * 4, 0)


@case
def queue_closed_under_a_sleeper(world: World) -> None:
    a, q = world.root, opened(world, 1, 0)
    b = a.fork("b")
    waiting = b.start.poll([{"fd": q, "events": POLLIN}], -1)
    a.close(q)
    a.mq_unlink("q")
    waiting.sleeps()
    a.kill(b, 9)
    waiting.result()
