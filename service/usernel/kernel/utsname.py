"""uname(2), sethostname(2), and the clocks of a time namespace (``kernel/sys.c``, ``kernel/time/``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from usernel.abi.capability import CAP_SYS_ADMIN
from usernel.abi.errno import Errno

from .error import KernelError
from .facts import UtsNameSet
from .ns.time import CLOCK_BOOTTIME, CLOCK_MONOTONIC, OFFSET_CLOCKS
from .ns.uts import NEW_UTS_LEN

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task

CLOCK_REALTIME: Final = 0
SYSNAME: Final = "Linux"
RELEASE: Final = "6.18.0-usernel"
"""The kernel whose semantics these are."""


def uname(task: Task) -> dict[str, str]:
    """``struct new_utsname``."""
    uts = task.nsproxy.uts
    return {
        "sysname": SYSNAME, "nodename": uts.nodename, "release": RELEASE, "version": "#1 usernel", "machine": "x86_64",
        "domainname": uts.domainname,
    }  # fmt: skip


def set_name(kernel: Kernel, task: Task, which: str, name: str) -> None:
    """Set a name of the task's UTS namespace. EPERM without CAP_SYS_ADMIN; EINVAL above 64 bytes."""
    uts = task.nsproxy.uts
    if not task.cred.ns_capable(uts.user_ns, CAP_SYS_ADMIN):
        raise KernelError(Errno.EPERM, f"setting the {which} wants CAP_SYS_ADMIN")
    if len(name.encode()) > NEW_UTS_LEN:
        raise KernelError(Errno.EINVAL, f"a {which} has {NEW_UTS_LEN} bytes at most")
    kernel.record(UtsNameSet(uts.inum, which, name.split("\0", 1)[0]))


def clock_gettime(kernel: Kernel, task: Task, clockid: int) -> int:
    """A clock in nanoseconds, as the task's time namespace shifts it. EINVAL."""
    if clockid == CLOCK_REALTIME:
        return kernel.realtime_ns
    if clockid in (CLOCK_MONOTONIC, CLOCK_BOOTTIME):
        return kernel.monotonic_ns + task.nsproxy.time.offsets_ns[OFFSET_CLOCKS[clockid]]
    raise KernelError(Errno.EINVAL, f"{clockid} is no clock that there is")
