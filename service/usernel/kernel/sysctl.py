"""Numbers under ``/proc/sys`` that belong to a namespace: who may read and write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from usernel.abi.capability import CAP_CHECKPOINT_RESTORE, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from usernel.abi.errno import Errno

from .error import KernelError
from .facts import SysctlSet
from .ns.idmap import INVALID_ID
from .ns.ipc import MSG_NEXT_ID, IpcNamespace
from .ns.net import NetNamespace
from .ns.pid import PidNamespace
from .ns.user import UserNamespace

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel
    from .ns.namespace import Namespace
    from .ns.user import UserNamespace as Owner
    from .task import Task


GLOBAL_ROOT_UID: Final = 0


def namespace_of(task: Task, name: str) -> Namespace:
    """The namespace of a task that holds a number. ENOENT for a name that is not there."""
    nsproxy = task.nsproxy
    for ns in (nsproxy.ipc, task.cred.user_ns, task.thread_pid.ns, nsproxy.net):
        if name in ns.SYSCTLS:
            return ns
    raise KernelError(Errno.ENOENT, f"no sysctl {name!r}")


def write(kernel: Kernel, cred: Cred, ns: Namespace, name: str, value: int) -> None:
    """Write a number. EACCES and EPERM for whom it is not theirs to write; EINVAL outside the range."""
    check_permission(cred, ns, name)
    sysctl = ns.SYSCTLS[name]
    if not sysctl.least <= value <= sysctl.greatest:
        raise KernelError(Errno.EINVAL, f"{name} takes {sysctl.least} to {sysctl.greatest}")
    if isinstance(ns, PidNamespace):
        ns.set_sysctl(name, value)  # pids end with the service: there is nothing to keep
    else:
        kernel.record(SysctlSet(ns.inum, name, value))


def check_permission(cred: Cred, ns: Namespace, name: str) -> None:
    """Whether a number may be written: by root of its user namespace, or (some) by a capability there."""
    if isinstance(ns, PidNamespace):
        if not may_restore(cred, ns.user_ns):
            raise KernelError(Errno.EPERM, f"writing {name} wants CAP_CHECKPOINT_RESTORE")
    elif not _may_write(cred, ns, name):
        raise KernelError(Errno.EACCES, f"writing {name} is not allowed to uid {cred.euid}")


def _may_write(cred: Cred, ns: Namespace, name: str) -> bool:
    if isinstance(ns, IpcNamespace):
        return may_restore(cred, ns.user_ns) if name == MSG_NEXT_ID else cred.euid == _root(ns.user_ns)
    if isinstance(ns, UserNamespace):
        return cred.ns_capable(ns, CAP_SYS_RESOURCE)
    if isinstance(ns, NetNamespace):
        return cred.ns_capable(ns.user_ns, CAP_NET_ADMIN) or cred.euid == GLOBAL_ROOT_UID
    return False


def may_restore(cred: Cred, ns: Owner) -> bool:
    """``checkpoint_restore_ns_capable``."""
    return cred.ns_capable(ns, CAP_CHECKPOINT_RESTORE) or cred.ns_capable(ns, CAP_SYS_ADMIN)


def _root(ns: Owner) -> int:
    """The owner of an IPC namespace's files: its root, or where that has no mapping, the global one."""
    return ns.root_uid if ns.root_uid != INVALID_ID else GLOBAL_ROOT_UID
