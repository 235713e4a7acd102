"""An open POSIX message queue, and its status line (``mqueue_file_operations`` of ``ipc/mqueue.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.fcntl import CREATION_FLAGS
from usernel.abi.mqueue import SIGEV_THREAD

from ..error import KernelError
from ..facts import MqRead
from ..file import File
from ..ns.tree import get_ns, put_ns
from ..outputs import MqNotified
from .mqueue_inode import MqInode

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task
    from ..wait import WaitQueue


class MqFile(File):
    """An open queue; it keeps its IPC namespace."""

    __slots__ = ("inode", "ns")

    def __init__(self, kernel: Kernel, inode: MqInode, flags: int) -> None:
        super().__init__(flags & ~CREATION_FLAGS)
        self.inode = inode
        self.ns = kernel.ipc_namespaces[inode.ns]
        inode.files += 1
        get_ns(self.ns)

    @property
    def poll_mask(self) -> int:
        """Whether there is a message, and a place for one."""
        return self.inode.poll_mask

    @property
    def pollers(self) -> WaitQueue:
        """Who sleeps until that changes."""
        return self.inode.pollers

    def flush(self, kernel: Kernel, task: Task) -> None:
        """Take back the task's notification."""
        remove_notification(kernel, self.inode, task)

    def release(self, kernel: Kernel) -> None:
        """The queue ends with its last file, if it has no name."""
        self.inode.files -= 1
        kernel.put_inode(self.inode)
        put_ns(kernel, self.ns)

    def read(self, kernel: Kernel, task: Task, count: int) -> bytes:
        """The status line, from where the last read ended (``mqueue_read_file``). EBADF, EINVAL."""
        if count < 0:
            raise KernelError(Errno.EINVAL, "a count below 0")
        data = self.inode.status(task).encode()[self.pos : self.pos + count]
        self.pos += len(data)
        # Linux touches the times only where something was read.
        if data:
            fact = MqRead(self.inode.ns, self.inode.ino, kernel.realtime_ns)
            kernel.record(fact, ephemeral=self.inode.ephemeral)
        return data

    def fstat(self, task: Task) -> dict[str, Any]:
        """``struct stat``, its owner as the task's user namespace calls it."""
        shown = self.inode.fstat()
        maps = task.cred.user_ns
        return shown | {
            "st_uid": maps.uid_map.munged(self.inode.uid), "st_gid": maps.gid_map.munged(self.inode.gid),
        }  # fmt: skip


def mq_file(task: Task, mqdes: int) -> MqFile:
    """The open queue of a descriptor. EBADF, also for what is no queue."""
    file = task.fds.get(mqdes)
    if not isinstance(file, MqFile):
        raise KernelError(Errno.EBADF, f"descriptor {mqdes} is no queue's")
    return file


def remove_notification(kernel: Kernel, inode: MqInode, task: Task) -> None:
    """Take back the registration of a task, if it is the registrant; a SIGEV_THREAD one is told."""
    registration = inode.notify
    if registration is None or registration.owner.group is not task.group:
        return
    inode.notify = None
    if registration.sigev_notify == SIGEV_THREAD:
        gone = MqNotified(registration.owner.pid, inode.ino, inode.name, registration.sigev_value, removed=True)
        kernel.emit(gone, ephemeral=inode.ephemeral)
