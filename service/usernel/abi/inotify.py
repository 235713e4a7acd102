"""``linux/inotify.h``: what inotify(7) tells of a directory."""

from __future__ import annotations

from struct import Struct
from typing import Final

IN_ATTRIB: Final = 0x00000004
IN_MOVED_FROM: Final = 0x00000040
IN_MOVED_TO: Final = 0x00000080
IN_DELETE: Final = 0x00000200
IN_DELETE_SELF: Final = 0x00000400
IN_MOVE_SELF: Final = 0x00000800
IN_UNMOUNT: Final = 0x00002000
IN_Q_OVERFLOW: Final = 0x00004000
IN_IGNORED: Final = 0x00008000
IN_ONLYDIR: Final = 0x01000000

INOTIFY_EVENT: Final = Struct("=iIII")
"""``struct inotify_event``: wd mask cookie len, and then so many bytes of a name."""
