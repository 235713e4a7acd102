"""What can happen to durable state, as values. A fact is decided once, folded into the state, and kept in the journal.

Facts are plain tuples with names (a frozen dataclass costs three times as much to make, and one is made for every
batch). Fields are only ever added at the end, with a default, so that an old journal stays readable. ``ns`` is the
inode number of the IPC namespace; times of System V are seconds and those of POSIX nanoseconds, both REALTIME.
"""

from __future__ import annotations

from typing import NamedTuple

Body = tuple[int, bytes]
"""A message as it is sent: its type or priority, and its bytes."""


class IpcNamespaceCreated(NamedTuple):
    """An IPC namespace came into being, with the limits that a new one has."""

    ns: int
    uid: int


class IpcNamespaceFreed(NamedTuple):
    """The last task left an IPC namespace; all that was in it is gone."""

    ns: int


class SysctlSet(NamedTuple):
    """A limit of an IPC namespace was written: ``kernel.msgmnb``, ``fs.mqueue.msg_max``."""

    ns: int
    name: str
    value: int


class QueueCreated(NamedTuple):
    """``msgget(2)`` made a queue; ``chosen`` where ``msg_next_id`` named its id."""

    ns: int
    msqid: int
    key: int
    mode: int
    uid: int
    gid: int
    qbytes: int
    time: int
    chosen: bool


class QueueSet(NamedTuple):
    """``IPC_SET`` gave a queue another owner, mode or size."""

    ns: int
    msqid: int
    uid: int
    gid: int
    mode: int
    qbytes: int
    time: int


class QueueRemoved(NamedTuple):
    """``IPC_RMID`` took a queue and what was in it."""

    ns: int
    msqid: int


class MessagesSent(NamedTuple):
    """Messages were put at the end of a System V queue, in this order, by task ``pid``."""

    ns: int
    msqid: int
    pid: int
    time: int
    messages: tuple[Body, ...]


class MessagesReceived(NamedTuple):
    """Messages, named by their places (``seqs``), left a System V queue for task ``pid``."""

    ns: int
    msqid: int
    pid: int
    time: int
    seqs: tuple[int, ...]


class MqCreated(NamedTuple):
    """``mq_open(2)`` made a queue; its bytes are charged to user ``charged``."""

    ns: int
    ino: int
    name: str
    mode: int
    uid: int
    gid: int
    charged: int
    maxmsg: int
    msgsize: int
    time_ns: int


class MqUnlinked(NamedTuple):
    """A POSIX queue lost its name; it lives on while it is open."""

    ns: int
    name: str
    time_ns: int


class MqFreed(NamedTuple):
    """The last descriptor of an unlinked POSIX queue was closed."""

    ns: int
    ino: int


class MqSent(NamedTuple):
    """Messages ``(priority, data)`` were put into a POSIX queue, in this order."""

    ns: int
    ino: int
    time_ns: int
    messages: tuple[Body, ...]


class MqReceived(NamedTuple):
    """Messages, named by their places, left a POSIX queue."""

    ns: int
    ino: int
    time_ns: int
    seqs: tuple[int, ...]


class MqRead(NamedTuple):
    """The status line of a POSIX queue was read."""

    ns: int
    ino: int
    time_ns: int


Fact = (
    IpcNamespaceCreated
    | IpcNamespaceFreed
    | SysctlSet
    | QueueCreated
    | QueueSet
    | QueueRemoved
    | MessagesSent
    | MessagesReceived
    | MqCreated
    | MqUnlinked
    | MqFreed
    | MqSent
    | MqReceived
    | MqRead
)
