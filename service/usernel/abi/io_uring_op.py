"""``linux/io_uring.h``: the requests of a ring, and what their own flags are.

A flag's group says which field of the entry it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .names import Names, prefixed

IORING_OP_NOP: Final = 0
IORING_OP_READV: Final = 1
IORING_OP_WRITEV: Final = 2
IORING_OP_FSYNC: Final = 3
IORING_OP_READ_FIXED: Final = 4
IORING_OP_WRITE_FIXED: Final = 5
IORING_OP_POLL_ADD: Final = 6
IORING_OP_POLL_REMOVE: Final = 7
IORING_OP_SYNC_FILE_RANGE: Final = 8
IORING_OP_SENDMSG: Final = 9
IORING_OP_RECVMSG: Final = 10
IORING_OP_TIMEOUT: Final = 11
IORING_OP_TIMEOUT_REMOVE: Final = 12
IORING_OP_ACCEPT: Final = 13
IORING_OP_ASYNC_CANCEL: Final = 14
IORING_OP_LINK_TIMEOUT: Final = 15
IORING_OP_CONNECT: Final = 16
IORING_OP_FALLOCATE: Final = 17
IORING_OP_OPENAT: Final = 18
IORING_OP_CLOSE: Final = 19
IORING_OP_FILES_UPDATE: Final = 20
IORING_OP_STATX: Final = 21
IORING_OP_READ: Final = 22
IORING_OP_WRITE: Final = 23
IORING_OP_FADVISE: Final = 24
IORING_OP_MADVISE: Final = 25
IORING_OP_SEND: Final = 26
IORING_OP_RECV: Final = 27
IORING_OP_OPENAT2: Final = 28
IORING_OP_EPOLL_CTL: Final = 29
IORING_OP_SPLICE: Final = 30
IORING_OP_PROVIDE_BUFFERS: Final = 31
IORING_OP_REMOVE_BUFFERS: Final = 32
IORING_OP_TEE: Final = 33
IORING_OP_SHUTDOWN: Final = 34
IORING_OP_RENAMEAT: Final = 35
IORING_OP_UNLINKAT: Final = 36
IORING_OP_MKDIRAT: Final = 37
IORING_OP_SYMLINKAT: Final = 38
IORING_OP_LINKAT: Final = 39
IORING_OP_MSG_RING: Final = 40
IORING_OP_FSETXATTR: Final = 41
IORING_OP_SETXATTR: Final = 42
IORING_OP_FGETXATTR: Final = 43
IORING_OP_GETXATTR: Final = 44
IORING_OP_SOCKET: Final = 45
IORING_OP_URING_CMD: Final = 46
IORING_OP_SEND_ZC: Final = 47
IORING_OP_SENDMSG_ZC: Final = 48
IORING_OP_READ_MULTISHOT: Final = 49
IORING_OP_WAITID: Final = 50
IORING_OP_FUTEX_WAIT: Final = 51
IORING_OP_FUTEX_WAKE: Final = 52
IORING_OP_FUTEX_WAITV: Final = 53
IORING_OP_FIXED_FD_INSTALL: Final = 54
IORING_OP_FTRUNCATE: Final = 55
IORING_OP_BIND: Final = 56
IORING_OP_LISTEN: Final = 57
IORING_OP_RECV_ZC: Final = 58
IORING_OP_EPOLL_WAIT: Final = 59
IORING_OP_READV_FIXED: Final = 60
IORING_OP_WRITEV_FIXED: Final = 61
IORING_OP_PIPE: Final = 62
IORING_OP_LAST: Final = 63

OPCODES: Final[Mapping[str, int]] = {
    name: number for name, number in prefixed(globals(), "IORING_OP_").items() if number < IORING_OP_LAST
}
"""Every opcode of Linux 6.18 by its uapi name."""
IO_URING_OP: Final = Names("io_uring_op", OPCODES, one=True)

IORING_FILE_INDEX_ALLOC: Final = 0xFFFFFFFF
"""``file_index`` that asks for any free slot of the table."""

IORING_RW_ATTR_FLAG_PI: Final = 1 << 0
"""``attr_type_mask``."""

IORING_URING_CMD_FIXED: Final = 1 << 0
IORING_URING_CMD_MULTISHOT: Final = 1 << 1
IORING_URING_CMD_MASK: Final = IORING_URING_CMD_FIXED | IORING_URING_CMD_MULTISHOT

IORING_FSYNC_DATASYNC: Final = 1 << 0
"""``fsync_flags``."""

IORING_TIMEOUT_ABS: Final = 1 << 0
IORING_TIMEOUT_UPDATE: Final = 1 << 1
IORING_TIMEOUT_BOOTTIME: Final = 1 << 2
IORING_TIMEOUT_REALTIME: Final = 1 << 3
IORING_LINK_TIMEOUT_UPDATE: Final = 1 << 4
IORING_TIMEOUT_ETIME_SUCCESS: Final = 1 << 5
IORING_TIMEOUT_MULTISHOT: Final = 1 << 6
IORING_TIMEOUT_CLOCK_MASK: Final = IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME
IORING_TIMEOUT_UPDATE_MASK: Final = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE
TIMEOUT_FLAGS: Final = Names(
    "timeout_flags",
    {
        name: bits
        for name, bits in (prefixed(globals(), "IORING_TIMEOUT_") | prefixed(globals(), "IORING_LINK_TIMEOUT_")).items()
        if not name.endswith("_MASK")
    },
)

SPLICE_F_FD_IN_FIXED: Final = 1 << 31
"""``splice_flags``, beside those of splice(2)."""

IORING_POLL_ADD_MULTI: Final = 1 << 0
IORING_POLL_UPDATE_EVENTS: Final = 1 << 1
IORING_POLL_UPDATE_USER_DATA: Final = 1 << 2
IORING_POLL_ADD_LEVEL: Final = 1 << 3
POLL_FLAGS: Final = Names("poll_flags", prefixed(globals(), "IORING_POLL_"))
"""``len`` of POLL_ADD and POLL_REMOVE."""

IORING_ASYNC_CANCEL_ALL: Final = 1 << 0
IORING_ASYNC_CANCEL_FD: Final = 1 << 1
IORING_ASYNC_CANCEL_ANY: Final = 1 << 2
IORING_ASYNC_CANCEL_FD_FIXED: Final = 1 << 3
IORING_ASYNC_CANCEL_USERDATA: Final = 1 << 4
IORING_ASYNC_CANCEL_OP: Final = 1 << 5
CANCEL_FLAGS: Final = Names("cancel_flags", prefixed(globals(), "IORING_ASYNC_CANCEL_"))

IORING_RECVSEND_POLL_FIRST: Final = 1 << 0
IORING_RECV_MULTISHOT: Final = 1 << 1
IORING_RECVSEND_FIXED_BUF: Final = 1 << 2
IORING_SEND_ZC_REPORT_USAGE: Final = 1 << 3
IORING_RECVSEND_BUNDLE: Final = 1 << 4
IORING_SEND_VECTORIZED: Final = 1 << 5
"""``ioprio`` of what sends and receives."""
IORING_NOTIF_USAGE_ZC_COPIED: Final = 1 << 31

IORING_ACCEPT_MULTISHOT: Final = 1 << 0
IORING_ACCEPT_DONTWAIT: Final = 1 << 1
IORING_ACCEPT_POLL_FIRST: Final = 1 << 2
"""``ioprio`` of ACCEPT."""

IORING_MSG_DATA: Final = 0
IORING_MSG_SEND_FD: Final = 1
"""``addr`` of MSG_RING: what is sent."""
IORING_MSG_RING_CQE_SKIP: Final = 1 << 0
IORING_MSG_RING_FLAGS_PASS: Final = 1 << 1
MSG_RING_FLAGS: Final = Names("msg_ring_flags", prefixed(globals(), "IORING_MSG_RING_"))

IORING_FIXED_FD_NO_CLOEXEC: Final = 1 << 0
INSTALL_FD_FLAGS: Final = Names("install_fd_flags", prefixed(globals(), "IORING_FIXED_FD_"))

IORING_NOP_INJECT_RESULT: Final = 1 << 0
IORING_NOP_FILE: Final = 1 << 1
IORING_NOP_FIXED_FILE: Final = 1 << 2
IORING_NOP_FIXED_BUFFER: Final = 1 << 3
IORING_NOP_TW: Final = 1 << 4
IORING_NOP_CQE32: Final = 1 << 5
NOP_FLAGS: Final = Names("nop_flags", prefixed(globals(), "IORING_NOP_"))

SOCKET_URING_OP_SIOCINQ: Final = 0
SOCKET_URING_OP_SIOCOUTQ: Final = 1
SOCKET_URING_OP_GETSOCKOPT: Final = 2
SOCKET_URING_OP_SETSOCKOPT: Final = 3
SOCKET_URING_OP_TX_TIMESTAMP: Final = 4
"""``cmd_op`` of URING_CMD on a socket."""
IORING_TIMESTAMP_HW_SHIFT: Final = 16
IORING_TIMESTAMP_TYPE_SHIFT: Final = IORING_TIMESTAMP_HW_SHIFT + 1
