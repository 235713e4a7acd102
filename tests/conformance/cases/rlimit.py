"""prlimit(2) of others, and the limit of a user's processes."""

from __future__ import annotations

from ..linux import PR_SET_DUMPABLE, RLIMIT_MSGQUEUE, RLIMIT_NOFILE, RLIMIT_NPROC, SIGCHLD
from ..scenario import NOBODY, Task, World, case

FEW = {"rlim_cur": 100, "rlim_max": 200}


def most(task: Task, soft: int, hard: int) -> None:
    """So many processes of its user may there be when it makes one. What was before is the machine's."""
    with task.world.quiet():
        assert task.prlimit64(0, RLIMIT_NPROC, {"rlim_cur": soft, "rlim_max": hard}).ret == 0


@case
def users_limit_their_own(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for name, how in (
        ("same", {"uid": 1000, "gid": 1000}), ("group", {"uid": 1000, "gid": 1001}),
        ("other", {"uid": 1001, "gid": 1000}), ("able", {"uid": 1001, "gid": 1001, "cap": ["CAP_SYS_ADMIN"]}),
        ("resource", {"uid": 1001, "gid": 1001, "cap": ["CAP_SYS_PTRACE"]}), ("bare", {"cap": []}),
    ):  # fmt: skip
        c = a.fork(name, **how)
        c.prlimit64(b, RLIMIT_NOFILE)
        c.prlimit64(b, RLIMIT_NOFILE, {"rlim_cur": 99, "rlim_max": 4096})
        b.prlimit64(c, RLIMIT_NOFILE)
    b.prlimit64(a, RLIMIT_NOFILE)
    a.prlimit64(b, RLIMIT_NOFILE)


@case
def ids_have_to_agree_in_all_three(world: World) -> None:
    a = world.root
    same = a.fork("same", uid=1000, gid=1000)
    for index, ids in enumerate(((1000, 1000, 1001), (1000, 1001, 1000), (1001, 1000, 1000))):
        for kind in ("setresuid", "setresgid"):
            b = a.fork(f"b{index}{kind}", uid=1000, gid=1000, cap=["CAP_SETUID", "CAP_SETGID"])
            getattr(b, kind)(*ids)
            same.prlimit64(b, RLIMIT_NOFILE)
            b.prlimit64(same, RLIMIT_NOFILE)


@case
def real_ids_of_the_caller_count(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_SETUID"])
    c.setresuid(1001, 1000, 1000)
    c.prlimit64(b, RLIMIT_NOFILE)
    d = a.fork("d", uid=1000, gid=1000, cap=["CAP_SETUID"])
    d.setresuid(1000, 1001, 1001)
    d.prlimit64(b, RLIMIT_NOFILE)


@case
def capabilities_and_dumpable_count_for_nothing(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000, cap=["CAP_KILL"])
    b.prctl(PR_SET_DUMPABLE, 0)
    c = a.fork("c", uid=1000, gid=1000)
    c.prlimit64(b, RLIMIT_NOFILE)
    c.prlimit64(b, RLIMIT_NOFILE, FEW)


@case
def hard_limits_only_fall(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for task in (a, b):
        for new in ((100, 200), (200, 200), (201, 200), (100, 201), (300, 300), (0, 0), (0, 1)):
            task.prlimit64(b, RLIMIT_MSGQUEUE, dict(zip(("rlim_cur", "rlim_max"), new, strict=True)))
        b.prlimit64(0, RLIMIT_MSGQUEUE)


@case
def resources_that_are_none(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for task in (a, b):
        for resource in (16, -1, 1000):
            task.prlimit64(0, resource)
            task.prlimit64(a, resource, FEW)
        for pid in (-1, NOBODY):
            task.prlimit64(pid, RLIMIT_NOFILE)


@case
def number_of_a_users_processes(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4321, gid=4321)
    most(b, 2, 3)
    c = b.child("c")
    b.clone(SIGCHLD)
    b.clone3({"exit_signal": SIGCHLD})
    c.clone(SIGCHLD)
    c.exit()
    d = b.child("d")
    most(d, 3, 3)
    d.child("e")
    d.clone(SIGCHLD)


@case
def zombies_count_too(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4322, gid=4322)
    b.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    most(b, 2, 3)
    c = b.child("c")
    c.exit()
    b.clone(SIGCHLD)
    b.wait4(-1, 0)
    b.child("d")


@case
def administrators_make_as_many_as_they_like(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4323, gid=4323, cap=["CAP_SYS_ADMIN"])
    most(b, 0, 0)
    b.child("c")
    d = a.fork("d", uid=4324, gid=4324, cap=["CAP_SYS_NICE"])
    most(d, 0, 0)
    d.clone(SIGCHLD)
    root = a.fork("bare", cap=[])
    most(root, 0, 0)
    root.child("e")


@case
def changing_the_user_is_never_refused(world: World) -> None:
    a = world.root
    b = a.fork("b", cap=["CAP_SETUID"])
    most(b, 0, 0)
    b.setresuid(4325, 4325, 4325)
    b.getresuid()
    b.clone(SIGCHLD)


@case
def real_user_is_counted(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=4326, gid=4326, cap=["CAP_SETUID"])
    most(b, 1, 1)
    b.clone(SIGCHLD)
    b.setresuid(-1, 4327, -1)
    b.clone(SIGCHLD)
    b.setresuid(0, -1, -1)
    b.child("c")
