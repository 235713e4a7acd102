"""Network namespaces: identity, ownership and the sysctl that each has."""

from __future__ import annotations

from ..linux import CLONE_NEWNET, CLONE_NEWUSER
from ..scenario import World, case

NAME = "net.core.somaxconn"


@case
def each_has_its_own_sysctl(world: World) -> None:
    a = world.root
    a.sysctl(NAME, None)
    a.sysctl(NAME, 77)
    b = a.fork("b", unshare=CLONE_NEWNET)
    b.sysctl(NAME, None)
    b.sysctl(NAME, 88)
    a.sysctl(NAME, None)
    c = a.fork("c")
    c.setns(c.proc_ns_open(b, "net").ret, CLONE_NEWNET)
    c.sysctl(NAME, None)


@case
def values(world: World) -> None:
    a = world.root
    for value in (0, 1, -1, 65535, 65536, 2147483647, 2147483648):
        a.sysctl(NAME, value)
        a.sysctl(NAME, None)


@case
def who_may_set_it(world: World) -> None:
    a = world.root
    for caps in ([], ["CAP_NET_ADMIN"], ["CAP_SYS_ADMIN"]):
        a.fork("root" + "+".join(caps), cap=caps).sysctl(NAME, 5)
        a.fork("user" + "+".join(caps), uid=1000, gid=1000, cap=caps).sysctl(NAME, 6)
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER)
    b.sysctl(NAME, 7)
    b.unshare(CLONE_NEWNET)
    b.sysctl(NAME, 8)
    a.proc_pid_write(b, "uid_map", "0 1000 1")
    a.proc_pid_write(b, "gid_map", "0 1000 1")
    b.sysctl(NAME, 9)
    c = b.fork("c", cap=[])
    c.sysctl(NAME, 10)
    a.sysctl(NAME, None)


@case
def ownership(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWNET)
    b.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    fd = b.proc_ns_open(0, "net").ret
    b.fstat(b.ioctl(fd, "NS_GET_USERNS", 0).ret)
    b.fstat(b.proc_ns_open(0, "user").ret)
    b.setns(fd, CLONE_NEWNET)
