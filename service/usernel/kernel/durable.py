"""The durable state as plain data: what folding the facts of a history must give again, to the last field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .ipc.mqueue_inode import MqInode
    from .ipc.msg_queue import MsgQueue
    from .kernel import Kernel
    from .ns.ipc import IpcNamespace


ENDING: Final = ("senders", "receivers", "held", "files", "status")
"""What ``stat`` shows of queues and ends with the tasks."""


def durable_state(kernel: Kernel) -> dict[str, Any]:
    """Everything that a journal brings back. Held messages count as present: nobody has received them yet.

    Of ephemeral queues only that they are there, for a journal has their end.
    """
    return {
        "numbers": (*kernel.ns_tree.next_numbers(), kernel.last_ino),
        "mq_charges": dict(kernel.mq_charges),
        "namespaces": {ns.inum: ns.durable() for ns in kernel.ns_tree},
        "ipc_namespaces": {inum: _namespace(ns) for inum, ns in kernel.ipc_namespaces.items()},
    }


def _namespace(ns: IpcNamespace) -> dict[str, Any]:
    return {
        "msg_ids": ns.msg_ids.stat(),
        "msg_keys": {key: queue.perm.id for key, queue in ns.msg_ids.by_key.items()},
        "msg_queues": {index: _msg_queue(queue) for index, queue in ns.msg_ids.by_index.items()},
        "mq_names": {name: inode.ino for name, inode in ns.mq_names.items()},
        "mq_inodes": {ino: _mq_inode(inode) for ino, inode in ns.mq_inodes.items()},
    }


def _msg_queue(queue: MsgQueue) -> dict[str, Any]:
    if queue.ephemeral:
        return {"msqid": queue.perm.id, "key": queue.perm.key, "durability": "ephemeral"}
    shown = {name: value for name, value in queue.stat().items() if name not in ENDING}
    return shown | {"next_seq": queue.next_seq, "messages": queue.contents()}


def _mq_inode(inode: MqInode) -> dict[str, Any]:
    if inode.ephemeral:
        return {"ino": inode.ino, "name": inode.name, "charged": inode.charged, "durability": "ephemeral"}
    shown = {name: value for name, value in inode.stat().items() if name not in ENDING}
    return shown | {"next_seq": inode.next_seq, "charged": inode.charged, "messages": inode.contents()}
