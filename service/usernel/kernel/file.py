"""Open files: what a descriptor refers to (``struct file``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY

from .error import KernelError

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task
    from .wait import WaitQueue


class File:
    """An open file description: shared by the descriptors that dup(2) and fork(2) made of one open.

    ``flags`` are those of open(2); ``pos`` is the place the next read starts at; ``refs`` counts descriptors and the
    calls that sleep on the file. What kind of file it is, a subclass says.
    """

    __slots__ = ("flags", "pos", "refs")

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.pos = 0
        self.refs = 0

    @property
    def readable(self) -> bool:
        """Whether it was opened to read (FMODE_READ)."""
        return self.flags & O_ACCMODE in (O_RDONLY, O_RDWR)

    @property
    def writable(self) -> bool:
        """Whether it was opened to write (FMODE_WRITE)."""
        return self.flags & O_ACCMODE in (O_WRONLY, O_RDWR)

    @property
    def poll_mask(self) -> int:
        """What poll(2) finds."""
        raise NotImplementedError

    @property
    def pollers(self) -> WaitQueue | None:
        """Where pollers of it sleep; None for a file that is always ready."""
        return None

    def flush(self, kernel: Kernel, task: Task) -> None:
        """A descriptor of it is closed by a task (``filp_flush``)."""

    def release(self, kernel: Kernel) -> None:
        """The last reference to it is gone (``fput``)."""

    def read(self, kernel: Kernel, task: Task, count: int) -> bytes:
        """Up to ``count`` bytes from where the last read ended. EINVAL for a kind that is not read."""
        raise KernelError(Errno.EINVAL, "this kind of file is not read")

    def fstat(self, task: Task) -> dict[str, Any]:
        """``struct stat``, as a task sees it."""
        raise NotImplementedError
