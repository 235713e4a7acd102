"""``linux/sched.h``: what clone(2) shares, and what it, unshare(2) and setns(2) make or enter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .names import Names

CSIGNAL: Final = 0x000000FF
CLONE_NEWTIME: Final = 0x00000080
CLONE_VM: Final = 0x00000100
CLONE_FS: Final = 0x00000200
CLONE_FILES: Final = 0x00000400
CLONE_SIGHAND: Final = 0x00000800
CLONE_PIDFD: Final = 0x00001000
CLONE_PTRACE: Final = 0x00002000
CLONE_VFORK: Final = 0x00004000
CLONE_PARENT: Final = 0x00008000
CLONE_THREAD: Final = 0x00010000
CLONE_NEWNS: Final = 0x00020000
CLONE_SYSVSEM: Final = 0x00040000
CLONE_SETTLS: Final = 0x00080000
CLONE_PARENT_SETTID: Final = 0x00100000
CLONE_CHILD_CLEARTID: Final = 0x00200000
CLONE_DETACHED: Final = 0x00400000
CLONE_UNTRACED: Final = 0x00800000
CLONE_CHILD_SETTID: Final = 0x01000000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_IO: Final = 0x80000000
CLONE_CLEAR_SIGHAND: Final = 0x100000000
CLONE_INTO_CGROUP: Final = 0x200000000
CLONE_LEGACY_FLAGS: Final = 0xFFFFFFFF

NAMESPACES: Final[Mapping[int, str]] = {
    CLONE_NEWNS: "mnt",
    CLONE_NEWUTS: "uts",
    CLONE_NEWIPC: "ipc",
    CLONE_NEWPID: "pid",
    CLONE_NEWCGROUP: "cgroup",
    CLONE_NEWNET: "net",
    CLONE_NEWTIME: "time",
    CLONE_NEWUSER: "user",
}
"""The kinds of namespaces by their flag, named as in ``/proc/[pid]/ns``; in the order in which they are made."""
KINDS: Final[Mapping[str, int]] = {name: flag for flag, name in NAMESPACES.items()}
CLONE_NEW_ALL: Final = sum(NAMESPACES)

_NEW: Final = {
    "CLONE_NEWTIME": CLONE_NEWTIME,
    "CLONE_NEWNS": CLONE_NEWNS,
    "CLONE_NEWCGROUP": CLONE_NEWCGROUP,
    "CLONE_NEWUTS": CLONE_NEWUTS,
    "CLONE_NEWIPC": CLONE_NEWIPC,
    "CLONE_NEWUSER": CLONE_NEWUSER,
    "CLONE_NEWPID": CLONE_NEWPID,
    "CLONE_NEWNET": CLONE_NEWNET,
}
_SHARED: Final = {
    "CLONE_VM": CLONE_VM,
    "CLONE_FS": CLONE_FS,
    "CLONE_FILES": CLONE_FILES,
    "CLONE_SIGHAND": CLONE_SIGHAND,
    "CLONE_PIDFD": CLONE_PIDFD,
    "CLONE_PTRACE": CLONE_PTRACE,
    "CLONE_VFORK": CLONE_VFORK,
    "CLONE_PARENT": CLONE_PARENT,
    "CLONE_THREAD": CLONE_THREAD,
    "CLONE_SYSVSEM": CLONE_SYSVSEM,
    "CLONE_SETTLS": CLONE_SETTLS,
    "CLONE_PARENT_SETTID": CLONE_PARENT_SETTID,
    "CLONE_CHILD_CLEARTID": CLONE_CHILD_CLEARTID,
    "CLONE_DETACHED": CLONE_DETACHED,
    "CLONE_UNTRACED": CLONE_UNTRACED,
    "CLONE_CHILD_SETTID": CLONE_CHILD_SETTID,
    "CLONE_IO": CLONE_IO,
    "CLONE_CLEAR_SIGHAND": CLONE_CLEAR_SIGHAND,
    "CLONE_INTO_CGROUP": CLONE_INTO_CGROUP,
}
CLONE_FLAGS: Final = Names("clone_flags", _NEW)
"""What unshare(2) and setns(2) are given."""
CLONE_ALL_FLAGS: Final = Names("clone_all_flags", _SHARED | {name: bit for name, bit in _NEW.items() if bit > CSIGNAL})
"""What clone(2) is given, above the exit signal in its lowest byte."""
CLONE3_FLAGS: Final = Names("clone3_flags", _SHARED | _NEW)
UNSHARE_FLAGS: Final = Names(
    "unshare_flags",
    _NEW
    | {
        "CLONE_FS": CLONE_FS,
        "CLONE_FILES": CLONE_FILES,
        "CLONE_SYSVSEM": CLONE_SYSVSEM,
        "CLONE_VM": CLONE_VM,
        "CLONE_SIGHAND": CLONE_SIGHAND,
        "CLONE_THREAD": CLONE_THREAD,
    },
)
"""What unshare(2) takes."""
