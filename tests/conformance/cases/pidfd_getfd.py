"""pidfd_getfd(2): another task's descriptor, which is the same open file."""

from __future__ import annotations

from ..linux import F_GETFD, F_GETFL, F_SETFL, O_CREAT, O_NONBLOCK, O_RDWR, PR_SET_DUMPABLE, SIGCHLD
from ..scenario import Task, World, case

ONE = {"mq_maxmsg": 2, "mq_msgsize": 8}


def owner(task: Task, name: str = "b", **how: object) -> Task:
    """A child with a queue open as its descriptor 0."""
    child = task.fork(name, **how)
    child.mq_open(f"q{name}", O_CREAT | O_RDWR, 0o600, ONE)
    return child


@case
def it_is_the_same_open_file(world: World) -> None:
    a = world.root
    b = owner(a)
    fd = a.pidfd_open(b, 0).ret
    got = a.pidfd_getfd(fd, 0, 0).ret
    a.fcntl(got, F_GETFD, 0)
    a.fcntl(got, F_SETFL, O_NONBLOCK)
    b.fcntl(0, F_GETFL, 0)
    b.mq_timedsend(0, b"x", None, 3)
    a.mq_timedreceive(got, 8)
    a.mq_timedreceive(got, 8)
    b.close(0)
    a.mq_timedsend(got, b"y")
    b.exit()
    a.mq_timedreceive(got, 8)


@case
def descriptors_and_flags_that_are_none(world: World) -> None:
    a = world.root
    b = owner(a)
    fd = a.pidfd_open(b, 0).ret
    for target in (1, -1, 99, 1 << 30):
        a.pidfd_getfd(fd, target, 0)
    for flags in (1, -1):
        a.pidfd_getfd(fd, 0, flags)
        a.pidfd_getfd(99, 0, flags)
    for bad in (99, -1):
        a.pidfd_getfd(bad, 0, 0)
    queue = a.mq_open("other", O_CREAT | O_RDWR, 0o600).ret
    a.pidfd_getfd(queue, 0, 0)


@case
def ones_own(world: World) -> None:
    b = owner(world.root, "b", uid=1000, gid=1000)
    fd = b.pidfd_open(b, 0).ret
    b.pidfd_getfd(fd, 0, 0)
    b.pidfd_getfd(fd, fd, 0)
    b.prctl(PR_SET_DUMPABLE, 0)
    b.pidfd_getfd(fd, 0, 0)


@case
def users_may_take_from_their_own(world: World) -> None:
    a = world.root
    b = owner(a, "b", uid=1000, gid=1000)
    same, group = a.fork("same", uid=1000, gid=1000), a.fork("group", uid=1000, gid=1001)
    other = a.fork("other", uid=1001, gid=1000)
    ptrace = a.fork("ptrace", uid=1001, gid=1001, cap=["CAP_SYS_PTRACE"])
    admin = a.fork("admin", uid=1001, gid=1001, cap=["CAP_SYS_ADMIN"])
    bare = a.fork("bare", cap=[])
    for task in (same, group, other, ptrace, admin, bare):
        task.pidfd_getfd(task.pidfd_open(b, 0).ret, 0, 0)
        task.pidfd_getfd(0, 99, 0)


@case
def capabilities_keep_others_out(world: World) -> None:
    a = world.root
    able = owner(a, "able", uid=1000, gid=1000, cap=["CAP_KILL"])
    same = a.fork("same", uid=1000, gid=1000)
    more = a.fork("more", uid=1000, gid=1000, cap=["CAP_KILL", "CAP_CHOWN"])
    for task in (same, more):
        task.pidfd_getfd(task.pidfd_open(able, 0).ret, 0, 0)
    able.capset(0, 1 << 5, 0)
    same.pidfd_getfd(0, 0, 0)
    able.capset(0, 0, 0)
    same.pidfd_getfd(0, 0, 0)


@case
def ids_have_to_agree_in_all_three(world: World) -> None:
    a = world.root
    same = a.fork("same", uid=1000, gid=1000)
    for index, ids in enumerate(((1000, 1000, 1001), (1000, 1001, 1000), (1001, 1000, 1000))):
        for kind in ("setresuid", "setresgid"):
            b = owner(a, f"b{index}{kind}", uid=1000, gid=1000, cap=["CAP_SETUID", "CAP_SETGID"])
            getattr(b, kind)(*ids)
            b.capset(0, 0, 0)
            b.prctl(PR_SET_DUMPABLE, 1)
            same.pidfd_getfd(same.pidfd_open(b, 0).ret, 0, 0)


@case
def who_looks_counts_by_its_real_ids(world: World) -> None:
    a = world.root
    b = owner(a, "b", uid=1000, gid=1000)
    for ids in ((1000, 1001, 1001), (1001, 1000, 1000)):
        c = a.fork(f"c{ids[0]}", uid=1000, gid=1000, cap=["CAP_SETUID"])
        c.setresuid(*ids)
        c.capset(0, 0, 0)
        c.pidfd_getfd(c.pidfd_open(b, 0).ret, 0, 0)


@case
def who_changed_its_ids_is_not_dumpable(world: World) -> None:
    a = world.root
    b = owner(a, "b", uid=1000, gid=1000, cap=["CAP_SETUID"])
    same = a.fork("same", uid=1001, gid=1000)
    b.setresuid(1001, 1001, 1001)
    b.capset(0, 0, 0)
    same.pidfd_getfd(same.pidfd_open(b, 0).ret, 0, 0)
    b.prctl(PR_SET_DUMPABLE, 1)
    same.pidfd_getfd(0, 0, 0)
    c = b.child("c")
    same.pidfd_getfd(same.pidfd_open(c, 0).ret, 0, 0)
    b.prctl(PR_SET_DUMPABLE, 0)
    a.pidfd_getfd(a.pidfd_open(b, 0).ret, 0, 0)
    same.pidfd_getfd(0, 0, 0)


@case
def descriptors_run_out(world: World) -> None:
    a = world.root
    b = owner(a)
    fd = a.pidfd_open(b, 0).ret
    a.prlimit64(0, 7, {"rlim_cur": 1, "rlim_max": 10})
    a.pidfd_getfd(fd, 0, 0)
    a.pidfd_getfd(fd, 99, 0)


@case
def ended_tasks_have_none(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    b = owner(a)
    fd = a.pidfd_open(b, 0).ret
    b.exit()
    a.pidfd_getfd(fd, 0, 0)
    a.wait4(b, 0)
    a.pidfd_getfd(fd, 0, 0)
    c = a.fork("c", uid=1000, gid=1000)
    c.pidfd_getfd(c.pidfd_open(a, 0).ret, 0, 0)
