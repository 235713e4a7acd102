"""Descriptors: a task's small numbers for open files (``fs/file.c``), and the calls on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.resource import RLIMIT_NOFILE

from .error import KernelError
from .file import File
from .ipc.mq_notify import remove_notification

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task


class FdTable:
    """The descriptors of one task, lowest free number first."""

    __slots__ = ("_files", "_next_fd")

    def __init__(self) -> None:
        self._files: dict[int, File] = {}
        self._next_fd = 0

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[tuple[int, File]]:
        return iter(sorted(self._files.items()))

    def find(self, fd: int) -> File | None:
        """The open file of a descriptor, if it is open."""
        return self._files.get(fd)

    def get(self, fd: int) -> File:
        """The open file of a descriptor. EBADF."""
        file = self._files.get(fd)
        if file is None:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")
        return file

    def mqueue(self, fd: int) -> File:
        """The open queue of a descriptor. EBADF, also for what is no queue."""
        return self.get(fd)

    def unused(self, task: Task) -> int:
        """The lowest free descriptor. EMFILE where RLIMIT_NOFILE does not allow it."""
        fd = self._next_fd
        while fd in self._files:
            fd += 1
        self._next_fd = fd
        limit = task.rlimits[RLIMIT_NOFILE].cur
        if fd >= limit:
            raise KernelError(Errno.EMFILE, f"{len(self._files)} descriptors are open: RLIMIT_NOFILE is {limit}")
        return fd

    def install(self, fd: int, file: File) -> None:
        """Let a descriptor refer to a file (``fd_install``)."""
        file.refs += 1
        self._files[fd] = file

    def remove(self, fd: int) -> File:
        """Free a descriptor; its file is the caller's to put. EBADF."""
        file = self.get(fd)
        del self._files[fd]
        self._next_fd = min(self._next_fd, fd)
        return file

    def copy(self) -> FdTable:
        """The table that a child gets: the same open files under the same numbers (``dup_fd``)."""
        table = FdTable()
        for fd, file in self._files.items():
            table.install(fd, file)
        return table


def close(kernel: Kernel, task: Task, fd: int) -> None:
    """Close a descriptor, and take back the task's notification on it (``filp_flush``). EBADF."""
    file = task.fds.remove(fd)
    remove_notification(kernel, file.inode, task)
    kernel.put_file(file)


def dup(task: Task, fd: int) -> int:
    """Another descriptor of the same open file. EBADF, EMFILE."""
    file = task.fds.get(fd)
    new = task.fds.unused(task)
    task.fds.install(new, file)
    return new


def close_all(kernel: Kernel, task: Task) -> None:
    """Close what a task has open, as its exit does."""
    for fd, _ in list(task.fds):
        close(kernel, task, fd)
