"""``linux/stat.h``: file types and permission bits."""

from __future__ import annotations

from typing import Final

S_IFREG: Final = 0o100000
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
