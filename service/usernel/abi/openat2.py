"""``linux/openat2.h``: how openat2(2) opens."""

from __future__ import annotations

from struct import Struct
from typing import Final

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RESOLVE_IN_ROOT: Final = 0x10
RESOLVE_CACHED: Final = 0x20
VALID_RESOLVE_FLAGS: Final = 0x3F
"""``include/linux/fcntl.h``."""

OPEN_HOW: Final = Struct("=QQQ")
"""``struct open_how``: flags mode resolve."""
OPEN_HOW_SIZE_VER0: Final = 24
