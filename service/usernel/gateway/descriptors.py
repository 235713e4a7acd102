"""POSIX queues that programs have open: each a pipe in their hands, and a descriptor in the kernel that serves them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_ACCMODE, O_NONBLOCK
from usernel.kernel.error import KernelError

from .backend import Backend
from .pipe_unsafe import Pipe, Reach, Watch
from .process import Process

EMPTY, PART, FULL = 0, 1, 2


@dataclass(slots=True)
class Handle:
    """A descriptor in the kernel, for one access mode."""

    mqdes: int
    nonblock: bool


@dataclass(slots=True, eq=False)
class Queue:
    """One POSIX queue that somebody has open."""

    ino: int
    name: str
    pipe: Pipe
    watched: int
    handles: dict[int, Handle] = field(default_factory=dict)
    """By access mode."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a program's descriptor refers to."""

    queue: Queue
    flags: int

    @property
    def handle(self) -> Handle:
        """The kernel's descriptor of the same access mode."""
        return self.queue.handles[self.flags & O_ACCMODE]


class Descriptors:
    """Every queue that is open, by the inode of its pipe and by its own."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._by_ino: dict[int, Queue] = {}
        self._by_pipe: dict[int, Queue] = {}
        self._by_watch: dict[int, Queue] = {}
        self._watch = Watch()
        self._reach: Final = Reach()
        asyncio.get_running_loop().add_reader(self._watch.fd, self._on_close)

    def __len__(self) -> int:
        return len(self._by_ino)

    def find(self, process: Process, fd: int) -> Opened:
        """What a descriptor of a process refers to. EBADF where it is no queue's."""
        try:
            ino, flags = self._reach.identity(process.pid, process.pidfd, fd)
        except OSError:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open") from None
        queue = self._by_pipe.get(ino)
        if queue is None:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is no queue's")
        return Opened(queue, flags)

    def set_flags(self, process: Process, fd: int, flags: int) -> None:
        """Set the status flags of a program's open file, as fcntl(2) with F_SETFL. OSError."""
        import fcntl  # noqa: PLC0415 - the host's, beside the constants of ours

        copied = self._reach.copy(process.pidfd, fd)
        try:
            fcntl.fcntl(copied, fcntl.F_SETFL, flags)
        finally:
            os.close(copied)

    def adopt(self, ino: int, name: str, mqdes: int, oflag: int) -> tuple[Queue, bool]:
        """A queue was opened in the kernel: the one that it is, and whether ``mqdes`` is kept for it."""
        queue = self._by_ino.get(ino)
        if queue is None:
            pipe = Pipe()
            queue = Queue(ino, name, pipe, self._watch.add(pipe))
            self._by_ino[ino] = self._by_pipe[pipe.ino] = self._by_watch[queue.watched] = queue
        if oflag & O_ACCMODE in queue.handles:
            return queue, False
        queue.handles[oflag & O_ACCMODE] = Handle(mqdes, bool(oflag & O_NONBLOCK))
        return queue, True

    def refresh(self, queue: Queue) -> None:
        """Let the pipe show what is in the queue now."""
        handle = next(iter(queue.handles.values()), None)
        if handle is None:
            return
        visible, full = self._backend.fill(handle.mqdes)
        queue.pipe.show(FULL if full else PART if visible else EMPTY)

    def _on_close(self) -> None:
        for watched in self._watch.take():
            queue = self._by_watch.get(watched)
            if queue is not None:
                self._look(queue)

    def _look(self, queue: Queue) -> None:
        """Somebody let go of a queue: with the last it is closed in the kernel too."""
        del self._by_watch[queue.watched]
        self._watch.remove(queue.watched)
        if queue.pipe.held:
            queue.watched = self._watch.add(queue.pipe)
            self._by_watch[queue.watched] = queue
            return
        del self._by_ino[queue.ino], self._by_pipe[queue.pipe.ino]
        queue.pipe.close()
        for handle in queue.handles.values():
            self._backend.close_fd(handle.mqdes)
