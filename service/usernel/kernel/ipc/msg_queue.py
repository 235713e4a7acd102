"""The state of System V message queues, and how facts change it (``struct msg_queue`` of ``ipc/msg.c``)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ..facts import (
    Body,
    IdsRestored,
    MessagesReceived,
    MessagesRestored,
    MessagesSent,
    QueueCreated,
    QueueRemoved,
    QueueRestored,
    QueueSet,
)
from ..wait import WaitQueue
from .arrivals import Arrivals
from .hold import BODY, Message, place, size_of
from .ids import KernIpcPerm, durability

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..ns.ipc import IpcNamespace
    from ..ns.pid import Pid
    from ..task import Task


class MsgQueue:
    """One queue. ``messages`` are those a receiver can see, in their order; ``held`` those some receiver holds.

    ``cbytes`` and ``qnum`` count both. Times are seconds since the epoch, 0 for never; ``lspid`` and ``lrpid`` are
    task ids, 0 for nobody. An ``ephemeral`` queue ends with the service, and no journal has its messages.
    """

    __slots__ = (
        "arrivals", "cbytes", "ctime", "ephemeral", "held", "lrpid", "lrpid_of", "lspid", "lspid_of", "messages",
        "next_seq", "ns", "perm", "qbytes", "qnum", "receivers", "removed", "rtime", "senders", "stime",
    )  # fmt: skip

    def __init__(self, ns: IpcNamespace, perm: KernIpcPerm, qbytes: int, ctime: int, *, ephemeral: bool) -> None:
        self.ns = ns
        self.ephemeral = ephemeral
        self.perm = perm
        self.qbytes = qbytes
        self.ctime = ctime
        self.stime = self.rtime = 0
        self.lspid = self.lrpid = 0
        self.lspid_of: Pid | None = None
        self.lrpid_of: Pid | None = None
        self.cbytes = self.qnum = 0
        self.next_seq = 1
        self.removed = False
        self.messages: deque[Message] = deque()
        self.arrivals = Arrivals()
        self.held: dict[int, Body] = {}
        self.senders = WaitQueue()
        self.receivers = WaitQueue()

    def fits(self, size: int) -> bool:
        """Whether a message of this size may be put in now (``msg_fits_inqueue``)."""
        return size + self.cbytes <= self.qbytes and 1 + self.qnum <= self.qbytes

    def take(self, index: int) -> Message:
        """Hold the message at an index of ``messages``."""
        if index == 0:
            message = self.messages.popleft()
        else:
            message = self.messages[index]
            del self.messages[index]
        self.held[message[0]] = message[1]
        return message

    def take_first(self, count: int) -> list[Message]:
        """Hold up to ``count`` messages from the front."""
        popleft = self.messages.popleft
        taken = [popleft() for _ in range(min(count, len(self.messages)))]
        self.held.update(taken)
        return taken

    def give_back(self, messages: list[Message]) -> None:
        """Held messages, in the order of their places, are visible again in them."""
        for seq, _ in messages:
            self.held.pop(seq, None)
        if self.messages and self.messages[0][0] < messages[-1][0]:
            self.messages = deque(sorted([*self.messages, *messages]))
        else:
            self.messages.extendleft(reversed(messages))

    @property
    def oldest(self) -> int | None:
        """When the message came that is in the queue the longest (seconds since the epoch); None in an empty one."""
        first = min(self.held, default=None)
        if self.messages and (first is None or self.messages[0][0] < first):
            first = self.messages[0][0]
        return self.arrivals.since(first)

    def contents(self) -> list[Message]:
        """Every message, held ones too (nobody has received them yet), in the order of their places."""
        return sorted([*self.messages, *self.held.items()]) if self.held else list(self.messages)

    def seen_by(self, viewer: Task) -> dict[str, Any]:
        """As ``stat``, with pids and owners as a task's namespaces call them."""
        shown, maps = self.stat(), viewer.cred.user_ns
        perm = shown["msg_perm"]
        perm |= {name: maps.uid_map.munged(perm[name]) for name in ("uid", "cuid")}
        perm |= {name: maps.gid_map.munged(perm[name]) for name in ("gid", "cgid")}
        shown["msg_lspid"] = number_in(viewer, self.lspid, self.lspid_of)
        shown["msg_lrpid"] = number_in(viewer, self.lrpid, self.lrpid_of)
        return shown

    def stat(self) -> dict[str, Any]:
        """``struct msqid_ds``, and what the kernel knows beside it: sleepers and held messages."""
        perm = self.perm
        return {
            "msqid": perm.id, "msg_perm": perm.stat(), "msg_stime": self.stime, "msg_rtime": self.rtime,
            "msg_ctime": self.ctime, "msg_cbytes": self.cbytes, "msg_qnum": self.qnum, "msg_qbytes": self.qbytes,
            "msg_lspid": self.lspid, "msg_lrpid": self.lrpid, "senders": len(self.senders),
            "receivers": len(self.receivers), "held": len(self.held), "oldest": self.oldest,
            "durability": durability(ephemeral=self.ephemeral),
        }  # fmt: skip


def number_in(viewer: Task, number: int, pid: Pid | None) -> int:
    """What a viewer calls a process that has used the queue, also after it has ended; 0 for one it does not see.

    One from before a restart has its number in the initial pid namespace alone.
    """
    ns = viewer.thread_pid.ns
    return pid.nr_in(ns) if pid is not None else number if ns.above is None else 0


def fold_created(kernel: Kernel, fact: QueueCreated) -> None:
    """A queue is there."""
    ns = kernel.ipc_namespaces[fact.ns]
    perm = KernIpcPerm(fact.key, fact.msqid, fact.uid, fact.gid, fact.uid, fact.gid, fact.mode)
    queue = MsgQueue(ns, perm, fact.qbytes, fact.time, ephemeral=fact.ephemeral or kernel.ephemeral)
    ns.msg_ids.add(queue, chosen=fact.chosen)


def fold_set(kernel: Kernel, fact: QueueSet) -> None:
    """A queue has another owner, mode and size."""
    queue = kernel.ipc_namespaces[fact.ns].msg_ids.obtain(fact.msqid)
    queue.perm.uid, queue.perm.gid, queue.perm.mode = fact.uid, fact.gid, fact.mode
    queue.qbytes, queue.ctime = fact.qbytes, fact.time


def fold_removed(kernel: Kernel, fact: QueueRemoved) -> None:
    """A queue is gone, with what was in it."""
    ids = kernel.ipc_namespaces[fact.ns].msg_ids
    queue = ids.obtain(fact.msqid)
    queue.removed = True
    ids.remove(queue)


def fold_sent(kernel: Kernel, fact: MessagesSent) -> None:
    """Messages stand at the end of a queue."""
    queue = kernel.ipc_namespaces[fact.ns].msg_ids.obtain(fact.msqid)
    _, _, pid, time, messages = fact
    seq, count = queue.next_seq, len(messages)
    if count == 1:
        queue.messages.append((seq, messages[0]))
        queue.cbytes += len(messages[0][1])
    else:
        queue.messages.extend(place(seq, messages))
        queue.cbytes += size_of(messages)
    queue.arrivals.put(seq, time)
    queue.qnum += count
    queue.next_seq = seq + count
    queue.lspid, queue.stime = pid, time
    queue.lspid_of = kernel.pids.get(pid)


def fold_received(kernel: Kernel, fact: MessagesReceived) -> None:
    """Messages have left a queue: held ones, or (when a journal is replayed) visible ones."""
    queue = kernel.ipc_namespaces[fact.ns].msg_ids.obtain(fact.msqid)
    held = queue.held
    for seq in fact.seqs:
        _, data = held.pop(seq) if seq in held else _extract(queue, seq)
        queue.cbytes -= len(data)
    queue.qnum -= len(fact.seqs)
    if not queue.qnum:
        queue.arrivals.forget()
    queue.lrpid, queue.rtime = fact.pid, fact.time
    queue.lrpid_of = kernel.pids.get(fact.pid)


def fold_restored(kernel: Kernel, fact: QueueRestored) -> None:
    """A queue stands as it stood in a snapshot."""
    ns = kernel.ipc_namespaces[fact.ns]
    perm = KernIpcPerm(fact.key, fact.msqid, fact.uid, fact.gid, fact.cuid, fact.cgid, fact.mode)
    queue = MsgQueue(ns, perm, fact.qbytes, fact.ctime, ephemeral=fact.ephemeral)
    queue.stime, queue.rtime = fact.stime, fact.rtime
    queue.lspid, queue.lrpid = fact.lspid, fact.lrpid
    queue.next_seq = fact.next_seq
    queue.arrivals = Arrivals(fact.arrivals)
    ns.msg_ids.add(queue, chosen=True)


def fold_messages(kernel: Kernel, fact: MessagesRestored) -> None:
    """A part of what was in a queue, behind the parts before."""
    queue = kernel.ipc_namespaces[fact.ns].msg_ids.obtain(fact.msqid)
    queue.messages.extend(fact.messages)
    queue.cbytes += size_of(map(BODY, fact.messages))
    queue.qnum += len(fact.messages)


def fold_ids(kernel: Kernel, fact: IdsRestored) -> None:
    """The ids of a namespace go on where they stood."""
    ids = kernel.ipc_namespaces[fact.ns].msg_ids
    ids.seq, ids.last_idx, ids.idr_next, ids.next_id = fact.seq, fact.last_idx, fact.idr_next, fact.next_id


def _extract(queue: MsgQueue, seq: int) -> Body:
    queue.take(next(index for index, message in enumerate(queue.messages) if message[0] == seq))
    return queue.held.pop(seq)
