"""How many namespaces there may be: nested ones, and the limits of each user namespace."""

from __future__ import annotations

from ..linux import CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, KINDS, SIGCHLD
from ..scenario import Task, World, case

PLAIN = ("cgroup", "ipc", "mnt", "net", "uts")


def inside(world: World, name: str = "b", uid: int = 1000) -> Task:
    """Root in a user namespace of its own."""
    task = world.root.fork(name, uid=uid, gid=uid)
    task.unshare(CLONE_NEWUSER)
    world.root.proc_pid_write(task, "uid_map", f"0 {uid} 1\n1 100000 10")
    world.root.proc_pid_write(task, "gid_map", f"0 {uid} 1\n1 100000 10")
    return task


@case
def user_namespaces_nest_so_deep(world: World) -> None:
    b = world.root.fork("b")
    for _ in range(36):
        if b.unshare(CLONE_NEWUSER).errno:
            break
        with world.quiet():
            b.proc_pid_write(0, "uid_map", "0 0 1")
            b.proc_pid_write(0, "setgroups", "deny")
            b.proc_pid_write(0, "gid_map", "0 0 1")
    b.unshare(CLONE_NEWUSER | CLONE_NEWUTS)
    b.clone(CLONE_NEWUSER | SIGCHLD)
    b.unshare(CLONE_NEWUTS)


@case
def pid_namespaces_nest_so_deep(world: World) -> None:
    task = world.root
    with world.quiet():  # where the world is itself is the machine's affair
        for depth in range(40):
            if task.unshare(CLONE_NEWPID).errno:
                break
            task = task.fork(f"b{depth}")
    task.name = "deepest"
    task.unshare(CLONE_NEWPID)
    task.clone(CLONE_NEWPID | SIGCHLD)
    task.clone(CLONE_NEWPID | CLONE_NEWUTS | SIGCHLD)
    task.unshare(CLONE_NEWUTS)


@case
def a_new_ones_limits(world: World) -> None:
    b = inside(world)
    for kind in KINDS:
        b.sysctl(f"user.max_{kind}_namespaces", None)


@case
def who_may_set_them(world: World) -> None:
    a = world.root
    a.sysctl("user.max_ipc_namespaces", 5)
    b = inside(world)
    b.sysctl("user.max_ipc_namespaces", 5)
    b.sysctl("user.max_ipc_namespaces", None)
    for value in (0, 2147483647, 2147483648, -1):
        b.sysctl("user.max_ipc_namespaces", value)
    c = b.fork("c", cap=[])
    c.sysctl("user.max_ipc_namespaces", 6)
    d = b.fork("d", uid=1, gid=1)
    d.sysctl("user.max_ipc_namespaces", 6)


@case
def at_the_limit_and_past_it(world: World) -> None:
    b = inside(world)
    for kind in PLAIN:
        b.sysctl(f"user.max_{kind}_namespaces", 2)
        one, two, three = (b.fork(f"{kind}{number}") for number in range(3))
        one.unshare(KINDS[kind])
        two.unshare(KINDS[kind])
        three.unshare(KINDS[kind])
        three.clone(KINDS[kind] | SIGCHLD)
        b.sysctl(f"user.max_{kind}_namespaces", 3)
        three.unshare(KINDS[kind])


@case
def none_at_all(world: World) -> None:
    b = inside(world)
    for kind, flag in KINDS.items():
        b.sysctl(f"user.max_{kind}_namespaces", 0)
        b.unshare(flag)


@case
def pid_namespaces_at_the_limit(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_pid_namespaces", 1)
    c = b.child("c", CLONE_NEWPID | SIGCHLD)
    b.clone(CLONE_NEWPID | SIGCHLD)
    c.clone(CLONE_NEWPID | SIGCHLD)
    c.sysctl("user.max_pid_namespaces", 2)
    c.child("d", CLONE_NEWPID | SIGCHLD)


@case
def charged_to_each_ancestor(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_uts_namespaces", 2)
    c = b.fork("c", unshare=CLONE_NEWUSER)
    c.unshare(CLONE_NEWUTS)
    d = c.fork("d")
    d.unshare(CLONE_NEWUTS)
    e = c.fork("e")
    e.unshare(CLONE_NEWUTS)
    b.unshare(CLONE_NEWUTS)
    c.sysctl("user.max_uts_namespaces", None)


@case
def charged_to_the_owner_of_the_user_namespace(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_uts_namespaces", 1)
    c = b.fork("c", uid=1, gid=1, cap=["CAP_SYS_ADMIN"])
    d = b.fork("d")
    c.unshare(CLONE_NEWUTS)
    d.unshare(CLONE_NEWUTS)
    e = b.fork("e", uid=1, gid=1, cap=["CAP_SYS_ADMIN"])
    e.unshare(CLONE_NEWUTS)
    d.fork("f").unshare(CLONE_NEWUTS)


@case
def user_namespaces_at_the_limit(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_user_namespaces", 1)
    c = b.child("c", CLONE_NEWUSER | SIGCHLD)
    b.clone(CLONE_NEWUSER | SIGCHLD)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC)
    b.proc_pid_write(c, "uid_map", "0 0 1")
    b.proc_pid_write(c, "gid_map", "0 0 1")
    c.unshare(CLONE_NEWUSER)
