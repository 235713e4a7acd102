"""The small calls of ``kernel/sys.c``: limits and priorities of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.capability import CAP_SYS_NICE, CAP_SYS_RESOURCE
from usernel.abi.errno import Errno
from usernel.abi.resource import (
    MAX_NICE,
    MIN_NICE,
    PRIO_PGRP,
    PRIO_PROCESS,
    PRIO_USER,
    RLIM_NLIMITS,
    RLIMIT_NICE,
    RLIMIT_NOFILE,
)

from .call import Call, Return
from .error import KernelError
from .signal import group_of
from .task import RLimit, Task

if TYPE_CHECKING:
    from .kernel import Kernel

NR_OPEN = 1024 * 1024


def prlimit64(kernel: Kernel, call: Call, pid: int, resource: int, new: RLimit | None) -> Return:
    """Read a task's limit, and set it: prlimit(2). EINVAL, ESRCH, EPERM. Returns the old one in ``out``."""
    task = kernel.find_task(call.task, pid) if pid else call.task
    if task is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    if not _may_prlimit(call.task, task):
        raise KernelError(Errno.EPERM, f"task {call.task.pid} may not look at the limits of task {pid}")
    if not 0 <= resource < RLIM_NLIMITS:
        raise KernelError(Errno.EINVAL, f"{resource} is no resource")
    old = task.rlimits[resource]
    if new is not None:
        _check_limit(call.task, resource, old, new)
        task.rlimits[resource] = new
    return Return(0, {"rlim_cur": old.cur, "rlim_max": old.max})


def _may_prlimit(caller: Task, target: Task) -> bool:
    mine, its = caller.cred, target.cred
    same = {its.uid, its.euid, its.suid} == {mine.uid} and {its.gid, its.egid, its.sgid} == {mine.gid}
    return caller is target or same or mine.ns_capable(its.user_ns, CAP_SYS_RESOURCE)


def _check_limit(caller: Task, resource: int, old: RLimit, new: RLimit) -> None:
    if new.cur > new.max:
        raise KernelError(Errno.EINVAL, f"rlim_cur {new.cur} is above rlim_max {new.max}")
    if resource == RLIMIT_NOFILE and new.max > NR_OPEN:
        raise KernelError(Errno.EPERM, f"RLIMIT_NOFILE is {NR_OPEN} at most (nr_open)")
    if new.max > old.max and not caller.cred.capable(CAP_SYS_RESOURCE):
        raise KernelError(Errno.EPERM, "raising rlim_max wants CAP_SYS_RESOURCE")


def getpriority(kernel: Kernel, call: Call, which: int, who: int) -> Return:
    """The best priority among some tasks as 20 - nice, as the system call counts. EINVAL, ESRCH."""
    return Return(max(20 - task.nice for task in _chosen(kernel, call.task, which, who)))


def setpriority(kernel: Kernel, call: Call, which: int, who: int, prio: int) -> Return:
    """Set the nice value of some tasks, cut to -20..19. EINVAL, ESRCH, EPERM, EACCES."""
    nice = min(max(prio, MIN_NICE), MAX_NICE)
    refused: KernelError | None = None
    for task in _chosen(kernel, call.task, which, who):
        error = _may_renice(call.task, task, nice)
        if error is None:
            task.nice = nice
        else:
            refused = error
    if refused is not None:
        raise refused
    return Return(0)


def _may_renice(caller: Task, task: Task, nice: int) -> KernelError | None:
    capable = caller.cred.ns_capable(task.cred.user_ns, CAP_SYS_NICE)
    if caller.cred.euid not in (task.cred.uid, task.cred.euid) and not capable:
        return KernelError(Errno.EPERM, f"task {task.pid} belongs to uid {task.cred.uid}")
    if nice < task.nice and not caller.cred.capable(CAP_SYS_NICE) and 20 - nice > task.rlimits[RLIMIT_NICE].cur:
        return KernelError(Errno.EACCES, "a better priority wants CAP_SYS_NICE or RLIMIT_NICE")
    return None


def _chosen(kernel: Kernel, caller: Task, which: int, who: int) -> list[Task]:
    ns = caller.thread_pid.ns
    if which == PRIO_PROCESS:
        found = kernel.find_task(caller, who) if who else caller
        chosen = [found] if found is not None else []
    elif which == PRIO_PGRP:
        chosen = group_of(ns.pids.get(who) if who else caller.group.pgrp)
    elif which == PRIO_USER:
        uid = caller.cred.user_ns.uid_map.down(who) if who else caller.cred.uid
        chosen = [task for task in kernel.tasks.values() if task.cred.uid == uid and task.thread_pid.nr_in(ns)]
    else:
        raise KernelError(Errno.EINVAL, f"{which} names no kind of task")
    if not chosen:
        raise KernelError(Errno.ESRCH, "no such task")
    return chosen
