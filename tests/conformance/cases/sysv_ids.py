"""How System V ids are numbered, kernel.msg_next_id, and /proc/sysvipc/msg."""

from __future__ import annotations

from ..linux import INT_MAX, IPC_CREAT, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, MSG_INFO
from ..scenario import World, case


@case
def next_id_names_the_next_queue(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msg_next_id")
    a.sysctl("kernel.msg_next_id", 100)
    a.msgget(1, IPC_CREAT | 0o600)
    a.sysctl("kernel.msg_next_id")
    a.msgget(2, IPC_CREAT | 0o600)
    a.msgctl(0, MSG_INFO)
    a.proc_sysvipc_msg()


@case
def next_id_that_is_taken_gives_the_next_free(world: World) -> None:
    a = world.root
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id", 0)
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id", 5 * 32768)
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id", 5 * 32768 + 2)
    a.msgget(IPC_PRIVATE, 0o600)
    a.proc_sysvipc_msg()


@case
def next_id_at_the_extremes(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msg_next_id", INT_MAX)
    q = a.msgget(IPC_PRIVATE, 0o600).ret
    a.msgctl(q, IPC_STAT)
    a.sysctl("kernel.msg_next_id", -1)
    a.sysctl("kernel.msg_next_id", -2)
    a.sysctl("kernel.msg_next_id", INT_MAX + 1)
    a.sysctl("kernel.msg_next_id")
    a.msgctl(0, MSG_INFO)


@case
def next_id_behind_the_last_free_index(world: World) -> None:
    a = world.root
    a.msgget(1, IPC_CREAT | 0o600)
    for _ in range(2):
        a.sysctl("kernel.msg_next_id", 5 * 32768 + 32767)
        a.msgget(IPC_PRIVATE, 0o600)
        a.sysctl("kernel.msg_next_id")
    a.sysctl("kernel.msgmni", 2)
    a.sysctl("kernel.msg_next_id", 3)
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id")
    a.msgctl(0, MSG_INFO)
    a.msgget(1)


@case
def next_id_does_not_move_the_cursor(world: World) -> None:
    a = world.root
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id", 9 * 32768 + 40)
    a.msgget(IPC_PRIVATE, 0o600)
    q = a.msgget(IPC_PRIVATE, 0o600).ret
    a.msgctl(q, IPC_RMID)
    a.msgget(IPC_PRIVATE, 0o600)
    a.sysctl("kernel.msg_next_id", 3)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgget(IPC_PRIVATE, 0o600)


@case
def next_id_waits_for_a_queue_that_is_made(world: World) -> None:
    a = world.root
    a.msgget(1, IPC_CREAT | 0o600)
    a.sysctl("kernel.msg_next_id", 77)
    a.msgget(1, IPC_CREAT | 0o600)
    a.msgget(2, 0)
    a.sysctl("kernel.msg_next_id")
    a.sysctl("kernel.msgmni", 1)
    a.msgget(3, IPC_CREAT | 0o600)
    a.sysctl("kernel.msg_next_id")
    a.sysctl("kernel.msgmni", 2)
    a.msgget(3, IPC_CREAT | 0o600)
    a.sysctl("kernel.msg_next_id")


@case
def stale_id_of_a_reused_index(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msg_next_id", 0)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgctl(0, IPC_RMID)
    a.sysctl("kernel.msg_next_id", 32768)
    a.msgget(IPC_PRIVATE, 0o600)
    a.msgctl(0, IPC_STAT)
    a.msgsnd(0, 1, b"x")
    a.msgrcv(0, 10)
    a.msgctl(0, IPC_RMID)
    a.msgctl(0, IPC_SET, {"msg_perm": {"uid": 0, "gid": 0, "mode": 0}, "msg_qbytes": 0})
    a.msgctl(32768, IPC_STAT)


@case
def cursor_grows_with_the_number_of_queues(world: World) -> None:
    a = world.root
    kept = [a.msgget(IPC_PRIVATE, 0o600).ret for _ in range(200)]
    for q in kept[10:20]:
        a.msgctl(q, IPC_RMID)
    for _ in range(70):
        a.msgget(IPC_PRIVATE, 0o600)
    a.msgctl(kept[150], IPC_RMID)
    for _ in range(20):
        a.msgget(IPC_PRIVATE, 0o600)
    a.msgctl(0, MSG_INFO)


@case
def listing_of_nothing(world: World) -> None:
    world.root.proc_sysvipc_msg()


@case
def listing_of_everything(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=70000, gid=80000)
    first = a.msgget(-1, IPC_CREAT | 0o7).ret
    second = b.msgget(INT_MAX, IPC_CREAT | 0o777).ret
    a.msgget(IPC_PRIVATE, 0)
    a.msgsnd(first, 3, b"x" * 100)
    a.msgsnd(first, 3, b"y" * 23)
    b.msgsnd(second, 1, b"z")
    a.msgrcv(second, 10)
    a.msgctl(first, IPC_SET, {"msg_perm": {"uid": 123456, "gid": 4294967294, "mode": 0o123}, "msg_qbytes": 500})
    a.proc_sysvipc_msg()
    b.proc_sysvipc_msg()
    b.exit()
    a.proc_sysvipc_msg()


@case
def listing_is_by_index(world: World) -> None:
    a = world.root
    a.sysctl("kernel.msg_next_id", 2 * 32768 + 7)
    a.msgget(1, IPC_CREAT | 0o600)
    a.sysctl("kernel.msg_next_id", 9 * 32768 + 3)
    a.msgget(2, IPC_CREAT | 0o600)
    a.msgget(3, IPC_CREAT | 0o600)
    a.proc_sysvipc_msg()
