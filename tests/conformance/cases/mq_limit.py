"""How much a namespace and a user may have of POSIX queues: queues_max, RLIMIT_MSGQUEUE."""

from __future__ import annotations

from ..linux import O_CREAT, O_EXCL, O_RDWR, RLIMIT_MSGQUEUE
from ..scenario import World, case

TINY = {"mq_maxmsg": 1, "mq_msgsize": 1}
MESSAGE = 48 + 48  # struct msg_msg and a tree node: what one message costs beside its bytes


def limit(cur: int, most: int = 819200) -> dict[str, int]:
    """An rlimit."""
    return {"rlim_cur": cur, "rlim_max": most}


@case
def queues_max_counts_queues(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.queues_max", 2)
    for name in ("a", "b", "c"):
        a.mq_open(name, O_CREAT | O_RDWR, 0o600, TINY)
    a.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)
    a.mq_unlink("a")
    a.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)
    a.close(0)
    a.close(2)
    a.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)
    a.sysctl("fs.mqueue.queues_max", 0)
    a.mq_open("d", O_CREAT | O_RDWR, 0o600, TINY)
    a.mq_open("b", O_RDWR)


@case
def queues_max_comes_before_the_attributes(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.queues_max", 0)
    a.mq_open("a", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 0, "mq_msgsize": 0})
    a.mq_open("a", O_RDWR)
    a.mq_open("a/b", O_CREAT | O_RDWR, 0o600, TINY)
    a.sysctl("fs.mqueue.queues_max", -1)
    a.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)


@case
def bytes_of_a_user_at_the_limit(world: World) -> None:
    b = world.root.fork("b", uid=4101, gid=4101)
    for size in (1, 100, 8192):
        for count in (1, 3, 10):
            exact = count * (size + MESSAGE)
            b.prlimit64(0, RLIMIT_MSGQUEUE, limit(exact - 1))
            b.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": count, "mq_msgsize": size})
            b.prlimit64(0, RLIMIT_MSGQUEUE, limit(exact))
            b.mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0o600, {"mq_maxmsg": count, "mq_msgsize": size})
            b.close(0)
            b.mq_unlink("q")


@case
def bytes_add_up_and_come_back(world: World) -> None:
    b = world.root.fork("b", uid=4102, gid=4102)
    b.prlimit64(0, RLIMIT_MSGQUEUE, limit(2 * (1 + MESSAGE)))
    b.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)
    b.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)
    b.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)
    b.mq_unlink("a")
    b.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)
    b.close(0)
    b.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)
    b.mq_open("d", O_CREAT | O_RDWR, 0o600, TINY)


@case
def bytes_are_counted_over_tasks_and_namespaces(world: World) -> None:
    a = world.root
    room = limit(2 * (1 + MESSAGE))
    b = a.fork("b", uid=4103, gid=4103)
    c = a.fork("c", uid=4103, gid=1, unshare=0x08000000)
    d = a.fork("d", uid=4104, gid=4103)
    for who in (b, c, d):
        who.prlimit64(0, RLIMIT_MSGQUEUE, room)
    b.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)
    c.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)
    b.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)
    c.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)
    d.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)
    c.close(0)
    c.mq_unlink("a")
    b.mq_open("c", O_CREAT | O_RDWR, 0o600, TINY)


@case
def root_is_counted_too(world: World) -> None:
    a = world.root
    a.prlimit64(0, RLIMIT_MSGQUEUE, limit(1 + MESSAGE))
    a.mq_open("a", O_CREAT | O_RDWR, 0o600, TINY)
    a.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)
    a.mq_open("c", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 0, "mq_msgsize": 1})
    b = a.fork("b")
    b.mq_open("b", O_CREAT | O_RDWR, 0o600, TINY)


@case
def limits_of_a_task(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.prlimit64(0, RLIMIT_MSGQUEUE)
    b.prlimit64(0, RLIMIT_MSGQUEUE, limit(100, 99))
    b.prlimit64(0, RLIMIT_MSGQUEUE, limit(100, 200))
    b.prlimit64(0, RLIMIT_MSGQUEUE, limit(100, 201))
    b.prlimit64(0, RLIMIT_MSGQUEUE, limit(200, 200))
    b.prlimit64(0, RLIMIT_MSGQUEUE)
    a.prlimit64(0, RLIMIT_MSGQUEUE, limit(819201, 819201))
    a.prlimit64(0, RLIMIT_MSGQUEUE)
    for resource in (-1, 16, 99):
        a.prlimit64(0, resource)
    c = b.fork("c")
    c.prlimit64(0, RLIMIT_MSGQUEUE)
