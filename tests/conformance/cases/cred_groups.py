"""Supplementary groups: who may set them, how many, and what they open."""

from __future__ import annotations

from ..linux import IPC_CREAT, IPC_STAT, O_CREAT, O_RDWR, UINT_MAX
from ..scenario import World, case


@case
def groups_are_kept_sorted(world: World) -> None:
    a = world.root
    a.getgroups()
    a.setgroups([3, 1, 2, 2, 1])
    a.getgroups()
    a.setgroups([])
    a.getgroups()


@case
def setting_groups_takes_a_capability(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000, groups=[5, 6])
    b.getgroups()
    b.setgroups([5])
    b.setgroups([])
    b.setgroups([5, 6])
    b.getgroups()
    c = a.fork("c", uid=1000, gid=1000, cap=["CAP_SETGID"])
    c.setgroups([7])
    c.getgroups()
    d = a.fork("d", cap=["CAP_SETUID"])
    d.setgroups([7])


@case
def ids_that_are_none(world: World) -> None:
    a = world.root
    a.setgroups([1, UINT_MAX])
    a.setgroups([UINT_MAX - 1])
    a.getgroups()


@case
def too_many_groups(world: World) -> None:
    a = world.root
    with world.quiet():
        most = a.setgroups(list(range(65536)))
        kept = a.getgroups()
        more = a.setgroups([0] * 65537)
    assert most.ret == 0
    assert kept.ret == 65536
    assert more.errno == "EINVAL"
    b = a.fork("b", uid=1000, gid=1000)
    with world.quiet():
        assert b.setgroups([0] * 65537).errno == "EPERM"
    a.setgroups([])
    a.getgroups()


@case
def groups_open_a_queue(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=2000)
    queue = owner.msgget(1, IPC_CREAT | 0o640).ret
    owner.umask(0)
    owner.mq_open("q", O_CREAT | O_RDWR, 0o660)
    b = a.fork("b", uid=1001, gid=1001, cap=["CAP_SETGID"])
    b.msgctl(queue, IPC_STAT)
    b.mq_open("q", O_RDWR)
    b.setgroups([1, 2000, 3000])
    b.msgctl(queue, IPC_STAT)
    b.mq_open("q", O_RDWR)
    b.setgroups([])
    b.msgctl(queue, IPC_STAT)
    b.mq_open("q", O_RDWR)


@case
def effective_group_opens_a_queue(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=2000)
    queue = owner.msgget(1, IPC_CREAT | 0o640).ret
    owner.mq_open("q", O_CREAT | O_RDWR, 0o660)
    for egid, fsgid in ((2000, -1), (2000, 1001), (1001, 2000)):
        b = a.fork(f"b{len(world.tasks)}", uid=1001, gid=1001, cap=["CAP_SETGID"])
        b.setresgid(-1, egid, -1)
        b.setfsgid(fsgid)
        b.msgctl(queue, IPC_STAT)
        b.mq_open("q", O_RDWR)
    c = a.fork("c", uid=1001, gid=1001, cap=["CAP_SETGID"])
    c.setresgid(2000, -1, 2000)
    c.msgctl(queue, IPC_STAT)
    c.mq_open("q", O_RDWR)


@case
def effective_user_opens_a_queue(world: World) -> None:
    a = world.root
    owner = a.fork("owner", uid=1000, gid=1000)
    queue = owner.msgget(1, IPC_CREAT | 0o600).ret
    owner.mq_open("q", O_CREAT | O_RDWR, 0o600)
    for ids, fsuid in (((-1, 1000, -1), -1), ((-1, 1000, -1), 1001), ((1000, -1, 1000), -1), ((-1, -1, -1), 1000)):
        b = a.fork(f"b{len(world.tasks)}", uid=1001, gid=1001, cap=["CAP_SETUID"])
        b.setresuid(*ids)
        b.setfsuid(fsuid)
        b.msgctl(queue, IPC_STAT)
        b.mq_open("q", O_RDWR)


@case
def what_is_made_belongs_to_the_ids_of_the_maker(world: World) -> None:
    b = world.root.fork("b", uid=1001, gid=1001, cap=["CAP_SETUID", "CAP_SETGID"])
    b.setresgid(1002, 1003, 1004)
    b.setfsgid(1004)
    b.setresuid(1002, 1003, 1004)
    b.setfsuid(1004)
    b.msgctl(b.msgget(0, IPC_CREAT | 0o600).ret, IPC_STAT)
    b.fstat(b.mq_open("q", O_CREAT | O_RDWR, 0o600).ret)


@case
def child_has_its_parents_groups(world: World) -> None:
    a = world.root
    a.setgroups([9, 8])
    b = a.child("b")
    b.getgroups()
    a.setgroups([])
    b.getgroups()
