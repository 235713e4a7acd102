"""setns(2) by a descriptor of a namespace."""

from __future__ import annotations

from ..linux import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
    KINDS,
    SIGCHLD,
)
from ..scenario import World, case

THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
PLAIN = ("cgroup", "ipc", "mnt", "net", "uts")


@case
def there_and_back(world: World) -> None:
    a = world.root
    for kind in PLAIN:
        b = a.fork(f"b{kind}")
        home = b.proc_ns_open(0, kind).ret
        b.unshare(KINDS[kind])
        c = a.fork(f"c{kind}")
        c.proc_pid_read(0, f"ns/{kind}")
        c.setns(c.proc_ns_open(b, kind).ret, KINDS[kind])
        c.proc_pid_read(0, f"ns/{kind}")
        b.setns(home, 0)
        b.proc_pid_read(0, f"ns/{kind}")
        b.setns(home, KINDS[kind])


@case
def the_kind_has_to_match(world: World) -> None:
    a = world.root
    for kind in KINDS:
        fd = a.proc_ns_open(0, kind).ret
        for other, flag in KINDS.items():
            if other != kind:
                a.setns(fd, flag)
        a.setns(fd, KINDS[kind] | CLONE_FS)
        a.setns(fd, KINDS[kind] | KINDS["uts"] | KINDS["ipc"])
        a.setns(fd, -1)
        a.setns(fd, 1)
        a.close(fd)


@case
def ones_own(world: World) -> None:
    a = world.root
    for kind, flag in KINDS.items():
        a.setns(a.proc_ns_open(0, kind).ret, flag)
        a.proc_pid_read(0, f"ns/{kind}")


@case
def descriptors_of_no_namespace(world: World) -> None:
    a = world.root
    a.setns(99, 0)
    a.setns(-1, 0)
    a.setns(-1, CLONE_NEWIPC)
    queue = a.mq_open("q", 0o102, 0o600).ret
    a.setns(queue, 0)
    a.setns(queue, CLONE_NEWIPC)
    fd = a.proc_ns_open(0, "ipc").ret
    a.close(fd)
    a.setns(fd, 0)


@case
def the_capability_counts_in_both(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS)
    home = {kind: b.proc_ns_open(a.fork(f"peer{kind}", uid=1000, gid=1000), kind).ret for kind in ("ipc", "uts")}
    own = {kind: b.proc_ns_open(0, kind).ret for kind in ("ipc", "uts", "mnt", "net")}
    for fd in (*home.values(), *own.values()):
        if fd is not None:
            b.setns(fd, 0)
    plain = a.fork("plain", uid=1000, gid=1000)
    stranger = a.fork("stranger", uid=1001, gid=1001)
    for who in (plain, stranger):
        for kind in ("ipc", "uts", "mnt", "user"):
            fd = who.proc_ns_open(b, kind).ret
            if fd is not None:
                who.setns(fd, 0)


@case
def a_capability_for_each_kind(world: World) -> None:
    a = world.root
    for caps in ([], ["CAP_SYS_ADMIN"], ["CAP_SYS_CHROOT"], ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]):
        b = a.fork("+".join(caps) or "none", cap=caps)
        for kind, flag in KINDS.items():
            b.setns(b.proc_ns_open(0, kind).ret, flag)


@case
def into_a_user_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC)
    b.proc_pid_write(0, "uid_map", "0 1000 1")
    c = a.fork("c")
    fds = [c.proc_ns_open(b, kind).ret for kind in ("user", "ipc")]
    c.setns(fds[0], CLONE_NEWUSER)
    c.setns(fds[0], CLONE_NEWUSER)
    c.setns(fds[1], CLONE_NEWIPC)
    c.proc_pid_read(0, "ns/user")
    c.proc_pid_read(0, "ns/ipc")
    c.unshare(CLONE_NEWUTS)
    owner = a.fork("owner", uid=1000, gid=1000)
    owner.setns(owner.proc_ns_open(b, "user").ret, 0)
    owner.proc_pid_read(0, "ns/user")


@case
def out_of_a_user_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b")
    outside = b.proc_ns_open(0, "user").ret
    b.unshare(CLONE_NEWUSER)
    b.setns(outside, CLONE_NEWUSER)
    b.setns(b.proc_ns_open(0, "user").ret, CLONE_NEWUSER)


@case
def threads_hinder(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUSER)
    c = a.fork("c")
    c.unshare(CLONE_NEWTIME)
    d = a.fork("d")
    d.clone3({"flags": THREAD})
    d.setns(d.proc_ns_open(b, "user").ret, 0)
    d.setns(d.proc_ns_open(c, "time_for_children").ret, 0)
    for kind in (*PLAIN, "pid"):
        d.setns(d.proc_ns_open(0, kind).ret, 0)


@case
def a_shared_fs_hinders(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUSER | CLONE_NEWNS)
    c = a.fork("c", unshare=CLONE_NEWNS)
    d = a.child("d", CLONE_FS | SIGCHLD)
    d.setns(d.proc_ns_open(b, "user").ret, 0)
    d.setns(d.proc_ns_open(c, "mnt").ret, 0)
    d.setns(d.proc_ns_open(0, "uts").ret, 0)
    d.unshare(CLONE_FS)
    d.setns(d.proc_ns_open(c, "mnt").ret, 0)
    a.setns(a.proc_ns_open(c, "mnt").ret, 0)


@case
def pid_namespaces_only_downwards(world: World) -> None:
    a = world.root
    b = a.fork("b")
    outside = b.proc_ns_open(0, "pid").ret
    b.unshare(CLONE_NEWPID)
    c = b.fork("c")
    d = c.fork("d")
    inside = b.proc_ns_open(c, "pid").ret
    b.setns(inside, CLONE_NEWPID)
    b.setns(outside, CLONE_NEWPID)
    b.proc_pid_read(0, "ns/pid_for_children")
    e = b.fork("e")
    e.getppid()
    f = a.fork("f")
    f.setns(f.proc_ns_open(c, "pid").ret, 0)
    f.proc_pid_read(0, "ns/pid")
    f.proc_pid_read(0, "ns/pid_for_children")
    g = f.fork("g")
    g.getpid()
    g.getppid()
    d.kill(g, 0)
    d.kill(f, 0)
    d.proc_ns_open(b, "pid")
    d.setns(outside, 0)
    d.setns(d.proc_ns_open(c, "pid").ret, 0)


@case
def a_namespace_for_children_is_entered_for_children(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    a.proc_ns_open(b, "pid_for_children")
    b.fork("c")
    fd = a.proc_ns_open(b, "pid_for_children").ret
    a.setns(fd, CLONE_NEWPID)
    a.proc_pid_read(0, "ns/pid_for_children")
    d = a.fork("d")
    d.getpid()
