"""``linux/pidfd.h``: descriptors of processes."""

from __future__ import annotations

from typing import Final

from .names import Names

PIDFD_NONBLOCK: Final = 0o4000
PIDFD_THREAD: Final = 0o200
PIDFD_SIGNAL_THREAD: Final = 1
PIDFD_SIGNAL_THREAD_GROUP: Final = 2
PIDFD_SIGNAL_PROCESS_GROUP: Final = 4
PIDFD_SELF_THREAD: Final = -10000
PIDFD_SELF_THREAD_GROUP: Final = -10001
"""Stand for the caller itself, where a pidfd is wanted."""

OPEN_FLAGS: Final = Names("pidfd_open_flags", {"PIDFD_NONBLOCK": PIDFD_NONBLOCK, "PIDFD_THREAD": PIDFD_THREAD})
SIGNAL_FLAGS: Final = Names(
    "pidfd_signal_flags",
    {
        "PIDFD_SIGNAL_THREAD": PIDFD_SIGNAL_THREAD,
        "PIDFD_SIGNAL_THREAD_GROUP": PIDFD_SIGNAL_THREAD_GROUP,
        "PIDFD_SIGNAL_PROCESS_GROUP": PIDFD_SIGNAL_PROCESS_GROUP,
    },
)

_MAGIC: Final = 0xFF
PIDFD_INFO_SIZE: Final = 80
"""``sizeof(struct pidfd_info)``."""
PIDFD_GET_INFO: Final = 3 << 30 | PIDFD_INFO_SIZE << 16 | _MAGIC << 8 | 11
PIDFD_NAMESPACES: Final = {
    _MAGIC << 8 | number: name
    for number, name in enumerate(
        "cgroup ipc mnt net pid pid_for_children time time_for_children user uts".split(), start=1
    )
}
"""The ioctls that open a namespace of the process, by the link in ``/proc/[pid]/ns``."""
PIDFD_IOCTLS: Final = Names(
    "pidfd_ioctl",
    {"PIDFD_GET_INFO": PIDFD_GET_INFO}
    | {f"PIDFD_GET_{name.upper()}_NAMESPACE": number for number, name in PIDFD_NAMESPACES.items()},
    one=True,
)

PIDFD_INFO_PID: Final = 1
PIDFD_INFO_CREDS: Final = 2
PIDFD_INFO_CGROUPID: Final = 4
PIDFD_INFO_EXIT: Final = 8
PIDFD_INFO_COREDUMP: Final = 16
INFO_MASK: Final = Names(
    "pidfd_info_mask",
    {
        "PIDFD_INFO_PID": PIDFD_INFO_PID,
        "PIDFD_INFO_CREDS": PIDFD_INFO_CREDS,
        "PIDFD_INFO_CGROUPID": PIDFD_INFO_CGROUPID,
        "PIDFD_INFO_EXIT": PIDFD_INFO_EXIT,
        "PIDFD_INFO_COREDUMP": PIDFD_INFO_COREDUMP,
    },
)
