"""The System V message queue calls: parse, check, act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from usernel.abi import ipc as abi_ipc
from usernel.abi import msg as abi_msg
from usernel.abi.errno import Errno
from usernel.kernel.call import Block, Call, Return
from usernel.kernel.error import KernelError
from usernel.kernel.ipc import msg, msgctl
from usernel.kernel.kernel import Kernel

from .kinds import DATA, INT, KEY, LONG, MODE, TEXT, UINT, ULONG, Enumeration, Field, Flags, ListOf, Messages, Structure
from .row import Row, errnos

SEND_ERRNOS = "EACCES EAGAIN EIDRM EINTR EINVAL"
RECEIVE_ERRNOS = "E2BIG EACCES EIDRM EINTR EINVAL ENOMSG"
LIST_LIMIT = 1000


def sys_msgget(kernel: Kernel, call: Call, key: int, msgflg: int, durability: int | None) -> Return:
    """msgget(2)."""
    return msg.msgget(kernel, call, key, msgflg, is_ephemeral(durability))


def is_ephemeral(durability: int | None) -> bool | None:
    """Whether a new queue is to be ephemeral; None as its namespace makes them. EINVAL for what is neither."""
    if durability not in {None, 0, 1}:
        raise KernelError(Errno.EINVAL, f"{durability} is no durability")
    return None if durability is None else durability == 1


def sys_msgsnd(
    kernel: Kernel, call: Call, msqid: int, mtype: int, data: bytes, msgsz: int | None, msgflg: int
) -> Return | Block:
    """msgsnd(2). ``msgsz`` may cut the data; EFAULT where it reaches behind them."""
    return msg.msgsnd(kernel, call, msqid, mtype, data, len(data) if msgsz is None else msgsz, msgflg)


def sys_msgrcv(kernel: Kernel, call: Call, msqid: int, msgsz: int | None, msgtyp: int, msgflg: int) -> Return | Block:
    """msgrcv(2)."""
    return msg.msgrcv(kernel, call, msqid, msgsz, msgtyp, msgflg, 1, False)


def sys_msgctl(kernel: Kernel, call: Call, msqid: int, cmd: int, buf: tuple[Any, ...] | None) -> Return:
    """msgctl(2)."""
    if buf is None:
        return msgctl.msgctl(kernel, call, msqid, cmd, None)
    perm, msg_qbytes = buf
    uid, gid, mode = perm if perm is not None else (None, None, None)
    return msgctl.msgctl(kernel, call, msqid, cmd, msgctl.MsqidSet(uid, gid, mode, msg_qbytes))


def sys_msgsnd_batch(
    kernel: Kernel, call: Call, msqid: int, messages: Sequence[tuple[int, bytes]], msgflg: int
) -> Return | Block:
    """Many msgsnd(2) as one call, as sendmmsg(2) is to sendmsg(2)."""
    if not messages:
        return Return(0)
    return msg.msgsnd_batch(kernel, call, msqid, messages, msgflg)


def sys_msgrcv_batch(
    kernel: Kernel, call: Call, msqid: int, count: int, msgsz: int | None, msgtyp: int, msgflg: int
) -> Return | Block:
    """Many msgrcv(2) as one call: it waits for the first and takes what else is there (MSG_WAITFORONE)."""
    if count < 1 or msgflg & abi_msg.MSG_COPY:
        raise KernelError(Errno.EINVAL, "max is 1 or more, and MSG_COPY is msgrcv's")
    return msg.msgrcv(kernel, call, msqid, msgsz, msgtyp, msgflg, count, True)


def sys_msg_peek(kernel: Kernel, call: Call, msqid: int, after: int, limit: int) -> Return:
    """Look at the messages of a queue, as many MSG_COPY would."""
    items, following = msgctl.msg_peek(call, msqid, after, check_limit(limit))
    return Return(len(items), {"messages": items, "next": following})


def sys_msg_stat(kernel: Kernel, call: Call, msqid: int) -> Return:
    """A queue by its id, as IPC_STAT, with its sleepers and held messages."""
    return Return(0, msgctl.msg_stat(call, msqid))


def sys_msg_list(kernel: Kernel, call: Call, after: int, limit: int) -> Return:
    """The queues of the namespace, as many MSG_STAT_ANY would show them."""
    items, following = msgctl.msg_list(call, after, check_limit(limit))
    return Return(len(items), {"queues": items, "next": following})


def sys_proc_sysvipc_msg(kernel: Kernel, call: Call) -> Return:
    """The text of /proc/sysvipc/msg."""
    text = msgctl.proc_sysvipc_msg(call)
    return Return(len(text), {"text": text})


def check_limit(limit: int) -> int:
    """The size of a page. EINVAL outside 1 to 1,000."""
    if not 1 <= limit <= LIST_LIMIT:
        raise KernelError(Errno.EINVAL, f"a limit is 1 to {LIST_LIMIT}")
    return limit


GET_FLAGS: Final = Flags(abi_ipc.GET_FLAGS)
SND_FLAGS: Final = Flags(abi_msg.SND_FLAGS)
RCV_FLAGS: Final = Flags(abi_msg.RCV_FLAGS)
IPC_PERM: Final = Structure(
    "ipc_perm",
    (Field("key", INT), *(Field(name, UINT) for name in ("uid", "gid", "cuid", "cgid", "mode", "seq"))),
)
MSQID_DS: Final = (
    Field("msg_perm", IPC_PERM),
    *(Field(f"msg_{name}", LONG) for name in "stime rtime ctime cbytes qnum qbytes".split()),
    *(Field(f"msg_{name}", INT) for name in "lspid lrpid".split()),
)
MSGCTL: Final = Structure(
    "msgctl",
    (
        *(Field(field.name, field.kind, None) for field in MSQID_DS),
        *(Field(f"msg{name}", LONG, None) for name in "pool map max mnb mni ssz tql seg".split()),
    ),
)
"""What msgctl hands back: a ``struct msqid_ds`` or a ``struct msginfo``, as the command says."""
IPC_PERM_SET: Final = Structure(
    "ipc_perm_set", (Field("uid", UINT, None), Field("gid", UINT, None), Field("mode", MODE, None))
)
MSQID_SET: Final = Structure("msqid_set", (Field("msg_perm", IPC_PERM_SET, None), Field("msg_qbytes", ULONG, None)))
DURABILITY: Final = Field(
    "durability", Enumeration(abi_ipc.DURABILITY), None, "of a new queue: durable or ephemeral; null as its namespace"
)
KEPT: Final = (
    Field("oldest", LONG, None, "when the oldest message came, in seconds since the epoch; null in an empty queue"),
    Field("durability", TEXT, doc="durable: it outlives the service; ephemeral: it ends with it"),
)
QUEUE: Final = Structure(
    "msg_queue",
    (
        Field("msqid", INT),
        *MSQID_DS,
        *(Field(name, INT, doc="how many there are") for name in ("senders", "receivers", "held")),
        *KEPT,
    ),
)
MSQID: Final = Field("msqid", INT, doc="the queue's id")
MSGSZ: Final = Field("msgsz", LONG, None, "the size of the buffer in bytes; null for one that holds any message")
MSGTYP: Final = Field("msgtyp", LONG, 0, "0 the first, N the first of type N, -N the lowest type up to N")
LIMIT: Final = Field("limit", INT, 100, f"items on a page, {LIST_LIMIT} at most")

PEEKED: Final = Structure("msg_peeked", (Field("seq", LONG), Field("mtype", LONG), Field("data", DATA)))

ROWS: Final = (
    Row(
        "msgget",
        "Find or make the queue of a key; returns its id.",
        "msgget(2)",
        (Field("key", KEY), Field("msgflg", GET_FLAGS, 0, "and the mode of a new queue"), DURABILITY),
        errnos("EACCES EEXIST EINVAL ENOENT ENOSPC"),
        sys_msgget,
    ),
    Row(
        "msgsnd",
        "Put a message into a queue, waiting for room.",
        "msgsnd(2)",
        (
            MSQID,
            Field("mtype", LONG),
            Field("data", DATA),
            Field("msgsz", LONG, None, "bytes to send; null for all"),
            Field("msgflg", SND_FLAGS, 0),
        ),
        errnos(SEND_ERRNOS + " EFAULT"),
        sys_msgsnd,
    ),
    Row(
        "msgrcv",
        "Take a message out of a queue, waiting for one; returns its length.",
        "msgrcv(2)",
        (MSQID, MSGSZ, MSGTYP, Field("msgflg", RCV_FLAGS, 0)),
        errnos(RECEIVE_ERRNOS),
        sys_msgrcv,
        Structure("msgbuf", (Field("mtype", LONG), Field("data", DATA))),
    ),
    Row(
        "msgctl",
        "Look at a queue, change it, remove it.",
        "msgctl(2)",
        (MSQID, Field("cmd", Enumeration(abi_msg.COMMANDS)), Field("buf", MSQID_SET, None, "for IPC_SET")),
        errnos("EACCES EFAULT EINVAL EPERM"),
        sys_msgctl,
        MSGCTL,
    ),
    Row(
        "msgsnd_batch",
        "Many msgsnd as one call; returns how many went.",
        "sendmmsg(2)",
        (MSQID, Field("messages", Messages("mtype")), Field("msgflg", SND_FLAGS, 0)),
        errnos(SEND_ERRNOS),
        sys_msgsnd_batch,
    ),
    Row(
        "msgrcv_batch",
        "Wait for a message and take up to max; returns how many came.",
        "recvmmsg(2)",
        (MSQID, Field("max", INT), MSGSZ, MSGTYP, Field("msgflg", RCV_FLAGS, 0)),
        errnos(RECEIVE_ERRNOS),
        sys_msgrcv_batch,
        Structure("msgbufs", (Field("messages", Messages("mtype")),)),
    ),
    Row(
        "msg_peek",
        "Look at a queue's messages without receiving.",
        "msgrcv(2)",
        (MSQID, Field("after", LONG, 0, "the place of the last one seen"), LIMIT),
        errnos("EACCES EINVAL"),
        sys_msg_peek,
        Structure(
            "msg_peek",
            (
                Field(
                    "messages",
                    ListOf(PEEKED),
                ),
                Field("next", LONG, None),
            ),
        ),
    ),
    Row("msg_stat", "A queue by its id.", "msgctl(2)", (MSQID,), errnos("EACCES EINVAL"), sys_msg_stat, QUEUE),
    Row(
        "msg_list",
        "The queues of the namespace.",
        "msgctl(2)",
        (Field("after", INT, -1, "the index of the last one seen"), LIMIT),
        errnos("EINVAL"),
        sys_msg_list,
        Structure("msg_list", (Field("queues", ListOf(QUEUE)), Field("next", INT, None))),
    ),
    Row(
        "proc_sysvipc_msg",
        "The text of /proc/sysvipc/msg.",
        "sysvipc(7)",
        (),
        frozenset(),
        sys_proc_sysvipc_msg,
        Structure("proc_text", (Field("text", TEXT),)),
    ),
)
