"""Descriptors: a task's small numbers for open files (``fs/file.c``), and the calls on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usernel.abi.errno import Errno
from usernel.abi.fcntl import (
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    FD_CLOEXEC,
    O_CLOEXEC,
    SETFL_MASK,
)
from usernel.abi.resource import RLIMIT_NOFILE

from .error import KernelError
from .file import File

if TYPE_CHECKING:
    from .kernel import Kernel
    from .task import Task


class FdTable:
    """The descriptors of one task, or of the ``users`` that share it (CLONE_FILES); lowest free number first."""

    __slots__ = ("_cloexec", "_files", "_next_fd", "users")

    def __init__(self) -> None:
        self._files: dict[int, File] = {}
        self._cloexec: set[int] = set()
        self._next_fd = 0
        self.users = 1

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

    def unused(self, task: Task, least: int = 0) -> int:
        """The lowest free descriptor from ``least`` on. EMFILE where RLIMIT_NOFILE does not allow it."""
        fd = max(self._next_fd, least)
        while fd in self._files:
            fd += 1
        if least <= self._next_fd:
            self._next_fd = fd
        limit = task.rlimits[RLIMIT_NOFILE].cur
        if fd >= limit:
            raise KernelError(Errno.EMFILE, f"{len(self._files)} descriptors are open: RLIMIT_NOFILE is {limit}")
        return fd

    def install(self, fd: int, file: File, *, cloexec: bool = False) -> None:
        """Let a descriptor refer to a file (``fd_install``)."""
        file.refs += 1
        self._files[fd] = file
        self.set_cloexec(fd, cloexec=cloexec)

    def cloexec(self, fd: int) -> bool:
        """Whether execve(2) closes a descriptor."""
        return fd in self._cloexec

    def set_cloexec(self, fd: int, *, cloexec: bool) -> None:
        """Let execve(2) close a descriptor, or not."""
        if cloexec:
            self._cloexec.add(fd)
        else:
            self._cloexec.discard(fd)

    def remove(self, fd: int) -> File:
        """Free a descriptor; its file is the caller's to put. EBADF."""
        file = self.get(fd)
        del self._files[fd]
        self._cloexec.discard(fd)
        self._next_fd = min(self._next_fd, fd)
        return file

    def copy(self) -> FdTable:
        """The table that a child gets: the same open files under the same numbers (``dup_fd``)."""
        table = FdTable()
        for fd, file in self._files.items():
            table.install(fd, file, cloexec=fd in self._cloexec)
        return table


def open_fd(task: Task, file: File, *, cloexec: bool = True) -> int:
    """A new descriptor of a new open file. EMFILE."""
    fd = task.fds.unused(task)
    task.fds.install(fd, file, cloexec=cloexec)
    return fd


def close(kernel: Kernel, task: Task, fd: int) -> None:
    """Close a descriptor (``filp_close``). EBADF."""
    file = task.fds.remove(fd)
    file.flush(kernel, task)
    kernel.put_file(file)


def dup(task: Task, fd: int) -> int:
    """Another descriptor of the same open file. EBADF, EMFILE."""
    return open_fd(task, task.fds.get(fd), cloexec=False)


def dup2(kernel: Kernel, task: Task, oldfd: int, newfd: int) -> int:
    """Another descriptor with this number; what it was is closed. EBADF, as for a number past RLIMIT_NOFILE."""
    if newfd == oldfd:
        task.fds.get(oldfd)
        return newfd
    return _replace(kernel, task, oldfd, newfd, cloexec=False)


def dup3(kernel: Kernel, task: Task, oldfd: int, newfd: int, flags: int) -> int:
    """As dup2, with O_CLOEXEC. EINVAL for other flags, and for twice the same number."""
    if flags & ~O_CLOEXEC:
        raise KernelError(Errno.EINVAL, "O_CLOEXEC is the only flag of dup3")
    if oldfd == newfd:
        raise KernelError(Errno.EINVAL, "dup3 wants two different descriptors")
    return _replace(kernel, task, oldfd, newfd, cloexec=bool(flags))


def _replace(kernel: Kernel, task: Task, oldfd: int, newfd: int, *, cloexec: bool) -> int:
    if not 0 <= newfd < task.rlimits[RLIMIT_NOFILE].cur:
        raise KernelError(Errno.EBADF, f"{newfd} is no descriptor below RLIMIT_NOFILE")
    file = task.fds.get(oldfd)
    file.refs += 1
    if task.fds.find(newfd) is not None:
        close(kernel, task, newfd)
    task.fds.install(newfd, file, cloexec=cloexec)
    file.refs -= 1
    return newfd


def fcntl(task: Task, fd: int, cmd: int, arg: int) -> int:
    """fcntl(2), the commands on descriptors and flags. EBADF; EINVAL; EMFILE."""
    file = task.fds.get(fd)
    if cmd in (F_DUPFD, F_DUPFD_CLOEXEC):
        if not 0 <= arg < task.rlimits[RLIMIT_NOFILE].cur:
            raise KernelError(Errno.EINVAL, f"{arg} is no descriptor below RLIMIT_NOFILE")
        new = task.fds.unused(task, arg)
        task.fds.install(new, file, cloexec=cmd == F_DUPFD_CLOEXEC)
        return new
    if cmd == F_GETFD:
        return FD_CLOEXEC if task.fds.cloexec(fd) else 0
    if cmd == F_SETFD:
        task.fds.set_cloexec(fd, cloexec=bool(arg & FD_CLOEXEC))
        return 0
    if cmd == F_GETFL:
        return file.flags
    if cmd == F_SETFL:
        file.flags = file.flags & ~SETFL_MASK | arg & SETFL_MASK
        return 0
    raise KernelError(Errno.EINVAL, f"{cmd} is no command of fcntl that there is")


def close_on_exec(kernel: Kernel, task: Task) -> None:
    """Close the descriptors that execve(2) closes (``do_close_on_exec``)."""
    for fd, _ in list(task.fds):
        if task.fds.cloexec(fd):
            close(kernel, task, fd)


def exit_files(kernel: Kernel, task: Task) -> None:
    """A task gives up its descriptors; those that nobody shares are closed."""
    task.fds.users -= 1
    if not task.fds.users:
        for fd, _ in list(task.fds):
            close(kernel, task, fd)
