"""Which namespaces a task is in: immutable, and replaced whole (``kernel/nsproxy.c``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from usernel.abi.capability import CAP_SETFCAP, CAP_SYS_ADMIN
from usernel.abi.errno import Errno
from usernel.abi.sched import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEW_ALL,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
    NAMESPACES,
    UNSHARE_FLAGS,
)

from .error import KernelError
from .facts import NamespaceCreated
from .ns.idmap import INVALID_ID
from .ns.tree import get_ns, put_ns
from .ns.user import MAX_LEVEL, UserNamespace

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel
    from .ns.cgroup import CgroupNamespace
    from .ns.ipc import IpcNamespace
    from .ns.mnt import MntNamespace
    from .ns.namespace import Namespace
    from .ns.net import NetNamespace
    from .ns.pid import PidNamespace
    from .ns.time import TimeNamespace
    from .ns.uts import UtsNamespace
    from .task import Task

UNSHARE_KNOWN = sum(UNSHARE_FLAGS.values.values())
NEW_BUT_USER = CLONE_NEW_ALL & ~CLONE_NEWUSER
FIELDS = {"pid": "pid_for_children", "time": "time_for_children"}
"""Where a new namespace goes, of the kinds that only children enter."""


@dataclass(frozen=True, slots=True)
class NsProxy:
    """``struct nsproxy``: the namespaces of a task, one of each kind but user, which is its credentials'.

    The pid namespace that a task itself is in is that of its ``struct pid``.
    """

    uts: UtsNamespace
    ipc: IpcNamespace
    mnt: MntNamespace
    pid_for_children: PidNamespace
    net: NetNamespace
    time: TimeNamespace
    time_for_children: TimeNamespace
    cgroup: CgroupNamespace

    @property
    def members(self) -> tuple[Namespace, ...]:
        """The namespaces that its task is in."""
        return (self.uts, self.ipc, self.mnt, self.net, self.time, self.cgroup)

    @property
    def everything(self) -> tuple[Namespace, ...]:
        """Those, and the ones that its children will be in."""
        return (*self.members, self.pid_for_children, self.time_for_children)

    def current(self, name: str) -> Namespace:
        """The namespace of a kind that a new one is made from."""
        found: Namespace = getattr(self, FIELDS.get(name, name))
        return found

    def stat(self) -> dict[str, str]:
        """The links of ``/proc/[pid]/ns``, but for pid and user."""
        names = ("uts", "ipc", "mnt", "pid_for_children", "net", "time", "time_for_children", "cgroup")
        return {name: getattr(self, name).link for name in names}


# --------------------------------------------------------------------------------------------------------- membership


def enter(nsproxy: NsProxy) -> NsProxy:
    """One more task has this nsproxy (``get_nsproxy``)."""
    for ns in nsproxy.members:
        ns.tasks += 1
    for ns in nsproxy.everything:
        get_ns(ns)
    return nsproxy


def leave(kernel: Kernel, nsproxy: NsProxy) -> None:
    """One task less has it (``put_nsproxy``)."""
    for ns in nsproxy.members:
        ns.tasks -= 1
    for ns in nsproxy.everything:
        put_ns(kernel, ns)


def switch(kernel: Kernel, task: Task, nsproxy: NsProxy) -> None:
    """Give a task another nsproxy (``switch_task_namespaces``)."""
    old, task.nsproxy = task.nsproxy, enter(nsproxy)
    nsproxy.time.frozen = True
    leave(kernel, old)


def commit_creds(kernel: Kernel, task: Task, cred: Cred) -> None:
    """Give a task other credentials; changed ids keep others from looking into it, and its parent's death silent."""
    old = task.cred
    if old.user_ns is not cred.user_ns:
        cred.user_ns.tasks += 1
        get_ns(cred.user_ns)
    ids_changed = (old.euid, old.egid, old.fsuid, old.fsgid) != (cred.euid, cred.egid, cred.fsuid, cred.fsgid)
    if ids_changed or not old.holds(cred):
        task.group.dumpable = False
        task.pdeathsig = 0
    task.cred = cred
    if old.uid != cred.uid:
        kernel.count_task(old.uid, -1)
        kernel.count_task(cred.uid, 1)
    if old.user_ns is not cred.user_ns:
        old.user_ns.tasks -= 1
        put_ns(kernel, old.user_ns)


# ------------------------------------------------------------------------------------------------------------- making


def check_user_ns(cred: Cred) -> None:
    """Whether these credentials may make a user namespace (``create_user_ns``). ENOSPC, EPERM."""
    parent = cred.user_ns
    if parent.level > MAX_LEVEL:
        raise KernelError(Errno.ENOSPC, f"user namespaces nest {MAX_LEVEL + 1} deep")
    if not parent.room_for(CLONE_NEWUSER, cred.euid):
        raise KernelError(Errno.ENOSPC, "user.max_user_namespaces is reached")
    if INVALID_ID in (parent.uid_map.up(cred.euid), parent.gid_map.up(cred.egid)):
        raise KernelError(Errno.EPERM, "the ids of the caller have no mapping in its user namespace")


def make_user_ns(kernel: Kernel, cred: Cred) -> Cred:
    """A new user namespace, and the credentials in it. What may be refused has been looked at."""
    inum, ns_id = kernel.ns_tree.next_numbers()
    parent = cred.user_ns
    kernel.record(NamespaceCreated(CLONE_NEWUSER, inum, ns_id, parent.inum, cred.euid, cred.egid, parent.inum))
    made = kernel.ns_tree.user(inum)
    made.parent_could_setfcap = bool(cred.cap_effective & CAP_SETFCAP)
    return cred.inside(made)


@dataclass(frozen=True, slots=True)
class Making:
    """Namespaces to be made: which kinds, out of whose, charged and owned by whom. Checked whole, then made whole."""

    flags: int
    nsproxy: NsProxy
    active_pid_ns: PidNamespace
    uid: int
    gid: int
    user_ns: UserNamespace
    """Where they are charged: what will own them, or what lies above the one that is still to be made for that."""

    def kinds(self) -> Iterable[int]:
        """The flags of the kinds, in the order in which Linux makes them."""
        return (kind for kind in NAMESPACES if kind != CLONE_NEWUSER and self.flags & kind)

    def check(self) -> None:
        """ENOSPC at a limit; EINVAL for a pid namespace that would not lie below the caller's own."""
        for kind in self.kinds():
            if kind == CLONE_NEWPID:
                self._check_pid()
            if not self.user_ns.room_for(kind, self.uid):
                raise KernelError(Errno.ENOSPC, f"user.max_{NAMESPACES[kind]}_namespaces is reached")

    def _check_pid(self) -> None:
        above = self.nsproxy.pid_for_children
        if self.active_pid_ns is not above:
            raise KernelError(Errno.EINVAL, "the children's pid namespace is another than the caller's already")
        if not self.user_ns.within(above.user_ns):
            raise KernelError(Errno.EINVAL, "the pid namespace above belongs to another user namespace")
        if above.level >= MAX_LEVEL:
            raise KernelError(Errno.ENOSPC, f"pid namespaces nest {MAX_LEVEL} deep")

    def make(self, kernel: Kernel, owner: UserNamespace) -> NsProxy:
        """The nsproxy with the new namespaces (``create_new_namespaces``)."""
        made: dict[str, Any] = {}
        for kind in self.kinds():
            name = NAMESPACES[kind]
            inum, ns_id = kernel.ns_tree.next_numbers()
            source = self.nsproxy.current(name).inum
            kernel.record(NamespaceCreated(kind, inum, ns_id, owner.inum, self.uid, self.gid, source))
            made[FIELDS.get(name, name)] = kernel.ns_tree.find(inum)
        return replace(self.nsproxy, **made)


def making(task: Task, cred: Cred, flags: int) -> Making:
    """What a task with these credentials makes."""
    return Making(flags, task.nsproxy, task.thread_pid.ns, cred.euid, cred.egid, cred.user_ns)


# ------------------------------------------------------------------------------------------------------------ unshare


def unshare(kernel: Kernel, task: Task, flags: int) -> None:
    """Move a task to namespaces of its own, all or none (``ksys_unshare``). EINVAL, EPERM, ENOSPC."""
    check_unshare_flags(task, flags)
    if flags & CLONE_NEWUSER:
        check_user_ns(task.cred)
    elif flags & NEW_BUT_USER and not task.cred.ns_capable(task.cred.user_ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, "new namespaces want CAP_SYS_ADMIN, or CLONE_NEWUSER with them")
    plan = making(task, task.cred, flags & CLONE_NEW_ALL)
    plan.check()
    _unshare_shared(kernel, task, flags)
    if flags & CLONE_NEWUSER:
        commit_creds(kernel, task, make_user_ns(kernel, task.cred))
    if flags & NEW_BUT_USER:
        switch(kernel, task, plan.make(kernel, task.cred.user_ns))


def check_unshare_flags(task: Task, flags: int) -> None:
    """EINVAL for flags that unshare(2) does not take, and for threads that cannot be parted."""
    if flags & ~UNSHARE_KNOWN:
        raise KernelError(Errno.EINVAL, f"unshare takes no flags {flags & ~UNSHARE_KNOWN:#x}")
    parted = flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER)
    if parted and not task.single_threaded:
        raise KernelError(Errno.EINVAL, "the caller has several threads")


def _unshare_shared(kernel: Kernel, task: Task, flags: int) -> None:
    if flags & (CLONE_FS | CLONE_NEWUSER | CLONE_NEWNS) and task.fs.users > 1:
        task.fs.users -= 1
        task.fs = task.fs.copy()
    if flags & CLONE_FILES and task.fds.users > 1:
        task.fds.users -= 1
        task.fds = task.fds.copy()


def copy_namespaces(task: Task, cred: Cred, flags: int) -> Making | None:
    """What clone(2) is to make, checked (``copy_namespaces``); None where the child shares. EPERM, EINVAL, ENOSPC."""
    if not flags & NEW_BUT_USER:
        return None
    if not flags & CLONE_NEWUSER and not cred.ns_capable(cred.user_ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, "new namespaces want CAP_SYS_ADMIN, or CLONE_NEWUSER with them")
    if flags & CLONE_NEWIPC and flags & CLONE_SYSVSEM:
        raise KernelError(Errno.EINVAL, "CLONE_NEWIPC and CLONE_SYSVSEM exclude each other")
    plan = making(task, cred, flags & CLONE_NEW_ALL)
    plan.check()
    return plan
