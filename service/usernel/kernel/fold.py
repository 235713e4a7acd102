"""Which fold a fact has. The same folds change the live state and recover it from a journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import facts
from .ipc import mqueue_inode, msg_queue
from .ns import ipc as ipc_ns

FOLDS: Final[Mapping[type, Callable[..., None]]] = {
    facts.IpcNamespaceCreated: ipc_ns.fold_created,
    facts.IpcNamespaceFreed: ipc_ns.fold_freed,
    facts.SysctlSet: ipc_ns.fold_sysctl,
    facts.QueueCreated: msg_queue.fold_created,
    facts.QueueSet: msg_queue.fold_set,
    facts.QueueRemoved: msg_queue.fold_removed,
    facts.MessagesSent: msg_queue.fold_sent,
    facts.MessagesReceived: msg_queue.fold_received,
    facts.MqCreated: mqueue_inode.fold_created,
    facts.MqUnlinked: mqueue_inode.fold_unlinked,
    facts.MqFreed: mqueue_inode.fold_freed,
    facts.MqSent: mqueue_inode.fold_sent,
    facts.MqReceived: mqueue_inode.fold_received,
    facts.MqRead: mqueue_inode.fold_read,
}
