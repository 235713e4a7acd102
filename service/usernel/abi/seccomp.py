"""``linux/seccomp.h``, ``linux/filter.h``, ``linux/audit.h``: filters that hand system calls to another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

SECCOMP_SET_MODE_FILTER: Final = 1

SECCOMP_FILTER_FLAG_NEW_LISTENER: Final = 1 << 3
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: Final = 1 << 5

SECCOMP_RET_USER_NOTIF: Final = 0x7FC00000
SECCOMP_RET_ALLOW: Final = 0x7FFF0000

SECCOMP_USER_NOTIF_FLAG_CONTINUE: Final = 1
SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: Final = 1

SECCOMP_IOCTL_NOTIF_RECV: Final = 0xC0502100
SECCOMP_IOCTL_NOTIF_SEND: Final = 0xC0182101
SECCOMP_IOCTL_NOTIF_ADDFD: Final = 0x40182103
SECCOMP_IOCTL_NOTIF_SET_FLAGS: Final = 0x40082104
SECCOMP_ADDFD_FLAG_SETFD: Final = 1 << 0
SECCOMP_ADDFD_FLAG_SEND: Final = 1 << 1

AUDIT_ARCH: Final[Mapping[str, int]] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What ``seccomp_data.arch`` is on a machine, by its name in uname(2)."""
SECCOMP_NUMBER: Final[Mapping[str, int]] = {"x86_64": 317, "aarch64": 277}

BPF_LD_W_ABS: Final = 0x20
BPF_JEQ_K: Final = 0x15
BPF_RET_K: Final = 0x06
SOCK_FILTER: Final = Struct("=HBBI")
SECCOMP_DATA_NR: Final = 0
SECCOMP_DATA_ARCH: Final = 4

SECCOMP_NOTIF: Final = Struct("=QI4xi12x6Q")
"""``struct seccomp_notif``: id, pid, and of its seccomp_data the number and the six arguments."""
SECCOMP_NOTIF_RESP: Final = Struct("=QqiI")
SECCOMP_NOTIF_ADDFD: Final = Struct("=QIIII")


class SeccompNotif(NamedTuple):
    """``struct seccomp_notif``: a call that waits for its answer. ``pid`` is a thread's."""

    id: int
    pid: int
    nr: int
    args: Sequence[int]


ERESTARTSYS: Final = 512
ERESTARTNOHAND: Final = 514
"""What a handler answers to a call that a signal interrupts; the kernel makes EINTR or a restart of it."""
