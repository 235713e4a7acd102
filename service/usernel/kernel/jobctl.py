"""Stopping and continuing processes (``do_signal_stop``, ``prepare_signal`` of ``kernel/signal.c``).

A task has no code of its own that could stand still: what stops is told to its parent, and shown; calls go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.signal import DEFAULT_STOPS, SA_NOCLDSTOP, SIG_IGN, SIGCHLD, SIGCONT, SIGSTOP
from usernel.abi.wait import CLD_CONTINUED, CLD_STOPPED

if TYPE_CHECKING:
    from .kernel import Kernel
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
    if task.group.stopped or (signo != SIGSTOP and orphaned(task)):
        return
    task.group.stopped = signo
    _changed(kernel, task, CLD_STOPPED, signo)


def orphaned(task: Task) -> bool:
    """Whether nobody with a job's interest is left: no member's parent is of the session, outside the group."""
    pgrp, session = task.group.pgrp, task.group.session
    parents = (member.parent for member in pgrp.group_members if not member.exited)
    return not any(
        parent is not None and parent.group.pgrp is not pgrp and parent.group.session is session for parent in parents
    )


def _changed(kernel: Kernel, task: Task, code: int, status: int) -> None:
    """Tell the parent (``do_notify_parent_cldstop``)."""
    leader, parent = task.leader, task.parent
    leader.group.change = code
    if parent is None:
        return
    action = parent.signals.action(SIGCHLD)
    if action.sa_handler != SIG_IGN and not action.sa_flags & SA_NOCLDSTOP and not leader.group.autoreap:
        kernel.send_child_signal(parent, leader, SIGCHLD, code, status)
    kernel.wake_all(parent.group.wait_chldexit)
