"""How tasks end, who inherits their children, and who waits for them (``kernel/exit.c``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.signal import SA_NOCLDWAIT, SI_USER, SIG_IGN, SIGCHLD, SIGCONT, SIGKILL
from usernel.abi.wait import (
    CLD_CONTINUED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
    P_ALL,
    P_PGID,
    P_PID,
    P_PIDFD,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
    WNOWAIT,
    WSTOPPED,
    WUNTRACED,
)

from .call import Block, Call, Out, Return, Wake
from .error import KernelError
from .fdtable import exit_files
from .jobctl import hang_up_orphans
from .ns.tree import put_ns
from .nsproxy import leave
from .outputs import TaskExited
from .pidfd import pidfd_file
from .signal import SigInfo, send_signal

if TYPE_CHECKING:
    from .kernel import Kernel
    from .ns.pid import Pid
    from .task import Task

INT_MIN = -0x80000000
WAIT4_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WCLONE | WALL
WAITID_OPTIONS = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WNOTHREAD | WCLONE | WALL


# -------------------------------------------------------------------------------------------------------------- ending


def exit_group(kernel: Kernel, task: Task, code: int) -> None:
    """End a process with all its threads; ``code`` is what wait(2) shows (``do_group_exit``)."""
    group = task.group
    if group.exiting:
        return
    group.exiting = True
    group.exit_code = code
    for thread in sorted(group.threads.values(), key=lambda thread: thread is thread.leader):
        do_exit(kernel, thread, code)


def do_exit(kernel: Kernel, task: Task, code: int) -> None:
    """End one thread: its calls, held messages, descriptors and membership; with the last, the process."""
    if task.exited:
        return
    task.exited = True
    kernel.drop_lease(task)
    for call in list(task.parked):
        kernel.interrupt(call)
    for call in list(task.holding):
        kernel.abort(call)
    exit_files(kernel, task)
    task.fs.users -= 1
    kernel.tasks.pop(task.pid)
    del task.group.threads[task.pid]
    task.thread_pid.exit_code = code
    leave(kernel, task.nsproxy)
    if task.group.threads:
        _thread_ended(kernel, task)
    else:
        _group_ended(kernel, task, code)


def _thread_ended(kernel: Kernel, task: Task) -> None:
    """Another thread goes on; a leader stays as a zombie until the last has ended."""
    if task is not task.leader:
        kernel.wake_all(task.thread_pid.pollers)
        release_task(kernel, task)


def _group_ended(kernel: Kernel, last: Task, code: int) -> None:
    leader, group = last.leader, last.group
    if not group.exiting:
        group.exit_code = code
    group.exiting = True
    if leader.thread_pid.is_child_reaper:
        _zap_pid_ns(kernel, leader)
    _forget_children(kernel, leader)
    if last is not leader:
        release_task(kernel, last)
    hang_up_orphans(kernel, leader, leader.parent, leader)
    leader.thread_pid.exit_code = group.exit_code
    kernel.emit(TaskExited(leader.pid, group.exit_code >> 8, group.exit_code & 0x7F))
    kernel.wake_all(leader.thread_pid.pollers)
    if _notify_parent(kernel, leader):
        release_task(kernel, leader)


def _zap_pid_ns(kernel: Kernel, reaper: Task) -> None:
    """The init of a pid namespace has ended: so do all in it, and nobody is born there any more."""
    ns = reaper.thread_pid.ns
    ns.adding = False
    for _, pid in sorted(ns.pids.items(), reverse=True):
        if pid.task is not None and pid.task is not reaper and not pid.task.exited:
            exit_group(kernel, pid.task, SIGKILL)
    for pid in list(ns.pids.values()):
        if pid.task is not None and pid.task is not reaper and pid.task.exited:
            release_task(kernel, pid.task)


def _forget_children(kernel: Kernel, father: Task) -> None:
    """Its children get another parent, each after its own wish to be told (``forget_original_parent``)."""
    children = list(father.children.values())
    if not children:
        return
    reaper = _new_reaper(kernel, father)
    for child in children:
        del father.children[child.pid]
        child.group.parent = reaper
        reaper.children[child.pid] = child
        for thread in list(child.group.threads.values()):
            if thread.pdeathsig:
                _death_signal(kernel, father, thread)
        child.group.exit_signal = SIGCHLD
        if child.exited and not child.group.threads and _notify_parent(kernel, child):
            release_task(kernel, child)
        else:
            hang_up_orphans(kernel, child, father, None)


def _death_signal(kernel: Kernel, father: Task, thread: Task) -> None:
    uid = thread.cred.user_ns.uid_map.munged(father.cred.uid)
    info = SigInfo(thread.pdeathsig, SI_USER, father.nr_in(thread), uid)
    send_signal(kernel, thread, info, force=not father.nr_in(thread))


def _new_reaper(kernel: Kernel, father: Task) -> Task:
    """A subreaper among its ancestors in the same pid namespace, else that namespace's init (``find_new_reaper``)."""
    ns = father.thread_pid.ns
    ancestor = father.parent
    while father.group.has_child_subreaper and ancestor is not None and ancestor.thread_pid.ns is ns:
        if ancestor.group.child_subreaper and not ancestor.group.exiting:
            return ancestor
        ancestor = ancestor.parent
    if ns.child_reaper is not None and ns.child_reaper is not father:
        return ns.child_reaper
    return father.parent or kernel.init


def _notify_parent(kernel: Kernel, leader: Task) -> bool:
    """Tell the parent of an ended process; whether nobody will wait for it (``do_notify_parent``)."""
    group, parent = leader.group, leader.parent
    if parent is None or (parent.exited and not parent.group.threads):
        return True
    action = parent.signals.action(SIGCHLD)
    ignored = group.exit_signal == SIGCHLD and action.sa_handler == SIG_IGN
    autoreap = group.autoreap or parent is kernel.init or ignored
    autoreap |= group.exit_signal == SIGCHLD and bool(action.sa_flags & SA_NOCLDWAIT)
    if group.exit_signal and not ignored and not (group.autoreap or parent is kernel.init):
        kernel.send_child_signal(parent, leader, group.exit_signal, *exit_status(group.exit_code))
    kernel.wake_parent(parent, leader)
    return autoreap


def exit_status(code: int) -> tuple[int, int]:
    """``si_code`` and ``si_status`` of what wait(2) shows."""
    return (CLD_KILLED, code & 0x7F) if code & 0x7F else (CLD_EXITED, code >> 8)


def release_task(kernel: Kernel, task: Task) -> None:
    """Forget an ended task: its numbers are free once nothing is called after them (``release_task``)."""
    if task.thread_pid.task is not task:
        return
    task.thread_pid.task = None
    if task is task.leader:
        if task.parent is not None:
            task.parent.children.pop(task.pid, None)
        del task.group.pgrp.group_members[task]
        task.group.pgrp.detach()
        task.group.session.detach()
    ns = task.thread_pid.ns
    task.thread_pid.detach()
    kernel.count_task(task.cred.uid, -1)
    for kept in (task.cred.user_ns, ns):
        kept.tasks -= 1
        put_ns(kernel, kept)


# ------------------------------------------------------------------------------------------------------------- waiting


@dataclass(frozen=True, slots=True)
class WaitOpts:
    """Whom a task waits for (``struct wait_opts``). ``info`` says that waitid(2) asks, which shows a siginfo."""

    idtype: int
    pid: Pid | None
    options: int
    info: bool
    nonblocking: bool = False

    def names(self, child: Task) -> bool:
        """Whether a child is called as those are (``eligible_pid``)."""
        if self.idtype == P_ALL:
            return True
        return self.pid is (child.group.pgrp if self.idtype == P_PGID else child.thread_pid)

    def eligible(self, child: Task) -> bool:
        """Whether a child is among them (``eligible_child``)."""
        if not self.names(child):
            return False
        if child.exited and not child.group.threads and not self.options & WEXITED:
            return False
        return bool(self.options & WALL) or (child.group.exit_signal != SIGCHLD) == bool(self.options & WCLONE)


def wait4(kernel: Kernel, call: Call, upid: int, options: int) -> Return | Block:
    """Wait for a child to end, and reap it: wait4(2). Returns its pid, and ``status`` in ``out``.

    EINVAL for other options; ESRCH for INT_MIN; ECHILD where there is no such child; EINTR. 0 under WNOHANG.
    """
    if options & ~WAIT4_OPTIONS:
        raise KernelError(Errno.EINVAL, f"wait4 takes no options {options & ~WAIT4_OPTIONS:#x}")
    if upid == INT_MIN:
        raise KernelError(Errno.ESRCH, "there is no such process group")
    ns, group = call.task.thread_pid.ns, call.task.group
    if upid == -1:
        idtype, pid = P_ALL, None
    elif upid > 0:
        idtype, pid = P_PID, ns.pids.get(upid)
    else:
        idtype, pid = P_PGID, ns.pids.get(-upid) if upid else group.pgrp
    return _wait(kernel, call, WaitOpts(idtype, pid, options | WEXITED, info=False), Wake.WOKEN)


def waitid(kernel: Kernel, call: Call, idtype: int, upid: int, options: int) -> Return | Block:
    """Wait for a child to end, and reap it unless WNOWAIT: waitid(2). A siginfo in ``out``, all 0 under WNOHANG.

    EINVAL for other options and kinds; ECHILD where there is no such child; EBADF for what is no pidfd; EINTR.
    """
    if options & ~WAITID_OPTIONS or not options & (WEXITED | WSTOPPED | WCONTINUED):
        raise KernelError(Errno.EINVAL, "waitid wants one of WEXITED, WSTOPPED, WCONTINUED, and knows a few others")
    return _wait(kernel, call, _whom(call, idtype, upid, options), Wake.WOKEN)


def _whom(call: Call, idtype: int, upid: int, options: int) -> WaitOpts:
    ns = call.task.thread_pid.ns
    if idtype == P_ALL:
        return WaitOpts(P_ALL, None, options, info=True)
    if idtype == P_PID and upid > 0:
        return WaitOpts(P_PID, ns.pids.get(upid), options, info=True)
    if idtype == P_PGID and upid >= 0:
        return WaitOpts(P_PGID, ns.pids.get(upid) if upid else call.task.group.pgrp, options, info=True)
    if idtype == P_PIDFD and upid >= 0:
        file = pidfd_file(call.task, upid)
        return WaitOpts(P_PIDFD, file.pid, options, info=True, nonblocking=file.nonblocking)
    raise KernelError(Errno.EINVAL, f"{upid} is nobody to wait for")


def _wait(kernel: Kernel, call: Call, opts: WaitOpts, wake: Wake) -> Return | Block:
    """Reap the first eligible child that has ended; else sleep until one does (``do_wait``)."""
    eligible = [child for child in call.task.children.values() if opts.eligible(child)]
    for child in eligible:
        if opts.options & WEXITED and child.exited and not child.group.threads:
            return _reaped(kernel, call, opts, child)
        if not child.exited and (seen := _change_seen(opts, child)):
            return _told(call, opts, child, *seen)
    if not eligible:
        raise KernelError(Errno.ECHILD, "there is no such child")
    if opts.options & WNOHANG:
        return Return(0, dict(NOBODY) if opts.info else {"status": 0})
    if opts.nonblocking:
        raise KernelError(Errno.EAGAIN, "the pidfd does not block, and its process has not ended")
    if wake is Wake.INTERRUPTED:
        raise KernelError(Errno.EINTR, f"{call.name} was interrupted")
    return Block(on=(call.task.group.wait_chldexit,), stage=_wait, entry=opts)


NOBODY: Out = {"si_signo": 0, "si_code": 0, "si_pid": 0, "si_uid": 0, "si_status": 0}


def _change_seen(opts: WaitOpts, child: Task) -> tuple[int, int, int] | None:
    """What to tell of a child that stopped or went on: ``si_code``, ``si_status``, and wait4's status."""
    change, stopped = child.group.change, child.group.stopped
    wanted = {CLD_STOPPED: WSTOPPED, CLD_CONTINUED: WCONTINUED}.get(change, 0)
    if not opts.options & wanted:
        return None
    if not opts.options & WNOWAIT:
        child.group.change = 0
    return (change, SIGCONT, 0xFFFF) if change == CLD_CONTINUED else (change, stopped, stopped << 8 | 0x7F)


def _told(call: Call, opts: WaitOpts, child: Task, code: int, status: int, wstatus: int) -> Return:
    pid = child.nr_in(call.task)
    if not opts.info:
        return Return(pid, {"status": wstatus})
    uid = call.task.cred.user_ns.uid_map.munged(child.cred.uid)
    shown = {"si_signo": SIGCHLD, "si_code": code, "si_pid": pid, "si_uid": uid, "si_status": status}
    return Return(0, shown)


def _reaped(kernel: Kernel, call: Call, opts: WaitOpts, child: Task) -> Return:
    code = child.group.exit_code
    told = _told(call, opts, child, *exit_status(code), code)
    if not opts.options & WNOWAIT:
        release_task(kernel, child)
    return told
