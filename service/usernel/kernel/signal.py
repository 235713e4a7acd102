"""Signals as data: what is pending, blocked, ignored or caught, and who is interrupted (``kernel/signal.c``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from usernel.abi.capability import CAP_KILL
from usernel.abi.errno import Errno
from usernel.abi.resource import RLIMIT_SIGPENDING
from usernel.abi.signal import (
    DEFAULT_IGNORED,
    DEFAULT_STOPS,
    NSIG,
    SA_RESETHAND,
    SA_RESTART,
    SI_TKILL,
    SI_USER,
    SIG_CATCH,
    SIG_DFL,
    SIG_IGN,
    SIGCONT,
    SIGKILL,
    SIGNALS,
    SIGRTMIN,
    UNBLOCKABLE,
)
from usernel.abi.wait import CLD_CONTINUED, CLD_EXITED

from . import jobctl
from .call import Block, Call, Clock, Return, Wake
from .error import KernelError
from .wait import WaitQueue

if TYPE_CHECKING:
    from .kernel import Kernel
    from .ns.pid import Pid
    from .task import Task


class SigInfo(NamedTuple):
    """``siginfo_t``: which signal, why, and from whom."""

    si_signo: int
    si_code: int
    si_pid: int
    si_uid: int
    si_value: int = 0

    def stat(self) -> dict[str, Any]:
        """The fields by name: what tells of a child has ``si_status`` in the place of ``si_value``."""
        fields = self._asdict()
        if CLD_EXITED <= self.si_code <= CLD_CONTINUED:
            fields["si_status"] = fields.pop("si_value")
        return fields


class SigAction(NamedTuple):
    """``struct sigaction``: the disposition of one signal."""

    sa_handler: int = SIG_DFL
    sa_flags: int = 0


@dataclass(slots=True)
class SignalState:
    """What a task has of signals. ``waiters`` are its calls in sigtimedwait(2), each with the set it waits for."""

    blocked: frozenset[int] = frozenset()
    actions: dict[int, SigAction] = field(default_factory=dict)
    pending: list[SigInfo] = field(default_factory=list)
    waiters: WaitQueue = field(default_factory=WaitQueue)

    def action(self, signo: int) -> SigAction:
        """The disposition of a signal."""
        return self.actions.get(signo, SigAction())

    def copy(self, *, shared: bool = False) -> SignalState:
        """What a child starts with: mask and dispositions (``shared`` under CLONE_SIGHAND), nothing pending."""
        return SignalState(blocked=self.blocked, actions=self.actions if shared else dict(self.actions))

    def stat(self) -> dict[str, Any]:
        """The lines SigPnd, SigBlk, SigIgn and SigCgt of ``/proc/[pid]/status``, by name."""
        handled = {signo: action.sa_handler for signo, action in self.actions.items()}
        return {
            "pending": [SIGNALS.name(info.si_signo) for info in self.pending],
            "blocked": [SIGNALS.name(signo) for signo in sorted(self.blocked)],
            "ignored": [SIGNALS.name(signo) for signo in sorted(handled) if handled[signo] == SIG_IGN],
            "caught": [SIGNALS.name(signo) for signo in sorted(handled) if handled[signo] == SIG_CATCH],
        }


def check_signo(signo: int, least: int = 1) -> None:
    """EINVAL for what is no signal."""
    if not least <= signo <= NSIG:
        raise KernelError(Errno.EINVAL, f"{signo} is no signal")


def kill(kernel: Kernel, call: Call, pid: int, signo: int) -> Return:
    """Send a signal to a process, a process group (0, below -1) or every process but init and oneself (-1): kill(2).

    Signal 0 only asks. ESRCH where there is no task; EINVAL for a bad signal; EPERM where none may be signalled.
    """
    sender = call.task
    targets = _targets(kernel, sender, pid)
    if not targets:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    check_signo(signo, least=0)
    try:
        send_to_allowed(kernel, sender, targets, signo, said_by(sender, SI_USER), str(pid))
    except KernelError:
        # As Linux counts: of every process, those that may not be signalled are only passed over.
        if pid != -1:
            raise
    return Return(0)


class Said(NamedTuple):
    """What a sender says of a signal; ids as its own namespaces call them (``kernel_siginfo`` from user space)."""

    si_code: int
    si_value: int = 0
    si_pid: int = 0
    si_uid: int = 0


def said_by(sender: Task, code: int) -> Said:
    """What kill(2) says for its caller."""
    return Said(code, 0, sender.nr_in(sender), sender.cred.user_ns.uid_map.munged(sender.cred.uid))


def send_to_allowed(
    kernel: Kernel,
    sender: Task,
    targets: Iterable[Task],
    signo: int,
    said: Said,
    whom: str,
    *,
    thread: bool = False,
) -> None:
    """Signal those processes (or threads) that the sender may signal. EPERM where that is none."""
    allowed = [task for task in targets if may_signal(sender, task, signo)]
    if not allowed:
        raise KernelError(Errno.EPERM, f"task {sender.pid} may not signal {whom}")
    for task in allowed if signo else ():
        above = from_above(sender, task)
        send_signal(kernel, task, _heard_by(task, sender, signo, said, above=above), force=above, thread=thread)


def _heard_by(target: Task, sender: Task, signo: int, said: Said, *, above: bool) -> SigInfo:
    """What the target is told: the uid as its user namespace calls it, no pid from above its pid namespace."""
    kuid = sender.cred.user_ns.uid_map.down(said.si_uid & 0xFFFFFFFF)
    uid = target.cred.user_ns.uid_map.munged(kuid)
    return SigInfo(signo, said.si_code, 0 if above else said.si_pid, uid, said.si_value)


def _targets(kernel: Kernel, sender: Task, pid: int) -> list[Task]:
    ns = sender.thread_pid.ns
    if pid > 0:
        found = ns.pids.get(pid)
        return [found.task.leader] if found is not None and found.task is not None else []
    if pid == -1:
        seen = (found.task for number, found in ns.pids.items() if number > 1)
        return [task for task in seen if task is not None and task is task.leader and task.group is not sender.group]
    return group_of(sender.group.pgrp if pid == 0 else ns.pids.get(-pid))


def tgkill(kernel: Kernel, call: Call, tgid: int, tid: int, signo: int) -> None:
    """Send a signal to one thread of a process. EINVAL, ESRCH, EPERM."""
    if tgid <= 0 or tid <= 0:
        raise KernelError(Errno.EINVAL, "a process and a thread are above 0")
    found = kernel.find_task(call.task, tid)
    if found is None or found.leader.nr_in(call.task) != tgid:
        raise KernelError(Errno.ESRCH, f"process {tgid} has no thread {tid}")
    check_signo(signo, least=0)
    send_to_allowed(kernel, call.task, [found], signo, said_by(call.task, SI_TKILL), str(tid), thread=True)


def rt_sigqueueinfo(kernel: Kernel, call: Call, pid: int, signo: int, said: Said) -> None:
    """Send a signal with a value to a process. EPERM for an ``si_code`` that is the kernel's; ESRCH, EINVAL, EAGAIN."""
    found = kernel.find_task(call.task, pid) if pid > 0 else None
    if (said.si_code >= 0 or said.si_code == SI_TKILL) and (found is None or found.group is not call.task.group):
        raise KernelError(Errno.EPERM, "this si_code is the kernel's")
    if found is None:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    check_signo(signo, least=0)
    full = signo >= SIGRTMIN and len(found.group.shared_pending) >= found.rlimits[RLIMIT_SIGPENDING].cur
    if full and may_signal(call.task, found, signo):
        raise KernelError(Errno.EAGAIN, f"task {pid} has as many signals pending as RLIMIT_SIGPENDING allows")
    send_to_allowed(kernel, call.task, [found.leader], signo, said, str(pid))


def group_of(pgrp: Pid | None) -> list[Task]:
    """The processes of a process group, zombies too."""
    return list(pgrp.group_members) if pgrp is not None else []


def may_signal(sender: Task, target: Task, signo: int = 0) -> bool:
    """``check_kill_permission``: itself, the target's user or who it was, CAP_KILL; SIGCONT within a session."""
    if sender.group is target.group:
        return True
    mine, its = sender.cred, target.cred
    if {mine.euid, mine.uid} & {its.suid, its.uid} or mine.ns_capable(its.user_ns, CAP_KILL):
        return True
    return signo == SIGCONT and sender.group.session is target.group.session


def from_above(sender: Task, target: Task) -> bool:
    """Whether the target's pid namespace does not see the sender: what it sends reaches even that namespace's init."""
    return not sender.nr_in(target)


def send_signal(kernel: Kernel, task: Task, info: SigInfo, *, force: bool = False, thread: bool = False) -> None:
    """Make a signal pending for a process, or for one ``thread``, and deliver it unless it is blocked.

    ``force``: also a namespace's init gets SIGKILL and SIGSTOP (``send_signal_locked``).
    """
    if task.exited:
        return
    if jobctl.prepare(kernel, task, info.si_signo):
        for each in list(task.group.threads.values()):
            deliver(kernel, each, force=force)
    if _ignored(task, info.si_signo, force=force):
        return
    threads = [task] if thread else [task, *(other for other in task.group.threads.values() if other is not task)]
    # A signal that would end the task does so even while a call waits for it, unless it was blocked before.
    for each in () if _fatal(task, info.si_signo, force=force) else threads:
        for call, wanted in each.signals.waiters:
            if info.si_signo in wanted:
                kernel.wake(call, info)
                return
    pending = task.signals.pending if thread else task.group.shared_pending
    if not _enqueue(task, pending, info):
        return
    for each in threads:
        if info.si_signo not in each.signals.blocked:
            deliver(kernel, each, force=force)
            return


def _ignored(task: Task, signo: int, *, force: bool) -> bool:
    """Whether a signal is dropped when it is sent; a blocked one never is (``sig_ignored``)."""
    signals = task.signals
    handler = signals.action(signo).sa_handler
    if signo in signals.blocked:
        return False
    if task.unkillable and handler == SIG_DFL and not (force and signo in UNBLOCKABLE):
        return True
    return handler == SIG_IGN or (handler == SIG_DFL and signo in DEFAULT_IGNORED)


def _fatal(task: Task, signo: int, *, force: bool) -> bool:
    """Whether a signal ends the process as soon as it is sent (``sig_fatal``)."""
    if task.group.stopped and signo != SIGKILL:
        return False
    unhandled = task.signals.action(signo).sa_handler == SIG_DFL and signo not in DEFAULT_IGNORED | DEFAULT_STOPS
    return unhandled and signo not in task.signals.blocked and (force or not task.unkillable)


def _enqueue(task: Task, pending: list[SigInfo], info: SigInfo) -> bool:
    """Standard signals pend once, real-time ones queue up (``__send_signal_locked``).

    Above RLIMIT_SIGPENDING a standard signal from a task still gets in whole, another only if nothing is lost but its
    siginfo.
    """
    present = any(other.si_signo == info.si_signo for other in pending)
    standard = info.si_signo < SIGRTMIN
    if standard and present:
        return False
    if len(pending) >= task.rlimits[RLIMIT_SIGPENDING].cur and not (standard and info.si_code >= 0):
        if present or (not standard and info.si_code != SI_USER):
            return False
        info = SigInfo(info.si_signo, SI_USER, 0, 0)
    pending.append(info)
    return True


def take_pending(task: Task, wanted: Callable[[int], bool]) -> SigInfo | None:
    """Take the pending signal of the lowest number, the thread's own before the process's (``dequeue_signal``)."""
    for pending in (task.signals.pending, task.group.shared_pending):
        found = [info for info in pending if wanted(info.si_signo)]
        if found:
            info = min(found, key=lambda info: info.si_signo)
            pending.remove(info)
            return info
    return None


def deliver(kernel: Kernel, task: Task, *, force: bool = False) -> None:
    """Act on every pending signal that is not blocked, lowest number first (``get_signal``)."""
    signals = task.signals
    group = task.group
    while (
        info := take_pending(
            task, lambda signo: signo not in signals.blocked and (not group.stopped or signo == SIGKILL)
        )
    ) is not None:
        action = signals.action(info.si_signo)
        if action.sa_handler == SIG_CATCH:
            if action.sa_flags & SA_RESETHAND:
                signals.actions[info.si_signo] = action._replace(sa_handler=SIG_DFL)
            kernel.signal_delivered(task, info)
            kernel.interrupt_task(task, restart=bool(action.sa_flags & SA_RESTART))
        elif action.sa_handler == SIG_DFL and info.si_signo not in DEFAULT_IGNORED:
            # A namespace's init gets no signals from inside that it does not want, also ones that were blocked.
            if task.unkillable and not (force and info.si_signo in UNBLOCKABLE):
                continue
            if info.si_signo in DEFAULT_STOPS:
                jobctl.stop(kernel, task, info.si_signo)
                continue
            kernel.exit(task, status=0, signo=info.si_signo)
            return


def rt_sigaction(task: Task, signo: int, act: SigAction | None) -> Return:
    """Read and set a signal's disposition. EINVAL for no signal, and for changing SIGKILL or SIGSTOP."""
    check_signo(signo)
    if act is not None and signo in UNBLOCKABLE:
        raise KernelError(Errno.EINVAL, f"{SIGNALS.name(signo)} cannot be caught or ignored")
    old = task.signals.action(signo)
    if act is not None:
        task.signals.actions[signo] = act
        if act.sa_handler == SIG_IGN or (act.sa_handler == SIG_DFL and signo in DEFAULT_IGNORED):
            for pending in (task.signals.pending, task.group.shared_pending):
                pending[:] = [info for info in pending if info.si_signo != signo]
    return Return(0, old._asdict())


def set_blocked(kernel: Kernel, task: Task, blocked: frozenset[int]) -> None:
    """Replace the mask; what was pending and is blocked no more is delivered."""
    task.signals.blocked = blocked - UNBLOCKABLE
    deliver(kernel, task)


def rt_sigtimedwait(kernel: Kernel, call: Call, wanted: frozenset[int], timeout_ns: int | None) -> Return | Block:
    """Take a pending signal out of ``wanted``, waiting ``timeout_ns`` for one (None: for ever). EAGAIN, EINTR."""
    signals = call.task.signals
    wanted -= UNBLOCKABLE
    if (info := take_pending(call.task, lambda signo: signo in wanted)) is not None:
        return Return(info.si_signo, info.stat())
    if timeout_ns == 0:
        raise KernelError(Errno.EAGAIN, "no such signal is pending")
    until = None if timeout_ns is None else kernel.monotonic_ns + timeout_ns
    return Block(on=(signals.waiters,), stage=_signalled, entry=wanted, until=until, clock=Clock.MONOTONIC)


def _signalled(kernel: Kernel, call: Call, wanted: frozenset[int], wake: Any) -> Return | Block:
    if isinstance(wake, SigInfo):
        return Return(wake.si_signo, wake.stat())
    if wake is Wake.TIMED_OUT:
        raise KernelError(Errno.EAGAIN, "no such signal came in time")
    raise KernelError(Errno.EINTR, f"{call.name} was interrupted")
