"""Process groups and sessions: setpgid(2), setsid(2) and what reads them (``kernel/sys.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.errno import Errno

from .error import KernelError
from .signal import group_of

if TYPE_CHECKING:
    from .kernel import Kernel
    from .ns.pid import Pid
    from .task import Task


def setpgid(kernel: Kernel, task: Task, pid: int, pgid: int) -> None:
    """Move oneself or a child into a process group, or make one. EINVAL, ESRCH, EPERM; EACCES once it has executed."""
    me = task.leader
    pid = pid or me.nr_in(task)
    pgid = pgid or pid
    if pgid < 0:
        raise KernelError(Errno.EINVAL, f"{pgid} is no process group")
    target = kernel.find_task(task, pid)
    if target is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    if target is not target.leader:
        raise KernelError(Errno.EINVAL, f"{pid} is a thread")
    if target.parent is not None and target.parent.group is me.group:
        _check_child(me, target)
    elif target is not me:
        raise KernelError(Errno.ESRCH, f"task {pid} is neither the caller nor its child")
    if leads_session(target):
        raise KernelError(Errno.EPERM, f"task {pid} leads a session")
    _change_group(target, _group_to_join(me, target, pid, pgid))


def _check_child(me: Task, child: Task) -> None:
    if child.group.session is not me.group.session:
        raise KernelError(Errno.EPERM, "the child is in another session")
    if child.group.executed:
        raise KernelError(Errno.EACCES, "the child has executed a program")


def _group_to_join(me: Task, target: Task, pid: int, pgid: int) -> Pid:
    if pgid == pid:
        return target.thread_pid
    pgrp = me.thread_pid.ns.pids.get(pgid)
    members = group_of(pgrp)
    if pgrp is None or not members or members[0].group.session is not me.group.session:
        raise KernelError(Errno.EPERM, f"there is no process group {pgid} in this session")
    return pgrp


def _change_group(task: Task, pgrp: Pid) -> None:
    old, task.group.pgrp = task.group.pgrp, pgrp.attach()
    pgrp.group_members[task.leader] = None
    if old is not pgrp:
        del old.group_members[task.leader]
    old.detach()


def leads_session(task: Task) -> bool:
    """Whether a process is the leader of its session."""
    return task.group.session is task.leader.thread_pid


def setsid(task: Task) -> int:
    """Make a session, and a process group in it: setsid(2). Returns its id; EPERM for a leader of either."""
    me = task.leader
    if leads_session(me) or group_of(me.thread_pid):
        raise KernelError(Errno.EPERM, "the caller leads a session or a process group")
    old, me.group.session = me.group.session, me.thread_pid.attach()
    old.detach()
    _change_group(me, me.thread_pid)
    return me.nr_in(task)


def group_or_session(kernel: Kernel, task: Task, pid: int, *, session: bool) -> int:
    """The process group or the session of a process, as the caller sees it: getpgid(2), getsid(2). ESRCH."""
    target = kernel.find_task(task, pid) if pid else task
    if target is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    found = target.group.session if session else target.group.pgrp
    return found.nr_in(task.thread_pid.ns)
