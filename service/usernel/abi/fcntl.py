"""``asm-generic/fcntl.h``, ``linux/fcntl.h``: flags of open files, and of calls that take a path."""

from __future__ import annotations

from typing import Final

from .names import Names

O_ACCMODE: Final = 0o3
O_RDONLY: Final = 0o0
O_WRONLY: Final = 0o1
O_RDWR: Final = 0o2
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_NONBLOCK: Final = 0o4000
O_CLOEXEC: Final = 0o2000000
O_LARGEFILE: Final = 0o100000
"""What every open(2) has on a 64-bit machine, though not what the kernel opens by itself."""

O_NOCTTY: Final = 0o400
O_TRUNC: Final = 0o1000
CREATION_FLAGS: Final = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC
"""What an open file forgets (``do_dentry_open``)."""
O_APPEND: Final = 0o2000
O_DIRECT: Final = 0o40000
O_NOATIME: Final = 0o1000000
O_ASYNC: Final = 0o20000
O_DSYNC: Final = 0o10000
O_SYNC: Final = 0o4010000
O_DIRECTORY: Final = 0o200000
O_NOFOLLOW: Final = 0o400000
O_PATH: Final = 0o10000000
O_TMPFILE: Final = 0o20200000
O_PATH_FLAGS: Final = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC
"""What an open file with O_PATH keeps of its flags (``fs/open.c``)."""
VALID_OPEN_FLAGS: Final = (
    O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT
    | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE
)  # fmt: skip
"""What openat2(2) takes; open(2) drops the rest (``include/linux/fcntl.h``)."""
SETFL_MASK: Final = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME
"""What F_SETFL changes, but for O_ASYNC, which no file here has."""

F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_DUPFD_CLOEXEC: Final = 1030
FD_CLOEXEC: Final = 1
FCNTL: Final = Names(
    "fcntl_cmd",
    {
        "F_DUPFD": F_DUPFD,
        "F_GETFD": F_GETFD,
        "F_SETFD": F_SETFD,
        "F_GETFL": F_GETFL,
        "F_SETFL": F_SETFL,
        "F_DUPFD_CLOEXEC": F_DUPFD_CLOEXEC,
    },
    one=True,
)

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_EACCESS: Final = 0x200
AT_REMOVEDIR: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_NO_AUTOMOUNT: Final = 0x800
AT_EMPTY_PATH: Final = 0x1000
AT_STATX_SYNC_TYPE: Final = 0x6000
AT_STATX_SYNC_AS_STAT: Final = 0x0000
AT_STATX_FORCE_SYNC: Final = 0x2000
AT_STATX_DONT_SYNC: Final = 0x4000

MQ_OFLAGS: Final = Names(
    "mq_oflag",
    {
        "O_RDONLY": O_RDONLY,
        "O_WRONLY": O_WRONLY,
        "O_RDWR": O_RDWR,
        "O_CREAT": O_CREAT,
        "O_EXCL": O_EXCL,
        "O_NONBLOCK": O_NONBLOCK,
        "O_CLOEXEC": O_CLOEXEC,
    },
)
MQ_FLAGS: Final = Names("mq_flags", {"O_NONBLOCK": O_NONBLOCK})
