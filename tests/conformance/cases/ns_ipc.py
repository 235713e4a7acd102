"""IPC namespaces: the same key and the same name never meet."""

from __future__ import annotations

from ..linux import (
    CLONE_NEWIPC,
    CLONE_NEWUSER,
    IPC_CREAT,
    IPC_EXCL,
    IPC_INFO,
    IPC_NOWAIT,
    IPC_STAT,
    O_CREAT,
    O_EXCL,
    O_RDONLY,
    O_RDWR,
)
from ..scenario import World, case

SMALL = {"mq_maxmsg": 2, "mq_msgsize": 8}


@case
def same_key_and_same_name(world: World) -> None:
    a = world.root
    b, c = a.fork("b", unshare=CLONE_NEWIPC), a.fork("c", unshare=CLONE_NEWIPC)
    for who in (b, c):
        msqid = who.msgget(7, IPC_CREAT | IPC_EXCL | 0o600).ret
        fd = who.mq_open("q", O_CREAT | O_EXCL | O_RDWR, 0o600, SMALL).ret
        who.msgsnd(msqid, 1, who.name.encode(), 1, 0)
        who.mq_timedsend(fd, who.name.encode(), 1, 0, None)
    for who in (b, c):
        who.msgrcv(0, 8, 0, IPC_NOWAIT)
        who.mq_timedreceive(0, 8, None)
    a.msgget(7, 0)
    a.mq_open("q", O_RDONLY)
    for who in (a, b, c):
        who.proc_sysvipc_msg()


@case
def entering_makes_them_meet(world: World) -> None:
    a = world.root
    b = a.fork("b", unshare=CLONE_NEWIPC)
    b.msgget(7, IPC_CREAT | 0o600)
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    c = a.fork("c")
    c.msgget(7, 0)
    c.setns(c.proc_ns_open(b, "ipc").ret, CLONE_NEWIPC)
    c.msgget(7, 0)
    c.mq_open("q", O_RDWR)
    plain = a.fork("plain", uid=1000, gid=1000)
    plain.proc_ns_open(b, "ipc")
    plain.msgget(7, 0)
    mine = plain.proc_ns_open(0, "ipc").ret
    plain.setns(mine, CLONE_NEWIPC)


@case
def descriptors_stay(world: World) -> None:
    a = world.root
    b = a.fork("b")
    fd = b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL).ret
    b.unshare(CLONE_NEWIPC)
    b.mq_timedsend(fd, b"x", 1, 0, None)
    b.mq_open("q", O_RDWR)
    b.mq_unlink("q")
    a.mq_timedreceive(a.mq_open("q", O_RDWR).ret, 8, None)


@case
def limits_are_each_ones_own(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msgmni", 7)
    a.sysctl("fs.mqueue.queues_max", 3)
    b = a.fork("b", unshare=CLONE_NEWIPC)
    for name in ("kernel.msgmni", "kernel.msgmax", "kernel.msgmnb", "fs.mqueue.queues_max", "fs.mqueue.msg_max"):
        b.sysctl(name, None)
    b.sysctl("kernel.msgmni", 1)
    b.sysctl("fs.mqueue.queues_max", 1)
    b.msgget(0, 0o600)
    b.msgget(0, 0o600)
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    b.mq_open("r", O_CREAT | O_RDWR, 0o600, SMALL)
    a.sysctl("kernel.msgmni", None)
    a.msgctl(0, IPC_INFO)
    b.msgctl(0, IPC_INFO)


@case
def permissions_across_user_namespaces(world: World) -> None:
    a = world.root
    owned = a.msgget(1, IPC_CREAT | 0o600).ret
    other = a.msgget(2, IPC_CREAT | 0o604).ret
    b = a.fork("b")
    b.unshare(CLONE_NEWUSER)
    for msqid in (owned, other):
        b.msgctl(msqid, IPC_STAT)
    c = a.fork("c", uid=1000, gid=1000)
    c.unshare(CLONE_NEWUSER)
    a.proc_pid_write(c, "uid_map", "0 1000 1")
    for msqid in (owned, other):
        c.msgctl(msqid, IPC_STAT)
        c.msgsnd(msqid, 1, b"", 0, 0)


@case
def capabilities_over_the_namespaces_owner(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC)
    a.proc_pid_write(b, "uid_map", "0 1000 1\n1 100000 10")
    a.proc_pid_write(b, "gid_map", "0 1000 1\n1 100000 10")
    c = b.fork("c", uid=1, gid=1, cap=[])
    msqid = c.msgget(1, IPC_CREAT).ret
    c.msgctl(msqid, IPC_STAT)
    b.msgctl(msqid, IPC_STAT)
    d = b.fork("d", uid=2, gid=2, cap=["CAP_IPC_OWNER"])
    d.msgctl(msqid, IPC_STAT)
    e = b.fork("e", uid=2, gid=2, cap=[])
    e.msgctl(msqid, IPC_STAT)
    a.setns(a.proc_ns_open(b, "ipc").ret, 0)
    a.msgctl(msqid, IPC_STAT)
    a.proc_sysvipc_msg()
    b.proc_sysvipc_msg()
    b.mq_open("q", O_CREAT | O_RDWR, 0o600, SMALL)
    c.mq_open("q", O_RDWR)


@case
def sysctls_by_its_owner(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.unshare(CLONE_NEWUSER | CLONE_NEWIPC)
    b.sysctl("kernel.msgmax", 100)
    b.sysctl("fs.mqueue.queues_max", 2)
    a.proc_pid_write(b, "uid_map", "0 1000 1")
    a.proc_pid_write(b, "gid_map", "0 1000 1")
    for name in ("kernel.msgmax", "kernel.msgmni", "kernel.msg_next_id", "fs.mqueue.queues_max", "fs.mqueue.msg_max"):
        b.sysctl(name, 5)
    a.sysctl("kernel.msgmax", None)
