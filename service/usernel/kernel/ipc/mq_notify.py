"""mq_notify(2): who is told when a message arrives in an empty queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.mqueue import SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD
from usernel.abi.signal import NSIG, SI_MESGQ

from ..call import Call, Return
from ..error import KernelError
from ..outputs import MqNotified
from ..signal import SigInfo, send_signal
from .mqueue_file import mq_file, remove_notification
from .mqueue_inode import MqInode, Registration

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task


def mq_notify(kernel: Kernel, call: Call, mqdes: int, notification: tuple[int, int, int] | None) -> Return:
    """Register the task to be told once, or (None) take its registration back (``do_mq_notify``).

    ``notification`` is ``(sigev_notify, sigev_signo, sigev_value)``. EINVAL for an unknown kind or signal; EBADF;
    EBUSY where somebody is registered.
    """
    if notification is not None:
        kind, signo, _ = notification
        if kind not in (SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD):
            raise KernelError(Errno.EINVAL, f"{kind} is no way to notify")
        if kind == SIGEV_SIGNAL and not 0 <= signo <= NSIG:
            raise KernelError(Errno.EINVAL, f"{signo} is no signal")
    inode = mq_file(call.task, mqdes).inode
    if notification is None:
        remove_notification(kernel, inode, call.task)
    elif inode.notify is not None:
        raise KernelError(Errno.EBUSY, f"task {inode.notify.owner.pid} is registered already")
    else:
        inode.notify = Registration(call.task.leader, call.task.cred.user_ns, *notification)
    return Return(0)


def do_notify(kernel: Kernel, inode: MqInode, sender: Task, was_empty: bool) -> None:
    """A message was put in and nobody waited for it: tell the registrant if the queue was empty, and wake pollers."""
    registration = inode.notify
    if registration is not None and was_empty:
        inode.notify = None
        if registration.sigev_notify == SIGEV_SIGNAL and registration.sigev_signo:
            owner, uid_map = registration.owner, registration.user_ns.uid_map
            ids = (sender.nr_in(owner), uid_map.munged(sender.cred.uid))
            info = SigInfo(registration.sigev_signo, SI_MESGQ, *ids, registration.sigev_value)
            send_signal(kernel, owner, info, force=not sender.nr_in(owner))
        elif registration.sigev_notify == SIGEV_THREAD:
            pid = registration.owner.pid
            came = MqNotified(pid, inode.ino, inode.name, registration.sigev_value, removed=False)
            kernel.emit(came, ephemeral=inode.ephemeral)
    kernel.wake_all(inode.pollers)
