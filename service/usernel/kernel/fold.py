"""Which fold a fact has. The same folds change the live state and recover it from a journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import facts
from .ipc import mqueue_inode, msg_queue
from .ns import time, tree, user, uts

FOLDS: Final[Mapping[type, Callable[..., None]]] = {
    facts.NamespaceCreated: tree.fold_created,
    facts.NamespaceFreed: tree.fold_freed,
    facts.NamespacePinned: tree.fold_pinned,
    facts.IdMapSet: user.fold_id_map,
    facts.SetgroupsDenied: user.fold_setgroups,
    facts.UtsNameSet: uts.fold_name,
    facts.TimeOffsetsSet: time.fold_offsets,
    facts.SysctlSet: tree.fold_sysctl,
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
    facts.NumbersRestored: tree.fold_numbers,
    facts.IdsRestored: msg_queue.fold_ids,
    facts.QueueRestored: msg_queue.fold_restored,
    facts.MessagesRestored: msg_queue.fold_messages,
    facts.MqRestored: mqueue_inode.fold_restored,
    facts.MqMessagesRestored: mqueue_inode.fold_messages,
}
