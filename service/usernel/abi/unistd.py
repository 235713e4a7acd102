"""``asm/unistd.h``: the numbers of the system calls, by architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NUMBERS: Final[Mapping[str, tuple[int, int | None]]] = {
    "read": (0, 63),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "dup": (32, 23),
    "getpid": (39, 172),
    "kill": (62, 129),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "umask": (95, 166),
    "getppid": (110, 173),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "getpriority": (140, 141),
    "setpriority": (141, 140),
    "exit_group": (231, 94),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    "unshare": (272, 97),
    "prlimit64": (302, 261),
    "fork": (57, None),
}
"""Each call's number on x86_64 and on aarch64, which has neither poll nor fork (but ppoll and clone)."""
