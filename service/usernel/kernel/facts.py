"""What can happen to durable state, as values. A fact is decided once, folded into the state, and kept in the journal.

Facts are plain tuples with names (a frozen dataclass costs three times as much to make, and one is made for every
batch). Fields are only ever added at the end, with a default, so that an old journal stays readable. ``ns`` is the
inode number of a namespace; times of System V are seconds and those of POSIX nanoseconds, both REALTIME.
"""

from __future__ import annotations

from typing import Final, NamedTuple

Body = tuple[int, bytes]
"""A message as it is sent: its type or priority, and its bytes."""
VERSION: Final = 1
"""Of the facts below: one more whenever a fact or a field is added. Older code refuses what newer code wrote."""


class NamespaceCreated(NamedTuple):
    """A namespace came into being, with the limits that a new one has.

    ``kind`` is its flag (CLONE_NEWIPC), ``owner`` the user namespace that owns it, ``uid`` and ``gid`` whoever made it,
    ``source`` the namespace of its kind that it was made from: what it copies, or lies below.
    """

    kind: int
    inum: int
    ns_id: int
    owner: int
    uid: int
    gid: int
    source: int


class NamespaceFreed(NamedTuple):
    """Nothing keeps a namespace any more; all that was in it is gone."""

    ns: int


class NamespacePinned(NamedTuple):
    """A namespace is kept without tasks, or is so no more."""

    ns: int
    pinned: bool


class IdMapSet(NamedTuple):
    """``uid_map``, ``gid_map`` or ``projid_map`` of a user namespace was written: ``(first, lower, count)`` each."""

    ns: int
    which: str
    extents: tuple[tuple[int, int, int], ...]


class SetgroupsDenied(NamedTuple):
    """``deny`` was written to a user namespace's ``setgroups``."""

    ns: int


class UtsNameSet(NamedTuple):
    """A UTS namespace has another ``nodename`` or ``domainname``."""

    ns: int
    which: str
    name: str


class TimeOffsetsSet(NamedTuple):
    """The offsets of a time namespace were written."""

    ns: int
    monotonic_ns: int
    boottime_ns: int


class SysctlSet(NamedTuple):
    """A limit of a namespace was written: ``kernel.msgmnb``, ``fs.mqueue.msg_max``, ``user.max_ipc_namespaces``."""

    ns: int
    name: str
    value: int


class QueueCreated(NamedTuple):
    """``msgget(2)`` made a queue; ``chosen`` where ``msg_next_id`` named its id.

    Of an ``ephemeral`` queue nothing else is kept but its end.
    """

    ns: int
    msqid: int
    key: int
    mode: int
    uid: int
    gid: int
    qbytes: int
    time: int
    chosen: bool
    ephemeral: bool = False


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
    ephemeral: bool = False


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


class NumbersRestored(NamedTuple):
    """Where a snapshot's numbering of namespaces and of POSIX queues goes on."""

    next_inum: int
    next_ns_id: int
    last_ino: int


class IdsRestored(NamedTuple):
    """Where a snapshot's numbering of System V queues goes on; it stands behind the queues of the namespace."""

    ns: int
    seq: int
    last_idx: int
    idr_next: int
    next_id: int


class QueueRestored(NamedTuple):
    """A System V queue as it stood in a snapshot, without its messages."""

    ns: int
    msqid: int
    key: int
    uid: int
    gid: int
    cuid: int
    cgid: int
    mode: int
    qbytes: int
    stime: int
    rtime: int
    ctime: int
    lspid: int
    lrpid: int
    next_seq: int
    arrivals: tuple[tuple[int, int], ...]
    ephemeral: bool


class MessagesRestored(NamedTuple):
    """Messages of a System V queue in a snapshot, each with its place."""

    ns: int
    msqid: int
    messages: tuple[tuple[int, Body], ...]


class MqRestored(NamedTuple):
    """A POSIX queue as it stood in a snapshot, without its messages; ``name`` None where it was unlinked."""

    ns: int
    ino: int
    name: str | None
    mode: int
    uid: int
    gid: int
    charged: int
    maxmsg: int
    msgsize: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    next_seq: int
    arrivals: tuple[tuple[int, int], ...]
    ephemeral: bool


class MqMessagesRestored(NamedTuple):
    """Messages of a POSIX queue in a snapshot, each with its place."""

    ns: int
    ino: int
    messages: tuple[tuple[int, Body], ...]


Fact = (
    NamespaceCreated
    | NamespaceFreed
    | NamespacePinned
    | IdMapSet
    | SetgroupsDenied
    | UtsNameSet
    | TimeOffsetsSet
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
    | NumbersRestored
    | IdsRestored
    | QueueRestored
    | MessagesRestored
    | MqRestored
    | MqMessagesRestored
)
