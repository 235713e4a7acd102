"""Tasks: priorities, masks of new files, pids, and what a child inherits."""

from __future__ import annotations

from ..linux import INT_MAX, INT_MIN, O_CREAT, O_RDWR, PRIO_PGRP, PRIO_PROCESS, PRIO_USER
from ..scenario import World, case


@case
def umask_is_kept_in_nine_bits(world: World) -> None:
    a = world.root
    for mask in (0o77, 0o7777, 0, 0o100777, -1, 0o22):
        a.umask(mask)
    b = a.fork("b")
    b.umask(0)
    a.umask(0)


@case
def pids(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = b.fork("c")
    a.getpid()
    b.getpid()
    b.getppid()
    c.getppid()
    b.exit()
    c.getpid()
    c.alive()


@case
def nice_values_are_cut(world: World) -> None:
    a = world.root
    for nice in (0, 5, 19, 20, 100, -1, -20, -21, INT_MIN, INT_MAX, 0):
        a.setpriority(PRIO_PROCESS, 0, nice)
        a.getpriority(PRIO_PROCESS, 0)


@case
def priorities_of_nobody(world: World) -> None:
    a = world.root
    for which in (-1, 3, 99):
        a.getpriority(which, 0)
        a.setpriority(which, 0, 0)
    for which in (PRIO_PROCESS, PRIO_PGRP):
        a.getpriority(which, 4000000)
        a.setpriority(which, 4000000, 0)
        a.getpriority(which, -1)
        a.setpriority(which, -1, 0)
    a.getpriority(PRIO_USER, 4000000)
    a.setpriority(PRIO_USER, 4000000, 5)


@case
def users_may_only_be_nicer(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4301, gid=4301)
    c = a.fork("c", uid=4301, gid=4301)
    d = a.fork("d", uid=4302, gid=4301)
    b.setpriority(PRIO_PROCESS, 0, 5)
    b.setpriority(PRIO_PROCESS, 0, 4)
    b.setpriority(PRIO_PROCESS, 0, 5)
    b.setpriority(PRIO_PROCESS, c, 3)
    b.getpriority(PRIO_PROCESS, c)
    b.setpriority(PRIO_PROCESS, d, 3)
    b.setpriority(PRIO_PROCESS, d, -3)
    b.getpriority(PRIO_PROCESS, d)
    a.setpriority(PRIO_PROCESS, b, -5)
    b.getpriority(PRIO_PROCESS, 0)
    e = a.fork("e", uid=4303, gid=4303, cap=["CAP_SYS_NICE"])
    e.setpriority(PRIO_PROCESS, d, -3)
    e.setpriority(PRIO_PROCESS, 0, -3)


@case
def priorities_of_a_user_and_a_group(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4304, gid=4304)
    c = a.fork("c", uid=4304, gid=4304)
    b.setpriority(PRIO_PROCESS, 0, 3)
    c.setpriority(PRIO_PROCESS, 0, 7)
    a.getpriority(PRIO_USER, 4304)
    b.getpriority(PRIO_USER, 0)
    b.setpriority(PRIO_USER, 0, 5)
    b.getpriority(PRIO_PROCESS, b)
    b.getpriority(PRIO_PROCESS, c)
    a.setpriority(PRIO_USER, 4304, 9)
    b.getpriority(PRIO_USER, 4304)
    a.getpriority(PRIO_PGRP, 0)


@case
def nice_limit_lets_a_user_be_less_nice(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4305, gid=4305)
    b.setpriority(PRIO_PROCESS, 0, 10)
    b.setpriority(PRIO_PROCESS, 0, 9)
    b.prlimit64(0, 13)
    b.prlimit64(0, 13, {"rlim_cur": 11, "rlim_max": 11})


@case
def child_inherits(world: World) -> None:
    a = world.root
    a.umask(0o27)
    a.setpriority(PRIO_PROCESS, 0, 4)
    a.prlimit64(0, 12, {"rlim_cur": 5000, "rlim_max": 6000})
    fd = a.mq_open("q", O_CREAT | O_RDWR, 0o666, {"mq_maxmsg": 1, "mq_msgsize": 1}).ret
    b = a.fork("b", uid=1000, gid=1000)
    b.fstat(fd)
    b.getpriority(PRIO_PROCESS, 0)
    b.prlimit64(0, 12)
    b.umask(0)


@case
def limits_of_another_task(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1000, gid=1000)
    d = a.fork("d", uid=1000, gid=1001)
    new = {"rlim_cur": 100, "rlim_max": 100}
    b.prlimit64(c, 12, new)
    c.prlimit64(0, 12)
    b.prlimit64(d, 12)
    b.prlimit64(a, 12)
    b.prlimit64(4000000, 12)
    b.prlimit64(4000000, 99)
    a.prlimit64(b, 12, new)
    a.prlimit64(b, 12)


@case
def namespace_flags(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(0)
    b.unshare(0x08000000)
    b.unshare(1)
    a.unshare(0)
    a.unshare(1)
    a.unshare(0x08000000)
    a.unshare(0x08000001)
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    c.unshare(0x08000000)
