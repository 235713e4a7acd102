"""``linux/wait.h``: which children wait4(2) and waitid(2) wait for."""

from __future__ import annotations

from typing import Final

from .names import Names

WNOHANG: Final = 0x1
WUNTRACED: Final = 0x2
WSTOPPED: Final = WUNTRACED
WEXITED: Final = 0x4
WCONTINUED: Final = 0x8
WNOWAIT: Final = 0x01000000
WNOTHREAD: Final = 0x20000000
WALL: Final = 0x40000000
WCLONE: Final = 0x80000000

WAIT_OPTIONS: Final = Names(
    "wait_options",
    {
        "WNOHANG": WNOHANG,
        "WUNTRACED": WUNTRACED,
        "WEXITED": WEXITED,
        "WCONTINUED": WCONTINUED,
        "WNOWAIT": WNOWAIT,
        "__WNOTHREAD": WNOTHREAD,
        "__WALL": WALL,
        "__WCLONE": WCLONE,
    },
)

P_ALL: Final = 0
P_PID: Final = 1
P_PGID: Final = 2
P_PIDFD: Final = 3
IDTYPES: Final = Names("idtype", {"P_ALL": P_ALL, "P_PID": P_PID, "P_PGID": P_PGID, "P_PIDFD": P_PIDFD}, one=True)

CLD_EXITED: Final = 1
CLD_KILLED: Final = 2
CLD_DUMPED: Final = 3
CLD_STOPPED: Final = 5
CLD_CONTINUED: Final = 6
