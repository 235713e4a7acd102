"""``linux/sched.h``: what clone(2) and unshare(2) make anew."""

from __future__ import annotations

from typing import Final

from .names import Names

CLONE_NEWIPC: Final = 0x08000000

CLONE_FLAGS: Final = Names(
    "clone_flags",
    {
        "CLONE_NEWTIME": 0x00000080,
        "CLONE_NEWNS": 0x00020000,
        "CLONE_NEWCGROUP": 0x02000000,
        "CLONE_NEWUTS": 0x04000000,
        "CLONE_NEWIPC": CLONE_NEWIPC,
        "CLONE_NEWUSER": 0x10000000,
        "CLONE_NEWPID": 0x20000000,
        "CLONE_NEWNET": 0x40000000,
    },
)
