"""``asm-generic/fcntl.h``: flags of open files."""

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
