"""Running a function in a child that has lost its privileges, or that the host refuses io_uring."""

from __future__ import annotations

import ctypes
import errno
import os
import pickle
import platform
import signal
import traceback
from collections.abc import Callable
from typing import Any

from usernel.abi.seccomp import (
    AUDIT_ARCH,
    BPF_JEQ_K,
    BPF_LD_W_ABS,
    BPF_RET_K,
    SECCOMP_DATA_ARCH,
    SECCOMP_DATA_NR,
    SECCOMP_NUMBER,
    SECCOMP_RET_ALLOW,
    SECCOMP_SET_MODE_FILTER,
    SOCK_FILTER,
)

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_RET_ERRNO = 0x00050000
IO_URING_SETUP, IO_URING_REGISTER = 425, 427
PREADV2, OPENAT2 = {"x86_64": 327, "aarch64": 286, "riscv64": 286}, 437
NOBODY = 65534


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse(error: int, *numbers: int) -> None:
    """Put this process under a filter that answers an errno to system calls of these numbers."""
    program = b"".join(
        SOCK_FILTER.pack(*line)
        for line in (
            (BPF_LD_W_ABS, 0, 0, SECCOMP_DATA_ARCH),
            (BPF_JEQ_K, 0, len(numbers) + 1, AUDIT_ARCH[platform.machine()]),
            (BPF_LD_W_ABS, 0, 0, SECCOMP_DATA_NR),
            *((BPF_JEQ_K, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
            (BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW),
            (BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | error),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program, len(program))
    fprog = _SockFprog(len(program) // SOCK_FILTER.size, ctypes.addressof(code))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(
        SECCOMP_NUMBER[platform.machine()], SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(fprog)
    ):
        raise OSError(ctypes.get_errno(), "seccomp")


def refuse_io_uring() -> None:
    """Put this process under a filter that answers EPERM to all of io_uring, as containers' filters do."""
    refuse(errno.EPERM, *range(IO_URING_SETUP, IO_URING_REGISTER + 1))


def refuse_hits() -> None:
    """Put this process under filters that keep the calls away that never wait, as those older than these calls do."""
    refuse(errno.ENOSYS, PREADV2[platform.machine()])
    refuse(errno.EPERM, OPENAT2)


def drop_privileges() -> None:
    """Be nobody, with no group and no capability."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def io_uring_setup() -> int:
    """What the host says to io_uring_setup(2): an errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.syscall(IO_URING_SETUP, 0, None) >= 0 else ctypes.get_errno()


def in_child(confine: Callable[[], None], function: Callable[[], Any], seconds: int = 60) -> Any:
    """What a function answers in a forked child. RuntimeError with its traceback, or with how the child ended."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(here)
            signal.alarm(seconds)
            try:
                confine()
                said = (True, function())
            except BaseException:  # noqa: BLE001 - it is raised again by the parent
                said = (False, traceback.format_exc())
            with os.fdopen(there, "wb") as pipe:
                pickle.dump(said, pipe)
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        written = pipe.read()
    status = os.waitpid(pid, 0)[1]
    if not written:
        raise RuntimeError(f"the child ended without a word: {status:#x}")
    fine, value = pickle.loads(written)
    if not fine:
        raise RuntimeError(value)
    return value
