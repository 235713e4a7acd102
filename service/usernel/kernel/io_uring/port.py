"""What differs between the environments of a ring: where memory lies, what a file is, who performs I/O, who waits.

A ring in the caller's process, in an unmodified program's memory, or of the service acting on a task's files: each
hands the core one ``Port``. Opcodes, links and rules know nothing else of where they are.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from ..call import Clock
    from .ctx import RingCtx
    from .request import Request


class Again:
    """Why there is no result yet: the job would have to wait."""

    __slots__ = ()


AGAIN: Final = Again()


class Job(NamedTuple):
    """I/O that a request asks of its environment: which of the port's functions, with what arguments.

    Files are the port's own, buffers are memoryviews, paths are bytes. Its result is what the system call of that name
    returns: a number, or below 0 an errno; a few hand over more, which the opcode's ``done`` knows.
    ``jobs`` lists them.
    """

    name: str
    args: tuple[Any, ...]
    cred: Hashable | None = None
    """Whose credentials it is done with; None: the caller's own."""


class Memory(Protocol):
    """The memory of the program that uses the ring."""

    def view(self, addr: Any, size: int, *, write: bool = False) -> memoryview:
        """``size`` bytes at an address, or of the buffer given in its place. EFAULT outside of what was given."""

    def owns(self, addr: Any) -> bool:
        """Whether this is an address, rather than a Python object in the place of one."""


class RingFile(Protocol):
    """An open file, as a ring sees it: a reference that holds it open."""

    @property
    def regular(self) -> bool:
        """Whether it is a regular file (S_ISREG), or a block device."""

    @property
    def can_poll(self) -> bool:
        """Whether it can be polled (``file_can_poll``)."""

    @property
    def nonblock(self) -> bool:
        """Whether it was opened O_NONBLOCK."""

    @property
    def inode(self) -> Hashable:
        """What it shares with every other open of the same file: writes to it go one after the other."""

    @property
    def ring(self) -> RingCtx | None:
        """The ring that it is, if it is one."""

    def same(self, other: RingFile) -> bool:
        """Whether both are references to one open file."""

    def get(self) -> RingFile:
        """Another reference."""

    def put(self) -> None:
        """Give one up."""


class Port(Protocol):
    """One environment."""

    memory: Memory
    machine: str
    """The program's machine (``uname -m``), which some structs are laid out by: ``x86_64`` or ``aarch64``."""

    def now(self, clock: Clock) -> int:
        """The time on a clock, in nanoseconds, as it was last told."""

    def set_timer(self, ctx: RingCtx, in_ns: int | None) -> None:
        """Call ``ctx.tick()`` in so many nanoseconds; None: there is nothing to wait for."""

    def wake(self, ctx: RingCtx) -> None:
        """Something was posted, or there is task work: whoever waits for the ring looks again."""

    # files

    def fget(self, fd: int) -> RingFile | None:
        """A reference to the file of a descriptor; None where it is not open."""

    def adopt(self, fd: int) -> RingFile:
        """The file of a descriptor that a job has made, taken out of the descriptors."""

    def install(self, file: RingFile, *, cloexec: bool) -> int:
        """A new descriptor for a file. EMFILE."""

    def close_fd(self, fd: int) -> None:
        """Close a descriptor at once. EBADF; EINVAL for a ring's own."""

    def eventfd(self, fd: int) -> RingFile | None:
        """The file of a descriptor, if it is an eventfd (EINVAL else); None where it is not open."""

    def signal(self, eventfd: RingFile) -> None:
        """Count an eventfd up by one."""

    def rlimit_nofile(self) -> int:
        """How many descriptors the caller may have, so also registered files (RLIMIT_NOFILE)."""

    def registered_rings(self) -> list[RingFile | None]:
        """The rings that the calling thread has registered (IORING_REGISTER_RING_FDS): IO_RINGFD_REG_MAX slots."""

    # memory that the program finds by mmap(2) of the ring

    def alloc_region(self, ctx: RingCtx, size: int, offset: int) -> memoryview:
        """So many zeros, in whole pages, at an offset of the ring (IORING_OFF_PBUF_RING). ENOMEM."""

    def free_region(self, ctx: RingCtx, offset: int) -> None:
        """Nothing is there any more; what is mapped stays."""

    # io-wq

    def iowq_max_workers(self, ctx: RingCtx, bound: int, unbound: int) -> tuple[int, int]:
        """How many workers of each kind there may be until now, and from now on; 0: no others."""

    def iowq_affinity(self, ctx: RingCtx, cpus: bytes | None) -> None:
        """Bind workers to CPUs, a bit each (``cpu_set_t``); None: to all. EINVAL for one that is not the caller's."""

    # I/O

    def try_now(self, job: Job) -> Any:
        """The result of a job that need not wait; ``AGAIN`` for one that must, or may."""

    def queue(self, req: Request, job: Job, *, bound: bool, hash_key: Hashable | None) -> None:
        """Hand a job to io-wq. ``ctx.work_done(req, result)`` is called with its result, later, never from here.

        ``bound`` workers are for regular files, the others for what may sleep without end. Jobs of one ``hash_key``
        run one after the other, in order.
        """

    def cancel(self, req: Request) -> bool:
        """Take a queued job back, if it has not begun: then True, and it never will."""

    def interrupt(self, req: Request) -> None:
        """Interrupt a running job, where that can be: its result is -EINTR, or what it has done so far."""

    # poll

    def poll(self, file: RingFile, events: int) -> int:
        """What is ready now of ``events`` (poll(2)'s bits; errors and hang-ups always count)."""

    def poll_arm(self, req: Request, file: RingFile, events: int) -> None:
        """Call ``ctx.poll_woke(req, mask)`` whenever the file's state changes to one of ``events``, until disarmed.

        Never from here, and what is ready by now need not be told: it is asked for afterwards. ``mask`` is what is
        ready, or 0 where that is to be asked for. Of those that are armed with EPOLLEXCLUSIVE on one file the first
        alone need be told. ``KernelError`` where that cannot be: EMFILE.
        """

    def poll_disarm(self, req: Request) -> None:
        """Do so no more."""

    # who calls

    def cred(self) -> Hashable:
        """The credentials of the caller, to be kept (IORING_REGISTER_PERSONALITY)."""

    def task(self) -> Hashable:
        """Who calls: the thread that a ring with a single issuer belongs to."""
