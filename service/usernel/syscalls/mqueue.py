"""The POSIX message queue calls: parse, check, act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from usernel.abi import fcntl as abi_fcntl
from usernel.abi import mqueue as abi_mqueue
from usernel.abi.errno import Errno
from usernel.abi.signal import SIGNALS
from usernel.kernel.call import Block, Call, Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.ipc import mq_notify, mqueue
from usernel.kernel.kernel import Kernel

from .kinds import DATA, INT, LONG, MODE, TEXT, UINT, Enumeration, Field, Flags, ListOf, Messages, Structure
from .msg import DURABILITY, KEPT, LIMIT, check_limit, is_ephemeral
from .row import Row, errnos
from .timespec import TIMESPEC, nanoseconds

Timespec = tuple[int, int] | None


def sys_mq_open(
    kernel: Kernel,
    call: Call,
    name: str,
    oflag: int,
    mode: int,
    attr: tuple[int, int] | None,
    durability: int | None,
) -> Return:
    """mq_open(2)."""
    asked = None if attr is None else mqueue.MqAttr(*attr)
    return mqueue.mq_open(kernel, call, name, oflag, mode, asked, is_ephemeral(durability))


def sys_mq_unlink(kernel: Kernel, call: Call, name: str) -> Return:
    """mq_unlink(2)."""
    return mqueue.mq_unlink(kernel, call, name)


def sys_mq_timedsend(
    kernel: Kernel, call: Call, mqdes: int, data: bytes, msg_len: int | None, msg_prio: int, abs_timeout: Timespec
) -> Return | Block:
    """mq_timedsend(2). ``msg_len`` may cut the data; EFAULT where it reaches behind them."""
    until = nanoseconds(abs_timeout)
    return mqueue.mq_send(kernel, call, mqdes, msg_prio, data, len(data) if msg_len is None else msg_len, until)


def sys_mq_timedreceive(
    kernel: Kernel, call: Call, mqdes: int, msg_len: int | None, abs_timeout: Timespec
) -> Return | Block:
    """mq_timedreceive(2)."""
    return mqueue.mq_receive(kernel, call, mqdes, msg_len, nanoseconds(abs_timeout), 1, False)


def sys_mq_notify(kernel: Kernel, call: Call, mqdes: int, notification: tuple[int, int, int] | None) -> Return:
    """mq_notify(2)."""
    return mq_notify.mq_notify(kernel, call, mqdes, notification)


def sys_mq_getsetattr(kernel: Kernel, call: Call, mqdes: int, newattr: tuple[int] | None) -> Return:
    """mq_getsetattr(2)."""
    return mqueue.mq_getsetattr(call, mqdes, None if newattr is None else newattr[0])


def sys_mq_timedsend_batch(
    kernel: Kernel, call: Call, mqdes: int, messages: Sequence[tuple[int, bytes]], abs_timeout: Timespec
) -> Return | Block:
    """Many mq_timedsend(2) as one call, as sendmmsg(2) is to sendmsg(2)."""
    until = nanoseconds(abs_timeout)
    if not messages:
        return Return(0)
    return mqueue.mq_send_batch(kernel, call, mqdes, messages, until)


def sys_mq_timedreceive_batch(
    kernel: Kernel, call: Call, mqdes: int, count: int, abs_timeout: Timespec
) -> Return | Block:
    """Many mq_timedreceive(2) as one call: it waits for the first and takes what else is there (MSG_WAITFORONE)."""
    if count < 1:
        raise KernelError(Errno.EINVAL, "max is 1 or more")
    return mqueue.mq_receive(kernel, call, mqdes, None, nanoseconds(abs_timeout), count, True)


def sys_mq_peek(kernel: Kernel, call: Call, mqdes: int, after: int, limit: int) -> Return:
    """Look at the messages of a queue in the order in which they would be received."""
    items, following = mqueue.mq_peek(call, mqdes, after, check_limit(limit))
    return Return(len(items), {"messages": items, "next": following})


def sys_mq_list(kernel: Kernel, call: Call, after: str, limit: int) -> Return:
    """The queues of the namespace that have a name, as a listing of /dev/mqueue."""
    items, following = mqueue.mq_list(call.task.nsproxy.ipc, after, check_limit(limit))
    return Return(len(items), {"queues": items, "next": following})


def sys_mq_stat(kernel: Kernel, call: Call, name: str) -> Return:
    """A queue by its name, as stat(2) on /dev/mqueue."""
    inode = mqueue.lookup(call.task.nsproxy.ipc, name)
    if inode is None:
        raise KernelError(Errno.ENOENT, f"no queue is called {name}")
    return Return(0, inode.stat())


OFLAGS: Final = Flags(abi_fcntl.MQ_OFLAGS)
MQ_FLAGS: Final = Flags(abi_fcntl.MQ_FLAGS, LONG)
ATTR_OUT: Final = Structure(
    "mq_attr",
    (Field("mq_flags", MQ_FLAGS), Field("mq_maxmsg", LONG), Field("mq_msgsize", LONG), Field("mq_curmsgs", LONG)),
)
ATTR_NEW: Final = Structure("mq_attr_new", (Field("mq_maxmsg", LONG), Field("mq_msgsize", LONG)))
SIGEVENT: Final = Structure(
    "sigevent",
    (
        Field("sigev_notify", Enumeration(abi_mqueue.SIGEV)),
        Field("sigev_signo", Enumeration(SIGNALS), 0),
        Field("sigev_value", LONG, 0),
    ),
)
QUEUE: Final = Structure(
    "mqueue",
    (
        Field("name", TEXT, None),
        *(Field(name, LONG) for name in "mq_maxmsg mq_msgsize mq_curmsgs qsize st_ino mode uid gid".split()),
        *(Field(name, LONG) for name in "atime_ns mtime_ns ctime_ns files senders receivers held".split()),
        Field("status", TEXT, doc="what reading the queue's file in /dev/mqueue gives"),
        *KEPT,
    ),
)
MQDES: Final = Field("mqdes", INT, doc="the queue's descriptor")
NAME: Final = Field("name", TEXT, doc="without the leading slash, which mq_open(3) strips")
ABS_TIMEOUT: Final = Field("abs_timeout", TIMESPEC, None, "CLOCK_REALTIME; null waits for ever")
SEND_ERRNOS = "EAGAIN EBADF EINTR EINVAL EMSGSIZE ETIMEDOUT"
NAME_ERRNOS = "EACCES ENAMETOOLONG ENOENT"

PEEKED: Final = Structure("mq_peeked", (Field("seq", LONG), Field("priority", UINT), Field("data", DATA)))

ROWS: Final = (
    Row(
        "mq_open",
        "Open or make a queue; returns a descriptor.",
        "mq_open(3)",
        (
            NAME,
            Field("oflag", OFLAGS, 0),
            Field("mode", MODE, 0, "of a new queue"),
            Field("attr", ATTR_NEW, None, "of a new queue; null for the namespace's defaults"),
            DURABILITY,
        ),
        errnos(NAME_ERRNOS + " EEXIST EINVAL EMFILE ENOSPC"),
        sys_mq_open,
    ),
    Row(
        "mq_unlink",
        "Take a queue's name away; it ends with its last descriptor.",
        "mq_unlink(3)",
        (NAME,),
        errnos(NAME_ERRNOS + " EPERM"),
        sys_mq_unlink,
    ),
    Row(
        "mq_timedsend",
        "Put a message into a queue, waiting for room.",
        "mq_timedsend(3)",
        (
            MQDES,
            Field("data", DATA),
            Field("msg_len", LONG, None, "bytes to send; null for all"),
            Field("msg_prio", UINT, 0),
            ABS_TIMEOUT,
        ),
        errnos(SEND_ERRNOS + " EFAULT"),
        sys_mq_timedsend,
        restart=Restart.SYS,
    ),
    Row(
        "mq_timedreceive",
        "Take the oldest of the most urgent messages; returns its length.",
        "mq_timedreceive(3)",
        (MQDES, Field("msg_len", LONG, None, "the size of the buffer; null for mq_msgsize"), ABS_TIMEOUT),
        errnos(SEND_ERRNOS),
        sys_mq_timedreceive,
        Structure("mq_message", (Field("priority", UINT), Field("data", DATA))),
        Restart.SYS,
    ),
    Row(
        "mq_notify",
        "Ask to be told once of a message in the empty queue; null takes that back.",
        "mq_notify(3)",
        (MQDES, Field("notification", SIGEVENT, None)),
        errnos("EBADF EBUSY EINVAL"),
        sys_mq_notify,
    ),
    Row(
        "mq_getsetattr",
        "Read a queue's attributes, and set O_NONBLOCK.",
        "mq_getattr(3)",
        (MQDES, Field("newattr", Structure("mq_attr_set", (Field("mq_flags", MQ_FLAGS),)), None)),
        errnos("EBADF EINVAL"),
        sys_mq_getsetattr,
        ATTR_OUT,
    ),
    Row(
        "mq_timedsend_batch",
        "Many mq_timedsend as one call; returns how many went.",
        "sendmmsg(2)",
        (MQDES, Field("messages", Messages("priority")), ABS_TIMEOUT),
        errnos(SEND_ERRNOS),
        sys_mq_timedsend_batch,
    ),
    Row(
        "mq_timedreceive_batch",
        "Wait for a message and take up to max; returns how many came.",
        "recvmmsg(2)",
        (MQDES, Field("max", INT), ABS_TIMEOUT),
        errnos("EAGAIN EBADF EINTR EINVAL ETIMEDOUT"),
        sys_mq_timedreceive_batch,
        Structure("mq_messages", (Field("messages", Messages("priority")),)),
    ),
    Row(
        "mq_peek",
        "Look at a queue's messages without receiving.",
        "mq_overview(7)",
        (MQDES, Field("after", LONG, 0, "the place of the last one seen"), LIMIT),
        errnos("EBADF EINVAL"),
        sys_mq_peek,
        Structure(
            "mq_peek",
            (
                Field(
                    "messages",
                    ListOf(PEEKED),
                ),
                Field("next", LONG, None),
            ),
        ),
    ),
    Row(
        "mq_list",
        "The queues of the namespace.",
        "mq_overview(7)",
        (Field("after", TEXT, "", "the name of the last one seen"), LIMIT),
        errnos("EINVAL"),
        sys_mq_list,
        Structure("mq_list", (Field("queues", ListOf(QUEUE)), Field("next", TEXT, None))),
    ),
    Row("mq_stat", "A queue by its name.", "mq_overview(7)", (NAME,), errnos(NAME_ERRNOS), sys_mq_stat, QUEUE),
)
