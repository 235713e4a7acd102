"""The durable state as the facts that make it out of a fresh kernel: what stands before the rest of a journal.

Captured at one moment, in time proportional to the number of queues and messages but without copying a message: they
are immutable, and a list of references is all that is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.nsfs import INIT_INO
from usernel.abi.sched import CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS, NAMESPACES

from .facts import (
    Fact,
    IdMapSet,
    IdsRestored,
    MessagesRestored,
    MqMessagesRestored,
    MqRestored,
    NamespaceCreated,
    NamespacePinned,
    NumbersRestored,
    QueueRestored,
    SetgroupsDenied,
    SysctlSet,
    TimeOffsetsSet,
    UtsNameSet,
)
from .ipc.hold import BODY, Message, size_of
from .ns.ipc import MSG_NEXT_ID, IpcNamespace
from .ns.namespace import Namespace
from .ns.net import NetNamespace
from .ns.time import TimeNamespace
from .ns.tree import FIRST_DYNAMIC_INUM
from .ns.user import UserNamespace
from .ns.uts import UtsNamespace

if TYPE_CHECKING:
    from .ipc.mqueue_inode import MqInode
    from .ipc.msg_queue import MsgQueue
    from .kernel import Kernel

PART_BYTES: Final = 256 * 1024
"""Message bytes after which a part of a snapshot ends."""
PART_MESSAGES: Final = 4096
"""And messages, however small."""
MAPS: Final = ("uid_map", "gid_map", "projid_map")


class Snapshot:
    """What was captured: of ``messages`` messages, at ``position``. ``parts`` makes the facts when they are written."""

    def __init__(self, kernel: Kernel) -> None:
        self.position = kernel.position
        self._facts: list[Fact] = []
        self._contents: deque[tuple[Any, list[Message]]] = deque()
        self._capture(kernel)
        self.messages = sum(len(messages) for _, messages in self._contents)

    def parts(self) -> Iterator[Sequence[Fact]]:
        """All facts in order, in parts of bounded size; once, for what was handed out is let go."""
        facts = iter(self._facts)
        while part := list(islice(facts, PART_MESSAGES)):
            yield part
        part, size, count = [], 0, 0
        while self._contents:
            make, messages = self._contents.popleft()
            for chunk in _chunks(messages):
                part.append(make(chunk))
                size, count = size + size_of(map(BODY, chunk)), count + len(chunk)
                if size >= PART_BYTES or count >= PART_MESSAGES:
                    yield part
                    part, size, count = [], 0, 0
        if part:
            yield part

    def _capture(self, kernel: Kernel) -> None:
        namespaces = sorted(kernel.ns_tree, key=_owners_first)
        for ns in namespaces:
            self._facts += _namespace(ns)
        for ns in kernel.ipc_namespaces.values():
            self._capture_queues(ns)
        self._facts.append(NumbersRestored(*kernel.ns_tree.next_numbers(), kernel.last_ino))

    def _capture_queues(self, ns: IpcNamespace) -> None:
        for queue in ns.msg_ids.by_index.values():
            self._facts.append(_msg_queue(ns, queue))
            if queue.qnum and not queue.ephemeral:
                self._contents.append((partial(MessagesRestored, ns.inum, queue.perm.id), queue.contents()))
        ids = ns.msg_ids
        self._facts.append(IdsRestored(ns.inum, ids.seq, ids.last_idx, ids.idr_next, ids.next_id))
        for inode in ns.mq_inodes.values():
            self._facts.append(_mq_inode(inode))
            if inode.curmsgs and not inode.ephemeral:
                self._contents.append((partial(MqMessagesRestored, ns.inum, inode.ino), inode.contents()))


def _owners_first(ns: Namespace) -> tuple[bool, int]:
    """User namespaces before those that they own, parents before children: inode numbers only grow."""
    return ns.kind != CLONE_NEWUSER, ns.inum


def _namespace(ns: Namespace) -> Iterator[Fact]:
    gid = ns.group if isinstance(ns, UserNamespace) else 0
    created = NamespaceCreated(ns.kind, ns.inum, ns.ns_id, ns.owner.inum if ns.owner else 0, ns.uid, gid, _source(ns))
    if ns.inum >= FIRST_DYNAMIC_INUM:
        yield created
    if ns.pinned:
        yield NamespacePinned(ns.inum, pinned=True)
    if isinstance(ns, IpcNamespace | UserNamespace | NetNamespace):  # a pid namespace's number ends with its tasks
        new = type(ns)(created, ns.owner).sysctls()
        yield from (SysctlSet(ns.inum, *item) for item in ns.sysctls().items() - new.items() if item[0] != MSG_NEXT_ID)
    if isinstance(ns, UserNamespace):
        yield from _user(ns)
    elif isinstance(ns, UtsNamespace):
        yield UtsNameSet(ns.inum, "nodename", ns.nodename)
        yield UtsNameSet(ns.inum, "domainname", ns.domainname)
    elif isinstance(ns, TimeNamespace):
        yield TimeOffsetsSet(ns.inum, ns.offsets_ns["monotonic"], ns.offsets_ns["boottime"])


def _source(ns: Namespace) -> int:
    """What it lies below; and where it only once copied another, the initial one, which is always there."""
    if ns.parent is not None:
        return ns.parent.inum
    return INIT_INO[NAMESPACES[ns.kind]] if ns.kind in {CLONE_NEWUTS, CLONE_NEWTIME} else 0


def _user(ns: UserNamespace) -> Iterator[Fact]:
    for which in MAPS:
        extents = getattr(ns, which).extents
        if extents and ns.inum >= FIRST_DYNAMIC_INUM:
            yield IdMapSet(ns.inum, which, tuple((extent[0], extent[1], extent[2]) for extent in extents))
    if not ns.setgroups_allowed:
        yield SetgroupsDenied(ns.inum)


def _msg_queue(ns: IpcNamespace, queue: MsgQueue) -> QueueRestored:
    perm = queue.perm
    return QueueRestored(
        ns.inum, perm.id, perm.key, perm.uid, perm.gid, perm.cuid, perm.cgid, perm.mode, queue.qbytes, queue.stime,
        queue.rtime, queue.ctime, queue.lspid, queue.lrpid, queue.next_seq, queue.arrivals.entries(), queue.ephemeral,
    )  # fmt: skip


def _mq_inode(inode: MqInode) -> MqRestored:
    return MqRestored(
        inode.ns, inode.ino, inode.name, inode.mode, inode.uid, inode.gid, inode.charged, inode.maxmsg, inode.msgsize,
        inode.atime_ns, inode.mtime_ns, inode.ctime_ns, inode.next_seq, inode.arrivals.entries(), inode.ephemeral,
    )  # fmt: skip


def _chunks(messages: list[Message]) -> Iterator[tuple[Message, ...]]:
    """Messages in runs of bounded number and size; a single one may be larger."""
    start = size = 0
    for index, (_, (_, data)) in enumerate(messages):
        size += len(data)
        if size >= PART_BYTES or index + 1 - start >= PART_MESSAGES:
            yield tuple(messages[start : index + 1])
            start, size = index + 1, 0
    if start < len(messages):
        yield tuple(messages[start:])
