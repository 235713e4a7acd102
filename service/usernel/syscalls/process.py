"""The calls about processes: how they are born, are grouped, wait for one another and end. Parse, check, act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from usernel.abi import pidfd as abi_pidfd
from usernel.abi import prctl as abi_prctl
from usernel.abi import sched as abi_sched
from usernel.abi import wait as abi_wait
from usernel.abi.errno import Errno
from usernel.abi.signal import NSIG
from usernel.kernel import exec as kernel_exec
from usernel.kernel import exit as kernel_exit
from usernel.kernel import pidfd, prctl, session
from usernel.kernel.call import Block, Call, Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.fork import CloneArgs, clone
from usernel.kernel.kernel import Kernel
from usernel.kernel.signal import Said

from .kinds import INT, LONG, NAME_OR_NUMBER, TEXT, UINT, ULONG, Enumeration, Field, Flags, ListOf, Structure
from .row import Row, errnos
from .signal import SAID, SIGNAL

CLONE_ERRNOS = "EAGAIN EINVAL EMFILE ENOMEM ENOSPC EPERM"
U32: Final = 0xFFFFFFFF
UNKILLABLE = "task {} is there as long as the service is"


def sys_clone(kernel: Kernel, call: Call, flags: int) -> Return:
    """clone(2), as a fork: there is no stack."""
    exit_signal = flags & abi_sched.CSIGNAL
    return _cloned(kernel, call, CloneArgs(flags & abi_sched.CLONE_LEGACY_FLAGS & ~abi_sched.CSIGNAL, exit_signal))


def sys_clone3(kernel: Kernel, call: Call, args: tuple[int, int, Sequence[int] | None]) -> Return:
    """clone3(2)."""
    flags, exit_signal, set_tid = args
    known = abi_sched.CLONE_LEGACY_FLAGS | abi_sched.CLONE_CLEAR_SIGHAND | abi_sched.CLONE_INTO_CGROUP
    if flags & ~known or flags & (abi_sched.CLONE_DETACHED | (abi_sched.CSIGNAL & ~abi_sched.CLONE_NEWTIME)):
        raise KernelError(Errno.EINVAL, "clone3 does not take these flags")
    if exit_signal & ~abi_sched.CSIGNAL or exit_signal > NSIG:
        raise KernelError(Errno.EINVAL, f"{exit_signal} is no signal")
    if flags & abi_sched.CLONE_SIGHAND and flags & abi_sched.CLONE_CLEAR_SIGHAND:
        raise KernelError(Errno.EINVAL, "CLONE_SIGHAND and CLONE_CLEAR_SIGHAND exclude each other")
    if flags & (abi_sched.CLONE_THREAD | abi_sched.CLONE_PARENT) and exit_signal:
        raise KernelError(Errno.EINVAL, "a thread, or a sibling, has no exit signal of its own")
    if flags & abi_sched.CLONE_INTO_CGROUP:
        raise KernelError(Errno.EBADF, "there are no cgroups to be born in")
    return _cloned(kernel, call, CloneArgs(flags, exit_signal, set_tid or ()))


def _cloned(kernel: Kernel, call: Call, args: CloneArgs) -> Return:
    child, fd = clone(kernel, call.task, args)
    return Return(child.thread_pid.nr_in(call.task.thread_pid.ns), None if fd is None else {"pidfd": fd})


def sys_wait4(kernel: Kernel, call: Call, pid: int, options: int) -> Return | Block:
    """wait4(2)."""
    return kernel_exit.wait4(kernel, call, pid, options & U32)


def sys_waitid(kernel: Kernel, call: Call, idtype: int, ident: int, options: int) -> Return | Block:
    """waitid(2)."""
    return kernel_exit.waitid(kernel, call, idtype, ident, options & U32)


def sys_exit(kernel: Kernel, call: Call, status: int) -> Return:
    """_exit(2) of one thread."""
    _check_mortal(call)
    kernel_exit.do_exit(kernel, call.task, (status & 0xFF) << 8)
    return Return(0)


def sys_exit_group(kernel: Kernel, call: Call, status: int) -> Return:
    """exit_group(2)."""
    _check_mortal(call)
    kernel.exit(call.task, status=status & 0xFF)
    return Return(0)


def _check_mortal(call: Call) -> None:
    """EPERM for init and the default task: the service goes on."""
    if call.task.pid in IMMORTAL:
        raise KernelError(Errno.EPERM, UNKILLABLE.format(call.task.pid))


IMMORTAL: Final = (1, 2)


def sys_execve(kernel: Kernel, call: Call, path: str) -> Return:
    """execve(2)."""
    _check_mortal(call)
    kernel_exec.execve(kernel, call.task, path)
    return Return(0)


def sys_prctl(kernel: Kernel, call: Call, option: int, arg2: int | str, arg3: int) -> Return:
    """prctl(2)."""
    return prctl.prctl(kernel, call.task, option, arg2, arg3)


def sys_gettid(kernel: Kernel, call: Call) -> Return:
    """gettid(2)."""
    return Return(call.task.thread_pid.nr_in(call.task.thread_pid.ns))


def sys_getpgid(kernel: Kernel, call: Call, pid: int) -> Return:
    """getpgid(2)."""
    return Return(session.group_or_session(kernel, call.task, pid, session=False))


def sys_getpgrp(kernel: Kernel, call: Call) -> Return:
    """getpgrp(2)."""
    return Return(session.group_or_session(kernel, call.task, 0, session=False))


def sys_getsid(kernel: Kernel, call: Call, pid: int) -> Return:
    """getsid(2)."""
    return Return(session.group_or_session(kernel, call.task, pid, session=True))


def sys_setpgid(kernel: Kernel, call: Call, pid: int, pgid: int) -> Return:
    """setpgid(2)."""
    session.setpgid(kernel, call.task, pid, pgid)
    return Return(0)


def sys_setsid(kernel: Kernel, call: Call) -> Return:
    """setsid(2)."""
    return Return(session.setsid(call.task))


def sys_pidfd_open(kernel: Kernel, call: Call, pid: int, flags: int) -> Return:
    """pidfd_open(2)."""
    return Return(pidfd.pidfd_open(call.task, pid, flags))


def sys_pidfd_getfd(kernel: Kernel, call: Call, pidfd_: int, targetfd: int, flags: int) -> Return:
    """pidfd_getfd(2)."""
    return Return(pidfd.pidfd_getfd(call.task, pidfd_, targetfd, flags))


def sys_pidfd_send_signal(
    kernel: Kernel, call: Call, pidfd_: int, sig: int, info: tuple[int, ...] | None, flags: int
) -> Return:
    """pidfd_send_signal(2)."""
    pidfd.pidfd_send_signal(kernel, call.task, pidfd_, sig, None if info is None else Said(*info), flags)
    return Return(0)


PIDFD_OUT: Final = Structure("cloned", (Field("pidfd", INT),))
CLONE_ARGS: Final = Structure(
    "clone_args",
    (
        Field("flags", Flags(abi_sched.CLONE3_FLAGS, ULONG), 0),
        Field("exit_signal", ULONG, 0),
        Field("set_tid", ListOf(INT), None, "pids, the innermost namespace's first"),
    ),
)
OPTIONS: Final = Flags(abi_wait.WAIT_OPTIONS)
WAITED: Final = Structure(
    "waitid_info",
    (
        Field("si_signo", INT),
        Field("si_code", INT),
        Field("si_pid", INT),
        Field("si_uid", UINT),
        Field("si_status", INT),
    ),
)
PID: Final = Field("pid", INT, 0, "0 for the caller")
PIDFD: Final = Field("pidfd", INT)
PRCTL_ARG: Final = Field("arg2", NAME_OR_NUMBER, 0)

ROWS: Final = (
    Row(
        "clone", "Make a child or a thread; returns its pid.", "clone(2)",
        (Field("flags", Flags(abi_sched.CLONE_ALL_FLAGS, ULONG), 0, "with the exit signal in the lowest byte"),),
        errnos(CLONE_ERRNOS), sys_clone, PIDFD_OUT, partial="a child runs no program: doors act as it",
    ),
    Row(
        "clone3", "Make a child or a thread; returns its pid.", "clone3(2)", (Field("args", CLONE_ARGS),),
        errnos(CLONE_ERRNOS + " EBADF EEXIST"), sys_clone3, PIDFD_OUT,
        partial="a child runs no program: doors act as it; CLONE_INTO_CGROUP is EBADF",
    ),
    Row(
        "wait4", "Wait for a child to end, and reap it; returns its pid.", "wait4(2)",
        (Field("pid", INT, -1), Field("options", OPTIONS, 0)), errnos("ECHILD EINTR EINVAL ESRCH"), sys_wait4,
        Structure("waited", (Field("status", INT),)), Restart.SYS,
    ),
    Row(
        "waitid", "Wait for a child to end, and reap it.", "waitid(2)",
        (Field("idtype", Enumeration(abi_wait.IDTYPES)), Field("id", INT, 0), Field("options", OPTIONS)),
        errnos("EAGAIN EBADF ECHILD EINTR EINVAL"), sys_waitid, WAITED, Restart.SYS,
    ),
    Row("exit", "End the calling thread.", "_exit(2)", (Field("status", INT, 0),), errnos("EPERM"), sys_exit),
    Row(
        "exit_group", "End the calling process.", "exit_group(2)", (Field("status", INT, 0),), errnos("EPERM"),
        sys_exit_group,
    ),
    Row(
        "execve", "Become another program.", "execve(2)", (Field("path", TEXT),),
        errnos("ENAMETOOLONG ENOENT EPERM"), sys_execve,
        partial="takes the name and closes what is close-on-exec; whether there is such a file is not looked at",
    ),
    Row(
        "prctl", "The small switches of a process.", "prctl(2)",
        (Field("option", Enumeration(abi_prctl.OPTIONS)), PRCTL_ARG, Field("arg3", LONG, 0)), errnos("EINVAL EPERM"),
        sys_prctl, Structure("prctl_out", (Field("value", INT, None), Field("name", TEXT, None))),
        partial="PDEATHSIG, DUMPABLE, KEEPCAPS, NAME, CAPBSET, CHILD_SUBREAPER, NO_NEW_PRIVS, CAP_AMBIENT",
    ),
    Row("gettid", "The caller's thread id.", "gettid(2)", (), frozenset(), sys_gettid),
    Row("getpgid", "The process group of a process.", "getpgid(2)", (PID,), errnos("ESRCH"), sys_getpgid),
    Row("getpgrp", "The caller's process group.", "getpgrp(2)", (), frozenset(), sys_getpgrp),
    Row("getsid", "The session of a process.", "getsid(2)", (PID,), errnos("ESRCH"), sys_getsid),
    Row(
        "setpgid", "Move a process into a group.", "setpgid(2)", (PID, Field("pgid", INT, 0)),
        errnos("EACCES EINVAL EPERM ESRCH"), sys_setpgid,
    ),
    Row("setsid", "Make a session; returns its id.", "setsid(2)", (), errnos("EPERM"), sys_setsid),
    Row(
        "pidfd_open", "A descriptor of a process.", "pidfd_open(2)",
        (Field("pid", INT), Field("flags", Flags(abi_pidfd.OPEN_FLAGS), 0)), errnos("EINVAL EMFILE ENOENT ESRCH"),
        sys_pidfd_open,
    ),
    Row(
        "pidfd_getfd", "A descriptor of what another process has open.", "pidfd_getfd(2)",
        (PIDFD, Field("targetfd", INT), Field("flags", UINT, 0)), errnos("EBADF EINVAL EMFILE EPERM ESRCH"),
        sys_pidfd_getfd,
    ),
    Row(
        "pidfd_send_signal", "Signal the process of a descriptor.", "pidfd_send_signal(2)",
        (PIDFD, Field("sig", SIGNAL), Field("info", SAID, None),
         Field("flags", Flags(abi_pidfd.SIGNAL_FLAGS), 0)),
        errnos("EBADF EINVAL EPERM ESRCH"), sys_pidfd_send_signal,
    ),
)  # fmt: skip
