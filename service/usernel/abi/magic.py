"""``linux/magic.h``: file systems, as statfs(2) names them."""

from __future__ import annotations

from typing import Final

EXT4_SUPER_MAGIC: Final = 0xEF53
BTRFS_SUPER_MAGIC: Final = 0x9123683E
XFS_SUPER_MAGIC: Final = 0x58465342
TMPFS_MAGIC: Final = 0x01021994
OVERLAYFS_SUPER_MAGIC: Final = 0x794C7630
