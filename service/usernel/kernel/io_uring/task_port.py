"""The environment of a ring of the service: it acts on the descriptors of the task that calls."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_NONBLOCK
from usernel.abi.io_uring import IO_RINGFD_REG_MAX
from usernel.abi.resource import RLIMIT_NOFILE

from ..call import Clock
from ..clock import Expiry
from ..error import KernelError
from ..fdtable import close, open_fd
from ..file import File
from .file import UringFile
from .port import AGAIN, Job, Memory, RingFile

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task
    from .ctx import RingCtx
    from .request import Request


class NoMemory:
    """A ring of the service shares no memory with its program: values stand where addresses would."""

    def view(self, addr: Any, size: int, *, write: bool = False) -> memoryview:
        """The bytes of a value. EFAULT for an address."""
        if isinstance(addr, (bytes, bytearray)) and len(addr) >= size and not (write and isinstance(addr, bytes)):
            return memoryview(addr)[:size]
        raise KernelError(Errno.EFAULT, "a ring of the service shares no memory with its program")

    def owns(self, addr: Any) -> bool:
        """Whether this is an address."""
        return isinstance(addr, int) and type(addr) is int


class TaskFile:
    """A reference to an open file of a task."""

    __slots__ = ("_kernel", "file")

    def __init__(self, kernel: Kernel, file: File) -> None:
        self._kernel = kernel
        self.file = file
        file.refs += 1

    @property
    def regular(self) -> bool:
        """There are no regular files yet."""
        return False

    @property
    def can_poll(self) -> bool:
        """Whether anybody could sleep on it."""
        return self.file.pollers is not None

    @property
    def nonblock(self) -> bool:
        """Whether it was opened O_NONBLOCK."""
        return bool(self.file.flags & O_NONBLOCK)

    @property
    def inode(self) -> Hashable:
        """The open file itself."""
        return id(self.file)

    @property
    def ring(self) -> RingCtx | None:
        """The ring that it is, if it is one."""
        return self.file.ctx if isinstance(self.file, UringFile) else None

    def same(self, other: RingFile) -> bool:
        """Whether both are references to one open file."""
        return isinstance(other, TaskFile) and other.file is self.file

    def get(self) -> TaskFile:
        """Another reference."""
        return TaskFile(self._kernel, self.file)

    def put(self) -> None:
        """Give this one up."""
        self._kernel.put_file(self.file)


class PollWatch:
    """A request that is told of each change of a file."""

    __slots__ = ("_ctx", "_file", "_req")

    def __init__(self, ctx: RingCtx, req: Request, file: File) -> None:
        self._ctx = ctx
        self._req = req
        self._file = file

    def woke(self) -> None:
        """The file has changed."""
        self._ctx.poll_woke(self._req, self._file.poll_mask)


class TaskPort:
    """The port of one ring. ``caller`` is the task whose call runs now, or ran last."""

    machine = "x86_64"

    def __init__(self, kernel: Kernel, caller: Task) -> None:
        self.memory: Memory = NoMemory()
        self.caller = caller
        self.uring: UringFile | None = None
        self.until: int | None = None
        self._kernel = kernel
        self._ctx: RingCtx | None = None
        self._watches: dict[Request, tuple[File, PollWatch]] = {}

    def now(self, clock: Clock) -> int:
        """The time on a clock, as the kernel was last told."""
        return self._kernel.clocks.now(clock)

    def set_timer(self, ctx: RingCtx, in_ns: int | None) -> None:
        """Have the ring looked after in so many nanoseconds."""
        clocks, deadlines = self._kernel.clocks, self._kernel.deadlines
        until = None if in_ns is None else clocks.monotonic_ns + in_ns
        if until == self.until:
            return
        if self.until is not None:
            deadlines.voided()
            deadlines.voided()
        self._ctx, self.until = ctx, until
        if in_ns is not None and until is not None:
            # Which clock the ring looks at is its own business: whichever of them gets there first, it looks.
            deadlines.add(Clock.MONOTONIC, until, Expiry(self, until))
            deadlines.add(Clock.REALTIME, clocks.realtime_ns + in_ns, Expiry(self, until))

    def expire(self) -> None:
        """The time has come, on one of the clocks."""
        self._kernel.deadlines.voided()
        self.until = None
        if self._ctx is not None:
            self._ctx.tick()

    def wake(self, ctx: RingCtx) -> None:
        """Whoever waits for completions, or polls the ring, looks again."""
        if self.uring is not None:
            self._kernel.wake_all(self.uring.pollers)

    def fget(self, fd: int) -> TaskFile | None:
        """A reference to an open file of the caller."""
        file = self.caller.fds.find(fd)
        return None if file is None else TaskFile(self._kernel, file)

    def adopt(self, fd: int) -> TaskFile:
        """The file of a descriptor that a job has made: no job of a task makes one yet."""
        raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")

    def install(self, file: RingFile, *, cloexec: bool) -> int:
        """A new descriptor of the caller. EMFILE."""
        return open_fd(self.caller, _file(file), cloexec=cloexec)

    def close_fd(self, fd: int) -> None:
        """Close a descriptor of the caller. EBADF, also for a ring."""
        if isinstance(self.caller.fds.get(fd), UringFile):
            raise KernelError(Errno.EBADF, "a ring does not close rings")
        close(self._kernel, self.caller, fd)

    def eventfd(self, fd: int) -> TaskFile | None:
        """There are no eventfds yet. EINVAL for any other file."""
        if self.caller.fds.find(fd) is not None:
            raise KernelError(Errno.EINVAL, f"descriptor {fd} is no eventfd")
        return None

    def signal(self, eventfd: RingFile) -> None:
        """Count an eventfd up: there is none."""

    def rlimit_nofile(self) -> int:
        """How many descriptors the caller may have."""
        return self.caller.rlimits[RLIMIT_NOFILE].cur

    def registered_rings(self) -> list[RingFile | None]:
        """A task's rings have descriptors only."""
        return [None] * IO_RINGFD_REG_MAX

    def alloc_region(self, ctx: RingCtx, size: int, offset: int) -> memoryview:
        """There is no memory to share. ENOMEM."""
        raise KernelError(Errno.ENOMEM, "a ring of the service shares no memory with its program")

    def free_region(self, ctx: RingCtx, offset: int) -> None:
        """So none is given back."""

    def iowq_max_workers(self, ctx: RingCtx, bound: int, unbound: int) -> tuple[int, int]:
        """There are no workers yet."""
        return 0, 0

    def iowq_affinity(self, ctx: RingCtx, cpus: bytes | None) -> None:
        """There are none to bind."""

    def try_now(self, job: Job) -> Any:
        """No job of a task's files is there yet: those opcodes are not in its ring's table."""
        return AGAIN

    def queue(self, req: Request, job: Job, *, bound: bool, hash_key: Hashable | None) -> None:
        """Nor has it workers."""
        raise KernelError(Errno.EOPNOTSUPP, f"{job.name} waits for the virtual file system")

    def cancel(self, req: Request) -> bool:
        """Nothing is queued."""
        return False

    def interrupt(self, req: Request) -> None:
        """Nor does anything run."""

    def poll(self, file: RingFile, events: int) -> int:
        """What is ready now."""
        return _file(file).poll_mask & events

    def poll_arm(self, req: Request, file: RingFile, events: int) -> None:
        """Tell the ring of each change of a file."""
        queue = _file(file).pollers
        if queue is not None:
            watch = PollWatch(req.ctx, req, _file(file))
            self._watches[req] = (_file(file), watch)
            queue.watchers[watch] = None

    def poll_disarm(self, req: Request) -> None:
        """Do so no more."""
        file, watch = self._watches.pop(req, (None, None))
        if file is not None and watch is not None and file.pollers is not None:
            file.pollers.watchers.pop(watch, None)

    def cred(self) -> Hashable:
        """The caller's credentials."""
        return self.caller.cred

    def task(self) -> Hashable:
        """The caller."""
        return self.caller


def _file(file: RingFile) -> File:
    if not isinstance(file, TaskFile):
        raise TypeError(f"{file!r} is no file of a task")
    return file.file
