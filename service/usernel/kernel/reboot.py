"""What ends when the machine does: tasks and descriptors are gone, and so is all that only they kept.

A kernel that was recovered from a journal has no tasks but its own two. What outlives a reboot: namespaces that are
pinned or initial, with their limits and numbers, and the queues in them that have a name or key and are not ephemeral.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import MqUnlinked, QueueRemoved
from .ns.tree import end_unless_kept

if TYPE_CHECKING:
    from .kernel import Kernel
    from .ns.ipc import IpcNamespace


def end_what_tasks_kept(kernel: Kernel) -> None:
    """Record the end of everything that had only tasks, descriptors or the service's life to keep it."""
    for ns in list(kernel.ns_tree):
        end_unless_kept(kernel, ns)
    for ipc in list(kernel.ipc_namespaces.values()):
        _end_queues(kernel, ipc)


def _end_queues(kernel: Kernel, ns: IpcNamespace) -> None:
    for queue in list(ns.msg_ids.by_index.values()):
        if queue.ephemeral:
            kernel.record(QueueRemoved(ns.inum, queue.perm.id))
    for inode in list(ns.mq_inodes.values()):
        if inode.ephemeral and inode.name is not None:
            kernel.record(MqUnlinked(ns.inum, inode.name, kernel.realtime_ns))
        kernel.put_inode(inode)
