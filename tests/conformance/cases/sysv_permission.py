"""Who may do what with a System V queue: mode bits, owner, creator, groups, capabilities."""

from __future__ import annotations

from ..linux import IPC_CREAT, IPC_NOWAIT, IPC_SET, IPC_STAT, MSG_COPY
from ..scenario import Task, World, case


def try_everything(who: Task, q: int) -> None:
    """Send, receive, copy and look."""
    who.msgsnd(q, 1, b"x", None, IPC_NOWAIT)
    who.msgrcv(q, 10, 0, IPC_NOWAIT)
    who.msgrcv(q, 10, 0, IPC_NOWAIT | MSG_COPY)
    who.msgctl(q, IPC_STAT)


@case
def each_triad_decides_for_its_own(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=1000)
    group = a.fork("group", uid=1001, gid=1000)
    other = a.fork("other", uid=1002, gid=1002)
    for key, mode in enumerate((0o400, 0o200, 0o040, 0o020, 0o004, 0o002, 0o666, 0o000, 0o111), start=1):
        q = owner.msgget(key, IPC_CREAT | mode).ret or 0
        for who in (owner, group, other):
            try_everything(who, q)


@case
def msgget_asks_for_its_mode(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=1000)
    group = a.fork("group", uid=1001, gid=1000)
    other = a.fork("other", uid=1002, gid=1002)
    owner.msgget(1, IPC_CREAT | 0o640)
    for who in (owner, group, other, a):
        for flags in (0, 0o400, 0o200, 0o600, 0o040, 0o004, 0o020, 0o002, 0o666, 0o777, 0o100, 0o001):
            who.msgget(1, flags)
        who.msgget(1, IPC_CREAT | 0o600)


@case
def supplementary_groups_count(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=1000)
    q = owner.msgget(1, IPC_CREAT | 0o060).ret or 0
    member = a.fork("member", uid=1001, gid=1001, groups=[5, 1000])
    stranger = a.fork("stranger", uid=1001, gid=1001, groups=[5])
    try_everything(owner, q)
    try_everything(member, q)
    try_everything(stranger, q)


@case
def creator_and_owner_are_both_owners(world: World) -> None:
    a = world.root
    creator = a.fork("creator", uid=1000, gid=1000)
    owner = a.fork("owner", uid=1001, gid=1001)
    q = creator.msgget(1, IPC_CREAT | 0o600).ret or 0
    creator.msgctl(q, IPC_SET, {"msg_perm": {"uid": 1001, "gid": 1001, "mode": 0o600}, "msg_qbytes": 100})
    try_everything(creator, q)
    try_everything(owner, q)


@case
def both_groups_count(world: World) -> None:
    a = world.root
    creator = a.fork("creator", uid=1000, gid=1000)
    q = creator.msgget(1, IPC_CREAT | 0o660).ret or 0
    creator.msgctl(q, IPC_SET, {"msg_perm": {"uid": 1001, "gid": 1001, "mode": 0o060}, "msg_qbytes": 100})
    try_everything(a.fork("old", uid=2000, gid=1000), q)
    try_everything(a.fork("new", uid=2000, gid=1001), q)
    try_everything(a.fork("none", uid=2000, gid=2000), q)


@case
def ipc_owner_passes_every_mode(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o000).ret or 0
    try_everything(a, q)
    for cap in ("CAP_IPC_OWNER", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"):
        who = a.fork(cap, uid=1000, gid=1000, cap=[cap])
        who.msgget(1, 0o666)
        try_everything(who, q)


@case
def no_permission_is_said_before_no_room(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o600).ret or 0
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o044}, "msg_qbytes": 0})
    b = a.fork("b", uid=1000, gid=1000)
    b.msgsnd(q, 1, b"x", None, IPC_NOWAIT)
    b.msgrcv(q, 10, 0, IPC_NOWAIT)
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o022}, "msg_qbytes": 0})
    b.msgsnd(q, 1, b"x", None, IPC_NOWAIT)
    b.msgrcv(q, 10, 0, IPC_NOWAIT)


@case
def sleepers_lose_what_they_may_no_more(world: World) -> None:
    a = world.root
    q = a.msgget(1, IPC_CREAT | 0o666).ret or 0
    b = a.fork("b", uid=1000, gid=1000)
    waiting = b.start.msgrcv(q, 10)
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o666}, "msg_qbytes": 3})
    waiting.sleeps()
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o622}, "msg_qbytes": 3})
    waiting.result()
    a.msgsnd(q, 1, b"abc")
    waiting = b.start.msgsnd(q, 2, b"de")
    a.msgctl(q, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0o600}, "msg_qbytes": 3})
    waiting.sleeps()
    a.msgrcv(q, 10)
    waiting.result()
    a.msgctl(q, IPC_STAT)
