"""What of the file system a task carries: its umask, and (when there are files) its root and working directory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class FsStruct:
    """``struct fs_struct``, shared by the ``users`` that CLONE_FS made."""

    umask: int = 0o022
    users: int = 1

    def copy(self) -> FsStruct:
        """What a child without CLONE_FS gets."""
        return FsStruct(self.umask)
