"""IPC namespaces: both queue families, their limits, and nothing of the neighbours' (``ipc_namespaces(7)``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from usernel.abi import mqueue as abi_mqueue
from usernel.abi import msg as abi_msg
from usernel.abi.ipc import IPCMNI
from usernel.abi.sched import CLONE_NEWIPC

from ..ipc.ids import IpcIds, durability
from ..ipc.mqueue_inode import MqInode
from ..ipc.msg_queue import MsgQueue
from .namespace import INT_MAX, INT_MIN, Namespace, Sysctl

if TYPE_CHECKING:
    from ..facts import NamespaceCreated
    from .user import UserNamespace

MSG_NEXT_ID: Final = "kernel.msg_next_id"
EPHEMERAL: Final = "usernel.ephemeral"
IPC_SYSCTLS: Final[Mapping[str, Sysctl]] = {
    "kernel.msgmax": Sysctl("msg_ctlmax", 0, INT_MAX),
    "kernel.msgmnb": Sysctl("msg_ctlmnb", 0, INT_MAX),
    "kernel.msgmni": Sysctl("msg_ctlmni", 0, IPCMNI),
    MSG_NEXT_ID: Sysctl("msg_next_id", 0, INT_MAX),
    "fs.mqueue.msg_default": Sysctl("mq_msg_default", abi_mqueue.MIN_MSGMAX, abi_mqueue.HARD_MSGMAX),
    "fs.mqueue.msg_max": Sysctl("mq_msg_max", abi_mqueue.MIN_MSGMAX, abi_mqueue.HARD_MSGMAX),
    "fs.mqueue.msgsize_default": Sysctl("mq_msgsize_default", abi_mqueue.MIN_MSGSIZEMAX, abi_mqueue.HARD_MSGSIZEMAX),
    "fs.mqueue.msgsize_max": Sysctl("mq_msgsize_max", abi_mqueue.MIN_MSGSIZEMAX, abi_mqueue.HARD_MSGSIZEMAX),
    "fs.mqueue.queues_max": Sysctl("mq_queues_max", INT_MIN, INT_MAX),
    EPHEMERAL: Sysctl("ephemeral", 0, 1),
}


class IpcNamespace(Namespace):
    """An IPC namespace: its identity, its two families of queues, and their limits, named as in ``/proc/sys``.

    Where it is ``ephemeral``, so are the queues made in it from then on, unless they ask for something else.
    """

    kind = CLONE_NEWIPC
    SYSCTLS: ClassVar[Mapping[str, Sysctl]] = IPC_SYSCTLS

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None) -> None:
        super().__init__(fact, owner)
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
        self.ephemeral = 0

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

    def stat(self) -> dict[str, Any]:
        """And how many queues are in it, and what the next will be."""
        return {
            **super().stat(), "msg_queues": self.msg_ids.in_use, "mq_queues": self.mq_queues_count,
            "durability": durability(ephemeral=bool(self.ephemeral)),
        }  # fmt: skip
