"""Control group namespaces: identity, ownership, and the path as it is seen."""

from __future__ import annotations

from ..linux import CLONE_NEWCGROUP, CLONE_NEWUSER
from ..scenario import World, case


@case
def the_path_from_its_root(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWCGROUP)
    for who in (a, b):
        for task in (a, b):
            who.proc_pid_read(task, "cgroup")
    b.proc_pid_read(0, "ns/cgroup")
    a.proc_pid_read(0, "ns/cgroup")


@case
def making_and_entering(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWCGROUP)
    home = b.proc_ns_open(0, "cgroup").ret
    b.setns(home, CLONE_NEWCGROUP)
    b.unshare(CLONE_NEWUSER | CLONE_NEWCGROUP)
    fd = b.proc_ns_open(0, "cgroup").ret
    b.fstat(b.ioctl(fd, "NS_GET_USERNS", 0).ret)
    b.fstat(b.proc_ns_open(0, "user").ret)
    b.setns(fd, CLONE_NEWCGROUP)
    b.setns(home, CLONE_NEWCGROUP)
    b.proc_pid_read(0, "cgroup")
    b.setns(fd, CLONE_NEWUSER)
