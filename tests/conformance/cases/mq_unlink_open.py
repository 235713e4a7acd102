"""Names and queues part: unlink, make again, and what each descriptor then means."""

from __future__ import annotations

from ..linux import O_CREAT, O_EXCL, O_NONBLOCK, O_RDWR, SIGEV_NONE
from ..scenario import World, case

ATTR = {"mq_maxmsg": 2, "mq_msgsize": 8}


@case
def same_name_twice(world: World) -> None:
    a = world.root
    old = a.mq_open("q", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, ATTR).ret or 0
    a.mq_timedsend(old, b"old")
    a.mq_unlink("q")
    new = a.mq_open("q", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0o600, {"mq_maxmsg": 1, "mq_msgsize": 4}).ret or 0
    a.mq_timedsend(new, b"new")
    a.mq_timedsend(old, b"too")
    for fd in (old, new, old, new):
        a.mq_timedreceive(fd, 8)
    a.fstat(old)
    a.fstat(new)
    a.mq_unlink("q")
    a.mq_unlink("q")
    a.mq_getsetattr(old)
    a.mq_getsetattr(new)


@case
def registration_goes_with_the_queue_not_the_name(world: World) -> None:
    a = world.root
    b = a.fork("b")
    old = a.mq_open("q", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, ATTR).ret or 0
    a.mq_notify(old, {"sigev_notify": SIGEV_NONE})
    a.mq_unlink("q")
    new = a.mq_open("q", O_CREAT | O_RDWR | O_NONBLOCK, 0o600, ATTR).ret or 0
    fd = b.mq_open("q", O_RDWR).ret or 0
    b.mq_notify(fd, {"sigev_notify": SIGEV_NONE})
    a.mq_notify(new, {"sigev_notify": SIGEV_NONE})
    a.mq_notify(old, {"sigev_notify": SIGEV_NONE})


@case
def last_descriptor_goes_with_its_task(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.queues_max", 1)
    b = a.fork("b")
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, ATTR)
    b.mq_unlink("q")
    a.mq_open("r", O_CREAT | O_RDWR, 0o600, ATTR)
    b.exit()
    a.mq_open("r", O_CREAT | O_RDWR, 0o600, ATTR)


@case
def sleeping_receiver_keeps_an_unlinked_queue(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.queues_max", 1)
    b = a.fork("b")
    fd = b.mq_open("q", O_CREAT | O_RDWR, 0o600, ATTR).ret or 0
    waiting = b.start.mq_timedreceive(fd, 8)
    a.mq_unlink("q")
    a.mq_open("r", O_CREAT | O_RDWR, 0o600, ATTR)
    a.kill(b, 9)
    waiting.result()
    a.mq_open("r", O_CREAT | O_RDWR, 0o600, ATTR)
