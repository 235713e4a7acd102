"""User namespaces: root inside and no further."""

from __future__ import annotations

from ..linux import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    IPC_CREAT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    KINDS,
    SIGCHLD,
    SIGKILL,
    SIGTERM,
)
from ..scenario import Task, World, case


def rootless(parent: Task, name: str, flags: int = 0, uid: int = 1000) -> Task:
    """A task of an ordinary user that is root in a user namespace of its own."""
    task = parent.fork(name, uid=uid, gid=uid)
    task.unshare(CLONE_NEWUSER | flags)
    task.proc_pid_write(0, "setgroups", "deny")
    task.proc_pid_write(0, "uid_map", f"0 {uid} 1")
    task.proc_pid_write(0, "gid_map", f"0 {uid} 1")
    return task


@case
def becoming_root(world: World) -> None:
    b = rootless(world.root, "b")
    for row in ("getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups"):
        getattr(b, row)()
    b.proc_pid_read(0, "status")
    world.root.proc_pid_read(b, "status")


@case
def before_a_map_all_is_overflow(world: World) -> None:
    b = world.root.fork("b", uid=1000, gid=1000, groups=[1001])
    b.unshare(CLONE_NEWUSER)
    for row in ("getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups"):
        getattr(b, row)()
    b.setuid(0)
    b.setuid(1000)
    b.setuid(65534)
    b.setgid(0)
    b.setgroups([])
    b.proc_pid_read(0, "status")


@case
def full_of_capabilities_inside(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.proc_pid_read(0, "status")
    b.unshare(CLONE_NEWUSER)
    b.proc_pid_read(0, "status")
    c = a.fork("c", cap=["CAP_KILL"])
    c.unshare(CLONE_NEWUSER)
    c.proc_pid_read(0, "status")


@case
def and_no_further(world: World) -> None:
    a = world.root
    b = rootless(a, "b")
    c = a.fork("c", uid=1001, gid=1001)
    d = a.fork("d", uid=1000, gid=1000)
    b.sethostname("mine")
    b.kill(a, 0)
    b.kill(c, SIGTERM)
    b.kill(d, 0)
    b.setpriority(0, 0, -5)
    b.setuid(1000)
    b.setuid(1)
    b.setgroups([0])
    b.proc_pid_write(c, "uid_map", "0 1001 1")
    for kind in KINDS:
        b.proc_ns_open(a, kind)
    b.sysctl("kernel.msgmax", 9000)
    b.sysctl("net.core.somaxconn", 77)


@case
def what_it_owns_it_may_change(world: World) -> None:
    a = world.root
    b = rootless(a, "b", CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
    b.sethostname("mine")
    b.uname()
    a.uname()
    b.sysctl("net.core.somaxconn", 77)
    a.sysctl("net.core.somaxconn", None)
    b.sysctl("kernel.msgmax", 9000)
    a.sysctl("kernel.msgmax", None)


@case
def the_maker_rules_from_outside(world: World) -> None:
    a = world.root
    maker = a.fork("maker", uid=1000, gid=1000)
    b = maker.child("b", CLONE_NEWUSER | CLONE_NEWUTS | SIGCHLD)
    other = a.fork("other", uid=1001, gid=1001)
    for who in (maker, other):
        fd = who.proc_ns_open(b, "uts").ret
        if fd is not None:
            who.setns(fd, CLONE_NEWUTS)
        who.kill(b, 0)
        fd = who.proc_ns_open(b, "user").ret
        if fd is not None:
            who.setns(fd, CLONE_NEWUSER)
            who.proc_pid_read(0, "status")


@case
def a_capable_ancestor_rules_all_below(world: World) -> None:
    a = world.root
    b = rootless(a, "b")
    c = b.fork("c", unshare=CLONE_NEWUSER | CLONE_NEWUTS)
    d = b.fork("d")
    d.setns(d.proc_ns_open(c, "user").ret, 0)
    d.setns(d.proc_ns_open(c, "uts").ret, 0)
    d.sethostname("deep")
    c.uname()
    a.setns(a.proc_ns_open(c, "uts").ret, 0)
    a.sethostname("root")
    c.uname()


@case
def siblings_are_strangers(world: World) -> None:
    a = world.root
    b, c = rootless(a, "b", CLONE_NEWUTS), rootless(a, "c", CLONE_NEWUTS, uid=1001)
    for one, other in ((b, c), (c, b)):
        one.kill(other, 0)
        one.proc_ns_open(other, "uts")
        one.proc_pid_read(other, "uid_map")
        one.prlimit64(other, 7)


@case
def same_user_two_namespaces(world: World) -> None:
    a = world.root
    b, c = rootless(a, "b", CLONE_NEWUTS), rootless(a, "c", CLONE_NEWUTS)
    b.kill(c, 0)
    fd = b.proc_ns_open(c, "uts").ret
    if fd is not None:
        b.setns(fd, 0)
    b.kill(c, SIGKILL)


@case
def ids_of_others_show_as_overflow(world: World) -> None:
    a = world.root
    b = rootless(a, "b")
    msqid = a.msgget(1, IPC_CREAT | 0o666).ret
    b.msgctl(msqid, IPC_STAT)
    mine = b.msgget(2, IPC_CREAT | 0o600).ret
    b.msgctl(mine, IPC_STAT)
    a.msgctl(mine, IPC_STAT)
    buf = {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o600}, "msg_qbytes": 100}
    b.msgctl(mine, IPC_SET, buf | {"msg_perm": {"uid": 1000, "gid": 0, "mode": 0o600}})
    b.msgctl(mine, IPC_SET, buf | {"msg_perm": {"uid": 0, "gid": 1000, "mode": 0o600}})
    b.msgctl(mine, IPC_SET, buf)
    b.msgctl(msqid, IPC_SET, buf)
    b.msgctl(msqid, IPC_RMID)
    a.msgctl(mine, IPC_RMID)


@case
def making_one_wants_mapped_ids(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER)
    b.unshare(CLONE_NEWUSER)
    a.proc_pid_write(b, "uid_map", "0 1000 1")
    b.unshare(CLONE_NEWUSER)
    a.proc_pid_write(b, "gid_map", "0 1000 1")
    b.unshare(CLONE_NEWUSER)
    b.unshare(CLONE_NEWNS)
    b.proc_pid_read(0, "status")


@case
def changing_ids_inside_follows_the_map(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER)
    a.proc_pid_write(b, "uid_map", "0 1000 1\n1 100000 10")
    a.proc_pid_write(b, "gid_map", "0 1000 1\n1 100000 10")
    b.setgroups([1, 10])
    b.setgroups([11])
    b.setresgid(1, 2, 3)
    b.getresgid()
    b.setresuid(1, 2, 11)
    b.setresuid(1, 2, 3)
    b.getresuid()
    a.proc_pid_read(b, "status")
    b.proc_pid_read(0, "status")
