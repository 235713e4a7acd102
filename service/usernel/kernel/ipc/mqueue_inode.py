"""The state of POSIX message queues, and how facts change it (``struct mqueue_inode_info`` of ``ipc/mqueue.c``)."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usernel.abi.mqueue import FILENT_SIZE, MQ_PRIO_MAX, SIGEV_SIGNAL, SIZEOF_MSG_MSG, SIZEOF_POSIX_MSG_TREE_NODE
from usernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from usernel.abi.stat import S_IFREG

from ..facts import (
    Body,
    MqCreated,
    MqFreed,
    MqMessagesRestored,
    MqRead,
    MqReceived,
    MqRestored,
    MqSent,
    MqUnlinked,
)
from ..wait import PriorityWaitQueue, WaitQueue
from .arrivals import Arrivals
from .hold import BODY, Message, size_of
from .ids import durability

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..ns.user import UserNamespace
    from ..task import Task


NSEC_PER_SEC = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Registration:
    """Who is told, once, when a message arrives in the empty queue (``mq_notify(2)``)."""

    owner: Task
    user_ns: UserNamespace
    sigev_notify: int
    sigev_signo: int
    sigev_value: int


class MqInode:
    """One queue. Visible messages stand by priority in ``levels``; ``held`` are those some receiver holds.

    ``bytes`` is what RLIMIT_MSGQUEUE counts, charged to user ``charged``; times are nanoseconds since the epoch. An
    ``ephemeral`` queue ends with the service, and no journal has its messages.
    """

    def __init__(self, fact: MqCreated | MqRestored) -> None:
        self.ino = fact.ino
        self.ns = fact.ns
        self.ephemeral = fact.ephemeral
        self.name: str | None = fact.name
        self.mode = fact.mode
        self.uid = fact.uid
        self.gid = fact.gid
        self.charged = fact.charged
        self.maxmsg = fact.maxmsg
        self.msgsize = fact.msgsize
        self.atime_ns = self.mtime_ns = self.ctime_ns = 0
        self.bytes = mq_bytes(fact.maxmsg, fact.msgsize)
        self.qsize = 0
        self.curmsgs = 0
        self.next_seq = 1
        self.levels: dict[int, deque[Message]] = {}
        self._priorities: list[int] = []
        self.held: dict[int, Body] = {}
        self.arrivals = Arrivals()
        self.files = 0
        self.senders = PriorityWaitQueue()
        self.receivers = PriorityWaitQueue()
        self.pollers = WaitQueue()
        self.notify: Registration | None = None

    @property
    def visible(self) -> int:
        """How many messages a receiver could get."""
        return self.curmsgs - len(self.held)

    @property
    def full(self) -> bool:
        """Whether no message can be put in."""
        return self.curmsgs >= self.maxmsg

    @property
    def poll_mask(self) -> int:
        """What poll(2) finds (``mqueue_poll_file``)."""
        readable = POLLIN | POLLRDNORM if self.visible else 0
        return readable | (0 if self.full else POLLOUT | POLLWRNORM)

    def put(self, message: Message) -> None:
        """Put a message behind those of its priority."""
        priority = message[1][0]
        level = self.levels.get(priority)
        if level is None:
            level = self.levels[priority] = deque()
            insort(self._priorities, priority)
        level.append(message)

    def take_first(self, count: int) -> list[Message]:
        """Hold up to ``count`` messages, the highest priority first, the oldest of it first (``msg_get``)."""
        taken: list[Message] = []
        while self._priorities and len(taken) < count:
            priority = self._priorities[-1]
            level = self.levels[priority]
            taken += [level.popleft() for _ in range(min(count - len(taken), len(level)))]
            if not level:
                del self.levels[priority]
                self._priorities.pop()
        self.held.update(taken)
        return taken

    def give_back(self, messages: list[Message]) -> None:
        """Held messages are visible again, in their places."""
        for message in messages:
            seq, (priority, _) = message
            self.held.pop(seq, None)
            self.put(message)
            level = self.levels[priority]
            if len(level) > 1 and level[-2][0] > seq:
                self.levels[priority] = deque(sorted(level))

    def extract(self, seq: int) -> Body:
        """Take a visible message out by its place, as a replayed journal does."""
        for priority, level in self.levels.items():
            for index, message in enumerate(level):
                if message[0] > seq:  # what was given back stands in its place: they ascend
                    break
                if message[0] == seq:
                    del level[index]
                    if not level:
                        del self.levels[priority]
                        self._priorities.remove(priority)
                    return message[1]
        raise LookupError(f"no message {seq} in queue {self.name}")

    def messages(self) -> Iterator[Message]:
        """The visible messages in the order in which they would be received."""
        for priority in reversed(self._priorities):
            yield from self.levels[priority]

    @property
    def oldest(self) -> int | None:
        """When the message came that is in the queue the longest (seconds since the epoch); None in an empty one."""
        return self.arrivals.since(min([*self.held, *(level[0][0] for level in self.levels.values())], default=None))

    def contents(self) -> list[Message]:
        """Every message, held ones too (nobody has received them yet), in the order of their places."""
        return sorted([*self.messages(), *self.held.items()])

    def status(self, viewer: Task | None = None) -> str:
        """What reading the queue's file gives (``mqueue_read_file``); pids as the viewer calls them."""
        notify = self.notify
        owner = 0 if notify is None else notify.owner.nr_in(viewer) if viewer is not None else notify.owner.pid
        signo = notify.sigev_signo if notify and notify.sigev_notify == SIGEV_SIGNAL else 0
        line = (
            f"QSIZE:{self.qsize:<10d} NOTIFY:{notify.sigev_notify if notify else 0:<5d} SIGNO:{signo:<5d} "
            f"NOTIFY_PID:{owner:<6d}\n"
        )
        return line[: FILENT_SIZE - 1]

    def stat(self) -> dict[str, Any]:
        """``struct mq_attr``, the inode, and what the kernel knows beside them: sleepers, held messages, opens."""
        return {
            "name": self.name, "mq_maxmsg": self.maxmsg, "mq_msgsize": self.msgsize, "mq_curmsgs": self.curmsgs,
            "qsize": self.qsize, "st_ino": self.ino, "mode": self.mode, "uid": self.uid, "gid": self.gid,
            "atime_ns": self.atime_ns, "mtime_ns": self.mtime_ns, "ctime_ns": self.ctime_ns, "files": self.files,
            "senders": len(self.senders), "receivers": len(self.receivers), "held": len(self.held),
            "status": self.status(), "oldest": self.oldest, "durability": durability(ephemeral=self.ephemeral),
        }  # fmt: skip

    def fstat(self) -> dict[str, int]:
        """``struct stat`` of the queue's file, times in whole seconds."""
        return {
            "st_ino": self.ino, "st_mode": S_IFREG | self.mode, "st_uid": self.uid, "st_gid": self.gid,
            "st_size": FILENT_SIZE, "st_nlink": 0 if self.name is None else 1, "st_atime": self.atime_ns // 10**9,
            "st_mtime": self.mtime_ns // 10**9, "st_ctime": self.ctime_ns // 10**9,
        }  # fmt: skip


def mq_bytes(maxmsg: int, msgsize: int) -> int:
    """The bytes that a queue of this shape is charged with: its messages, full, and the tree that sorts them."""
    return maxmsg * (msgsize + SIZEOF_MSG_MSG) + min(maxmsg, MQ_PRIO_MAX) * SIZEOF_POSIX_MSG_TREE_NODE


def fold_created(kernel: Kernel, fact: MqCreated) -> None:
    """A queue is there, and its bytes are charged."""
    inode = MqInode(fact)
    inode.ephemeral = fact.ephemeral or kernel.ephemeral
    inode.atime_ns = inode.mtime_ns = inode.ctime_ns = fact.time_ns
    ns = kernel.ipc_namespaces[fact.ns]
    ns.mq_names[fact.name] = ns.mq_inodes[fact.ino] = inode
    kernel.last_ino = max(kernel.last_ino, fact.ino)
    kernel.charge(inode.charged, inode.bytes)


def fold_restored(kernel: Kernel, fact: MqRestored) -> None:
    """A queue stands as it stood in a snapshot."""
    inode = MqInode(fact)
    inode.atime_ns, inode.mtime_ns, inode.ctime_ns = fact.atime_ns, fact.mtime_ns, fact.ctime_ns
    inode.next_seq = fact.next_seq
    inode.arrivals = Arrivals(fact.arrivals)
    ns = kernel.ipc_namespaces[fact.ns]
    ns.mq_inodes[fact.ino] = inode
    if fact.name is not None:
        ns.mq_names[fact.name] = inode
    kernel.charge(inode.charged, inode.bytes)


def fold_messages(kernel: Kernel, fact: MqMessagesRestored) -> None:
    """A part of what was in a queue, behind the parts before."""
    inode = kernel.ipc_namespaces[fact.ns].mq_inodes[fact.ino]
    for message in fact.messages:
        inode.put(message)
    inode.qsize += size_of(map(BODY, fact.messages))
    inode.curmsgs += len(fact.messages)


def fold_unlinked(kernel: Kernel, fact: MqUnlinked) -> None:
    """A queue has no name any more."""
    inode = kernel.ipc_namespaces[fact.ns].mq_names.pop(fact.name)
    inode.name = None
    inode.ctime_ns = fact.time_ns


def fold_freed(kernel: Kernel, fact: MqFreed) -> None:
    """A queue without a name is gone, and its bytes are its user's again."""
    inode = kernel.ipc_namespaces[fact.ns].mq_inodes.pop(fact.ino)
    kernel.uncharge(inode.charged, inode.bytes)


def fold_sent(kernel: Kernel, fact: MqSent) -> None:
    """Messages stand in a queue."""
    inode = kernel.ipc_namespaces[fact.ns].mq_inodes[fact.ino]
    inode.arrivals.put(inode.next_seq, fact.time_ns // NSEC_PER_SEC)
    for seq, body in enumerate(fact.messages, inode.next_seq):
        inode.put((seq, body))
        inode.qsize += len(body[1])
    inode.next_seq += len(fact.messages)
    inode.curmsgs += len(fact.messages)
    inode.atime_ns = inode.mtime_ns = inode.ctime_ns = fact.time_ns


def fold_received(kernel: Kernel, fact: MqReceived) -> None:
    """Messages have left a queue: held ones, or (when a journal is replayed) visible ones."""
    inode = kernel.ipc_namespaces[fact.ns].mq_inodes[fact.ino]
    held = inode.held
    for seq in fact.seqs:
        _, data = held.pop(seq) if seq in held else inode.extract(seq)
        inode.qsize -= len(data)
    inode.curmsgs -= len(fact.seqs)
    if not inode.curmsgs:
        inode.arrivals.forget()
    inode.atime_ns = inode.mtime_ns = inode.ctime_ns = fact.time_ns


def fold_read(kernel: Kernel, fact: MqRead) -> None:
    """Somebody looked at a queue's status."""
    inode = kernel.ipc_namespaces[fact.ns].mq_inodes[fact.ino]
    inode.atime_ns = inode.ctime_ns = fact.time_ns
