"""Open files: what a descriptor refers to (``struct file``). As yet, every open file is a POSIX message queue's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usernel.abi.fcntl import O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY

if TYPE_CHECKING:
    from .ipc.mqueue_inode import MqInode


class File:
    """An open file description: shared by the descriptors that dup(2) and fork(2) made of one open.

    ``flags`` are those of open(2); ``pos`` is the place the next read starts at; ``refs`` counts descriptors and the
    calls that sleep on the file.
    """

    __slots__ = ("flags", "inode", "pos", "refs")

    def __init__(self, inode: MqInode, flags: int) -> None:
        self.inode = inode
        self.flags = flags
        self.pos = 0
        self.refs = 0
        inode.files += 1

    @property
    def readable(self) -> bool:
        """Whether it was opened to read (FMODE_READ)."""
        return self.flags & O_ACCMODE in (O_RDONLY, O_RDWR)

    @property
    def writable(self) -> bool:
        """Whether it was opened to write (FMODE_WRITE)."""
        return self.flags & O_ACCMODE in (O_WRONLY, O_RDWR)
