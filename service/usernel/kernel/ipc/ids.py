"""System V identifiers and permissions: keys, ids with sequence numbers, mode bits (``ipc/util.c``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from usernel.abi.capability import CAP_IPC_OWNER, CAP_SYS_ADMIN
from usernel.abi.errno import Errno
from usernel.abi.ipc import (
    DURABILITY,
    IPC_MIN_CYCLE,
    IPC_PRIVATE,
    IPCID_SEQ_MAX,
    IPCMNI,
    IPCMNI_IDX_MASK,
    IPCMNI_SEQ_SHIFT,
)

from ..cred import Cred
from ..error import KernelError

if TYPE_CHECKING:
    from ..ns.ipc import IpcNamespace


def durability(*, ephemeral: bool) -> str:
    """What it is called whether a queue outlives the service."""
    return str(DURABILITY.name(ephemeral))


@dataclass(slots=True)
class KernIpcPerm:
    """``struct kern_ipc_perm``: whose an object is, and who may use it."""

    key: int
    id: int
    uid: int
    gid: int
    cuid: int
    cgid: int
    mode: int

    @property
    def seq(self) -> int:
        """The sequence number in the id."""
        return self.id >> IPCMNI_SEQ_SHIFT

    def stat(self) -> dict[str, Any]:
        """``struct ipc_perm``, as IPC_STAT copies it out."""
        return {
            "key": self.key, "uid": self.uid, "gid": self.gid, "cuid": self.cuid, "cgid": self.cgid,
            "mode": self.mode, "seq": self.seq,
        }  # fmt: skip


def ipcperms(cred: Cred, ns: IpcNamespace, perm: KernIpcPerm, flag: int) -> bool:
    """Whether every access that ``flag`` asks for, in any of its three triads, is granted (``ipcperms``)."""
    requested = flag >> 6 | flag >> 3 | flag
    granted = perm.mode
    if cred.euid in (perm.cuid, perm.uid):
        granted >>= 6
    elif cred.in_group(perm.cgid) or cred.in_group(perm.gid):
        granted >>= 3
    return not requested & ~granted & 0o007 or cred.ns_capable(ns.user_ns, CAP_IPC_OWNER)


def may_control(cred: Cred, ns: IpcNamespace, perm: KernIpcPerm) -> bool:
    """Whether IPC_SET and IPC_RMID are allowed: owner, creator, or CAP_SYS_ADMIN (``ipcctl_obtain_check``)."""
    return cred.euid in (perm.cuid, perm.uid) or cred.ns_capable(ns.user_ns, CAP_SYS_ADMIN)


class IpcObject(Protocol):
    """What has a ``kern_ipc_perm``."""

    @property
    def perm(self) -> KernIpcPerm:
        """Whose it is."""


T = TypeVar("T", bound=IpcObject)


class IpcIds(Generic[T]):
    """``struct ipc_ids``: the objects of one kind in a namespace, by index and by key."""

    __slots__ = ("by_index", "by_key", "idr_next", "last_idx", "max_idx", "next_id", "seq")

    def __init__(self) -> None:
        self.by_index: dict[int, T] = {}
        self.by_key: dict[int, T] = {}
        self.seq = 0
        self.last_idx = -1
        self.idr_next = 0
        self.max_idx = -1
        self.next_id = -1
        """The id that the next object is to get (``/proc/sys/kernel/msg_next_id``), or -1."""

    @property
    def in_use(self) -> int:
        """How many objects there are."""
        return len(self.by_index)

    def find(self, key: int) -> T | None:
        """The object of a key (``ipc_findkey``)."""
        return self.by_key.get(key)

    def at_index(self, ident: int) -> T:
        """The object at the index that an id holds, whatever its sequence number. EINVAL where there is none."""
        found = self.by_index.get(ident & IPCMNI_IDX_MASK)
        if found is None:
            raise KernelError(Errno.EINVAL, f"no queue at index {ident & IPCMNI_IDX_MASK}")
        return found

    def obtain(self, ident: int) -> T:
        """The object of an id. EINVAL where there is none, or one with another sequence number."""
        found = self.by_index.get(ident & IPCMNI_IDX_MASK)
        if found is None or found.perm.id != ident:
            raise KernelError(Errno.EINVAL, f"no queue has the id {ident}")
        return found

    def allocate(self, limit: int) -> int | None:
        """The id that the next object gets (``ipc_idr_alloc``). ENOSPC where ``limit`` objects exist.

        None where ``next_id`` names an index and neither it nor one above is free.
        """
        if self.in_use >= min(limit, IPCMNI):
            raise KernelError(Errno.ENOSPC, f"the namespace holds {self.in_use} queues, and its msgmni is {limit}")
        if self.next_id >= 0:
            return self._at_least(self.next_id)
        index = self._free_index()
        seq = self.seq
        if index <= self.last_idx:
            seq = 0 if seq + 1 >= IPCID_SEQ_MAX else seq + 1
        return seq << IPCMNI_SEQ_SHIFT | index

    def _at_least(self, wanted: int) -> int | None:
        """``wanted``, or its sequence number with the first free index above its own."""
        index = wanted & IPCMNI_IDX_MASK
        while index in self.by_index:
            index += 1
        return wanted & ~IPCMNI_IDX_MASK | index if index < IPCMNI else None

    def _free_index(self) -> int:
        """``idr_alloc_cyclic``: the first free index from the cursor on, else from 0."""
        end = min(max(self.in_use * 3 // 2, IPC_MIN_CYCLE), IPCMNI)
        for index in range(self.idr_next, end):
            if index not in self.by_index:
                return index
        return next(index for index in range(end) if index not in self.by_index)

    def add(self, item: T, *, chosen: bool) -> None:
        """Put in an object whose id ``allocate`` gave; ``chosen`` where ``next_id`` named it."""
        perm = item.perm
        index = perm.id & IPCMNI_IDX_MASK
        self.by_index[index] = item
        if perm.key != IPC_PRIVATE:
            self.by_key[perm.key] = item
        self.max_idx = max(self.max_idx, index)
        self.next_id = -1
        if not chosen:
            self.seq = perm.seq
            self.last_idx = index
            self.idr_next = index + 1

    def remove(self, item: T) -> None:
        """Take an object out (``ipc_rmid``)."""
        index = item.perm.id & IPCMNI_IDX_MASK
        del self.by_index[index]
        if item.perm.key != IPC_PRIVATE:
            del self.by_key[item.perm.key]
        while self.max_idx >= 0 and self.max_idx not in self.by_index:
            self.max_idx -= 1

    def stat(self) -> dict[str, int]:
        """The counters behind the ids."""
        return {
            "in_use": self.in_use, "seq": self.seq, "last_idx": self.last_idx, "idr_next": self.idr_next,
            "max_idx": self.max_idx, "next_id": self.next_id,
        }  # fmt: skip
