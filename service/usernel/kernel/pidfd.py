"""Descriptors of processes: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), and their ioctls (``fs/pidfs.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_RDWR
from usernel.abi.pidfd import (
    PIDFD_INFO_CGROUPID,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    PIDFD_NAMESPACES,
    PIDFD_NONBLOCK,
    PIDFD_SELF_THREAD,
    PIDFD_SELF_THREAD_GROUP,
    PIDFD_SIGNAL_PROCESS_GROUP,
    PIDFD_SIGNAL_THREAD,
    PIDFD_SIGNAL_THREAD_GROUP,
    PIDFD_THREAD,
)
from usernel.abi.poll import POLLHUP, POLLIN, POLLRDNORM
from usernel.abi.signal import SI_TKILL, SI_USER
from usernel.abi.stat import S_IFREG

from .error import KernelError
from .fdtable import open_fd
from .file import File
from .ptrace import ptrace_may_access
from .signal import Said, check_signo, group_of, said_by, send_to_allowed

if TYPE_CHECKING:
    from .call import Out
    from .kernel import Kernel
    from .ns.pid import Pid
    from .task import Task
    from .wait import WaitQueue

ROOT_CGROUP_ID = 1


class PidFile(File):
    """A pidfd: it names its process for good, also after the number means another."""

    __slots__ = ("pid", "thread")

    def __init__(self, pid: Pid, *, thread: bool = False, nonblocking: bool = False) -> None:
        super().__init__(O_RDWR | (PIDFD_NONBLOCK if nonblocking else 0) | (PIDFD_THREAD if thread else 0))
        self.pid = pid
        self.thread = thread

    @property
    def nonblocking(self) -> bool:
        """Whether waiting on it does not wait."""
        return bool(self.flags & PIDFD_NONBLOCK)

    @property
    def poll_mask(self) -> int:
        """Readable once the process has ended, hung up once it was waited for (``pidfd_poll``)."""
        task = self.pid.task
        if task is None:
            return POLLIN | POLLRDNORM | POLLHUP
        ended = task.exited and (self.thread or not task.group.threads)
        return POLLIN | POLLRDNORM if ended else 0

    @property
    def pollers(self) -> WaitQueue:
        """Who sleeps until the process ends."""
        return self.pid.pollers

    def fstat(self, task: Task) -> dict[str, Any]:
        """``struct stat``: the process's number is its inode."""
        return {
            "st_ino": self.pid.nr, "st_mode": S_IFREG | 0o700, "st_uid": 0, "st_gid": 0, "st_size": 0, "st_nlink": 1,
            "st_atime": 0, "st_mtime": 0, "st_ctime": 0,
        }  # fmt: skip


def pidfd_open(task: Task, upid: int, flags: int) -> int:
    """A descriptor of a process, or with PIDFD_THREAD of a thread. EINVAL, ESRCH, EMFILE."""
    if flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD) or upid <= 0:
        raise KernelError(Errno.EINVAL, f"{upid} is no pid, or the flags are others than those of pidfd_open")
    pid = task.thread_pid.ns.pids.get(upid)
    thread = bool(flags & PIDFD_THREAD)
    if pid is None or pid.task is None:
        raise KernelError(Errno.ESRCH, f"no task {upid}")
    if not thread and pid.task is not pid.task.leader:
        raise KernelError(Errno.ENOENT, f"{upid} is a thread: that wants PIDFD_THREAD")
    return open_fd(task, PidFile(pid, thread=thread, nonblocking=bool(flags & PIDFD_NONBLOCK)))


def pidfd_file(task: Task, fd: int) -> PidFile:
    """The pidfd of a descriptor, or the caller itself by its two special numbers. EBADF."""
    if fd in (PIDFD_SELF_THREAD, PIDFD_SELF_THREAD_GROUP):
        thread = fd == PIDFD_SELF_THREAD
        return PidFile(task.thread_pid if thread else task.leader.thread_pid, thread=thread)
    file = task.fds.get(fd)
    if not isinstance(file, PidFile):
        raise KernelError(Errno.EBADF, f"descriptor {fd} is no pidfd")
    return file


def living(file: PidFile) -> Task:
    """The task of a pidfd, a zombie too. ESRCH once it was reaped."""
    if file.pid.task is None:
        raise KernelError(Errno.ESRCH, "the process of this pidfd has ended and was waited for")
    return file.pid.task


def pidfd_getfd(task: Task, pidfd: int, targetfd: int, flags: int) -> int:
    """A descriptor of the same open file as another process's. EINVAL, EBADF, ESRCH, EPERM, EMFILE."""
    if flags:
        raise KernelError(Errno.EINVAL, "pidfd_getfd takes no flags")
    target = living(pidfd_file(task, pidfd))
    if not ptrace_may_access(task, target, fscreds=False):
        raise KernelError(Errno.EPERM, f"task {task.pid} may not look into task {target.pid}")
    if target.exited:
        raise KernelError(Errno.ESRCH, f"task {target.pid} has ended")
    return open_fd(task, target.fds.get(targetfd))


def pidfd_send_signal(kernel: Kernel, task: Task, pidfd: int, signo: int, info: Said | None, flags: int) -> None:
    """Signal the process of a pidfd: pidfd_send_signal(2).

    EINVAL for flags; EBADF; EINVAL where the process is not below the caller's pid namespace, and for a bad signal;
    EPERM, also for a siginfo that poses as the kernel's or as kill's; ESRCH.
    """
    kinds = PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP
    if flags & ~kinds or flags & (flags - 1):
        raise KernelError(Errno.EINVAL, "one of the flags PIDFD_SIGNAL_* at most")
    file = pidfd_file(task, pidfd)
    if not file.pid.ns.within(task.thread_pid.ns):
        raise KernelError(Errno.EINVAL, "the process is not in the caller's pid namespace or below")
    thread = flags == PIDFD_SIGNAL_THREAD or (not flags and file.thread)
    if info is not None and file.pid is not task.thread_pid and (info.si_code >= 0 or info.si_code == SI_TKILL):
        raise KernelError(Errno.EPERM, "this si_code is the kernel's")
    targets = group_of(file.pid) if flags == PIDFD_SIGNAL_PROCESS_GROUP else [living(file)]
    if not targets:
        raise KernelError(Errno.ESRCH, "there is no such process group")
    check_signo(signo, least=0)
    said = info or said_by(task, SI_TKILL if thread else SI_USER)
    send_to_allowed(kernel, task, targets, signo, said, f"task {targets[0].pid}", thread=thread)


def pidfd_info(task: Task, file: PidFile, mask: int) -> Out:
    """``struct pidfd_info``: PIDFD_GET_INFO. ESRCH where nothing is left to show."""
    target = file.pid.task
    shown: dict[str, Any] = {"mask": 0}
    if mask & PIDFD_INFO_EXIT and file.pid.task is None and file.pid.exit_code is not None:
        shown |= {"mask": PIDFD_INFO_CGROUPID | PIDFD_INFO_EXIT, "cgroupid": ROOT_CGROUP_ID}
        shown["exit_code"] = file.pid.exit_code
    if target is None:
        if not shown["mask"]:
            raise KernelError(Errno.ESRCH, "the process has ended and was waited for")
        return shown
    parent = target.parent
    cred, user_ns = target.cred, task.cred.user_ns
    ids = ("ruid", cred.uid), ("euid", cred.euid), ("suid", cred.suid), ("fsuid", cred.fsuid)
    gids = ("rgid", cred.gid), ("egid", cred.egid), ("sgid", cred.sgid), ("fsgid", cred.fsgid)
    shown |= {name: user_ns.uid_map.munged(kid) for name, kid in ids}
    shown |= {name: user_ns.gid_map.munged(kid) for name, kid in gids}
    shown |= {
        "mask": PIDFD_INFO_PID | PIDFD_INFO_CREDS | PIDFD_INFO_CGROUPID, "cgroupid": ROOT_CGROUP_ID,
        "pid": target.thread_pid.nr_in(task.thread_pid.ns), "tgid": target.nr_in(task),
        "ppid": parent.nr_in(task) if parent is not None else 0,
    }  # fmt: skip
    return shown


def namespace_link(cmd: int) -> str | None:
    """The link in ``/proc/[pid]/ns`` that an ioctl opens; None for another ioctl."""
    return PIDFD_NAMESPACES.get(cmd)
