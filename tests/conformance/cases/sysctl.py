"""The limits of an IPC namespace: their defaults, their ranges, who may write them."""

from __future__ import annotations

from ..linux import CLONE_NEWIPC, INT_MAX, INT_MIN, UINT_MAX
from ..scenario import World, case

SYSTEM_V = ("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg_next_id")
POSIX = (
    "fs.mqueue.msg_max",
    "fs.mqueue.msgsize_max",
    "fs.mqueue.msg_default",
    "fs.mqueue.msgsize_default",
    "fs.mqueue.queues_max",
)


@case
def defaults(world: World) -> None:
    for name in SYSTEM_V + POSIX:
        world.root.sysctl(name)


@case
def ranges_of_system_v(world: World) -> None:
    a = world.root
    for name in SYSTEM_V:
        for value in (0, 1, -1, INT_MAX, INT_MAX + 1, INT_MIN, 32767, 32768, 32769, UINT_MAX):
            a.sysctl(name, value)
        a.sysctl(name)


@case
def ranges_of_posix(world: World) -> None:
    a = world.root
    for name in POSIX:
        for value in (0, 1, -1, 127, 128, 65536, 65537, 16777216, 16777217, INT_MAX, INT_MAX + 1, INT_MIN, UINT_MAX):
            a.sysctl(name, value)
        a.sysctl(name)


@case
def users_may_read_only(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for name in SYSTEM_V + POSIX:
        b.sysctl(name)
        b.sysctl(name, 100)
    a.sysctl("kernel.msgmax")


@case
def capabilities_of_a_user(world: World) -> None:
    a = world.root
    for cap in ("CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE", "CAP_DAC_OVERRIDE", "CAP_SYS_RESOURCE"):
        b = a.fork(cap, uid=1000, gid=1000, cap=[cap])
        for name in ("kernel.msgmax", "kernel.msg_next_id", "fs.mqueue.queues_max"):
            b.sysctl(name, 50)


@case
def root_without_capabilities(world: World) -> None:
    a = world.root
    b = a.fork("b", cap=[])
    for name in SYSTEM_V + POSIX:
        b.sysctl(name, 300)


@case
def roots_group(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=0)
    for name in ("kernel.msgmax", "kernel.msg_next_id", "fs.mqueue.queues_max"):
        b.sysctl(name, 300)


@case
def each_namespace_has_its_own(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msgmax", 100)
    a.sysctl("fs.mqueue.msg_max", 20)
    b = a.fork("b", unshare=CLONE_NEWIPC)
    for name in SYSTEM_V + POSIX:
        b.sysctl(name)
    b.sysctl("kernel.msgmnb", 55)
    a.sysctl("kernel.msgmnb")
    a.sysctl("kernel.msgmax")


@case
def names_that_are_none(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msgnone")
    a.sysctl("fs.mqueue.none", 1)


@case
def user_in_a_namespace_of_its_own_making(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    b.unshare(CLONE_NEWIPC)
    b.sysctl("kernel.msgmax", 10)
    b.sysctl("fs.mqueue.msg_max", 10)
    b.sysctl("kernel.msg_next_id", 10)
