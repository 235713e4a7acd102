"""Which namespaces a task is in: immutable, and replaced whole (``kernel/nsproxy.c``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from usernel.abi.capability import CAP_SYS_ADMIN
from usernel.abi.errno import Errno
from usernel.abi.sched import CLONE_NEWIPC

from .error import KernelError
from .facts import IpcNamespaceCreated

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel
    from .ns.ipc import IpcNamespace
    from .task import Task


@dataclass(frozen=True, slots=True)
class NsProxy:
    """``struct nsproxy``: the namespaces of a task, one of each kind."""

    ipc: IpcNamespace

    def stat(self) -> dict[str, str]:
        """The links of ``/proc/[pid]/ns``."""
        return {"ipc": f"ipc:[{self.ipc.inum}]"}


def check_flags(cred: Cred, flags: int) -> None:
    """Whether these credentials may make these namespaces. EINVAL for a kind that is not there; EPERM."""
    if flags & ~CLONE_NEWIPC:
        raise KernelError(Errno.EINVAL, f"unshare takes CLONE_NEWIPC as yet, not {flags & ~CLONE_NEWIPC:#x}")
    if flags and not cred.capable(CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, "a new IPC namespace wants CAP_SYS_ADMIN")


def new_nsproxy(kernel: Kernel, cred: Cred, current: NsProxy, flags: int) -> NsProxy:
    """The nsproxy after ``flags`` made some of its namespaces anew (``create_new_namespaces``)."""
    if not flags & CLONE_NEWIPC:
        return current
    inum = kernel.next_ns_inum()
    kernel.record(IpcNamespaceCreated(inum, cred.euid))
    return replace(current, ipc=kernel.ipc_namespaces[inum])


def unshare(kernel: Kernel, task: Task, flags: int) -> None:
    """Move a task to new namespaces of its own: unshare(2). EINVAL, EPERM."""
    check_flags(task.cred, flags)
    switch(kernel, task, new_nsproxy(kernel, task.cred, task.nsproxy, flags))


def switch(kernel: Kernel, task: Task, nsproxy: NsProxy) -> None:
    """Give a task another nsproxy (``switch_task_namespaces``)."""
    old = task.nsproxy.ipc
    nsproxy.ipc.tasks += 1
    old.tasks -= 1
    task.nsproxy = nsproxy
    kernel.put_ipc_ns(old)
