"""msgctl(2): every command, and what it changes."""

from __future__ import annotations

from typing import Any

from ..linux import (
    INT_MAX,
    INT_MIN,
    IPC_64,
    IPC_CREAT,
    IPC_INFO,
    IPC_PRIVATE,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    MSG_INFO,
    MSG_STAT,
    MSG_STAT_ANY,
    UINT_MAX,
)
from ..scenario import World, case


def perm(uid: int = 0, gid: int = 0, mode: int = 0o600, qbytes: int = 16384) -> dict[str, Any]:
    """What IPC_SET reads."""
    return {"msg_perm": {"uid": uid, "gid": gid, "mode": mode}, "msg_qbytes": qbytes}


@case
def info_of_an_empty_namespace(world: World) -> None:
    world.root.msgctl(0, IPC_INFO)
    world.root.msgctl(0, MSG_INFO)


@case
def info_counts_what_is_there(world: World) -> None:
    a = world.root
    queues = [a.msgget(IPC_PRIVATE, 0o600).ret for _ in range(3)]
    a.msgsnd(queues[0], 1, b"abc")
    a.msgsnd(queues[2], 1, b"defgh")
    a.msgsnd(queues[2], 1, b"")
    a.msgctl(0, IPC_INFO)
    a.msgctl(0, MSG_INFO)
    a.msgctl(queues[1], IPC_RMID)
    a.msgctl(0, MSG_INFO)
    a.msgctl(queues[2], IPC_RMID)
    a.msgctl(0, MSG_INFO)
    a.msgctl(0, IPC_INFO)


@case
def info_shows_the_limits(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msgmax", 100)
    a.sysctl("kernel.msgmnb", 200)
    a.sysctl("kernel.msgmni", 3)
    a.msgctl(0, IPC_INFO)
    a.msgctl(12345, MSG_INFO)
    a.msgctl(-1, IPC_INFO)
    b = a.fork("b", uid=1000)
    b.msgctl(0, IPC_INFO)
    b.msgctl(0, MSG_INFO)


@case
def commands_that_are_none(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    for cmd in (-1, 4, 5, 10, 14, 15, 99, IPC_64 | IPC_STAT, IPC_64, INT_MAX, INT_MIN):
        a.msgctl(q, cmd)
    a.msgctl(-1, 99)
    a.msgctl(q, IPC_STAT)


@case
def ids_that_are_none(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    for msqid in (-1, INT_MIN, q + 1, q + 32768, INT_MAX):
        for cmd in (IPC_STAT, MSG_STAT, MSG_STAT_ANY, IPC_RMID):
            if (msqid, cmd) != (q + 32768, MSG_STAT):
                a.msgctl(msqid, cmd)
        a.msgctl(msqid, IPC_SET, perm())


@case
def stat_by_index(world: World) -> None:
    a = world.root
    for _ in range(2):
        a.msgctl(a.msgget(IPC_PRIVATE, 0o600).ret, IPC_RMID)
    a.msgget(5, IPC_CREAT | 0o600)
    for index in (0, 1, 2, 3):
        a.msgctl(index, MSG_STAT)
        a.msgctl(index, MSG_STAT_ANY)


@case
def stat_by_index_ignores_the_sequence_number(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msg_next_id", 3 * 32768 + 5)
    a.msgget(5, IPC_CREAT | 0o600)
    a.msgctl(5, MSG_STAT)
    a.msgctl(3 * 32768 + 5, MSG_STAT)
    a.msgctl(7 * 32768 + 5, MSG_STAT)
    a.msgctl(7 * 32768 + 5, MSG_STAT_ANY)
    a.msgctl(7 * 32768 + 5, IPC_STAT)


@case
def stat_wants_read_permission_unless_any(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    b = a.fork("b", uid=1000, gid=1000)
    b.msgctl(q, IPC_STAT)
    b.msgctl(q, MSG_STAT)
    b.msgctl(q, MSG_STAT_ANY)
    a.msgctl(q, IPC_SET, perm(mode=0o604))
    b.msgctl(q, IPC_STAT)
    b.msgctl(q, MSG_STAT)


@case
def set_changes_owner_mode_and_size(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgctl(q, IPC_SET, perm(1000, 2000, 0o640, 100))
    a.msgctl(q, IPC_STAT)
    a.msgctl(q, IPC_SET, perm(1001, 2001, 0o17777, 0))
    a.msgctl(q, IPC_STAT)
    a.proc_sysvipc_msg()


@case
def set_by_owner_creator_and_others(world: World) -> None:
    a = world.root
    creator = a.fork("creator", uid=1000, gid=1000)
    owner = a.fork("owner", uid=1001, gid=1001)
    other = a.fork("other", uid=1002, gid=1000)
    q = creator.msgget(1, IPC_CREAT | 0o666).ret
    owner.msgctl(q, IPC_SET, perm(1001, 1001, 0o600))
    creator.msgctl(q, IPC_SET, perm(1001, 1001, 0o666))
    owner.msgctl(q, IPC_SET, perm(1001, 1001, 0o644))
    creator.msgctl(q, IPC_SET, perm(1001, 1001, 0o666))
    other.msgctl(q, IPC_SET, perm(1002, 1002))
    other.msgctl(q, IPC_RMID)
    creator.msgctl(q, IPC_STAT)
    owner.msgctl(q, IPC_RMID)
    other.msgctl(q, IPC_RMID)


@case
def set_by_a_capable_task(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    for cap in ("CAP_SYS_ADMIN", "CAP_IPC_OWNER", "CAP_DAC_OVERRIDE", "CAP_SYS_RESOURCE"):
        b = a.fork(cap, uid=1000, gid=1000, cap=[cap])
        b.msgctl(q, IPC_STAT)
        b.msgctl(q, IPC_SET, perm(0, 0, 0o600, 99))
    admin = a.fork("admin", uid=1000, gid=1000, cap=["CAP_SYS_ADMIN"])
    admin.msgctl(q, IPC_RMID)


@case
def root_without_capabilities(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    q = b.msgget(1, IPC_CREAT | 0o600).ret
    bare = a.fork("bare", cap=[])
    bare.msgctl(q, IPC_STAT)
    bare.msgsnd(q, 1, b"x")
    bare.msgctl(q, IPC_SET, perm(1000, 1000))
    bare.msgctl(q, IPC_RMID)
    a.msgctl(q, IPC_STAT)


@case
def size_above_msgmnb_wants_a_capability(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgctl(q, IPC_SET, perm(qbytes=16384))
    a.msgctl(q, IPC_SET, perm(qbytes=16385))
    a.msgctl(q, IPC_SET, perm(1000, 1000, 0o644, 16385))
    a.msgctl(q, IPC_STAT)
    a.sysctl("kernel.msgmnb", 20000)
    a.msgctl(q, IPC_SET, perm(qbytes=20000))
    a.sysctl("kernel.msgmnb", 10)
    a.msgctl(q, IPC_SET, perm(qbytes=20000))
    a.msgctl(q, IPC_SET, perm(qbytes=10))
    a.msgget(2, IPC_CREAT | 0o600)
    a.msgctl(1, IPC_STAT)


@case
def set_refuses_ids_of_minus_one(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgctl(q, IPC_SET, perm(UINT_MAX, 0))
    a.msgctl(q, IPC_SET, perm(0, UINT_MAX))
    a.msgctl(q, IPC_SET, perm(UINT_MAX, 0, 0o600, 20000))
    a.msgctl(q, IPC_SET, perm(UINT_MAX - 1, UINT_MAX - 1))
    a.msgctl(q, IPC_STAT)
    a.proc_sysvipc_msg()


@case
def removed_queue_is_gone(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgsnd(q, 1, b"lost")
    a.msgctl(q, IPC_RMID)
    a.msgctl(q, IPC_RMID)
    a.msgctl(q, IPC_STAT)
    a.msgctl(q, IPC_SET, perm())
    a.msgctl(0, MSG_STAT)
    a.msgget(1)
    a.proc_sysvipc_msg()


@case
def set_touches_the_change_time_only(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret
    a.msgctl(q, IPC_STAT)
    a.msgctl(q, IPC_SET, perm())
    a.msgctl(q, IPC_STAT)
