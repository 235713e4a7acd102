"""unshare(2): what it makes, what it wants, and that it is all or nothing."""

from __future__ import annotations

from ..linux import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CLONE_PIDFD,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    KINDS,
    SIGCHLD,
)
from ..scenario import World, case

LINKS = (*KINDS, "pid_for_children", "time_for_children")
THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD


@case
def every_flag_alone(world: World) -> None:
    a = world.root
    for bit in range(32):
        b = a.fork(f"bit{bit}")
        b.unshare(1 << bit)
    a.unshare(0)
    a.unshare(-1)
    a.unshare(1 << 32)


@case
def namespaces_want_a_capability(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for flag in KINDS.values():
        b.unshare(flag)
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    for flag in KINDS.values():
        c.unshare(flag)
    bare = a.fork("bare", cap=[])
    for flag in KINDS.values():
        bare.unshare(flag)


@case
def a_user_namespace_comes_first(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWIPC | CLONE_NEWUTS)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP)
    for name in LINKS:
        b.proc_pid_read(0, f"ns/{name}")
        a.proc_pid_read(0, f"ns/{name}")


@case
def all_or_nothing(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    before = [b.proc_pid_read(0, f"ns/{name}").out for name in LINKS]
    b.unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_FS)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC | 1)
    b.unshare(CLONE_NEWUSER | CLONE_PIDFD)
    after = [b.proc_pid_read(0, f"ns/{name}").out for name in LINKS]
    assert before == after


@case
def children_of_later(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID | CLONE_NEWTIME)
    for name in LINKS:
        b.proc_pid_read(0, f"ns/{name}")
    c = b.fork("c")
    for name in LINKS:
        if name != "pid_for_children":
            c.proc_pid_read(0, f"ns/{name}")
    b.proc_pid_read(0, "ns/pid_for_children")
    b.proc_pid_read(0, "ns/time_for_children")


@case
def threads_keep_some_from_being_unshared(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.clone3({"flags": THREAD})
    for flag in (*KINDS.values(), CLONE_FS, CLONE_FILES, CLONE_THREAD, CLONE_SIGHAND, CLONE_VM, CLONE_SYSVSEM):
        b.unshare(flag)


@case
def implied_flags(world: World) -> None:
    a = world.root
    for flag in (CLONE_THREAD, CLONE_SIGHAND, CLONE_VM, CLONE_VFORK, CLONE_NEWUSER | CLONE_FS, CLONE_NEWNS | CLONE_FS):
        a.fork(f"{flag:x}").unshare(flag)
    a.fork("everything").unshare(sum(KINDS.values()) | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)


@case
def a_shared_fs_is_no_hindrance(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_FS | SIGCHLD)
    b.unshare(CLONE_NEWNS)
    c = a.child("c", CLONE_FS | SIGCHLD)
    c.unshare(CLONE_NEWUSER)
    c.proc_pid_read(0, "ns/user")
    c.unshare(CLONE_FS)


@case
def twice_the_pid_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    b.unshare(CLONE_NEWPID)
    c = b.fork("c")
    b.unshare(CLONE_NEWPID)
    c.unshare(CLONE_NEWPID)
    b.unshare(CLONE_NEWTIME)
    b.unshare(CLONE_NEWTIME)
    b.clone(CLONE_NEWPID | SIGCHLD)
