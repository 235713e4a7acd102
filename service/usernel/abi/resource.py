"""``asm-generic/resource.h``: resource limits, and who setpriority(2) means."""

from __future__ import annotations

from typing import Final

from .names import Names

RLIM_INFINITY: Final = 0xFFFFFFFFFFFFFFFF
RLIMIT_NPROC: Final = 6
RLIMIT_NOFILE: Final = 7
RLIMIT_SIGPENDING: Final = 11
RLIMIT_MSGQUEUE: Final = 12
RLIMIT_NICE: Final = 13
RLIMIT_RTPRIO: Final = 14
RLIM_NLIMITS: Final = 16

RESOURCES: Final = Names(
    "rlimit_resource",
    {
        "RLIMIT_CPU": 0,
        "RLIMIT_FSIZE": 1,
        "RLIMIT_DATA": 2,
        "RLIMIT_STACK": 3,
        "RLIMIT_CORE": 4,
        "RLIMIT_RSS": 5,
        "RLIMIT_NPROC": RLIMIT_NPROC,
        "RLIMIT_NOFILE": RLIMIT_NOFILE,
        "RLIMIT_MEMLOCK": 8,
        "RLIMIT_AS": 9,
        "RLIMIT_LOCKS": 10,
        "RLIMIT_SIGPENDING": RLIMIT_SIGPENDING,
        "RLIMIT_MSGQUEUE": RLIMIT_MSGQUEUE,
        "RLIMIT_NICE": RLIMIT_NICE,
        "RLIMIT_RTPRIO": RLIMIT_RTPRIO,
        "RLIMIT_RTTIME": 15,
    },
    one=True,
)

PRIO_PROCESS: Final = 0
PRIO_PGRP: Final = 1
PRIO_USER: Final = 2
PRIO_WHICH: Final = Names("prio_which", {"PRIO_PROCESS": 0, "PRIO_PGRP": 1, "PRIO_USER": 2}, one=True)
MIN_NICE: Final = -20
MAX_NICE: Final = 19
DEFAULT_PRIO: Final = 120
