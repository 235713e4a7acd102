"""clone(2) and clone3(2): combinations of flags, their errnos, and that nothing is half done."""

from __future__ import annotations

from ..linux import (
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_FS,
    CLONE_INTO_CGROUP,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    CLONE_PARENT,
    CLONE_PIDFD,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    KINDS,
    SIGCHLD,
)
from ..scenario import World, case

LINKS = (*KINDS, "pid_for_children", "time_for_children")


@case
def a_child_in_namespaces_of_its_own(world: World) -> None:
    a = world.root
    for kind, flag in KINDS.items():
        if kind not in {"time", "mnt"}:
            b = a.child(kind, flag | SIGCHLD)
            for name in LINKS:
                b.proc_pid_read(0, f"ns/{name}")
    a.child("mnt", CLONE_NEWNS | SIGCHLD).proc_pid_read(0, "ns/mnt")


@case
def combinations_that_are_refused(world: World) -> None:
    a = world.root
    for flags in (
        CLONE_NEWNS | CLONE_FS,
        CLONE_NEWUSER | CLONE_FS,
        CLONE_THREAD,
        CLONE_SIGHAND,
        CLONE_THREAD | CLONE_SIGHAND,
        CLONE_NEWIPC | CLONE_SYSVSEM,
        CLONE_NEWPID | CLONE_THREAD,
        CLONE_NEWUSER | CLONE_THREAD,
        CLONE_PIDFD | CLONE_DETACHED,
        CLONE_NEWPID | CLONE_PARENT | CLONE_THREAD,
    ):
        a.clone(flags | SIGCHLD)
    a.proc_pid_read(0, "ns/ipc")


@case
def clone3_is_stricter(world: World) -> None:
    a = world.root
    for args in (
        {"flags": SIGCHLD},
        {"flags": CLONE_DETACHED, "exit_signal": SIGCHLD},
        {"flags": CLONE_THREAD},
        {"flags": 1 << 40},
        {"flags": 1 << 63},
        {"flags": 0, "exit_signal": 65},
        {"flags": 0, "exit_signal": 256 + SIGCHLD},
        {"flags": CLONE_PARENT, "exit_signal": SIGCHLD},
        {"flags": CLONE_SIGHAND | CLONE_CLEAR_SIGHAND},
        {"flags": CLONE_NEWNS | CLONE_FS},
        {"flags": CLONE_NEWUSER | CLONE_FS},
        {"flags": CLONE_INTO_CGROUP, "exit_signal": SIGCHLD},
    ):
        a.clone3(args)


@case
def the_time_namespace_by_clone3_alone(world: World) -> None:
    a = world.root
    b = a.child3("b", flags=CLONE_NEWTIME, exit_signal=SIGCHLD)
    for name in ("time", "time_for_children"):
        a.proc_pid_read(0, f"ns/{name}")
        b.proc_pid_read(0, f"ns/{name}")


@case
def users_make_none_but_by_a_user_namespace(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    for kind, flag in KINDS.items():
        if kind != "user":
            b.clone3({"flags": flag, "exit_signal": SIGCHLD})
    c = b.child(
        "c", CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD
    )
    for name in LINKS:
        c.proc_pid_read(0, f"ns/{name}")
    c.getpid()
    c.getppid()


@case
def a_pidfd_of_the_child(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_PIDFD | CLONE_NEWUTS | SIGCHLD)
    a.fcntl(0, 1, 0)
    a.setns(0, CLONE_NEWUTS)
    b.fcntl(0, 1, 0)
    a.child3("c", flags=CLONE_PIDFD, exit_signal=SIGCHLD)
    a.clone(CLONE_PIDFD | CLONE_NEWNS | CLONE_FS | SIGCHLD)
    a.fcntl(2, 1, 0)


@case
def chosen_numbers(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.child3("c", exit_signal=SIGCHLD, set_tid=[77])
    c.getpid()
    for tids in ([77], [0], [-1], [1], [4194304], [78, 1], list(range(78, 111))):
        b.clone3({"flags": 0, "exit_signal": SIGCHLD, "set_tid": tids})
    d = b.child("d", SIGCHLD)
    d.getpid()
    b.clone3({"flags": CLONE_NEWPID, "exit_signal": SIGCHLD, "set_tid": [2]})
    e = b.child3("e", flags=CLONE_NEWPID, exit_signal=SIGCHLD, set_tid=[1, 99])
    e.getpid()
    a.proc_pid_read(e, "status")


@case
def chosen_numbers_want_a_capability(world: World) -> None:
    a = world.root
    for caps in ([], ["CAP_SYS_ADMIN"], ["CAP_CHECKPOINT_RESTORE"]):
        b = a.fork("+".join(caps) or "none", cap=caps)
        b.clone3({"flags": 0, "exit_signal": SIGCHLD, "set_tid": [1]})


@case
def siblings(world: World) -> None:
    a = world.root
    b = a.fork("b")
    c = b.child("c", CLONE_PARENT | SIGCHLD)
    c.getppid()
    d = b.child("d", CLONE_NEWPID | SIGCHLD)
    d.clone(CLONE_PARENT | SIGCHLD)


@case
def after_unsharing_pids(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    b.clone(CLONE_NEWPID | SIGCHLD)
    b.clone(CLONE_PARENT | CLONE_NEWPID | SIGCHLD)
    c = b.child("c", CLONE_PARENT | SIGCHLD)
    c.getpid()
    c.getppid()
