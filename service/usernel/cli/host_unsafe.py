"""What the host kernel lets this process do, tried out by ctypes; every trial is undone at once."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Final

from usernel.abi.fcntl import AT_FDCWD, O_CLOEXEC, O_PATH
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.openat2 import RESOLVE_CACHED
from usernel.aio.host_unsafe import openat2

IO_URING_SETUP: Final = 425
"""The same number on every architecture."""
SECCOMP: Final[Mapping[str, int]] = {"x86_64": 317, "aarch64": 277, "riscv64": 277}
SECCOMP_GET_ACTION_AVAIL: Final = 2
SECCOMP_RET_USER_NOTIF: Final = 0x7FC00000
FAN_CLASS_CONTENT: Final = 0x4
FAN_REPORT_FID: Final = 0x200
CLONE_NEWUSER: Final = 0x10000000
IPC_PRIVATE, IPC_RMID = 0, 0
SIZEOF_IO_URING_PARAMS: Final = 120


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def io_uring() -> None:
    """io_uring_setup(2)."""
    params = ctypes.create_string_buffer(SIZEOF_IO_URING_PARAMS)
    os.close(_checked(_libc().syscall(IO_URING_SETUP, 1, params)))


def nowait() -> None:
    """preadv2(2) with RWF_NOWAIT, of a file in this directory; in that of temporary files, where none is made here."""
    try:
        file = TemporaryFile(dir=".", buffering=0)  # noqa: SIM115 - closed below
    except OSError:
        file = TemporaryFile(buffering=0)  # noqa: SIM115 - closed below
    with file:
        file.write(b"cached")
        os.preadv(file.fileno(), (bytearray(6),), 0, RWF_NOWAIT)


def cached_paths() -> None:
    """openat2(2) with RESOLVE_CACHED."""
    result = openat2(AT_FDCWD, b"/", O_PATH | O_CLOEXEC, 0, RESOLVE_CACHED)
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    os.close(result)


def eventfd() -> None:
    """eventfd(2)."""
    os.close(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))


def fanotify_events() -> None:
    """fanotify_init(2) for events without permission."""
    os.close(_checked(_libc().fanotify_init(FAN_REPORT_FID, os.O_RDONLY)))


def fanotify_permission() -> None:
    """fanotify_init(2) for permission events."""
    os.close(_checked(_libc().fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)))


def seccomp_notify() -> None:
    """seccomp_unotify(2)."""
    number = SECCOMP.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of seccomp(2) on {platform.machine()} is not known here")
    action = ctypes.c_uint32(SECCOMP_RET_USER_NOTIF)
    _checked(_libc().syscall(number, SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)))


def user_namespaces() -> None:
    """unshare(2) with CLONE_NEWUSER, in a child."""
    pid = os.fork()
    if pid == 0:
        failed = _libc().unshare(CLONE_NEWUSER) != 0
        os._exit(ctypes.get_errno() if failed else 0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(abs(code), os.strerror(abs(code)))


def system_v_queues() -> None:
    """msgget(2)."""
    libc = _libc()
    libc.msgctl(_checked(libc.msgget(IPC_PRIVATE, 0o600)), IPC_RMID, None)


def posix_queues() -> None:
    """mq_open(3)."""
    libc, name = _libc(), f"/usernel-doctor-{os.getpid()}".encode()
    mqdes = _checked(libc.mq_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, None))
    libc.mq_unlink(name)
    os.close(mqdes)


def why_not(trial: Callable[[], None]) -> str | None:
    """Why something does not work here; None where it does."""
    try:
        trial()
    except OSError as error:
        return f"{errno.errorcode.get(error.errno or 0, error.errno)}: {error.strerror}"
    except AttributeError as error:
        return f"this C library has no such function: {error}"
    return None


def setting(path: str) -> str | None:
    """A file under /proc/sys, if it can be read."""
    with suppress(OSError), open(path, encoding="ascii") as file:  # noqa: PTH123 - one read of a pseudo file
        return file.read().strip()
    return None
