"""The signal calls: parse, check, act."""

from __future__ import annotations

from typing import Final

from usernel.abi import signal as abi_signal
from usernel.abi.errno import Errno
from usernel.abi.signal import SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK
from usernel.kernel import signal
from usernel.kernel.call import Block, Call, Return
from usernel.kernel.error import KernelError
from usernel.kernel.kernel import Kernel

from .kinds import INT, LONG, UINT, ULONG, Enumeration, Field, Flags, ListOf, Structure
from .row import Row, errnos
from .timespec import TIMESPEC, nanoseconds

Sigset = frozenset[int]


def sys_kill(kernel: Kernel, call: Call, pid: int, sig: int) -> Return:
    """kill(2)."""
    return signal.kill(kernel, call, pid, sig)


def sys_tgkill(kernel: Kernel, call: Call, tgid: int, tid: int, sig: int) -> Return:
    """tgkill(2)."""
    signal.tgkill(kernel, call, tgid, tid, sig)
    return Return(0)


def sys_rt_sigqueueinfo(kernel: Kernel, call: Call, pid: int, sig: int, info: tuple[int, ...]) -> Return:
    """rt_sigqueueinfo(2)."""
    signal.rt_sigqueueinfo(kernel, call, pid, sig, signal.Said(*info))
    return Return(0)


def sys_rt_sigaction(kernel: Kernel, call: Call, signum: int, act: tuple[int, int] | None) -> Return:
    """rt_sigaction(2), as far as there is no code that a signal could run."""
    return signal.rt_sigaction(call.task, signum, None if act is None else signal.SigAction(*act))


def sys_rt_sigprocmask(kernel: Kernel, call: Call, how: int, new: Sigset | None) -> Return:
    """rt_sigprocmask(2)."""
    old = call.task.signals.blocked
    if new is not None:
        check_set(new)
        if how not in (SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK):
            raise KernelError(Errno.EINVAL, f"{how} is no way to change a mask")
        blocked = {SIG_BLOCK: old | new, SIG_UNBLOCK: old - new, SIG_SETMASK: new}[how]
        signal.set_blocked(kernel, call.task, blocked)
    return Return(0, {"oldset": old})


def sys_rt_sigpending(kernel: Kernel, call: Call) -> Return:
    """rt_sigpending(2)."""
    signals = call.task.signals
    pending = frozenset(info.si_signo for info in (*signals.pending, *call.task.group.shared_pending))
    return Return(0, {"set": pending & signals.blocked})


def sys_rt_sigtimedwait(kernel: Kernel, call: Call, these: Sigset, timeout: tuple[int, int] | None) -> Return | Block:
    """rt_sigtimedwait(2)."""
    check_set(these)
    return signal.rt_sigtimedwait(kernel, call, these, nanoseconds(timeout))


def check_set(signals: Sigset) -> None:
    """EINVAL where a set holds what is no signal."""
    for signo in signals:
        signal.check_signo(signo)


SIGNAL: Final = Enumeration(abi_signal.SIGNALS)
SIGSET: Final = ListOf(SIGNAL, unordered=True)
SIGACTION: Final = Structure(
    "sigaction",
    (
        Field("sa_handler", Enumeration(abi_signal.HANDLERS), doc="SIG_CATCH: a handler is installed"),
        Field("sa_flags", Flags(abi_signal.SA_FLAGS, ULONG), 0),
    ),
)
SIGINFO: Final = Structure(
    "siginfo",
    (
        Field("si_signo", SIGNAL),
        Field("si_code", Enumeration(abi_signal.SI_CODES)),
        Field("si_pid", INT),
        Field("si_uid", UINT),
        Field("si_value", LONG, None),
        Field("si_status", INT, None, "of what tells of a child"),
    ),
)
SAID: Final = Structure(
    "user_siginfo",
    (
        Field("si_code", Enumeration(abi_signal.SI_CODES), abi_signal.SI_QUEUE),
        Field("si_value", LONG, 0),
        Field("si_pid", INT, 0),
        Field("si_uid", UINT, 0),
    ),
)

ROWS: Final = (
    Row(
        "kill",
        "Send a signal to tasks.",
        "kill(2)",
        (Field("pid", INT), Field("sig", SIGNAL)),
        errnos("EINVAL EPERM ESRCH"),
        sys_kill,
        partial="a stopped task is shown and told of as stopped, but its calls go on: it has no code to stand still",
    ),
    Row(
        "tgkill",
        "Send a signal to a thread.",
        "tgkill(2)",
        (Field("tgid", INT), Field("tid", INT), Field("sig", SIGNAL)),
        errnos("EINVAL EPERM ESRCH"),
        sys_tgkill,
    ),
    Row(
        "rt_sigqueueinfo",
        "Send a signal with a value.",
        "rt_sigqueueinfo(2)",
        (Field("pid", INT), Field("sig", SIGNAL), Field("info", SAID)),
        errnos("EAGAIN EINVAL EPERM ESRCH"),
        sys_rt_sigqueueinfo,
    ),
    Row(
        "rt_sigaction",
        "Read and set what a signal does.",
        "sigaction(2)",
        (Field("signum", SIGNAL), Field("act", SIGACTION, None)),
        errnos("EINVAL"),
        sys_rt_sigaction,
        SIGACTION,
        partial="a task has no code of its own: a caught signal leaves as an event; no sa_mask",
    ),
    Row(
        "rt_sigprocmask",
        "Read and change the signals that are blocked.",
        "sigprocmask(2)",
        (Field("how", Enumeration(abi_signal.HOW), 0), Field("set", SIGSET, None)),
        errnos("EINVAL"),
        sys_rt_sigprocmask,
        Structure("sigset_old", (Field("oldset", SIGSET),)),
    ),
    Row(
        "rt_sigpending",
        "The signals that wait because they are blocked.",
        "sigpending(2)",
        (),
        frozenset(),
        sys_rt_sigpending,
        Structure("sigset_pending", (Field("set", SIGSET),)),
    ),
    Row(
        "rt_sigtimedwait",
        "Take a signal, waiting for one; returns its number.",
        "sigtimedwait(2)",
        (Field("set", SIGSET), Field("timeout", TIMESPEC, None, "how long to wait; null for ever")),
        errnos("EAGAIN EINTR EINVAL"),
        sys_rt_sigtimedwait,
        SIGINFO,
    ),
)
