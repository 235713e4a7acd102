"""How long a namespace lasts: its members, and the descriptors that keep it."""

from __future__ import annotations

from ..linux import CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, IPC_CREAT, O_CREAT, O_RDWR, SIGCHLD
from ..scenario import Task, World, case

SMALL = {"mq_maxmsg": 2, "mq_msgsize": 8}


def inside(world: World) -> Task:
    """Root in a user namespace of its own, where limits count what lives."""
    task = world.root.fork("b", uid=1000, gid=1000)
    task.unshare(CLONE_NEWUSER)
    world.root.proc_pid_write(task, "uid_map", "0 1000 1")
    world.root.proc_pid_write(task, "gid_map", "0 1000 1")
    return task


@case
def a_descriptor_keeps_it(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWIPC)
    b.msgget(7, IPC_CREAT | 0o600)
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    fd = a.proc_ns_open(b, "ipc").ret
    a.ioctl(fd, "NS_GET_ID", 0)
    b.exit()
    a.setns(fd, CLONE_NEWIPC)
    a.msgget(7, 0)
    a.mq_open("q", O_RDWR)
    a.ioctl(fd, "NS_GET_ID", 0)


@case
def a_name_outlives_its_opener(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWUTS)
    b.sethostname("kept")
    fd = a.proc_ns_open(b, "uts").ret
    b.exit()
    c = a.fork("c")
    c.setns(fd, 0)
    c.uname()


@case
def members_keep_it(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWIPC)
    b.msgget(7, IPC_CREAT | 0o600)
    c = b.fork("c")
    b.exit()
    c.msgget(7, 0)


@case
def the_count_falls_when_it_goes(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_uts_namespaces", 1)
    c = b.fork("c", unshare=CLONE_NEWUTS)
    b.clone(CLONE_NEWUTS | SIGCHLD)
    c.exit()
    d = b.fork("d", unshare=CLONE_NEWUTS)
    fd = b.proc_ns_open(d, "uts").ret
    d.exit()
    b.clone(CLONE_NEWUTS | SIGCHLD)
    b.setns(fd, CLONE_NEWUTS)
    b.close(fd)
    b.clone(CLONE_NEWUTS | SIGCHLD)


@case
def leaving_gives_it_back(world: World) -> None:
    b = inside(world)
    b.sysctl("user.max_uts_namespaces", 2)
    c = b.fork("c")
    for _ in range(5):
        c.unshare(CLONE_NEWUTS)


@case
def a_pid_namespace_without_init_is_entered_in_vain(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    fd = a.proc_ns_open(b, "pid").ret
    b.exit()
    c = a.fork("c")
    c.setns(fd, CLONE_NEWPID)
    c.clone(SIGCHLD)
    c.proc_pid_read(0, "ns/pid_for_children")
    a.ioctl(fd, "NS_GET_NSTYPE", 0)
    a.ioctl(fd, "NS_GET_PID_FROM_PIDNS", 1)


@case
def a_user_namespace_is_kept_by_what_it_owns(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWUTS)
    user = a.proc_ns_open(b, "user").ret
    a.ioctl(user, "NS_GET_ID", 0)
    uts = a.proc_ns_open(b, "uts").ret
    a.close(user)
    b.exit()
    owner = a.ioctl(uts, "NS_GET_USERNS", 0).ret
    a.ioctl(owner, "NS_GET_ID", 0)
    a.ioctl(owner, "NS_GET_OWNER_UID", 0)
