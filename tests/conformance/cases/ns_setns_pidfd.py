"""setns(2) by a pidfd and a set of kinds: all or nothing."""

from __future__ import annotations

from ..linux import (
    CLONE_FS,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    KINDS,
)
from ..scenario import Task, World, case

LINKS = (*KINDS, "pid_for_children", "time_for_children")
FIVE = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS


def look(task: Task) -> None:
    for name in LINKS:
        task.proc_pid_read(0, f"ns/{name}")


@case
def a_set_of_kinds(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=FIVE)
    look(a)
    look(b)
    c = a.fork("c")
    pidfd = c.pidfd_open(b, 0).ret
    c.setns(pidfd, CLONE_NEWIPC | CLONE_NEWUTS)
    look(c)
    c.setns(pidfd, FIVE)
    look(c)


@case
def flags_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b")
    pidfd = a.pidfd_open(b, 0).ret
    for flags in (0, 1, -1, CLONE_FS, CLONE_NEWIPC | CLONE_FS, 1 << 32, CLONE_NEWIPC | 1 << 32):
        a.setns(pidfd, flags)
    for flag in KINDS.values():
        a.setns(pidfd, flag)


@case
def one_refusal_refuses_all(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=FIVE)
    c = a.fork("c", cap=["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"])
    look(c)
    c.setns(c.pidfd_open(b, 0).ret, CLONE_NEWIPC | CLONE_NEWNS)
    look(c)
    c.setns(c.pidfd_open(b, 0).ret, CLONE_NEWIPC | CLONE_NEWUTS)
    look(c)
    d = a.fork("d")
    d.setns(d.pidfd_open(b, 0).ret, CLONE_NEWIPC | CLONE_NEWUSER)
    look(d)


@case
def what_one_may_not_trace_one_may_not_enter(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001, cap=["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"])
    c.setns(c.pidfd_open(b, 0).ret, CLONE_NEWIPC)
    d = a.fork("d", uid=1001, gid=1001, cap=["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"])
    d.setns(d.pidfd_open(b, 0).ret, CLONE_NEWIPC)
    e = a.fork("e", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    e.setns(e.pidfd_open(b, 0).ret, CLONE_NEWIPC)
    f = a.fork("f", uid=1000, gid=1000)
    f.setns(f.pidfd_open(b, 0).ret, CLONE_NEWIPC)


@case
def the_user_namespace_is_entered_first(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | FIVE)
    b.proc_pid_write(0, "uid_map", "0 1000 1")
    look(b)
    owner = a.fork("owner", uid=1000, gid=1000)
    pidfd = owner.pidfd_open(b, 0).ret
    owner.setns(pidfd, CLONE_NEWIPC)
    owner.setns(pidfd, CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)
    look(owner)
    owner.getuid()
    stranger = a.fork("stranger", uid=1001, gid=1001)
    stranger.setns(stranger.pidfd_open(b, 0).ret, CLONE_NEWUSER | CLONE_NEWIPC)


@case
def pid_and_time_are_entered_by_children(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID | CLONE_NEWTIME)
    c = b.fork("c")
    d = a.fork("d")
    d.setns(d.pidfd_open(c, 0).ret, CLONE_NEWPID | CLONE_NEWTIME)
    look(d)
    e = d.fork("e")
    e.getpid()
    look(e)


@case
def a_dead_task_is_not_entered(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWIPC)
    pidfd = a.pidfd_open(b, 0).ret
    b.exit()
    a.setns(pidfd, CLONE_NEWIPC)
    a.setns(pidfd, 0)


@case
def ones_own_pidfd(world: World) -> None:
    a = world.root
    pidfd = a.pidfd_open(a, 0).ret
    a.setns(pidfd, FIVE)
    a.setns(pidfd, CLONE_NEWPID)
    a.setns(pidfd, CLONE_NEWUSER)
    a.setns(pidfd, CLONE_NEWTIME)
