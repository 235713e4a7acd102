"""mq_open(2): flags, attributes, mode bits."""

from __future__ import annotations

from ..linux import INT_MAX, O_ACCMODE, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY
from ..scenario import World, case

SMALL = {"mq_maxmsg": 2, "mq_msgsize": 8}


@case
def no_queue_without_creat(world: World) -> None:
    a = world.root
    for flags in (O_RDONLY, O_RDWR, O_EXCL, O_ACCMODE):
        a.mq_open("q", flags)


@case
def creat_and_excl(world: World) -> None:
    a = world.root
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 5, "mq_msgsize": 5})
    a.mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0o600, SMALL)
    a.mq_open("q", O_EXCL | O_RDWR)
    for fd in (0, 1, 2):
        a.mq_getsetattr(fd)


@case
def attributes_of_one_that_exists_do_not_matter(world: World) -> None:
    a = world.root
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    for attr in ({"mq_maxmsg": 0, "mq_msgsize": 8}, {"mq_maxmsg": -1, "mq_msgsize": 10**9}):
        a.mq_open("q", O_CREAT | O_RDWR, 0o600, attr)


@case
def both_access_modes(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    fd = a.mq_open("q", O_CREAT | O_ACCMODE, 0o600, SMALL).ret
    a.mq_open("q", O_ACCMODE)
    a.mq_open("q", O_CREAT | O_ACCMODE, 0o600, SMALL)
    a.mq_open("q", O_CREAT | O_EXCL | O_ACCMODE, 0o600, SMALL)
    b.mq_open("q", O_ACCMODE)
    if fd is not None:
        a.mq_getsetattr(fd)
        a.mq_timedsend(fd, b"x")
        a.mq_timedreceive(fd, 8)
        a.read(fd, 100)


@case
def access_modes_are_kept(world: World) -> None:
    a = world.root
    for name, flags in (("r", O_RDONLY), ("w", O_WRONLY), ("rw", O_RDWR)):
        fd = a.mq_open(name, O_CREAT | O_NONBLOCK | flags, 0o600, SMALL).ret
        a.mq_timedsend(fd, b"x")
        a.mq_timedreceive(fd, 8)
        a.read(fd, 100)
        a.mq_getsetattr(fd)
        a.fstat(fd)


@case
def other_flags_do_nothing(world: World) -> None:
    a = world.root
    for name, flags in (("t", O_TRUNC), ("c", O_CLOEXEC), ("n", O_NONBLOCK), ("a", 0o2000), ("d", 0o200000)):
        fd = a.mq_open(name, O_CREAT | O_RDWR | flags, 0o600, SMALL).ret
        if fd is not None:
            a.mq_getsetattr(fd)
    a.mq_timedsend(0, b"kept")
    a.mq_open("t", O_RDWR | O_TRUNC)
    a.mq_getsetattr(0)


@case
def defaults(world: World) -> None:
    a = world.root
    fd = a.mq_open("q", O_CREAT | O_RDWR, 0o600).ret
    a.mq_getsetattr(fd)
    a.fstat(fd)
    a.read(fd, 100)


@case
def attributes_at_their_limits(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for who in (a, b):
        for maxmsg in (0, 1, 10, 11, -1, INT_MAX):
            who.mq_open(f"m{maxmsg}{who.name}", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": maxmsg, "mq_msgsize": 8})
        for msgsize in (0, 1, 8192, 8193, -1, INT_MAX):
            who.mq_open(f"s{msgsize}{who.name}", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 1, "mq_msgsize": msgsize})
        who.mq_open(f"both{who.name}", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": 0, "mq_msgsize": 0})


@case
def limits_of_the_namespace(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.msg_max", 20)
    a.sysctl("fs.mqueue.msgsize_max", 200)
    for maxmsg, msgsize in ((20, 200), (21, 200), (20, 201)):
        a.mq_open(f"q{maxmsg}{msgsize}", O_CREAT | O_RDWR, 0o600, {"mq_maxmsg": maxmsg, "mq_msgsize": msgsize})


@case
def defaults_of_the_namespace_are_cut_to_its_limits(world: World) -> None:
    a = world.root
    a.sysctl("fs.mqueue.msg_default", 5)
    a.sysctl("fs.mqueue.msgsize_default", 300)
    a.mq_getsetattr(a.mq_open("one", O_CREAT | O_RDWR, 0o600).ret)
    a.sysctl("fs.mqueue.msg_max", 3)
    a.sysctl("fs.mqueue.msgsize_max", 200)
    a.mq_getsetattr(a.mq_open("two", O_CREAT | O_RDWR, 0o600).ret)
    a.sysctl("fs.mqueue.msg_default", 50)
    a.sysctl("fs.mqueue.msgsize_default", 3000)
    a.mq_getsetattr(a.mq_open("three", O_CREAT | O_RDWR, 0o600).ret)
    a.mq_getsetattr(0)


@case
def umask_takes_mode_bits(world: World) -> None:
    a = world.root
    for name, mask, mode in (("a", 0o022, 0o666), ("b", 0o777, 0o777), ("c", 0, 0o7777), ("d", 0o027, 0o100777)):
        a.umask(mask)
        fd = a.mq_open(name, O_CREAT | O_RDWR, mode, SMALL).ret
        a.fstat(fd)


@case
def maker_need_not_be_allowed_what_it_opens(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    fd = b.mq_open("q", O_CREAT | O_RDWR, 0, SMALL).ret
    b.mq_timedsend(fd, b"x")
    b.mq_timedreceive(fd, 8)
    b.mq_open("q", O_RDONLY)


@case
def lowest_descriptor_first(world: World) -> None:
    a = world.root
    for _ in range(3):
        a.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    a.close(1)
    a.mq_open("q", O_RDWR)
    a.close(0)
    a.close(2)
    a.dup(1)
    a.dup(1)
    a.dup(1)


@case
def descriptor_limit(world: World) -> None:
    a = world.root
    a.prlimit64(0, 7, {"rlim_cur": 3, "rlim_max": 4096})
    for index in range(4):
        a.mq_open(f"q{index}", O_CREAT | O_RDWR, 0o600, SMALL)
    a.mq_open("q3", O_RDWR)
    a.mq_open("none", O_RDWR)
    a.mq_open("", O_RDWR)
    a.mq_open("a/b", O_RDWR)
    a.mq_open("x" * 256, O_RDWR)
    a.mq_open("x" * 4096, O_RDWR)
    a.dup(0)
    a.dup(9)
    a.close(0)
    a.mq_open("q3", O_RDWR)
