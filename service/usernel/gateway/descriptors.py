"""POSIX queues that programs have open: each a pipe in their hands, and a descriptor in the kernel that serves them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_ACCMODE, O_NONBLOCK
from usernel.kernel.call import Return
from usernel.kernel.error import KernelError

from .backend import Backend, Handle, Served
from .notify_unsafe import Listener
from .pipe_unsafe import Pipe, Reach, Watch
from .process import Process

EMPTY, PART, FULL = 0, 1, 2
REFRESH_SECONDS: Final = 0.05
"""How old what poll(2) finds may be, where others use the queue too."""
AGAIN_SECONDS: Final = 0.05
LOOKS: Final = 2
"""How often a queue is looked at again that somebody has let go of."""


@dataclass(slots=True, eq=False)
class Queue:
    """One POSIX queue that somebody has open."""

    ino: int
    name: str
    pipe: Pipe
    watched: int
    handles: dict[int, Handle] = field(default_factory=dict)
    """By access mode."""
    registrant: Process | None = None
    """Who has asked to be told of a message."""
    had: int = 0
    """How many descriptors of the queue the registrant had then."""
    refreshing: bool = False
    calls: int = 0
    """How many of our calls are over: what the kernel was asked before the last of them is not to be shown."""


class Opened(NamedTuple):
    """What a program's descriptor refers to."""

    queue: Queue
    flags: int

    @property
    def handle(self) -> Handle:
        """The kernel's descriptor of the same access mode."""
        return self.queue.handles[self.flags & O_ACCMODE]


class Descriptors:
    """Every queue that is open, by the inode of its pipe and by its own."""

    def __init__(self, backend: Backend, listener: Listener) -> None:
        self._backend = backend
        self._listener = listener
        self._by_ino: dict[int, Queue] = {}
        self._by_pipe: dict[int, Queue] = {}
        self._by_watch: dict[int, Queue] = {}
        self._unsure: set[int] = set()
        """The watches of queues that may be held by nobody any more."""
        self._watch = Watch()
        self._reach: Final = Reach()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._watch.fd, self.on_close)
        backend.on_reconnect = self._reopen
        self._refreshing: asyncio.TimerHandle | None = None
        if backend.shared:
            self._refresh_all()

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

    def set_nonblock(self, process: Process, fd: int, opened: Opened, nonblock: int) -> None:
        """Set or clear O_NONBLOCK of a program's open file, as fcntl(2) with F_SETFL. OSError."""
        import fcntl  # noqa: PLC0415 - the host's, beside the constants of ours

        flags = opened.flags & ~O_NONBLOCK | nonblock
        try:
            copied = self._reach.copy(process.pidfd, fd)
        except PermissionError:
            self._replace(process, fd, opened.queue, flags)
            return
        try:
            fcntl.fcntl(copied, fcntl.F_SETFL, flags)
        finally:
            os.close(copied)

    def _replace(self, process: Process, fd: int, queue: Queue, flags: int) -> None:
        """Where the host does not let us reach for it: another open file takes its place. Copies of it keep the old."""
        made = queue.pipe.open(flags & (O_ACCMODE | O_NONBLOCK))
        try:
            self._listener.replace_fd(process.asking, fd, made, flags & os.O_CLOEXEC)
        finally:
            os.close(made)

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
        if handle is not None and not queue.refreshing:
            queue.refreshing = True
            self._backend.fill(handle, partial(self._told, queue, queue.calls))

    def _told(self, queue: Queue, calls: int, fill: tuple[int, int] | None) -> None:
        queue.refreshing = False
        if calls == queue.calls:
            self._show(queue, fill)

    def _show(self, queue: Queue, fill: tuple[int, int] | None) -> None:
        if fill is not None and self._by_ino.get(queue.ino) is queue:
            messages, places = fill
            if messages or places:  # else somebody is receiving them all, and it stays as it was until they are gone
                queue.pipe.show(FULL if messages >= places else PART if messages else EMPTY)

    def learn(self, queue: Queue, name: str, served: Served) -> None:
        """Show at once what a call's outcome tells of a queue: to ask the kernel may take time."""
        queue.calls += 1
        if (seen := self._backend.seen(served)) is not None:
            self._show(queue, seen)
        elif served.error is not None and served.error.number is Errno.EAGAIN:
            queue.pipe.show(FULL if name == "mq_timedsend" else EMPTY)

    def _refresh_all(self) -> None:
        """Others use the queues too, and nobody tells us when."""
        for queue in list(self._by_ino.values()):
            self.refresh(queue)
        self._refreshing = self._loop.call_later(REFRESH_SECONDS, self._refresh_all)

    async def _reopen(self) -> None:
        """The kernel's descriptors were lost with the connection: open the queues anew that are still there."""
        for queue in list(self._by_ino.values()):
            queue.refreshing = False
            for mode, handle in list(queue.handles.items()):
                handle.mqdes = await self._opened_anew(queue, mode | (O_NONBLOCK if handle.nonblock else 0))
            if all(handle.mqdes < 0 for handle in queue.handles.values()):
                self._rename(queue, -queue.pipe.ino)

    async def _opened_anew(self, queue: Queue, flags: int) -> int:
        """The kernel's descriptor; -1 where what has the name is another queue, or nothing is."""
        opened = await self._call("mq_open", queue.name, flags, 0, None, None)
        if opened is None:
            return -1
        found = await self._call("fstat", opened.ret)
        if found is not None and (found.out or {})["st_ino"] == queue.ino and self._by_ino.get(queue.ino) is queue:
            return opened.ret
        self._backend.close_fd(opened.ret)
        return -1

    async def _call(self, name: str, *args: Any) -> Return | None:
        done: asyncio.Future[Served] = self._loop.create_future()
        self._backend.submit(None, name, args, done.set_result)
        served = await done
        if served.error is not None and served.error.number is Errno.EIO:
            raise OSError(served.error.number, served.error.why)  # lost again, and with it nothing is said of the queue
        return served.result

    def _rename(self, queue: Queue, ino: int) -> None:
        """It is in the kernel no more, where its number may be another's from now on."""
        if self._by_ino.get(queue.ino) is queue:
            del self._by_ino[queue.ino]
            queue.ino = ino
            self._by_ino[ino] = queue

    def on_close(self) -> None:
        """Look at the queues of which somebody has let go."""
        closed = self._watch.take()
        for watched in closed | self._unsure:
            queue = self._by_watch.get(watched)
            if queue is not None:
                self._look(queue, LOOKS if watched in closed else 0)

    def close(self) -> None:
        """Let go of every queue: nobody is left who has one open."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._loop.remove_reader(self._watch.fd)
        self._watch.close()
        for queue in self._by_ino.values():
            queue.pipe.close()
        self._by_ino.clear()
        self._by_pipe.clear()
        self._by_watch.clear()

    def _look(self, queue: Queue, more: int) -> None:
        """Somebody let go of a queue: with the last it is closed in the kernel too.

        It is told before it is so, and what is closed between a look and the watch that follows it is not told at all:
        it is looked at again so many times.
        """
        if self._by_ino.get(queue.ino) is not queue:
            return
        del self._by_watch[queue.watched]
        self._unsure.discard(queue.watched)
        self._watch.remove(queue.watched)
        if queue.pipe.held:
            queue.watched = self._watch.add(queue.pipe)
            self._by_watch[queue.watched] = queue
            self.forget_registrant(queue)
            if more:
                self._unsure.add(queue.watched)
                self._loop.call_later(AGAIN_SECONDS, self._look_again, queue, queue.watched, more - 1)
            return
        del self._by_ino[queue.ino], self._by_pipe[queue.pipe.ino]
        queue.pipe.close()
        for handle in queue.handles.values():
            self._backend.close_fd(handle.mqdes)

    def _look_again(self, queue: Queue, watched: int, more: int) -> None:
        if self._by_watch.get(watched) is queue:
            self._look(queue, more)

    def forget_registrant(self, queue: Queue) -> None:
        """A program that has closed any descriptor of a queue is told no more of it (``mqueue_flush_file``)."""
        registrant = queue.registrant
        if registrant is not None and self._reach.count(registrant.pid, queue.pipe.ino) < queue.had:
            self.deregister(queue, registrant)

    def register(self, queue: Queue, process: Process | None) -> None:
        """Who is to be told of a message now."""
        queue.registrant = process
        queue.had = 0 if process is None else self._reach.count(process.pid, queue.pipe.ino)

    def ended(self, process: Process) -> None:
        """A program has ended, and is told of nothing any more."""
        for queue in list(self._by_ino.values()):
            if queue.registrant is process:
                self.deregister(queue, process)

    def deregister(self, queue: Queue, process: Process) -> None:
        """Take back a program's mq_notify."""
        queue.registrant = None
        handle = next(iter(queue.handles.values()))
        self._backend.submit(process.actor, "mq_notify", (handle, None), _unheard)


def _unheard(served: Served) -> None:
    """Nobody waits for this answer."""
