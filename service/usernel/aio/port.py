"""The environment of rings in the caller's own process: the host's descriptors, clocks, threads and epoll."""

from __future__ import annotations

import fcntl
import os
import platform
import resource
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IO_RINGFD_REG_MAX
from usernel.abi.poll import POLLOUT
from usernel.kernel.call import Clock
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.port import AGAIN, Job, Memory, RingFile

from . import cred_unsafe
from .file import F_DUPFD_CLOEXEC, HostFile, RingRef, dup_high
from .host import perform
from .inline import attempt
from .memory import HostMemory
from .poller import Poller, ready
from .wait import Bells
from .workers import Workers

if TYPE_CHECKING:
    from usernel.kernel.io_uring.ctx import RingCtx
    from usernel.kernel.io_uring.request import Request

F_DUPFD: Final = 0
INT_MAX: Final = 0x7FFFFFFF
EVENTFD: Final = "anon_inode:[eventfd]"
UNBOUNDED: Final = 4096
"""Unbounded workers at most, where the host allows more processes than that."""
CLOCKS: Final[dict[Clock, Callable[[], int]]] = {
    Clock.MONOTONIC: time.monotonic_ns,
    Clock.REALTIME: time.time_ns,
    Clock.BOOTTIME: lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
}


def bounded_workers(sq_entries: int) -> int:
    """How many workers Linux gives a ring for regular files."""
    return min(sq_entries, 4 * (os.cpu_count() or 1))


class HostPort:
    """The port of one ring, or of all rings of a program.

    Whatever touches a ring of it, or its ``poller``, holds ``lock``. ``ring_of`` tells which ring a descriptor is.
    """

    def __init__(
        self, memory: HostMemory, lock: threading.RLock, ring_of: Callable[[int], RingRef | None], *, bounded: int
    ) -> None:
        self.lock = lock
        self.memory: Memory = memory
        self.machine = platform.machine()
        self.poller = Poller()
        limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        unbounded = UNBOUNDED if limit == resource.RLIM_INFINITY else min(limit, UNBOUNDED)
        self.workers = Workers(_perform, self._finished, bounded=bounded, unbounded=unbounded)
        self._ring_of = ring_of
        self._sleepers: dict[RingCtx, list[int]] = {}
        self._regions: dict[tuple[RingCtx, int], bytearray] = {}
        self._registered = threading.local()
        self._closed = False
        self.bells = Bells(self.poller.fileno())
        self.on_wake: Callable[[RingCtx], None] | None = None
        """Who else is told that something of a ring has changed."""

    def now(self, clock: Clock) -> int:
        """The time, as the host tells it."""
        return CLOCKS[clock]()

    def set_timer(self, ctx: RingCtx, in_ns: int | None) -> None:
        """Call ``ctx.tick()`` in so many nanoseconds."""
        self.poller.set_timer(ctx, in_ns)

    # ------------------------------------------------------------------------------------------------------ who waits

    def wake(self, ctx: RingCtx) -> None:
        """Whoever sleeps until something of the ring changes looks again."""
        if self._sleepers:
            for fd in self._sleepers.get(ctx, ()):
                os.eventfd_write(fd, 1)
        if self.on_wake is not None:
            self.on_wake(ctx)

    def ended(self, ctx: RingCtx) -> bool:
        """Whether the ring is no more, and nobody waits for it."""
        return ctx.dying or self._closed

    @property
    def watched(self) -> bool:
        """Whether anybody is to be told of what is posted."""
        return bool(self._sleepers) or self.on_wake is not None

    def sleeps(self, ctx: RingCtx, fd: int) -> None:
        """From now on this eventfd is told of what happens to the ring."""
        self._sleepers.setdefault(ctx, []).append(fd)

    def sleeps_no_more(self, ctx: RingCtx, fd: int) -> None:
        """It is told no more."""
        self._sleepers[ctx].remove(fd)
        if not self._sleepers[ctx]:
            del self._sleepers[ctx]

    # ---------------------------------------------------------------------------------------------------------- files

    def fget(self, fd: int) -> HostFile | None:
        """The file of a descriptor; None where it is not open, or only a path (O_PATH)."""
        try:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        except (OSError, ValueError, OverflowError):
            return None
        if flags & os.O_PATH:
            return None
        ring = self._ring_of(fd)
        if ring is None:
            return HostFile(fd, self.poller.can_poll, flags=flags)
        file = HostFile(fd, self.poller.can_poll, flags=flags, ring=ring.get())
        file.hold()
        return file

    def adopt(self, fd: int) -> HostFile:
        """The file of a descriptor that a job has made, which is none of the program's."""
        try:
            ours = dup_high(fd)
        except OSError:
            return HostFile(fd, self.poller.can_poll, owned=True)
        os.close(fd)
        return HostFile(ours, self.poller.can_poll, owned=True)

    def install(self, file: RingFile, *, cloexec: bool) -> int:
        """A new descriptor. EMFILE."""
        try:
            return int(fcntl.fcntl(_fd(file), F_DUPFD_CLOEXEC if cloexec else F_DUPFD, 0))
        except OSError as error:
            raise _kernel_error(error) from None

    def close_fd(self, fd: int) -> None:
        """Close a descriptor. EBADF, also for a ring."""
        if not 0 <= fd <= INT_MAX or self._ring_of(fd) is not None:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open, or a ring")
        try:
            os.close(fd)
        except OSError as error:
            raise _kernel_error(error) from None

    def eventfd(self, fd: int) -> HostFile | None:
        """The eventfd of a descriptor. EINVAL for another file."""
        try:
            if str(Path(f"/proc/self/fd/{fd}").readlink()) != EVENTFD:
                raise KernelError(Errno.EINVAL, f"descriptor {fd} is no eventfd")
            return HostFile(dup_high(fd), self.poller.can_poll, owned=True)
        except KernelError:
            raise
        except OSError as error:
            if error.errno in {Errno.EMFILE, Errno.ENFILE}:
                raise _kernel_error(error) from None
            return None

    def signal(self, eventfd: RingFile) -> None:
        """Count an eventfd up, unless it is at its end: nobody waits here for somebody to read it."""
        fd = _fd(eventfd)
        if ready(fd, POLLOUT):
            os.eventfd_write(fd, 1)

    def rlimit_nofile(self) -> int:
        """RLIMIT_NOFILE."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def registered_rings(self) -> list[RingFile | None]:
        """The calling thread's registered rings."""
        slots: list[RingFile | None] | None = getattr(self._registered, "slots", None)
        if slots is None:
            slots = self._registered.slots = [None] * IO_RINGFD_REG_MAX
        return slots

    # --------------------------------------------------------------------------------------------------------- memory

    def alloc_region(self, ctx: RingCtx, size: int, offset: int) -> memoryview:
        """Memory of the ring that the program asks for by its offset."""
        region = self._regions[ctx, offset] = bytearray(size)
        return memoryview(region)

    def free_region(self, ctx: RingCtx, offset: int) -> None:
        """It is not to be had any more."""
        del self._regions[ctx, offset]

    def region(self, ctx: RingCtx, offset: int) -> memoryview | None:
        """What mmap(2) of the ring would map at an offset."""
        found = self._regions.get((ctx, offset))
        return None if found is None else memoryview(found)

    # ------------------------------------------------------------------------------------------------------------- I/O

    def try_now(self, job: Job) -> Any:
        """The result of a job that need not sleep. Its files are held where it must, whatever the program closes."""
        if job.cred is None or job.cred == cred_unsafe.current():
            result = attempt(job)
            if result is not AGAIN:
                return result
        return _hold(job) or AGAIN

    def queue(self, req: Request, job: Job, *, bound: bool, hash_key: Hashable | None) -> None:
        """Have a worker do it."""
        refused = _hold(job)
        if refused:
            self.poller.finished(req, refused)
        else:
            self.workers.queue(req, job, bound=bound, hash_key=hash_key)

    def cancel(self, req: Request) -> bool:
        """Take a job back that has not begun."""
        return self.workers.cancel(req)

    def interrupt(self, req: Request) -> None:
        """Interrupt one that runs."""
        self.workers.interrupt(req)

    def _finished(self, req: Request, result: Any) -> None:
        if not self._closed:
            self.poller.finished(req, result)
            return
        with self.lock:
            # The ring is gone, and what its last request holds goes with this.
            req.ctx.work_done(req, result)

    def iowq_max_workers(self, ctx: RingCtx, bound: int, unbound: int) -> tuple[int, int]:  # noqa: ARG002 - one for all
        """Limits of the workers, until now and from now on."""
        return self.workers.limit(bound, unbound)

    def iowq_affinity(self, ctx: RingCtx, cpus: bytes | None) -> None:  # noqa: ARG002 - one for all
        """Bind workers to CPUs. EINVAL for none that the program may use."""
        bits = None if cpus is None else int.from_bytes(cpus, "little")
        chosen = None if bits is None else frozenset(at for at in range(bits.bit_length()) if bits >> at & 1)
        if chosen is not None and not chosen <= os.sched_getaffinity(0):
            raise KernelError(Errno.EINVAL, f"CPUs {sorted(chosen)} are not all the program's")
        self.workers.bind(chosen)

    # ------------------------------------------------------------------------------------------------------------ poll

    def poll(self, file: RingFile, events: int) -> int:
        """What is ready now."""
        return ready(_fd(file), events)

    def poll_arm(self, req: Request, file: RingFile, events: int) -> None:
        """Tell the ring of each change. KernelError: EMFILE."""
        self.poller.arm(req, _host_file(file), events)

    def poll_disarm(self, req: Request) -> None:
        """Do so no more."""
        self.poller.disarm(req)

    # ------------------------------------------------------------------------------------------------------- who calls

    def cred(self) -> cred_unsafe.Cred:
        """The calling thread's credentials."""
        return cred_unsafe.current()

    def task(self) -> int:
        """The calling thread."""
        return threading.get_native_id()

    def close(self, timeout: float) -> list[str]:
        """End the workers and the poller. Returns the names of threads that were left behind, in a call that sleeps."""
        left = self.workers.close(timeout)
        with self.lock:
            while self.poller.process():
                pass
            self._closed = True
            self.poller.close()
            self.bells.close()
        return left

    def abandon(self) -> None:
        """In a forked child: give up the descriptors, and leave alone what they have in common with the parent's."""
        self._closed = True
        self.poller.abandon()


def _perform(job: Job) -> Any:
    cred = job.cred
    if not isinstance(cred, cred_unsafe.Cred) or cred == cred_unsafe.current():
        return perform(job)
    try:
        with cred_unsafe.acting_as(cred):
            return perform(job)
    except OSError as error:
        return -(error.errno or Errno.EPERM)


def _hold(job: Job) -> int:
    """Keep the files of a job open; 0, or the negative errno for which one cannot be kept."""
    try:
        for argument in job.args:
            if isinstance(argument, HostFile):
                argument.hold()
    except OSError as error:
        return -(error.errno or Errno.EMFILE)
    return 0


def _host_file(file: RingFile) -> HostFile:
    if not isinstance(file, HostFile):
        raise TypeError(f"{file} is no file of the host")
    return file


def _fd(file: RingFile) -> int:
    return _host_file(file).fd


def _kernel_error(error: OSError) -> KernelError:
    return KernelError(Errno(error.errno or Errno.EIO), error.strerror or "")
