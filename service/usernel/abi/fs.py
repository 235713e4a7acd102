"""``linux/fs.h``: flags of a read or write, of a rename, of what is written back and of an inode."""

from __future__ import annotations

from typing import Final

RWF_HIPRI: Final = 0x1
RWF_DSYNC: Final = 0x2
RWF_SYNC: Final = 0x4
RWF_NOWAIT: Final = 0x8
RWF_APPEND: Final = 0x10
RWF_NOAPPEND: Final = 0x20
RWF_ATOMIC: Final = 0x40
RWF_DONTCACHE: Final = 0x80
RWF_NOSIGNAL: Final = 0x100
RWF_SUPPORTED: Final = (
    RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND | RWF_ATOMIC | RWF_DONTCACHE
    | RWF_NOSIGNAL
)  # fmt: skip
MAX_RW_COUNT: Final = 0x7FFFF000
"""The bytes that one read or write moves at most (``include/linux/fs.h``, with pages of 4096 bytes)."""

RENAME_NOREPLACE: Final = 1 << 0
RENAME_EXCHANGE: Final = 1 << 1
RENAME_WHITEOUT: Final = 1 << 2

SYNC_FILE_RANGE_WAIT_BEFORE: Final = 1
SYNC_FILE_RANGE_WRITE: Final = 2
SYNC_FILE_RANGE_WAIT_AFTER: Final = 4
SYNC_FILE_RANGE_WRITE_AND_WAIT: Final = 7

SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2
SEEK_DATA: Final = 3
SEEK_HOLE: Final = 4

FS_IOC_GETFLAGS: Final = 0x80086601
FS_CASEFOLD_FL: Final = 0x40000000
