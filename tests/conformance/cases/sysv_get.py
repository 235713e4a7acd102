"""msgget(2): keys, flags, ids, and how ids are numbered."""

from __future__ import annotations

from ..linux import INT_MAX, INT_MIN, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, IPC_RMID, IPC_STAT
from ..scenario import World, case, own_namespace


@case
def no_queue_without_creat(world: World) -> None:
    a = world.root
    a.msgget(0x1234)
    a.msgget(0x1234, 0o600)
    a.msgget(0x1234, IPC_EXCL | 0o600)


@case
def creat_makes_it_once(world: World) -> None:
    a = world.root
    a.msgget(0x1234, IPC_CREAT | 0o600)
    a.msgget(0x1234, IPC_CREAT | 0o600)
    a.msgget(0x1234, 0)
    a.msgget(0x1234, IPC_EXCL)
    a.msgget(0x1234, IPC_CREAT | IPC_EXCL | 0o600)


@case
def private_is_always_new(world: World) -> None:
    a = world.root
    for flags in (0, 0o600, IPC_CREAT | 0o600, IPC_EXCL, IPC_CREAT | IPC_EXCL):
        q = a.msgget(IPC_PRIVATE, flags).ret
        a.msgctl(q, IPC_STAT)


@case
def keys_of_every_size(world: World) -> None:
    a = world.root
    for key in (1, -1, INT_MAX, INT_MIN, 0x7FFFFFFE):
        q = a.msgget(key, IPC_CREAT | 0o666).ret
        a.msgctl(q, IPC_STAT)
        a.msgget(key)


@case
def mode_is_cut_to_nine_bits(world: World) -> None:
    a = world.root
    for index, flags in enumerate((0, 0o777, 0o7777, 0o100777, 0o640 | 0o10000, 0o4600)):
        q = a.msgget(0x100 + index, IPC_CREAT | flags).ret
        a.msgctl(q, IPC_STAT)


@case
def umask_does_not_touch_it(world: World) -> None:
    a = world.root
    a.umask(0o777)
    q = a.msgget(1, IPC_CREAT | 0o666).ret
    a.msgctl(q, IPC_STAT)


@case
def new_queue_is_empty_and_carries_the_limits(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=2000)
    q = b.msgget(7, IPC_CREAT | 0o640).ret
    b.msgctl(q, IPC_STAT)
    a.proc_sysvipc_msg()


@case
def ids_go_round_before_an_index_comes_again(world: World) -> None:
    a = world.root
    for _ in range(3):
        q = a.msgget(IPC_PRIVATE, 0o600).ret
        a.msgctl(q, IPC_RMID)
    kept = [a.msgget(IPC_PRIVATE, 0o600).ret for _ in range(3)]
    a.msgctl(kept[1], IPC_RMID)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgctl(kept[0], IPC_RMID)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgget(IPC_PRIVATE, 0o600)


@case
def index_wraps_and_the_sequence_number_goes_up(world: World) -> None:
    a = world.root
    a.msgget(IPC_PRIVATE, 0o600)
    for _ in range(258):
        q = a.msgget(IPC_PRIVATE, 0o600).ret
        a.msgctl(q, IPC_RMID)
    q = a.msgget(IPC_PRIVATE, 0o600).ret
    a.msgctl(q, IPC_STAT)


@case
def freed_key_can_be_taken_again(world: World) -> None:
    a = world.root
    first = a.msgget(5, IPC_CREAT | 0o600).ret
    a.msgctl(first, IPC_RMID)
    a.msgget(5)
    second = a.msgget(5, IPC_CREAT | IPC_EXCL | 0o600).ret
    a.msgctl(second, IPC_STAT)
    a.msgctl(first, IPC_STAT)


@case
def namespaces_do_not_see_each_other(world: World) -> None:
    a = world.root
    b = a.fork("b", **own_namespace())
    a.msgget(5, IPC_CREAT | 0o600)
    b.msgget(5)
    b.msgget(5, IPC_CREAT | 0o600)
    a.msgget(6, IPC_CREAT | 0o600)
    b.msgget(6)
    b.msgctl(1, IPC_STAT)
    b.proc_sysvipc_msg()


@case
def unshare_leaves_the_queues_behind(world: World) -> None:
    a = world.root
    b = a.fork("b")
    a.msgget(5, IPC_CREAT | 0o600)
    b.msgget(5)
    b.unshare(0x08000000)
    b.msgget(5)
    b.msgget(9, IPC_CREAT | 0o600)
    a.msgget(9)
    a.msgget(5)
    c = a.fork("c", uid=1000)
    c.unshare(0x08000000)
    a.unshare(0)
    a.unshare(1)


@case
def msgmni_is_the_number_of_queues(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msgmni", 2)
    a.msgget(1, IPC_CREAT | 0o600)
    a.msgget(2, IPC_CREAT | 0o600)
    a.msgget(3, IPC_CREAT | 0o600)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgget(1, IPC_CREAT | 0o600)
    a.sysctl("kernel.msgmni", 1)
    a.msgctl(0, IPC_RMID)
    a.msgget(3, IPC_CREAT | 0o600)
    a.msgctl(1, IPC_RMID)
    a.msgget(3, IPC_CREAT | 0o600)
    a.sysctl("kernel.msgmni", 0)
    a.msgget(4, IPC_CREAT | 0o600)
    a.msgget(3, IPC_CREAT | 0o600)
    a.msgget(3, IPC_CREAT | IPC_EXCL | 0o600)
