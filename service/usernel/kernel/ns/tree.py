"""Every namespace there is, by inode number (``kernel/nstree.c``): how they come into being and end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from usernel.abi.nsfs import INIT_ID, INIT_INO
from usernel.abi.sched import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    NAMESPACES,
)

from ..facts import NamespaceCreated, NamespaceFreed, NamespacePinned, NumbersRestored, SysctlSet
from .cgroup import CgroupNamespace
from .ipc import IpcNamespace
from .mnt import MntNamespace
from .namespace import Namespace
from .net import NetNamespace
from .pid import PidNamespace
from .time import TimeNamespace
from .user import UserNamespace
from .uts import UtsNamespace

if TYPE_CHECKING:
    from ..kernel import Kernel

FIRST_DYNAMIC_INUM = 0xF0000000
FIRST_DYNAMIC_ID = len(INIT_ID) + 1
N = TypeVar("N", bound=Namespace)


class NsTree:
    """The namespaces of a kernel. Those that it starts with are there without a fact, and never end."""

    def __init__(self, *, ephemeral: bool = False) -> None:
        self._ephemeral = ephemeral
        self._by_inum: dict[int, Namespace] = {}
        self._ascending: list[int] = []
        self._next_inum = FIRST_DYNAMIC_INUM
        self._next_id = FIRST_DYNAMIC_ID
        for kind in (CLONE_NEWUSER, *(kind for kind in NAMESPACES if kind != CLONE_NEWUSER)):
            name = NAMESPACES[kind]
            owner = 0 if kind == CLONE_NEWUSER else INIT_INO["user"]
            self.add(NamespaceCreated(kind, INIT_INO[name], INIT_ID[name], owner, 0, 0, 0)).refs += 1

    def __iter__(self) -> Iterator[Namespace]:
        return iter(list(self._by_inum.values()))

    def __len__(self) -> int:
        return len(self._by_inum)

    def find(self, inum: int) -> Namespace | None:
        """The namespace of an inode number, if there is one."""
        return self._by_inum.get(inum)

    def get(self, inum: int, kind: type[N]) -> N:
        """The namespace of an inode number, which has to be of this kind."""
        found = self._by_inum[inum]
        assert isinstance(found, kind), found.link  # noqa: S101 - a number that the kernel keeps names its own kind
        return found

    def user(self, inum: int) -> UserNamespace:
        """A user namespace."""
        return self.get(inum, UserNamespace)

    def uts(self, inum: int) -> UtsNamespace:
        """A UTS namespace."""
        return self.get(inum, UtsNamespace)

    def time(self, inum: int) -> TimeNamespace:
        """A time namespace."""
        return self.get(inum, TimeNamespace)

    def initial(self, kind: type[N]) -> N:
        """The namespace of a kind that init starts in."""
        return self.get(INIT_INO[NAMESPACES[kind.kind]], kind)

    def next_numbers(self) -> tuple[int, int]:
        """The inode number and the id of the next namespace."""
        return self._next_inum, self._next_id

    def number_from(self, inum: int, ns_id: int) -> None:
        """The next namespace has this inode number and this id."""
        self._next_inum, self._next_id = inum, ns_id

    def page(self, kind: str | None, after: int, limit: int) -> list[Namespace]:
        """Up to ``limit`` namespaces with inode numbers above ``after``, ascending."""
        start = bisect_right(self._ascending, after)
        listed = (self._by_inum[self._ascending[index]] for index in range(start, len(self._ascending)))
        return list(islice((ns for ns in listed if kind is None or ns.name == kind), limit))

    def add(self, fact: NamespaceCreated) -> Namespace:
        """A namespace is there; it keeps its owner and its parent."""
        owner = self.user(fact.owner) if fact.owner else None
        source = self._by_inum.get(fact.source)
        ns = _make(fact, owner, source)
        if isinstance(ns, IpcNamespace):
            ns.ephemeral = int(self._ephemeral)
        self._by_inum[ns.inum] = ns
        insort(self._ascending, ns.inum)
        self._next_inum = max(self._next_inum, ns.inum + 1)
        self._next_id = max(self._next_id, ns.ns_id + 1)
        for kept in kept_by(ns):
            kept.refs += 1
        if owner is not None and ns.inum >= FIRST_DYNAMIC_INUM:
            owner.charge(ns.kind, ns.uid, 1)
        return ns

    def remove(self, inum: int) -> Namespace:
        """A namespace is gone. Whom it kept is not looked at."""
        ns = self._by_inum.pop(inum)
        del self._ascending[bisect_left(self._ascending, inum)]
        for kept in kept_by(ns):
            kept.refs -= 1
        ns.user_ns.charge(ns.kind, ns.uid, -1)
        return ns


def kept_by(ns: Namespace) -> list[Namespace]:
    """What a namespace keeps alive: its owner, and the one above it."""
    return [kept for kept in dict.fromkeys((ns.owner, ns.parent)) if kept is not None]


def _make(fact: NamespaceCreated, owner: UserNamespace | None, source: Any) -> Namespace:
    if fact.kind == CLONE_NEWUSER:
        return UserNamespace(fact, owner)
    if fact.kind == CLONE_NEWPID:
        return PidNamespace(fact, owner, source)
    if fact.kind == CLONE_NEWUTS:
        return UtsNamespace(fact, owner, source)
    if fact.kind == CLONE_NEWTIME:
        return TimeNamespace(fact, owner, source)
    return _PLAIN[fact.kind](fact, owner)


KINDS: Final[tuple[type[Namespace], ...]] = (
    IpcNamespace, UtsNamespace, UserNamespace, PidNamespace, TimeNamespace, MntNamespace, NetNamespace, CgroupNamespace,
)  # fmt: skip
"""Every kind there is."""
_PLAIN: dict[int, type[Namespace]] = {
    CLONE_NEWIPC: IpcNamespace,
    CLONE_NEWNS: MntNamespace,
    CLONE_NEWNET: NetNamespace,
    CLONE_NEWCGROUP: CgroupNamespace,
}


def get_ns(ns: Namespace) -> None:
    """One more thing keeps a namespace."""
    ns.refs += 1


def put_ns(kernel: Kernel, ns: Namespace) -> None:
    """One thing less keeps a namespace; with the last it ends, and so may its owner and its parent."""
    ns.refs -= 1
    end_unless_kept(kernel, ns)


def end_unless_kept(kernel: Kernel, ns: Namespace) -> None:
    """End a namespace that nothing keeps."""
    if ns.refs or kernel.ns_tree.find(ns.inum) is not ns:
        return
    kernel.record(NamespaceFreed(ns.inum))
    if isinstance(ns, IpcNamespace):
        _wake_sleepers(kernel, ns)
    for kept in kept_by(ns):
        end_unless_kept(kernel, kept)


def _wake_sleepers(kernel: Kernel, ns: IpcNamespace) -> None:
    """Calls that sleep on the System V queues of a namespace that ended find them removed (``freeque``)."""
    for queue in ns.msg_ids.by_index.values():
        kernel.wake_all(queue.senders)
        kernel.wake_all(queue.receivers)


def fold_created(kernel: Kernel, fact: NamespaceCreated) -> None:
    """A namespace is there."""
    ns = kernel.ns_tree.add(fact)
    if isinstance(ns, IpcNamespace):
        kernel.ipc_namespaces[ns.inum] = ns


def fold_freed(kernel: Kernel, fact: NamespaceFreed) -> None:
    """A namespace is gone with its queues; the bytes of the POSIX ones are its users' again."""
    ns = kernel.ns_tree.remove(fact.ns)
    if isinstance(ns, IpcNamespace):
        del kernel.ipc_namespaces[ns.inum]
        for queue in ns.msg_ids.by_index.values():
            queue.removed = True
        for inode in ns.mq_inodes.values():
            kernel.uncharge(inode.charged, inode.bytes)


def fold_pinned(kernel: Kernel, fact: NamespacePinned) -> None:
    """A namespace is kept without anybody in it, or no more."""
    ns = kernel.ns_tree.get(fact.ns, Namespace)
    ns.refs += fact.pinned - ns.pinned
    ns.pinned = fact.pinned


def fold_numbers(kernel: Kernel, fact: NumbersRestored) -> None:
    """Numbers go on where they stood, so that none that was gone already comes again."""
    kernel.ns_tree.number_from(fact.next_inum, fact.next_ns_id)
    kernel.last_ino = fact.last_ino


def fold_sysctl(kernel: Kernel, fact: SysctlSet) -> None:
    """A number under /proc/sys has another value."""
    kernel.ns_tree.get(fact.ns, Namespace).set_sysctl(fact.name, fact.value)
