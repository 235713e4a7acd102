"""Descriptors of namespaces: ``/proc/[pid]/ns``, setns(2), the ioctls NS_GET_* (``fs/nsfs.c``, ``nsproxy.c``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usernel.abi import nsfs as abi
from usernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_CHROOT
from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_RDONLY
from usernel.abi.pidfd import PIDFD_GET_INFO
from usernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from usernel.abi.sched import CLONE_NEW_ALL, KINDS
from usernel.abi.stat import S_IFREG

from .call import Return
from .error import KernelError
from .fdtable import open_fd
from .file import File
from .ns.cgroup import CgroupNamespace
from .ns.mnt import MntNamespace
from .ns.namespace import Namespace
from .ns.pid import PidNamespace
from .ns.time import TimeNamespace
from .ns.tree import get_ns, put_ns
from .ns.user import UserNamespace
from .nsproxy import commit_creds, switch
from .pidfd import PidFile, living, namespace_link, pidfd_info
from .ptrace import ptrace_may_access

if TYPE_CHECKING:
    from .cred import Cred
    from .kernel import Kernel
    from .task import Task

LINKS = (*KINDS, "pid_for_children", "time_for_children")
SETNS_ORDER = ("user", "mnt", "uts", "ipc", "pid", "cgroup", "net", "time")


class NsFile(File):
    """An open namespace; it keeps it."""

    __slots__ = ("ns", "opened")

    def __init__(self, ns: Namespace, seconds: int, flags: int = O_RDONLY) -> None:
        super().__init__(flags)
        self.ns = ns
        self.opened = seconds
        get_ns(ns)

    @property
    def poll_mask(self) -> int:
        """Always ready, as files are that do not wait."""
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM

    def release(self, kernel: Kernel) -> None:
        """It keeps the namespace no more."""
        put_ns(kernel, self.ns)

    def fstat(self, task: Task) -> dict[str, Any]:
        """``struct stat``: the namespace's number is its inode, and the global root its owner."""
        maps = task.cred.user_ns
        return {
            "st_ino": self.ns.inum, "st_mode": S_IFREG | 0o444, "st_uid": maps.uid_map.munged(0),
            "st_gid": maps.gid_map.munged(0), "st_size": 0, "st_nlink": 1,
            **dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), self.opened),
        }  # fmt: skip


def link_of(task: Task, name: str) -> Namespace | None:
    """The namespace behind a link of ``/proc/[pid]/ns``; None where there is none (any more)."""
    if task.exited:
        return task.cred.user_ns if name == "user" else task.thread_pid.ns if name == "pid" else None
    if name == "user":
        return task.cred.user_ns
    if name == "pid":
        return task.thread_pid.ns
    found: Namespace = getattr(task.nsproxy, name)
    if name == "pid_for_children" and isinstance(found, PidNamespace) and found.child_reaper is None:
        return None
    return found


def proc_ns(caller: Task, target: Task, name: str) -> Namespace:
    """The namespace of a link that a task may follow. ENOENT, EACCES."""
    if name not in LINKS:
        raise KernelError(Errno.ENOENT, f"there is no namespace {name!r}; there are {', '.join(LINKS)}")
    if not ptrace_may_access(caller, target, fscreds=True):
        raise KernelError(Errno.EACCES, f"task {caller.pid} may not look into task {target.pid}")
    found = link_of(target, name)
    if found is None:
        raise KernelError(Errno.ENOENT, f"task {target.pid} has no {name}")
    return found


# --------------------------------------------------------------------------------------------------------------- setns


def setns(kernel: Kernel, task: Task, fd: int, nstype: int) -> None:
    """Enter the namespace of a descriptor, or those of a pidfd's process that ``nstype`` names; all or none.

    EBADF; EINVAL for another kind, for no kinds, for one's own user namespace or with several threads; EPERM; ESRCH;
    EUSERS for a time namespace with several threads.
    """
    file = task.fds.get(fd)
    if isinstance(file, NsFile):
        if nstype not in (0, file.ns.kind):
            raise KernelError(Errno.EINVAL, f"descriptor {fd} is a {file.ns.name} namespace's")
        entering = [file.ns]
    elif isinstance(file, PidFile):
        entering = _of_process(task, file, nstype)
    else:
        raise KernelError(Errno.EINVAL, f"descriptor {fd} is neither a namespace's nor a process's")
    _enter(kernel, task, entering)


def _of_process(task: Task, file: PidFile, nstype: int) -> list[Namespace]:
    if not nstype or nstype & ~CLONE_NEW_ALL:
        raise KernelError(Errno.EINVAL, "with a pidfd the kinds of namespaces are wanted, and nothing else")
    target = living(file)
    if not ptrace_may_access(task, target, fscreds=False):
        raise KernelError(Errno.EPERM, f"task {task.pid} may not look into task {target.pid}")
    if target.exited:
        raise KernelError(Errno.ESRCH, f"task {target.pid} has ended")
    found = [link_of(target, name) for name in SETNS_ORDER if nstype & KINDS[name]]
    return [ns for ns in found if ns is not None]


def _enter(kernel: Kernel, task: Task, entering: list[Namespace]) -> None:
    """Check one after the other, then enter them at once (``validate_nsset``, ``commit_nsset``)."""
    cred, nsproxy = task.cred, task.nsproxy
    for ns in entering:
        INSTALL.get(type(ns), _may_install)(task, cred, ns)
        if isinstance(ns, UserNamespace):
            cred = cred.inside(ns)
        elif isinstance(ns, PidNamespace):
            nsproxy = replace(nsproxy, pid_for_children=ns)
        elif isinstance(ns, TimeNamespace):
            nsproxy = replace(nsproxy, time=ns, time_for_children=ns)
        else:
            changed: dict[str, Any] = {ns.name: ns}
            nsproxy = replace(nsproxy, **changed)
    if cred is not task.cred:
        commit_creds(kernel, task, cred)
    if nsproxy is not task.nsproxy:
        switch(kernel, task, nsproxy)


def _may_install(task: Task, cred: Cred, ns: Namespace) -> None:
    """CAP_SYS_ADMIN over the namespace, and in the user namespace that the task will be in."""
    mine = task.cred
    if not (mine.ns_capable(ns.user_ns, CAP_SYS_ADMIN) and mine.ns_capable(cred.user_ns, CAP_SYS_ADMIN)):
        raise KernelError(Errno.EPERM, f"entering {ns.link} wants CAP_SYS_ADMIN over it, and where the caller is")


def _install_user(task: Task, cred: Cred, ns: Namespace) -> None:
    if not isinstance(ns, UserNamespace) or ns is task.cred.user_ns:
        raise KernelError(Errno.EINVAL, "the caller is in this user namespace already")
    if not task.single_threaded:
        raise KernelError(Errno.EINVAL, "the caller has several threads")
    if task.fs.users != 1:
        raise KernelError(Errno.EINVAL, "the caller shares its root directory with others")
    if not task.cred.ns_capable(ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, f"entering {ns.link} wants CAP_SYS_ADMIN in it")


def _install_mnt(task: Task, cred: Cred, ns: Namespace) -> None:
    _may_install(task, cred, ns)
    if not task.cred.ns_capable(cred.user_ns, CAP_SYS_CHROOT):
        raise KernelError(Errno.EPERM, "entering a mount namespace wants CAP_SYS_CHROOT too")
    if task.fs.users != 1:
        raise KernelError(Errno.EINVAL, "the caller shares its root directory with others")


def _install_pid(task: Task, cred: Cred, ns: Namespace) -> None:
    _may_install(task, cred, ns)
    if not isinstance(ns, PidNamespace) or not ns.within(task.thread_pid.ns):
        raise KernelError(Errno.EINVAL, "a pid namespace is entered from above only")


def _install_time(task: Task, cred: Cred, ns: Namespace) -> None:
    if not task.single_threaded:
        raise KernelError(Errno.EUSERS, "the caller has several threads")
    _may_install(task, cred, ns)


INSTALL = {
    UserNamespace: _install_user,
    MntNamespace: _install_mnt,
    PidNamespace: _install_pid,
    TimeNamespace: _install_time,
    CgroupNamespace: _may_install,
}


# -------------------------------------------------------------------------------------------------------------- ioctls


def ioctl(kernel: Kernel, task: Task, fd: int, cmd: int, arg: int) -> Return:
    """The ioctls of namespaces and pidfds. EBADF; ENOTTY for another file or command; EACCES EPERM EINVAL ESRCH."""
    file = task.fds.get(fd)
    if isinstance(file, NsFile):
        return _ns_ioctl(kernel, task, file.ns, cmd, arg)
    if isinstance(file, PidFile):
        return _pidfd_ioctl(kernel, task, file, cmd, arg)
    raise KernelError(Errno.ENOTTY, f"descriptor {fd} knows no ioctls")


def _pidfd_ioctl(kernel: Kernel, task: Task, file: PidFile, cmd: int, arg: int) -> Return:
    if cmd == PIDFD_GET_INFO:
        return Return(0, {"pidfd_info": pidfd_info(task, file, arg)})
    name = namespace_link(cmd)
    if name is None:
        raise KernelError(Errno.ENOTTY, f"{cmd:#x} is no ioctl of a pidfd")
    if arg:
        raise KernelError(Errno.EINVAL, "this ioctl takes no argument")
    target = living(file)
    if not ptrace_may_access(task, target, fscreds=True):
        raise KernelError(Errno.EACCES, f"task {task.pid} may not look into task {target.pid}")
    ns = link_of(target, name)
    if ns is None or target.exited:
        raise KernelError(Errno.ESRCH, f"task {target.pid} has ended")
    return Return(open_fd(task, NsFile(ns, kernel.seconds)))


def _ns_ioctl(kernel: Kernel, task: Task, ns: Namespace, cmd: int, arg: int) -> Return:
    if cmd == abi.NS_GET_USERNS:
        return Return(open_fd(task, NsFile(_owner(task, ns), kernel.seconds)))
    if cmd == abi.NS_GET_PARENT:
        return Return(open_fd(task, NsFile(_parent(task, ns), kernel.seconds)))
    if cmd == abi.NS_GET_NSTYPE:
        return Return(ns.kind)
    if cmd == abi.NS_GET_OWNER_UID:
        return Return(0, {"uid": _owner_uid(task, ns)})
    if cmd == abi.NS_GET_ID:
        return Return(0, {"ns_id": ns.ns_id})
    if isinstance(ns, PidNamespace) and cmd in PID_QUERIES:
        return Return(_translated(task, ns, cmd, arg))
    if isinstance(ns, MntNamespace) and cmd == abi.NS_GET_MNTNS_ID:
        return Return(0, {"ns_id": ns.ns_id})
    if isinstance(ns, MntNamespace) and cmd in MNT_QUERIES:
        return _mnt_query(kernel, task, ns, cmd)
    if cmd in (abi.NS_MNT_GET_NEXT, abi.NS_MNT_GET_PREV):
        _check_sees_all(kernel, task)
    known = cmd in PID_QUERIES or cmd in MNT_QUERIES or cmd == abi.NS_GET_MNTNS_ID
    raise KernelError(Errno.EINVAL if known else Errno.ENOTTY, f"{cmd:#x} is no ioctl of a {ns.name} namespace")


PID_QUERIES = (
    abi.NS_GET_PID_FROM_PIDNS, abi.NS_GET_TGID_FROM_PIDNS, abi.NS_GET_PID_IN_PIDNS, abi.NS_GET_TGID_IN_PIDNS,
)  # fmt: skip
MNT_QUERIES = (abi.NS_MNT_GET_INFO, abi.NS_MNT_GET_NEXT, abi.NS_MNT_GET_PREV)


def _owner(task: Task, ns: Namespace) -> UserNamespace:
    """The user namespace that owns it, if the caller's is that one or above (``ns_get_owner``). EPERM."""
    owner = ns.owner
    if owner is None or not owner.within(task.cred.user_ns):
        raise KernelError(Errno.EPERM, f"the owner of {ns.link} is not below the caller's user namespace")
    return owner


def _parent(task: Task, ns: Namespace) -> Namespace:
    if not isinstance(ns, (UserNamespace, PidNamespace)):
        raise KernelError(Errno.EINVAL, f"{ns.name} namespaces have no parents")
    if isinstance(ns, UserNamespace):
        return _owner(task, ns)
    parent = ns.parent
    if parent is None or not parent.within(task.thread_pid.ns):
        raise KernelError(Errno.EPERM, f"the parent of {ns.link} is not below the caller's pid namespace")
    return parent


def _owner_uid(task: Task, ns: Namespace) -> int:
    if not isinstance(ns, UserNamespace):
        raise KernelError(Errno.EINVAL, "only user namespaces have an owner's uid")
    return task.cred.user_ns.uid_map.munged(ns.uid)


def _translated(task: Task, ns: PidNamespace, cmd: int, arg: int) -> int:
    """A pid of one namespace as the other calls it. ESRCH."""
    inside = cmd in (abi.NS_GET_PID_IN_PIDNS, abi.NS_GET_TGID_IN_PIDNS)
    here = task.thread_pid.ns
    pid = (here if inside else ns).pids.get(arg)
    if pid is None or pid.task is None:
        raise KernelError(Errno.ESRCH, f"no task {arg}")
    found = pid.task.leader if cmd in (abi.NS_GET_TGID_FROM_PIDNS, abi.NS_GET_TGID_IN_PIDNS) else pid.task
    number = found.thread_pid.nr_in(ns if inside else here)
    if not number:
        raise KernelError(Errno.ESRCH, f"task {arg} is not seen there")
    return number


def _mnt_query(kernel: Kernel, task: Task, ns: MntNamespace, cmd: int) -> Return:
    """``struct mnt_ns_info`` of a mount namespace, or a descriptor of the next or previous one. EPERM, ENOENT."""
    if cmd == abi.NS_MNT_GET_INFO:
        return Return(0, {"mnt_ns_info": _mnt_info(ns)})
    _check_sees_all(kernel, task)
    ids = sorted((found.ns_id, found) for found in kernel.ns_tree if isinstance(found, MntNamespace))
    others = [found for ns_id, found in ids if (ns_id > ns.ns_id) == (cmd == abi.NS_MNT_GET_NEXT) and found is not ns]
    if not others:
        raise KernelError(Errno.ENOENT, "there is no further mount namespace")
    chosen = others[0] if cmd == abi.NS_MNT_GET_NEXT else others[-1]
    return Return(open_fd(task, NsFile(chosen, kernel.seconds)), {"mnt_ns_info": _mnt_info(chosen)})


def _check_sees_all(kernel: Kernel, task: Task) -> None:
    """``may_see_all_namespaces``: in the initial pid namespace, with CAP_SYS_ADMIN in its user namespace. EPERM."""
    here = task.thread_pid.ns
    if here.above is not None or not task.cred.ns_capable(here.user_ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, "going through all mount namespaces is for the initial ones' administrator")


def _mnt_info(ns: MntNamespace) -> dict[str, int]:
    return {"size": abi.MNT_NS_INFO_SIZE, "nr_mounts": len(ns.mounts), "mnt_ns_id": ns.ns_id}
