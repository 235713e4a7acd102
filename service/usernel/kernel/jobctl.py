"""Stopping and continuing processes (``do_signal_stop``, ``prepare_signal`` of ``kernel/signal.c``).

A task has no code of its own that could stand still: what stops is told to its parent, and shown; calls go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.signal import DEFAULT_STOPS, SA_NOCLDSTOP, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP, SIGSTOP
from usernel.abi.wait import CLD_CONTINUED, CLD_STOPPED

if TYPE_CHECKING:
    from .kernel import Kernel
    from .ns.pid import Pid
    from .task import Task


def prepare(kernel: Kernel, task: Task, signo: int) -> bool:
    """A signal is about to be sent: SIGCONT and those that stop take one another back. Whether it lets go on."""
    if signo in DEFAULT_STOPS:
        _flush(task, frozenset({SIGCONT}))
    elif signo == SIGCONT:
        _flush(task, DEFAULT_STOPS)
        if task.group.stopped:
            task.group.stopped = 0
            _changed(kernel, task, CLD_CONTINUED, SIGCONT)
            return True
    return False


def _flush(task: Task, signals: frozenset[int]) -> None:
    queues = [thread.signals.pending for thread in task.group.threads.values()]
    for pending in (task.group.shared_pending, *queues):
        pending[:] = [info for info in pending if info.si_signo not in signals]


def stop(kernel: Kernel, task: Task, signo: int) -> None:
    """A signal's default action stops the process, unless that is done, or nobody of its session could continue it."""
    if task.group.stopped or (signo != SIGSTOP and orphaned(kernel, task.group.pgrp)):
        return
    task.group.stopped = signo
    _changed(kernel, task, CLD_STOPPED, signo)


def orphaned(kernel: Kernel, pgrp: Pid, but: Task | None = None) -> bool:
    """Whether nobody is left who would continue its jobs: no member's parent is of its session, outside the group.

    ``but`` is a member that ends now (``will_become_orphaned_pgrp``).
    """
    return not any(
        _cares(member.parent, member)
        for member in pgrp.group_members
        if member is not but and not member.exited and member.parent is not kernel.init
    )


def _cares(parent: Task | None, member: Task) -> bool:
    if parent is None:
        return False
    return parent.group.pgrp is not member.group.pgrp and parent.group.session is member.group.session


def hang_up_orphans(kernel: Kernel, member: Task, parent: Task | None, but: Task | None) -> None:
    """A member's last link to its session goes: its stopped jobs are hung up and continued (``kill_orphaned_pgrp``)."""
    pgrp = member.group.pgrp
    jobs = list(pgrp.group_members)
    if not _cares(parent, member) or not orphaned(kernel, pgrp, but) or not any(job.group.stopped for job in jobs):
        return
    for signo in (SIGHUP, SIGCONT):
        for job in jobs:
            kernel.send_kernel_signal(job, signo)


def _changed(kernel: Kernel, task: Task, code: int, status: int) -> None:
    """Tell the parent (``do_notify_parent_cldstop``)."""
    leader, parent = task.leader, task.parent
    leader.group.change = code
    if parent is None:
        return
    action = parent.signals.action(SIGCHLD)
    if action.sa_handler != SIG_IGN and not action.sa_flags & SA_NOCLDSTOP and not leader.group.autoreap:
        kernel.send_child_signal(parent, leader, SIGCHLD, code, status)
    kernel.wake_parent(parent, leader)
