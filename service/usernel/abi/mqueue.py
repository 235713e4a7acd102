"""``linux/mqueue.h`` and the limits of ``ipc_namespace.h``: POSIX message queues."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .names import Names

MQ_PRIO_MAX: Final = 32768
MQ_BYTES_MAX: Final = 819200
"""``RLIMIT_MSGQUEUE`` as a task is born with it."""

DFLT_QUEUESMAX: Final = 256
MIN_MSGMAX: Final = 1
DFLT_MSG: Final = 10
DFLT_MSGMAX: Final = 10
HARD_MSGMAX: Final = 65536
MIN_MSGSIZEMAX: Final = 128
DFLT_MSGSIZE: Final = 8192
DFLT_MSGSIZEMAX: Final = 8192
HARD_MSGSIZEMAX: Final = 16 * 1024 * 1024

SIZEOF_MSG_MSG: Final = 48
SIZEOF_POSIX_MSG_TREE_NODE: Final = 48
FILENT_SIZE: Final = 80
DIRENT_SIZE: Final = 20
MQUEUE_MAGIC: Final = 0x19800202

SIGEV_SIGNAL: Final = 0
SIGEV_NONE: Final = 1
SIGEV_THREAD: Final = 2

SIGEV: Final = Names("sigev_notify", {"SIGEV_SIGNAL": 0, "SIGEV_NONE": 1, "SIGEV_THREAD": 2}, one=True)

MQ_ATTR: Final = Struct("=4q32x")
"""``struct mq_attr`` of a 64-bit machine: flags maxmsg msgsize curmsgs."""
SIGEVENT: Final = Struct("=Qii48x")
"""``struct sigevent`` of a 64-bit machine: value signo notify, and what follows is glibc's."""
TIMESPEC64: Final = Struct("=qq")
"""``struct timespec`` of a 64-bit machine."""
PRIORITY: Final = Struct("=I")
"""``unsigned int *``, where a priority is written to."""
