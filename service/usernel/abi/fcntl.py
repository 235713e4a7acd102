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
