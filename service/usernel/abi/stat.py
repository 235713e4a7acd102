"""``linux/stat.h``: file types and permission bits, and what statx(2) is asked and answers."""

from __future__ import annotations

from struct import Struct
from typing import Final

S_IFMT: Final = 0o170000
S_IFSOCK: Final = 0o140000
S_IFLNK: Final = 0o120000
S_IFREG: Final = 0o100000
S_IFBLK: Final = 0o060000
S_IFDIR: Final = 0o040000
S_IFCHR: Final = 0o020000
S_IFIFO: Final = 0o010000
S_ISVTX: Final = 0o1000
S_IRWXUGO: Final = 0o777
S_IALLUGO: Final = 0o7777
S_IRUGO: Final = 0o444
S_IWUGO: Final = 0o222

MAY_EXEC: Final = 1
MAY_WRITE: Final = 2
MAY_READ: Final = 4

NAME_MAX: Final = 255
PATH_MAX: Final = 4096

STATX_TYPE: Final = 0x1
STATX_MODE: Final = 0x2
STATX_NLINK: Final = 0x4
STATX_UID: Final = 0x8
STATX_GID: Final = 0x10
STATX_ATIME: Final = 0x20
STATX_MTIME: Final = 0x40
STATX_CTIME: Final = 0x80
STATX_INO: Final = 0x100
STATX_SIZE: Final = 0x200
STATX_BLOCKS: Final = 0x400
STATX_BASIC_STATS: Final = 0x7FF
STATX_BTIME: Final = 0x800
STATX_MNT_ID: Final = 0x1000
STATX_DIOALIGN: Final = 0x2000
STATX_MNT_ID_UNIQUE: Final = 0x4000
STATX_SUBVOL: Final = 0x8000
STATX_WRITE_ATOMIC: Final = 0x10000
STATX_DIO_READ_ALIGN: Final = 0x20000
STATX_ALL: Final = 0xFFF
STATX__RESERVED: Final = 0x80000000

STATX_ATTR_COMPRESSED: Final = 0x4
STATX_ATTR_IMMUTABLE: Final = 0x10
STATX_ATTR_APPEND: Final = 0x20
STATX_ATTR_NODUMP: Final = 0x40
STATX_ATTR_ENCRYPTED: Final = 0x800
STATX_ATTR_AUTOMOUNT: Final = 0x1000
STATX_ATTR_MOUNT_ROOT: Final = 0x2000
STATX_ATTR_VERITY: Final = 0x100000
STATX_ATTR_DAX: Final = 0x200000
STATX_ATTR_WRITE_ATOMIC: Final = 0x400000

STATX: Final = Struct("=IIQIIIHHQQQQqIiqIiqIiqIiIIIIQIIQIIIIII8Q")
"""``struct statx``: mask blksize attributes nlink uid gid mode __spare0 ino size blocks attributes_mask, sec nsec and
__reserved of atime btime ctime mtime, rdev_major rdev_minor dev_major dev_minor mnt_id dio_mem_align dio_offset_align
subvol atomic_write_unit_min atomic_write_unit_max atomic_write_segments_max dio_read_offset_align
atomic_write_unit_max_opt __spare2 __spare3[8]."""
