"""What a namespace is known by: links, inode numbers, ids, kinds, owners, parents."""

from __future__ import annotations

from ..linux import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    IOCTLS,
    KINDS,
    PIDFD_INFO_CGROUPID,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    SIGCHLD,
)
from ..scenario import World, case

LINKS = (*KINDS, "pid_for_children", "time_for_children")


@case
def a_child_is_in_its_parents_namespaces(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for name in LINKS:
        a.proc_pid_read(0, f"ns/{name}")
        b.proc_pid_read(0, f"ns/{name}")
        a.proc_pid_read(b, f"ns/{name}")


@case
def each_kind_is_made_alone(world: World) -> None:
    a = world.root
    for kind, flag in KINDS.items():
        if kind not in {"user", "pid", "time"}:
            b = a.fork(kind)
            a.proc_pid_read(b, f"ns/{kind}")
            b.unshare(flag)
            for name in LINKS:
                b.proc_pid_read(0, f"ns/{name}")


@case
def links_that_are_not_there(world: World) -> None:
    a = world.root
    for name in ("none", "IPC", "ipc_for_children"):
        a.proc_pid_read(0, f"ns/{name}")
        a.proc_ns_open(0, name)
    a.proc_pid_read(4000000, "ns/ipc")
    a.proc_ns_open(4000000, "ipc")
    b = a.fork("b")
    b.exit()
    a.proc_ns_open(b, "ipc")
    a.proc_pid_read(b, "ns/ipc")


@case
def descriptors_say_what_they_are(world: World) -> None:
    a = world.root
    for kind in KINDS:
        fd = a.proc_ns_open(0, kind).ret
        a.ioctl(fd, "NS_GET_NSTYPE", 0)
        a.ioctl(fd, "NS_GET_ID", 0)
        a.fstat(fd)
        a.fcntl(fd, 1, 0)
        a.fcntl(fd, 3, 0)
        a.close(fd)


@case
def two_descriptors_of_one_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b")
    first, second = a.proc_ns_open(0, "ipc").ret, a.proc_ns_open(b, "ipc").ret
    for fd in (first, second):
        a.fstat(fd)
        a.ioctl(fd, "NS_GET_ID", 0)
    b.unshare(CLONE_NEWIPC)
    third = a.proc_ns_open(b, "ipc").ret
    a.fstat(third)
    a.ioctl(third, "NS_GET_ID", 0)
    a.fstat(second)


@case
def ioctls_of_every_kind(world: World) -> None:
    a = world.root
    for kind in KINDS:
        fd = a.proc_ns_open(0, kind).ret
        for name in ("NS_GET_USERNS", "NS_GET_PARENT", "NS_GET_OWNER_UID", "NS_GET_MNTNS_ID", "NS_MNT_GET_INFO"):
            found = a.ioctl(fd, name, 0)
            if name in {"NS_GET_USERNS", "NS_GET_PARENT"} and found.ret is not None:
                a.ioctl(found.ret, "NS_GET_NSTYPE", 0)
                a.fcntl(found.ret, 1, 0)
                a.close(found.ret)
        for name in ("NS_GET_PID_FROM_PIDNS", "NS_GET_TGID_FROM_PIDNS", "NS_GET_PID_IN_PIDNS", "NS_GET_TGID_IN_PIDNS"):
            if kind != "pid":
                a.ioctl(fd, name, a)
        a.close(fd)


@case
def ioctls_that_are_none(world: World) -> None:
    a = world.root
    fd = a.proc_ns_open(0, "uts").ret
    for cmd in (0, 0xB700, 0xB7FF, 0x8008B70E, IOCTLS["NS_GET_ID"] & 0xFFFF, IOCTLS["PIDFD_GET_INFO"], 0xFF01, 0x5401):
        a.ioctl(fd, cmd, 0)
    a.ioctl(99, "NS_GET_NSTYPE", 0)
    a.ioctl(-1, "NS_GET_NSTYPE", 0)
    queue = a.mq_open("q", 0o102, 0o600).ret
    a.ioctl(queue, "NS_GET_NSTYPE", 0)


@case
def namespaces_belong_to_the_user_namespace_that_made_them(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWNS)
    a.proc_pid_read(b, "ns/user")
    for kind in ("ipc", "uts", "net", "mnt", "cgroup", "pid", "time", "user"):
        fd = a.proc_ns_open(b, kind).ret
        owner = a.ioctl(fd, "NS_GET_USERNS", 0).ret
        a.fstat(owner)
        a.ioctl(owner, "NS_GET_OWNER_UID", 0)
        inside = b.proc_ns_open(0, kind).ret
        b.ioctl(inside, "NS_GET_USERNS", 0)


@case
def parents_are_told_as_far_as_one_sees(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER)
    a.proc_pid_write(b, "uid_map", "0 1000 1")
    b.clone(CLONE_NEWUSER | SIGCHLD)  # its group is not mapped yet
    a.proc_pid_write(b, "gid_map", "0 1000 1")
    c = b.fork("c", unshare=CLONE_NEWUSER)
    for kind in ("user", "pid"):
        for who in (a, b, c):
            fd = who.proc_ns_open(c, kind).ret
            if fd is None:
                continue
            for _ in range(3):
                parent = who.ioctl(fd, "NS_GET_PARENT", 0).ret
                if parent is None:
                    break
                who.fstat(parent)
                fd = parent


@case
def owners_as_each_sees_them(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER)
    fd = b.proc_ns_open(0, "user").ret
    b.ioctl(fd, "NS_GET_OWNER_UID", 0)
    b.proc_pid_write(0, "uid_map", "7 1000 1")
    b.ioctl(fd, "NS_GET_OWNER_UID", 0)
    a.ioctl(a.proc_ns_open(b, "user").ret, "NS_GET_OWNER_UID", 0)


@case
def numbers_across_pid_namespaces(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    c = b.fork("c")
    d = c.fork("d")
    inner = a.proc_ns_open(c, "pid").ret
    outer = a.proc_ns_open(0, "pid").ret
    for name in ("NS_GET_PID_FROM_PIDNS", "NS_GET_TGID_FROM_PIDNS"):
        for number in (1, 2, 3, 0, -1, 4000000):
            a.ioctl(inner, name, number)
        a.ioctl(outer, name, c)
        c.ioctl(c.proc_ns_open(0, "pid").ret, name, 2)
    for name in ("NS_GET_PID_IN_PIDNS", "NS_GET_TGID_IN_PIDNS"):
        for who in (c, d, a, b):
            a.ioctl(inner, name, who)
        for number in (0, -1, 4000000):
            a.ioctl(inner, name, number)


@case
def pidfds_open_namespaces(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUTS)
    pidfd = a.pidfd_open(b, 0).ret
    for name in IOCTLS:
        if name.startswith("PIDFD_GET_") and name.endswith("_NAMESPACE"):
            fd = a.ioctl(pidfd, name, 0).ret
            a.fstat(fd)
            a.fcntl(fd, 1, 0)
            a.ioctl(pidfd, name, 1)
    b.exit()
    for name in IOCTLS:
        if name.startswith("PIDFD_GET_") and name.endswith("_NAMESPACE"):
            a.ioctl(pidfd, name, 0)


@case
def pidfds_of_others_open_nothing(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001)
    for target in (a, c):
        pidfd = b.pidfd_open(target, 0).ret
        b.ioctl(pidfd, "PIDFD_GET_UTS_NAMESPACE", 0)
        b.proc_ns_open(target, "uts")
        b.proc_pid_read(target, "ns/uts")


@case
def pidfds_tell_of_their_task(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1001)
    pidfd = a.pidfd_open(b, 0).ret
    for mask in (0, PIDFD_INFO_PID, PIDFD_INFO_CREDS, PIDFD_INFO_CGROUPID, PIDFD_INFO_EXIT, 15):
        a.ioctl(pidfd, "PIDFD_GET_INFO", mask)
    b.unshare(CLONE_NEWUSER)
    a.ioctl(pidfd, "PIDFD_GET_INFO", PIDFD_INFO_CREDS)
    own = b.pidfd_open(b, 0).ret
    b.ioctl(own, "PIDFD_GET_INFO", PIDFD_INFO_CREDS)
    b.exit()
    a.ioctl(pidfd, "PIDFD_GET_INFO", PIDFD_INFO_PID)
    a.ioctl(pidfd, "PIDFD_GET_INFO", PIDFD_INFO_PID | PIDFD_INFO_EXIT)
