"""Tasks: who calls (``struct task_struct``), how they are born and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usernel.abi.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_RESOURCE
from usernel.abi.errno import Errno
from usernel.abi.mqueue import MQ_BYTES_MAX
from usernel.abi.resource import (
    DEFAULT_PRIO,
    RLIM_INFINITY,
    RLIM_NLIMITS,
    RLIMIT_MSGQUEUE,
    RLIMIT_NICE,
    RLIMIT_NOFILE,
    RLIMIT_NPROC,
    RLIMIT_RTPRIO,
    RLIMIT_SIGPENDING,
)
from usernel.abi.signal import SI_USER

from .cred import Cred
from .error import KernelError
from .fdtable import FdTable, close_all
from .nsproxy import NsProxy, check_flags, new_nsproxy
from .outputs import TaskExited
from .signal import SigInfo, SignalState, send_signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .call import Call
    from .kernel import Kernel

TASK_COMM_LEN = 16
UNKILLABLE_PIDS = (1, 2)
"""init, and the default task that requests without one of their own act as: no signal ends them."""


@dataclass(frozen=True, slots=True)
class RLimit:
    """``struct rlimit64``."""

    cur: int
    max: int


def default_rlimits() -> list[RLimit]:
    """The limits that init is born with (``INIT_RLIMITS``); only those that an object here counts are finite."""
    limits = [RLimit(RLIM_INFINITY, RLIM_INFINITY)] * RLIM_NLIMITS
    limits[RLIMIT_NPROC] = limits[RLIMIT_SIGPENDING] = RLimit(4096, 4096)
    limits[RLIMIT_NOFILE] = RLimit(1024, 4096)
    limits[RLIMIT_MSGQUEUE] = RLimit(MQ_BYTES_MAX, MQ_BYTES_MAX)
    limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = RLimit(0, 0)
    return limits


@dataclass(eq=False, slots=True)
class Task:
    """One task. ``parked`` are its calls that sleep, oldest first; ``holding`` those whose messages are held."""

    pid: int
    parent: Task | None
    cred: Cred
    nsproxy: NsProxy
    pgid: int
    comm: str = "usernel"
    fds: FdTable = field(default_factory=FdTable)
    rlimits: list[RLimit] = field(default_factory=default_rlimits)
    umask: int = 0o022
    nice: int = 0
    signals: SignalState = field(default_factory=SignalState)
    children: dict[int, Task] = field(default_factory=dict)
    parked: dict[Call, None] = field(default_factory=dict)
    holding: dict[Call, None] = field(default_factory=dict)
    exited: bool = False
    pdeathsig: int = 0
    lease: int | None = None
    """When the task ends unless its lease is renewed, in ns MONOTONIC."""

    @property
    def prio(self) -> int:
        """The priority by which waiters are ordered; a smaller number is more urgent."""
        return DEFAULT_PRIO + self.nice

    @property
    def unkillable(self) -> bool:
        """Whether signals that would end the task are dropped (SIGNAL_UNKILLABLE)."""
        return self.pid in UNKILLABLE_PIDS

    def stat(self) -> dict[str, Any]:
        """The task as ``/proc/[pid]`` shows it."""
        return {
            "pid": self.pid, "ppid": self.parent.pid if self.parent else 0, "pgid": self.pgid, "comm": self.comm,
            **self.cred.stat(), "nice": self.nice, "umask": f"{self.umask:04o}", "ns": self.nsproxy.stat(),
            "fds": len(self.fds), "signals": self.signals.stat(), "calls": [call.stat() for call in self.parked],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fork:
    """How a child differs from its parent; None leaves a field as the parent's.

    ``caps`` is the mask of capabilities to keep; ``ttl_ns`` how long it lives unless renewed. ``daemon`` makes it a
    child of init, ``setsid`` the leader of a process group of its own; ``pdeathsig`` reaches it when its parent ends.
    """

    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] | None = None
    caps: int | None = None
    comm: str | None = None
    unshare: int = 0
    ttl_ns: int | None = None
    daemon: bool = False
    setsid: bool = False
    close_fds: bool = False
    pdeathsig: int = 0


def fork(kernel: Kernel, parent: Task, how: Fork) -> Task:
    """Make a child (``copy_process``). EPERM; EAGAIN at RLIMIT_NPROC and where no pid is free; EINVAL."""
    check_flags(parent.cred, how.unshare)
    cred = _child_cred(parent, how)
    _check_nproc(kernel, parent, cred)
    if how.ttl_ns is not None and how.ttl_ns <= 0:
        raise KernelError(Errno.EINVAL, "a ttl is more than 0")
    pid = kernel.next_pid()
    nsproxy = new_nsproxy(kernel, parent.cred, parent.nsproxy, how.unshare)
    child = Task(
        pid, kernel.init if how.daemon else parent, cred, nsproxy, pid if how.setsid else parent.pgid,
        (how.comm or parent.comm)[: TASK_COMM_LEN - 1], FdTable() if how.close_fds else parent.fds.copy(),
        list(parent.rlimits), parent.umask, parent.nice, parent.signals.copy(),
    )  # fmt: skip
    child.pdeathsig = how.pdeathsig
    kernel.add_task(child)
    if how.ttl_ns is not None:
        kernel.set_lease(child, kernel.monotonic_ns + how.ttl_ns)
    return child


def _child_cred(parent: Task, how: Fork) -> Cred:
    cred = parent.cred
    own_uid = how.uid is None or how.uid in (cred.uid, cred.euid, cred.suid)
    own_gid = how.gid is None or how.gid in (cred.gid, cred.egid, cred.sgid)
    if not own_uid and not cred.capable(CAP_SETUID):
        raise KernelError(Errno.EPERM, f"uid {cred.euid} without CAP_SETUID may not become uid {how.uid}")
    if not own_gid and not cred.capable(CAP_SETGID):
        raise KernelError(Errno.EPERM, f"gid {cred.egid} without CAP_SETGID may not become gid {how.gid}")
    if how.groups is not None and not cred.capable(CAP_SETGID):
        raise KernelError(Errno.EPERM, "other groups want CAP_SETGID")
    return cred.become(how.uid, how.gid, how.groups, how.caps)


def _check_nproc(kernel: Kernel, parent: Task, cred: Cred) -> None:
    limit = parent.rlimits[RLIMIT_NPROC].cur
    exempt = cred.uid == 0 or parent.cred.capable(CAP_SYS_RESOURCE) or parent.cred.capable(CAP_SYS_ADMIN)
    if not exempt and sum(task.cred.uid == cred.uid for task in kernel.tasks.values()) >= limit:
        raise KernelError(Errno.EAGAIN, f"uid {cred.uid} has {limit} tasks, its RLIMIT_NPROC")


def exit_task(kernel: Kernel, task: Task, status: int, signo: int) -> None:
    """End a task: its sleeping calls, held messages, descriptors and membership (``do_exit``).

    init adopts its children. Nobody waits for it: it is reaped at once.
    """
    if task.exited:
        return
    task.exited = True
    kernel.drop_lease(task)
    for call in list(task.parked):
        kernel.interrupt(call)
    for call in list(task.holding):
        kernel.abort(call)
    close_all(kernel, task)
    for child in list(task.children.values()):
        child.parent = kernel.init
        kernel.init.children[child.pid] = child
        if child.pdeathsig:
            send_signal(kernel, child, SigInfo(child.pdeathsig, SI_USER, 0, 0))
    kernel.remove_task(task)
    task.nsproxy.ipc.tasks -= 1
    kernel.put_ipc_ns(task.nsproxy.ipc)
    kernel.emit(TaskExited(task.pid, status, signo))


def may_act_as(actor: Task, target: Task) -> bool:
    """Whether a task may act as another: itself, a descendant, or one it could ptrace (``__ptrace_may_access``)."""
    ancestor: Task | None = target
    while ancestor is not None:
        if ancestor is actor:
            return True
        ancestor = ancestor.parent
    mine, its = actor.cred, target.cred
    same_uid = {its.uid, its.euid, its.suid} == {mine.uid}
    same_gid = {its.gid, its.egid, its.sgid} == {mine.gid}
    return (same_uid and same_gid) or mine.capable(CAP_SYS_PTRACE)
