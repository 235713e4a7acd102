"""Tasks: who calls (``struct task_struct``), and the thread groups they form (``struct signal_struct``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
from usernel.abi.signal import SIGCHLD

from .fdtable import FdTable
from .fs_struct import FsStruct
from .signal import SignalState
from .wait import WaitQueue

if TYPE_CHECKING:
    from .call import Call
    from .cred import Cred
    from .ns.pid import Pid
    from .ns.user import UserNamespace
    from .nsproxy import NsProxy
    from .signal import SigInfo

TASK_COMM_LEN = 16
MAX_THREADS = 127_000
"""Most tasks of a kernel (``kernel.threads-max``)."""


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
class ThreadGroup:
    """A process: what its threads share. ``parent`` is the leader of the group that waits for it.

    ``children`` are the leaders of its children by pid, zombies too, oldest first; ``threads`` those that live. Its
    pids are kept as ``struct pid``, so that a group or session keeps its number as long as anybody is in it.
    """

    pgrp: Pid
    session: Pid
    mm_user_ns: UserNamespace
    """Where its program was started: whoever may trace there sees also what is not dumpable (``mm->user_ns``)."""
    parent: Task | None = None
    rlimits: list[RLimit] = field(default_factory=default_rlimits)
    exit_signal: int = SIGCHLD
    threads: dict[int, Task] = field(default_factory=dict)
    children: dict[int, Task] = field(default_factory=dict)
    shared_pending: list[SigInfo] = field(default_factory=list)
    wait_chldexit: WaitQueue = field(default_factory=WaitQueue)
    exit_code: int = 0
    exiting: bool = False
    stopped: int = 0
    """The signal that stopped it, 0 while it runs."""
    change: int = 0
    """What waitid(2) has not been told yet: CLD_STOPPED or CLD_CONTINUED."""
    unkillable: bool = False
    """SIGNAL_UNKILLABLE: a pid namespace's init, and the default task that requests without one of their own act as."""
    child_subreaper: bool = False
    has_child_subreaper: bool = False
    autoreap: bool = False
    """Whether nobody waits for it: made by a door, it is reaped at once."""
    dumpable: bool = True
    executed: bool = False


@dataclass(eq=False, slots=True)
class Task:
    """One task: a process, or one of its threads.

    ``pid`` is its number in the initial pid namespace, ``thread_pid`` its numbers in all. ``parked`` are its calls that
    sleep, oldest first; ``holding`` those whose messages are held.
    """

    thread_pid: Pid
    group: ThreadGroup
    cred: Cred
    nsproxy: NsProxy
    comm: str = "usernel"
    fds: FdTable = field(default_factory=FdTable)
    fs: FsStruct = field(default_factory=FsStruct)
    nice: int = 0
    signals: SignalState = field(default_factory=SignalState)
    parked: dict[Call, None] = field(default_factory=dict)
    holding: dict[Call, None] = field(default_factory=dict)
    exited: bool = False
    pdeathsig: int = 0
    no_new_privs: bool = False
    lease: int | None = None
    """When the task ends unless its lease is renewed, in ns MONOTONIC."""
    pid: int = field(init=False)
    leader: Task = field(init=False)

    def __post_init__(self) -> None:
        self.pid = self.thread_pid.nr
        self.leader = next(iter(self.group.threads.values())).leader if self.group.threads else self
        self.thread_pid.attach().task = self

    @property
    def parent(self) -> Task | None:
        """The task that waits for it; None for init."""
        return self.group.parent

    @property
    def children(self) -> dict[int, Task]:
        """The children of its thread group."""
        return self.group.children

    @property
    def rlimits(self) -> list[RLimit]:
        """The limits of its thread group."""
        return self.group.rlimits

    @property
    def pgid(self) -> int:
        """The process group, in the initial pid namespace."""
        return self.group.pgrp.nr

    @property
    def umask(self) -> int:
        """The mode bits that new files lack."""
        return self.fs.umask

    @umask.setter
    def umask(self, mask: int) -> None:
        self.fs.umask = mask

    @property
    def prio(self) -> int:
        """The priority by which waiters are ordered; a smaller number is more urgent."""
        return DEFAULT_PRIO + self.nice

    @property
    def unkillable(self) -> bool:
        """Whether signals that would end the task are dropped, unless they come from above its pid namespace."""
        return self.group.unkillable

    @property
    def single_threaded(self) -> bool:
        """Whether it is the only thread of its group (``thread_group_empty``)."""
        return len(self.group.threads) <= 1

    @property
    def zombie(self) -> bool:
        """Whether it has ended and nobody has waited for it."""
        return self.exited and self.thread_pid.task is self

    @property
    def state(self) -> str:
        """Its letter in ``/proc/[pid]/stat``: Z ended and not waited for, T stopped, S sleeping, as all others are."""
        return "Z" if self.exited else "T" if self.group.stopped else "S"

    def nr_in(self, viewer: Task) -> int:
        """What another task calls its process: 0 where it does not see it (``task_tgid_nr_ns``)."""
        return self.leader.thread_pid.nr_in(viewer.thread_pid.ns)

    def stat(self) -> dict[str, Any]:
        """The task as ``/proc/[pid]`` shows it, in the initial namespaces' ids."""
        return {
            "pid": self.pid, "tgid": self.leader.pid, "ppid": self.parent.pid if self.parent else 0, "pgid": self.pgid,
            "sid": self.group.session.nr, "comm": self.comm, "state": self.state,
            **self.cred.stat(), "nice": self.nice, "umask": f"{self.umask:04o}", "ns": self._links(),
            "nspid": [number for _, number in self.thread_pid.numbers], "threads": len(self.group.threads),
            "children": len(self.children), "fds": len(self.fds), "signals": self.signals.stat(),
            "calls": [call.stat() for call in self.parked],
        }  # fmt: skip

    def _links(self) -> dict[str, str]:
        links = {"pid": self.thread_pid.ns.link, "user": self.cred.user_ns.link}
        return links if self.exited else links | self.nsproxy.stat()
