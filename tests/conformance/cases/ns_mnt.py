"""Mount namespaces: identity, and what it takes to make and enter them."""

from __future__ import annotations

from ..linux import CLONE_FS, CLONE_NEWNS, CLONE_NEWUSER, IOCTLS, SIGCHLD
from ..scenario import World, case


@case
def ids_and_sizes(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWNS)
    for task in (a, b):
        fd = a.proc_ns_open(task, "mnt").ret
        for name in ("NS_GET_ID", "NS_GET_MNTNS_ID", "NS_MNT_GET_INFO"):
            a.ioctl(fd, name, 0)
        a.ioctl(fd, "NS_GET_PARENT", 0)


@case
def others_are_found_by_the_capable_alone(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    fd = b.proc_ns_open(0, "mnt").ret
    for name in ("NS_MNT_GET_INFO", "NS_MNT_GET_NEXT", "NS_MNT_GET_PREV"):
        b.ioctl(fd, name, 0)
        b.ioctl(fd, IOCTLS[name] & 0xFFFF, 0)
    b.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    own = b.proc_ns_open(0, "mnt").ret
    for name in ("NS_MNT_GET_INFO", "NS_MNT_GET_NEXT", "NS_MNT_GET_PREV"):
        b.ioctl(own, name, 0)
    uts = a.proc_ns_open(0, "uts").ret
    for name in ("NS_MNT_GET_INFO", "NS_MNT_GET_NEXT", "NS_MNT_GET_PREV"):
        a.ioctl(uts, name, 0)


@case
def entering_wants_two_capabilities(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWNS)
    for caps in ([], ["CAP_SYS_ADMIN"], ["CAP_SYS_CHROOT"], ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]):
        c = a.fork("+".join(caps) or "none", cap=[*caps, "CAP_SYS_PTRACE"])
        c.setns(c.proc_ns_open(b, "mnt").ret, CLONE_NEWNS)
        c.proc_pid_read(0, "ns/mnt")


@case
def a_shared_fs(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_FS | SIGCHLD)
    home = a.proc_ns_open(0, "mnt").ret
    a.setns(home, CLONE_NEWNS)
    b.unshare(CLONE_NEWNS)
    a.setns(home, CLONE_NEWNS)
    a.proc_pid_read(0, "ns/mnt")
    b.proc_pid_read(0, "ns/mnt")


@case
def users_by_a_user_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    home = b.proc_ns_open(0, "mnt").ret
    b.unshare(CLONE_NEWNS)
    b.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    b.setns(b.proc_ns_open(0, "mnt").ret, 0)
    b.setns(home, 0)
