"""Namespaces by their inode numbers, for whoever administers them: see them, and keep them without tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.capability import CAP_SYS_ADMIN
from usernel.abi.errno import Errno

from ..error import KernelError
from ..facts import NamespacePinned
from .tree import end_unless_kept
from .user import UserNamespace

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task
    from .namespace import Namespace


def sees(task: Task, ns: Namespace) -> bool:
    """Whether a task may know of a namespace: it is in it, or it is owned where the task is, or below."""
    mine = task.cred.user_ns
    if isinstance(ns, UserNamespace):
        return ns.within(mine)
    return ns.user_ns.within(mine) or ns in task.nsproxy.everything or ns is task.thread_pid.ns


def visible(kernel: Kernel, task: Task, inum: int) -> Namespace:
    """The namespace of an inode number. ENOENT for one that is not there, or not to be seen."""
    ns = kernel.ns_tree.find(inum)
    if ns is None or not sees(task, ns):
        raise KernelError(Errno.ENOENT, f"there is no namespace {inum}")
    return ns


def page(kernel: Kernel, task: Task, kind: str | None, after: int, limit: int) -> list[Namespace]:
    """Up to ``limit`` namespaces that a task may know of, with inode numbers above ``after``, ascending."""
    found: list[Namespace] = []
    while len(found) < limit and (more := kernel.ns_tree.page(kind, after, limit)):
        after = more[-1].inum
        found += [ns for ns in more if sees(task, ns)]
    return found[:limit]


def pin(kernel: Kernel, task: Task, inum: int, *, pinned: bool) -> None:
    """Keep a namespace as a bind mount of it does, or no more. ENOENT; EPERM without CAP_SYS_ADMIN over it."""
    ns = visible(kernel, task, inum)
    owner = ns if isinstance(ns, UserNamespace) else ns.user_ns
    if not task.cred.ns_capable(owner, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, f"pinning {ns.link} wants CAP_SYS_ADMIN over it")
    if ns.pinned is not pinned:
        kernel.record(NamespacePinned(inum, pinned))
        end_unless_kept(kernel, ns)
