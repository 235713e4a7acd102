"""Signals as data: what is pending, blocked, ignored or caught, and who is interrupted (``kernel/signal.c``)."""

from __future__ import annotations

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
    SI_USER,
    SIG_CATCH,
    SIG_DFL,
    SIG_IGN,
    SIGNALS,
    SIGRTMIN,
    UNBLOCKABLE,
)

from .call import Block, Call, Clock, Return, Wake
from .error import KernelError
from .wait import WaitQueue

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task


class SigInfo(NamedTuple):
    """``siginfo_t``: which signal, why, and from whom."""

    si_signo: int
    si_code: int
    si_pid: int
    si_uid: int
    si_value: int = 0

    def stat(self) -> dict[str, Any]:
        """The fields by name."""
        return self._asdict()


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

    def copy(self) -> SignalState:
        """What a child starts with: mask and dispositions, nothing pending (``fork(2)``)."""
        return SignalState(blocked=self.blocked, actions=dict(self.actions))

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
    """Send a signal to a task, a process group (0, below -1) or every task but init and oneself (-1): kill(2).

    Signal 0 only asks. ESRCH where there is no task; EINVAL for a bad signal; EPERM where none may be signalled.
    """
    sender = call.task
    targets = _targets(kernel, sender, pid)
    if not targets:
        raise KernelError(Errno.ESRCH, f"no task {pid}")
    check_signo(signo, least=0)
    allowed = [task for task in targets if may_signal(sender, task)]
    if not allowed:
        raise KernelError(Errno.EPERM, f"task {sender.pid} may not signal {pid}")
    for task in allowed if signo else ():
        send_signal(kernel, task, SigInfo(signo, SI_USER, sender.pid, sender.cred.uid))
    return Return(0)


def _targets(kernel: Kernel, sender: Task, pid: int) -> list[Task]:
    if pid > 0:
        return [kernel.tasks[pid]] if pid in kernel.tasks else []
    if pid == -1:
        return [task for task in kernel.tasks.values() if task is not sender and task.pid > 1]
    group = sender.pgid if pid == 0 else -pid
    return [task for task in kernel.tasks.values() if task.pgid == group]


def may_signal(sender: Task, target: Task) -> bool:
    """``kill_ok_by_cred``: the sender is or was the target's user, or has CAP_KILL."""
    mine, its = sender.cred, target.cred
    return bool({mine.euid, mine.uid} & {its.suid, its.uid}) or mine.capable(CAP_KILL)


def send_signal(kernel: Kernel, task: Task, info: SigInfo) -> None:
    """Make a signal pending for a task, and deliver it unless it is blocked (``send_signal_locked``)."""
    if task.exited or _ignored(task, info.si_signo):
        return
    # A signal that would end the task does so even while a call waits for it, unless it was blocked before.
    for call, wanted in () if _fatal(task, info.si_signo) else task.signals.waiters:
        if info.si_signo in wanted:
            kernel.wake(call, info)
            return
    if not _enqueue(task, info):
        return
    if info.si_signo not in task.signals.blocked:
        deliver(kernel, task)


def _ignored(task: Task, signo: int) -> bool:
    """Whether a signal is dropped when it is sent; a blocked one never is (``sig_ignored``)."""
    signals = task.signals
    if task.unkillable and signals.action(signo).sa_handler == SIG_DFL:
        return True
    if signo in signals.blocked:
        return False
    handler = signals.action(signo).sa_handler
    return handler == SIG_IGN or (handler == SIG_DFL and signo in DEFAULT_IGNORED | DEFAULT_STOPS)


def _fatal(task: Task, signo: int) -> bool:
    """Whether a signal ends the task as soon as it is sent (``sig_fatal``)."""
    unhandled = task.signals.action(signo).sa_handler == SIG_DFL and signo not in DEFAULT_IGNORED | DEFAULT_STOPS
    return unhandled and signo not in task.signals.blocked


def _enqueue(task: Task, info: SigInfo) -> bool:
    """Standard signals pend once, real-time ones queue up (``__send_signal_locked``).

    Above RLIMIT_SIGPENDING a standard signal from a task still gets in whole, another only if nothing is lost but its
    siginfo.
    """
    pending = task.signals.pending
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


def deliver(kernel: Kernel, task: Task) -> None:
    """Act on every pending signal that is not blocked, lowest number first (``get_signal``)."""
    signals = task.signals
    while deliverable := [info for info in signals.pending if info.si_signo not in signals.blocked]:
        info = min(deliverable, key=lambda info: info.si_signo)
        signals.pending.remove(info)
        action = signals.action(info.si_signo)
        if action.sa_handler == SIG_CATCH:
            if action.sa_flags & SA_RESETHAND:
                signals.actions[info.si_signo] = action._replace(sa_handler=SIG_DFL)
            kernel.signal_delivered(task, info)
            kernel.interrupt_task(task, restart=bool(action.sa_flags & SA_RESTART))
        elif action.sa_handler == SIG_DFL and info.si_signo not in DEFAULT_IGNORED | DEFAULT_STOPS:
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
            task.signals.pending = [info for info in task.signals.pending if info.si_signo != signo]
    return Return(0, old._asdict())


def set_blocked(kernel: Kernel, task: Task, blocked: frozenset[int]) -> None:
    """Replace the mask; what was pending and is blocked no more is delivered."""
    task.signals.blocked = blocked - UNBLOCKABLE
    deliver(kernel, task)


def rt_sigtimedwait(kernel: Kernel, call: Call, wanted: frozenset[int], timeout_ns: int | None) -> Return | Block:
    """Take a pending signal out of ``wanted``, waiting ``timeout_ns`` for one (None: for ever). EAGAIN, EINTR."""
    signals = call.task.signals
    wanted -= UNBLOCKABLE
    found = [info for info in signals.pending if info.si_signo in wanted]
    if found:
        info = min(found, key=lambda info: info.si_signo)
        signals.pending.remove(info)
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
