"""The durable state as plain data: what folding the facts of a history must give again, to the last field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ipc.mqueue_inode import MqInode
    from .ipc.msg_queue import MsgQueue
    from .kernel import Kernel
    from .ns.ipc import IpcNamespace


def durable_state(kernel: Kernel) -> dict[str, Any]:
    """Everything that a journal brings back. Held messages count as present: nobody has received them yet."""
    return {
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
    ephemeral = ("senders", "receivers", "held")
    shown = {name: value for name, value in queue.stat().items() if name not in ephemeral}
    return shown | {"next_seq": queue.next_seq, "messages": sorted([*queue.messages, *queue.held.items()])}


def _mq_inode(inode: MqInode) -> dict[str, Any]:
    ephemeral = ("senders", "receivers", "held", "files", "status")
    shown = {name: value for name, value in inode.stat().items() if name not in ephemeral}
    messages = sorted([*inode.messages(), *inode.held.items()])
    return shown | {"next_seq": inode.next_seq, "charged": inode.charged, "messages": messages}
