"""IPC namespaces: both queue families, their limits, and nothing of the neighbours' (``ipc_namespaces(7)``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from usernel.abi import mqueue as abi_mqueue
from usernel.abi import msg as abi_msg
from usernel.abi.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from usernel.abi.errno import Errno
from usernel.abi.ipc import IPCMNI

from ..cred import Cred
from ..error import KernelError
from ..facts import IpcNamespaceCreated, IpcNamespaceFreed, SysctlSet
from ..ipc.ids import IpcIds
from ..ipc.mqueue_inode import MqInode
from ..ipc.msg_queue import MsgQueue

if TYPE_CHECKING:
    from ..kernel import Kernel

GLOBAL_ROOT_UID = 0
INT_MAX = 0x7FFFFFFF
INT_MIN = -0x80000000


@dataclass(frozen=True, slots=True)
class Sysctl:
    """One number under ``/proc/sys``: the attribute that holds it, and the least and greatest that may be written."""

    attribute: str
    least: int
    greatest: int
    checkpoint: bool = False


SYSCTLS: Final[Mapping[str, Sysctl]] = {
    "kernel.msgmax": Sysctl("msg_ctlmax", 0, INT_MAX),
    "kernel.msgmnb": Sysctl("msg_ctlmnb", 0, INT_MAX),
    "kernel.msgmni": Sysctl("msg_ctlmni", 0, IPCMNI),
    "kernel.msg_next_id": Sysctl("msg_next_id", 0, INT_MAX, checkpoint=True),
    "fs.mqueue.msg_default": Sysctl("mq_msg_default", abi_mqueue.MIN_MSGMAX, abi_mqueue.HARD_MSGMAX),
    "fs.mqueue.msg_max": Sysctl("mq_msg_max", abi_mqueue.MIN_MSGMAX, abi_mqueue.HARD_MSGMAX),
    "fs.mqueue.msgsize_default": Sysctl("mq_msgsize_default", abi_mqueue.MIN_MSGSIZEMAX, abi_mqueue.HARD_MSGSIZEMAX),
    "fs.mqueue.msgsize_max": Sysctl("mq_msgsize_max", abi_mqueue.MIN_MSGSIZEMAX, abi_mqueue.HARD_MSGSIZEMAX),
    "fs.mqueue.queues_max": Sysctl("mq_queues_max", INT_MIN, INT_MAX),
}


class IpcNamespace:
    """An IPC namespace: its identity, its two families of queues, and their limits, named as in ``/proc/sys``."""

    def __init__(self, inum: int, uid: int) -> None:
        self.inum = inum
        self.uid = uid
        self.tasks = 0
        self.msg_ids: IpcIds[MsgQueue] = IpcIds()
        self.msg_ctlmax = abi_msg.MSGMAX
        self.msg_ctlmnb = abi_msg.MSGMNB
        self.msg_ctlmni = abi_msg.MSGMNI
        self.mq_names: dict[str, MqInode] = {}
        self.mq_inodes: dict[int, MqInode] = {}
        self.mq_queues_max = abi_mqueue.DFLT_QUEUESMAX
        self.mq_msg_max = abi_mqueue.DFLT_MSGMAX
        self.mq_msgsize_max = abi_mqueue.DFLT_MSGSIZEMAX
        self.mq_msg_default = abi_mqueue.DFLT_MSG
        self.mq_msgsize_default = abi_mqueue.DFLT_MSGSIZE

    @property
    def msg_next_id(self) -> int:
        """The id that the next queue is to get, or -1."""
        return self.msg_ids.next_id

    @msg_next_id.setter
    def msg_next_id(self, value: int) -> None:
        self.msg_ids.next_id = value

    @property
    def mq_queues_count(self) -> int:
        """POSIX queues that exist, those without a name included."""
        return len(self.mq_inodes)

    def sysctls(self) -> dict[str, int]:
        """Every limit by its name under ``/proc/sys``."""
        return {name: getattr(self, sysctl.attribute) for name, sysctl in SYSCTLS.items()}

    def stat(self) -> dict[str, Any]:
        """Identity, what is in it, and its limits."""
        return {
            "inum": self.inum, "type": "ipc", "uid": self.uid, "tasks": self.tasks, "msg_queues": self.msg_ids.in_use,
            "mq_queues": self.mq_queues_count, "sysctls": self.sysctls(),
        }  # fmt: skip


def sysctl_get(ns: IpcNamespace, name: str) -> int:
    """Read a limit. ENOENT for a name that is not there."""
    if name not in SYSCTLS:
        raise KernelError(Errno.ENOENT, f"no sysctl {name!r} in an IPC namespace")
    value: int = getattr(ns, SYSCTLS[name].attribute)
    return value


def sysctl_set(kernel: Kernel, ns: IpcNamespace, cred: Cred, name: str, value: int) -> None:
    """Write a limit. ENOENT; EACCES for another than root; EPERM; EINVAL outside the range (``ipc/ipc_sysctl.c``)."""
    sysctl_get(ns, name)
    sysctl = SYSCTLS[name]
    # Root of the namespace's user namespace, not whoever made it; the initial user namespace is the only one as yet.
    allowed = cred.euid == GLOBAL_ROOT_UID
    if sysctl.checkpoint:
        allowed = cred.capable(CAP_CHECKPOINT_RESTORE) or cred.capable(CAP_SYS_ADMIN)
    if not allowed:
        wanted = "CAP_CHECKPOINT_RESTORE" if sysctl.checkpoint else "root"
        raise KernelError(Errno.EACCES, f"writing {name} wants {wanted}")
    if not sysctl.least <= value <= sysctl.greatest:
        raise KernelError(Errno.EINVAL, f"{name} takes {sysctl.least} to {sysctl.greatest}")
    kernel.record(SysctlSet(ns.inum, name, value))


def fold_created(kernel: Kernel, fact: IpcNamespaceCreated) -> None:
    """An IPC namespace is there, empty."""
    kernel.ipc_namespaces[fact.ns] = IpcNamespace(fact.ns, fact.uid)


def fold_freed(kernel: Kernel, fact: IpcNamespaceFreed) -> None:
    """An IPC namespace is gone with its queues; the bytes of the POSIX ones are its users' again."""
    ns = kernel.ipc_namespaces.pop(fact.ns)
    for queue in ns.msg_ids.by_index.values():
        queue.removed = True
    for inode in ns.mq_inodes.values():
        kernel.uncharge(inode.charged, inode.bytes)


def fold_sysctl(kernel: Kernel, fact: SysctlSet) -> None:
    """A limit has another value."""
    setattr(kernel.ipc_namespaces[fact.ns], SYSCTLS[fact.name].attribute, fact.value)
