"""A deterministic environment of rings: a clock that is handed in, files and workers that are ready when told."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLLET, EPOLLONESHOT
from usernel.abi.io_uring import IO_RINGFD_REG_MAX, IORING_CQE_F_MORE
from usernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from usernel.kernel.call import Clock
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.enter import enter
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.opdef import Op
from usernel.kernel.io_uring.port import AGAIN, Job, RingFile
from usernel.kernel.io_uring.request import Request
from usernel.kernel.io_uring.rings import PlainRings
from usernel.kernel.io_uring.setup import Params, prepare
from usernel.kernel.io_uring.sqe import Cqe, Nanoseconds, Sqe

ARENA = 0x10000
"""Where numeric addresses begin."""
SEC = 10**9
BUFFERS = (bytes, bytearray, memoryview)


class SimMemory:
    """Memory that begins at ``ARENA``, and Python's objects."""

    def __init__(self) -> None:
        self.arena = bytearray()

    def put(self, data: bytes) -> int:
        """Put bytes into it; returns their address."""
        addr = ARENA + len(self.arena)
        self.arena += data
        return addr

    def owns(self, addr: Any) -> bool:
        """Whether this is an address."""
        return isinstance(addr, int) and not isinstance(addr, Nanoseconds)

    def view(self, addr: Any, size: int, *, write: bool = False) -> memoryview:
        """``size`` bytes at an address, or of a buffer. EFAULT."""
        view = memoryview(self.arena if self.owns(addr) else addr if isinstance(addr, BUFFERS) else b"")
        start = addr - ARENA if self.owns(addr) else 0
        if start < 0 or start + size > len(view) or (write and view.readonly):
            raise KernelError(Errno.EFAULT, f"{size} bytes at {addr!r}")
        return view[start : start + size]


class SimFile:
    """An open file: a pipe whose other end is the test's, or a regular file. ``refs`` counts who holds it open."""

    def __init__(
        self,
        port: SimPort,
        *,
        regular: bool = False,
        can_poll: bool = True,
        ring: RingCtx | None = None,
        eventfd: bool = False,
    ) -> None:
        self.port = port
        self.eventfd = eventfd
        self.regular = regular
        self.can_poll = can_poll
        self.nonblock = False
        self.ring = ring
        self.inode: Hashable = self
        self.refs = 1
        self.content = bytearray()
        self.mask = 0
        """What it is ready for, beside what ``content`` makes it."""
        self.stuck = False
        """Whether it says that it is ready, and has nothing to read."""

    def get(self) -> SimFile:
        """Another reference."""
        assert self.refs, "a file was used after it was closed"
        self.refs += 1
        return self

    def put(self) -> None:
        """One less."""
        assert self.refs, "a file was closed twice"
        self.refs -= 1

    def same(self, other: RingFile) -> bool:
        """Whether both are this file."""
        return self is other

    def ready(self) -> int:
        """What it is ready for."""
        return self.mask | (POLLIN | POLLRDNORM if self.content else 0)

    def write(self, data: bytes) -> None:
        """The other end writes."""
        self.content += data
        self.wake(POLLIN | POLLRDNORM)

    def become(self, mask: int) -> None:
        """It becomes ready for something else."""
        self.mask = mask
        self.wake(mask)

    def wake(self, mask: int) -> None:
        """Whoever polls it is told."""
        for req, (file, _) in list(self.port.armed.items()):
            if file is self and req in self.port.armed:
                req.ctx.poll_woke(req, mask)


class SimPort:
    """One environment, of any number of rings."""

    machine = "x86_64"

    def __init__(self) -> None:
        self.memory = SimMemory()
        self.clocks = {Clock.MONOTONIC: 1000 * SEC, Clock.REALTIME: 5000 * SEC, Clock.BOOTTIME: 2000 * SEC}
        self.timers: dict[RingCtx, int] = {}
        """When which ring wants to be looked after, in ns MONOTONIC."""
        self.files: dict[int, SimFile] = {}
        self.armed: dict[Request, tuple[SimFile, int]] = {}
        self.refusal: KernelError | None = None
        """Why nothing can be polled."""
        self.queued: list[tuple[Request, Job]] = []
        self.running: list[tuple[Request, Job]] = []
        self.interrupted: list[Request] = []
        self.woken = 0
        self.signals = 0
        self.caller: Hashable = "caller"
        self.nofile = 1024
        self.registered: dict[Hashable, list[RingFile | None]] = {}
        self.regions: dict[int, memoryview] = {}
        self.workers = (4, 100)
        self.cpus: bytes | None = None
        self.results: dict[str, Any] = {}
        """What jobs come to at once, by their name."""

    # what a test does

    def open(self, fd: int, **kind: Any) -> SimFile:
        """An open file at a descriptor."""
        self.files[fd] = file = SimFile(self, **kind)
        return file

    def advance(self, ns: int) -> None:
        """Time goes by, and each ring is looked after when it asked for it."""
        end = self.clocks[Clock.MONOTONIC] + ns
        while self.timers and min(self.timers.values()) <= end:
            ctx = min(self.timers, key=lambda ring: self.timers[ring])
            self._step(max(self.timers.pop(ctx) - self.clocks[Clock.MONOTONIC], 0))
            ctx.tick()
        self._step(end - self.clocks[Clock.MONOTONIC])

    def _step(self, ns: int) -> None:
        for clock in self.clocks:
            self.clocks[clock] += ns

    def begin(self, at: int = 0) -> Request:
        """A worker begins with a queued job."""
        self.running.append(self.queued.pop(at))
        return self.running[-1][0]

    def finish(self, result: Any, at: int = 0) -> None:
        """A worker has done its job; one that is queued is begun first."""
        if not self.running:
            self.begin()
        req, _ = self.running.pop(at)
        req.ctx.work_done(req, result)

    # the port

    def now(self, clock: Clock) -> int:
        """The time."""
        return self.clocks[clock]

    def set_timer(self, ctx: RingCtx, in_ns: int | None) -> None:
        """Look after a ring in so many nanoseconds."""
        if in_ns is None:
            self.timers.pop(ctx, None)
        else:
            self.timers[ctx] = self.clocks[Clock.MONOTONIC] + in_ns

    def wake(self, ctx: RingCtx) -> None:
        """Count it."""
        self.woken += 1

    def fget(self, fd: int) -> SimFile | None:
        """A reference."""
        file = self.files.get(fd)
        return None if file is None else file.get()

    def adopt(self, fd: int) -> SimFile:
        """The file of a descriptor, which is one no more."""
        return self.files.pop(fd)

    def install(self, file: RingFile, *, cloexec: bool) -> int:
        """A new descriptor."""
        fd = max(self.files, default=2) + 1
        self.files[fd] = file.get()  # type: ignore[assignment]
        return fd

    def close_fd(self, fd: int) -> None:
        """Close a descriptor."""
        self.files.pop(fd).put()

    def eventfd(self, fd: int) -> SimFile | None:
        """A reference. EINVAL for a file that is no eventfd."""
        file = self.fget(fd)
        if file is not None and not file.eventfd:
            file.put()
            raise KernelError(Errno.EINVAL, f"{fd} is no eventfd")
        return file

    def signal(self, eventfd: RingFile) -> None:
        """Count it."""
        self.signals += 1

    def rlimit_nofile(self) -> int:
        """What the test says."""
        return self.nofile

    def registered_rings(self) -> list[RingFile | None]:
        """The caller's."""
        return self.registered.setdefault(self.caller, [None] * IO_RINGFD_REG_MAX)

    def alloc_region(self, ctx: RingCtx, size: int, offset: int) -> memoryview:
        """Some zeros."""
        self.regions[offset] = memoryview(bytearray(size))
        return self.regions[offset]

    def free_region(self, ctx: RingCtx, offset: int) -> None:
        """They are gone."""
        del self.regions[offset]

    def iowq_max_workers(self, ctx: RingCtx, bound: int, unbound: int) -> tuple[int, int]:
        """They are remembered."""
        before = self.workers
        self.workers = (bound or before[0], unbound or before[1])
        return before

    def iowq_affinity(self, ctx: RingCtx, cpus: bytes | None) -> None:
        """There are two CPUs."""
        if cpus is not None and int.from_bytes(cpus, "little") > 3:
            raise KernelError(Errno.EINVAL, "no such CPU")
        self.cpus = cpus

    def try_now(self, job: Job) -> Any:
        """A read of what is there, or what the test says of the job; nothing else is done at once."""
        if job.name == "read" and isinstance(job.args[0], SimFile) and job.args[0].can_poll:
            return read(*job.args[:2])
        return self.results.get(job.name, AGAIN)

    def queue(self, req: Request, job: Job, *, bound: bool, hash_key: Hashable | None) -> None:
        """It waits until the test begins it."""
        self.queued.append((req, job))

    def cancel(self, req: Request) -> bool:
        """Out of the queue, where it is in it."""
        queued = [entry for entry in self.queued if entry[0] is req]
        for entry in queued:
            self.queued.remove(entry)
        return bool(queued)

    def interrupt(self, req: Request) -> None:
        """Remember it."""
        self.interrupted.append(req)

    def poll(self, file: RingFile, events: int) -> int:
        """What is ready now."""
        assert isinstance(file, SimFile)
        assert file.refs, "a file was polled after it was closed"
        assert file.ring is None, "a ring tells of itself"
        return file.ready()

    def poll_arm(self, req: Request, file: RingFile, events: int) -> None:
        """Tell it of changes."""
        assert isinstance(file, SimFile)
        assert req not in self.armed, "a request was armed twice"
        assert not events & (EPOLLET | EPOLLONESHOT), "these are not the port's"
        if self.refusal is not None:
            raise self.refusal
        self.armed[req] = (file, events)

    def poll_disarm(self, req: Request) -> None:
        """Do so no more."""
        del self.armed[req]

    def cred(self) -> Hashable:
        """Root's."""
        return "root"

    def task(self) -> Hashable:
        """Whoever the test says."""
        return self.caller


def read(file: SimFile, views: tuple[memoryview, ...]) -> Any:
    """Read from a pipe what is there."""
    if file.stuck or not file.content:
        return AGAIN if file.stuck or not file.ready() else 0
    done = 0
    for view in views:
        piece = bytes(file.content[: len(view)])
        view[: len(piece)] = piece
        del file.content[: len(piece)]
        done += len(piece)
    return done


class Ring:
    """A ring of a program, as a test uses it."""

    def __init__(
        self, port: SimPort | None = None, entries: int = 64, flags: int = 0, ops: Mapping[int, Op] = OPS, **params: int
    ) -> None:
        self.port = port or SimPort()
        made = prepare(Params(sq_entries=entries, flags=flags, **params))
        self.rings = PlainRings(made)
        self.ctx = RingCtx(made, self.rings, self.port, ops)
        self.ctx.submitter = self.port.task()

    def submit(self, *sqes: Sqe) -> int:
        """Submit entries (io_uring_enter(2))."""
        self.rings.sq.extend(sqes)
        submitted = enter(self.ctx, len(sqes), 0, 0)
        assert isinstance(submitted, int)
        return submitted

    def reap(self) -> list[Cqe]:
        """Take all completions that are there."""
        taken = list(self.rings.cq)
        self.rings.cq.clear()
        return taken

    def results(self) -> list[tuple[int, int | str]]:
        """Take all completions: user_data and result, errnos by their names; ``+`` behind one that more follow."""
        return [(cqe.user_data, spelled(cqe)) for cqe in self.reap()]

    def do(self, sqe: Sqe) -> int | str:
        """One request, from its submission to its completion at once."""
        self.submit(sqe)
        ((_, result),) = self.results()
        return result

    def idle(self) -> bool:
        """Whether nothing is left of any request."""
        ctx = self.ctx
        lists = (ctx.inflight, ctx.timeouts, ctx.defer_list, ctx.compl_reqs, ctx.cancel_table.all())
        return not ctx.allocated and not ctx.nr_drained and not any(len(one) for one in lists)


def spelled(cqe: Cqe) -> int | str:
    """A result as tests write it."""
    more = "+" if cqe.flags & IORING_CQE_F_MORE else ""
    if cqe.res < 0:
        return Errno(-cqe.res).name + more
    return f"{cqe.res}{more}" if more else cqe.res


READABLE = POLLIN | POLLRDNORM
WRITABLE = POLLOUT | POLLWRNORM
