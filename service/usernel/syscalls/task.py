"""The calls about tasks and their limits: parse, check, act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from usernel.abi import resource as abi_resource
from usernel.abi.capability import CAP_LAST_CAP, CAPABILITIES
from usernel.abi.errno import Errno
from usernel.abi.sched import CLONE_FLAGS, KINDS
from usernel.abi.signal import SIGNALS
from usernel.abi.stat import S_IRWXUGO
from usernel.kernel import sys
from usernel.kernel.call import Call, Out, Return
from usernel.kernel.error import KernelError
from usernel.kernel.fork import Fork, fork
from usernel.kernel.kernel import Kernel
from usernel.kernel.signal import check_signo
from usernel.kernel.task import RLimit, Task

from .kinds import BOOL, INT, MODE, TEXT, UINT, ULONG, Enumeration, Field, Flags, ListOf, Structure
from .msg import LIMIT, check_limit
from .row import Row, errnos

NSEC_PER_SEC = 1_000_000_000


def sys_getpid(kernel: Kernel, call: Call) -> Return:
    """getpid(2)."""
    return Return(call.task.nr_in(call.task))


def sys_getppid(kernel: Kernel, call: Call) -> Return:
    """getppid(2)."""
    parent = call.task.parent
    return Return(parent.nr_in(call.task) if parent is not None else 0)


def sys_umask(kernel: Kernel, call: Call, mask: int) -> Return:
    """umask(2)."""
    old, call.task.umask = call.task.umask, mask & S_IRWXUGO
    return Return(old)


def sys_getpriority(kernel: Kernel, call: Call, which: int, who: int) -> Return:
    """getpriority(2), counting as the system call does: 20 - nice."""
    return sys.getpriority(kernel, call, which, who)


def sys_setpriority(kernel: Kernel, call: Call, which: int, who: int, prio: int) -> Return:
    """setpriority(2)."""
    return sys.setpriority(kernel, call, which, who, prio)


def sys_prlimit64(kernel: Kernel, call: Call, pid: int, resource: int, new: tuple[int, int] | None) -> Return:
    """prlimit(2)."""
    return sys.prlimit64(kernel, call, pid, resource, None if new is None else RLimit(*new))


def sys_fork(
    kernel: Kernel, call: Call, uid: int | None, gid: int | None, groups: Sequence[int] | None,
    cap: Sequence[int] | None, comm: str | None, unshare: int, ttl: int | None,
    daemon: bool, setsid: bool, close_fds: bool, pdeathsig: int, autoreap: bool, share_fds: bool,
) -> Return:  # fmt: skip
    """fork(2), and what a child does first: set its ids, unshare, take a name, leave what it inherited."""
    caps = None if cap is None else mask(cap)
    ttl_ns = None if ttl is None else ttl * NSEC_PER_SEC
    if pdeathsig:
        check_signo(pdeathsig)
    how = Fork(
        uid, gid, groups, caps, comm, unshare & 0xFFFFFFFF, ttl_ns, daemon, setsid, close_fds, pdeathsig, autoreap,
        share_fds,
    )  # fmt: skip
    return Return(fork(kernel, call.task, how).nr_in(call.task))


def mask(caps: Sequence[int]) -> int:
    """The bits of some capabilities. EINVAL for what is none."""
    bits = 0
    for number in caps:
        if not 0 <= number <= CAP_LAST_CAP:
            raise KernelError(Errno.EINVAL, f"{number} is no capability")
        bits |= 1 << number
    return bits


def sys_task_stat(kernel: Kernel, call: Call, pid: int) -> Return:
    """A task as /proc/[pid] shows it."""
    task = kernel.find_task(call.task, pid) if pid else call.task
    if task is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    return Return(0, seen(call.task, task))


def seen(viewer: Task, task: Task) -> Out:
    """A task's ``stat``, with pids as the viewer's pid namespace numbers them."""
    shown, ns = task.stat(), viewer.thread_pid.ns
    if ns.above is None:
        return shown
    pids = {"pid": task.thread_pid, "tgid": task.leader.thread_pid, "pgid": task.group.pgrp, "sid": task.group.session}
    parent = task.parent.nr_in(viewer) if task.parent is not None else 0
    return shown | {name: pid.nr_in(ns) for name, pid in pids.items()} | {"ppid": parent}


def sys_task_list(kernel: Kernel, call: Call, after: int, limit: int) -> Return:
    """The tasks, by pid."""
    ns = call.task.thread_pid.ns
    page = ns.page(after, check_limit(limit) + 1)
    items = [seen(call.task, task) for task in page[:limit]]
    following = page[limit - 1].thread_pid.nr_in(ns) if len(page) > limit else None
    return Return(len(items), {"tasks": items, "next": following})


def sys_task_renew(kernel: Kernel, call: Call, ttl: int) -> Return:
    """Renew the calling task's lease."""
    if call.task.lease is None or ttl <= 0:
        raise KernelError(Errno.EINVAL, "the task has no lease, or the ttl is not above 0")
    kernel.set_lease(call.task, kernel.monotonic_ns + ttl * NSEC_PER_SEC)
    return Return(0)


RLIMIT: Final = Structure("rlimit64", (Field("rlim_cur", ULONG), Field("rlim_max", ULONG)))
WHICH: Final = Field("which", Enumeration(abi_resource.PRIO_WHICH))
WHO: Final = Field("who", INT, 0, "0 for the caller")
NS_LINKS: Final = Structure(
    "ns_links",
    tuple(Field(name, TEXT, None) for name in (*KINDS, "pid_for_children", "time_for_children")),
)
TASK_FIELDS: Final[tuple[tuple[str, Any], ...]] = (
    ("pid", INT),
    ("tgid", INT),
    ("ppid", INT),
    ("pgid", INT),
    ("sid", INT),
    ("comm", TEXT),
    ("state", TEXT),
    ("uid", UINT),
    ("euid", UINT),
    ("suid", UINT),
    ("gid", UINT),
    ("egid", UINT),
    ("sgid", UINT),
    ("groups", ListOf(UINT)),
    *((f"cap_{name}", TEXT) for name in ("inh", "prm", "eff", "bnd", "amb")),
    ("nice", INT),
    ("umask", TEXT),
    ("ns", NS_LINKS),
    ("nspid", ListOf(INT)),
    ("threads", INT),
    ("children", INT),
    ("fds", INT),
    (
        "signals",
        Structure("signals", tuple(Field(name, ListOf(TEXT)) for name in "pending blocked ignored caught".split())),
    ),
    (
        "calls",
        ListOf(Structure("call", (Field("call", TEXT), Field("pid", INT), Field("state", TEXT), Field("held", BOOL)))),
    ),
)
TASK: Final = Structure("task", tuple(Field(name, kind) for name, kind in TASK_FIELDS))

ROWS: Final = (
    Row("getpid", "The caller's pid.", "getpid(2)", (), frozenset(), sys_getpid),
    Row("getppid", "The pid of the caller's parent.", "getppid(2)", (), frozenset(), sys_getppid),
    Row(
        "umask",
        "Set the mode bits that new queues lack; returns the old ones.",
        "umask(2)",
        (Field("mask", MODE),),
        frozenset(),
        sys_umask,
    ),
    Row(
        "getpriority",
        "The priority of tasks, as 20 - nice.",
        "getpriority(2)",
        (WHICH, WHO),
        errnos("EINVAL ESRCH"),
        sys_getpriority,
    ),
    Row(
        "setpriority",
        "Set the nice value of tasks.",
        "setpriority(2)",
        (WHICH, WHO, Field("prio", INT)),
        errnos("EACCES EINVAL EPERM ESRCH"),
        sys_setpriority,
    ),
    Row(
        "prlimit64",
        "Read and set a task's limit.",
        "prlimit(2)",
        (
            Field("pid", INT, 0),
            Field("resource", Enumeration(abi_resource.RESOURCES)),
            Field("new_limit", RLIMIT, None),
        ),
        errnos("EINVAL EPERM ESRCH"),
        sys_prlimit64,
        RLIMIT,
        partial="RLIMIT_MSGQUEUE, NOFILE, NPROC, NICE and SIGPENDING are enforced; the others are only kept",
    ),
    Row(
        "fork",
        "Make a child with credentials and namespaces of its own; returns its pid.",
        "fork(2)",
        (
            Field("uid", UINT, None),
            Field("gid", UINT, None),
            Field("groups", ListOf(UINT), None),
            Field("cap", ListOf(Enumeration(CAPABILITIES)), None, "the capabilities to keep"),
            Field("comm", TEXT, None),
            Field("unshare", Flags(CLONE_FLAGS), 0),
            Field("ttl", INT, None, "seconds to live unless renewed"),
            Field("daemon", BOOL, False, "a child of init"),
            Field("setsid", BOOL, False, "in a process group of its own"),
            Field("close_fds", BOOL, False, "without its parent's descriptors"),
            Field("pdeathsig", Enumeration(SIGNALS), 0, "the signal that it gets when its parent ends"),
            Field("autoreap", BOOL, False, "nobody waits for it"),
            Field("share_fds", BOOL, False, "with its parent's table of descriptors (CLONE_FILES), not a copy of it"),
        ),
        errnos("EAGAIN EINVAL ENOMEM ENOSPC EPERM"),
        sys_fork,
        partial="a child runs no program: doors act as it",
    ),
    Row(
        "task_stat",
        "A task as /proc/[pid] shows it.",
        "proc(5)",
        (Field("pid", INT, 0),),
        errnos("ESRCH"),
        sys_task_stat,
        TASK,
    ),
    Row(
        "task_list",
        "The tasks.",
        "proc(5)",
        (Field("after", INT, 0, "the pid of the last one seen"), LIMIT),
        errnos("EINVAL"),
        sys_task_list,
        Structure("task_list", (Field("tasks", ListOf(TASK)), Field("next", INT, None))),
    ),
    Row(
        "task_renew",
        "Renew the caller's lease.",
        "proc(5)",
        (Field("ttl", INT, doc="seconds to live from now"),),
        errnos("EINVAL"),
        sys_task_renew,
    ),
)
