"""``linux/msg.h``: System V message queues."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .ipc import IPC_INFO, IPC_NOWAIT, IPC_RMID, IPC_SET, IPC_STAT
from .names import Names

MSG_STAT: Final = 11
MSG_INFO: Final = 12
MSG_STAT_ANY: Final = 13

MSG_NOERROR: Final = 0o10000
MSG_EXCEPT: Final = 0o20000
MSG_COPY: Final = 0o40000

MSGMNI: Final = 32000
MSGMAX: Final = 8192
MSGMNB: Final = 16384

MSGSSZ: Final = 16
MSGPOOL: Final = MSGMNI * MSGMNB // 1024
MSGTQL: Final = MSGMNB
MSGMAP: Final = MSGMNB
MSGSEG: Final = min(MSGPOOL * 1024 // MSGSSZ, 0xFFFF)

MTYPE: Final = Struct("=q")
"""``long mtype``, in front of a message's bytes."""
MSQID64_DS: Final = Struct("=iIIIIIHHxxxx16x6Qii16x")
"""``struct msqid64_ds`` of a 64-bit machine: key uid gid cuid cgid mode seq, times, cbytes qnum qbytes, pids."""
MSGINFO: Final = Struct("=7iHxx")
"""``struct msginfo``: pool map max mnb mni ssz tql seg."""

SND_FLAGS: Final = Names("msgsnd_flags", {"IPC_NOWAIT": IPC_NOWAIT})
RCV_FLAGS: Final = Names(
    "msgrcv_flags",
    {"IPC_NOWAIT": IPC_NOWAIT, "MSG_NOERROR": MSG_NOERROR, "MSG_EXCEPT": MSG_EXCEPT, "MSG_COPY": MSG_COPY},
)
COMMANDS: Final = Names(
    "msgctl_cmd",
    {
        "IPC_RMID": IPC_RMID,
        "IPC_SET": IPC_SET,
        "IPC_STAT": IPC_STAT,
        "IPC_INFO": IPC_INFO,
        "MSG_STAT": MSG_STAT,
        "MSG_INFO": MSG_INFO,
        "MSG_STAT_ANY": MSG_STAT_ANY,
    },
    one=True,
)
