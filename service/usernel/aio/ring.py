"""``usernel.Ring``: io_uring in the caller's own process, with liburing's names and Python's values.

    with usernel.Ring() as ring:
        ring.read(fd, buffer, 0)
        [cqe] = ring.submit_and_wait()

What may sleep is done by the ring's own threads; what need not, at once. A ring is for one thread at a time; another
may submit, or message it, while one waits.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from itertools import count
from types import TracebackType
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_ENTER_EXT_ARG,
    IORING_ENTER_GETEVENTS,
    IORING_REGISTER_EVENTFD,
    IORING_REGISTER_EVENTFD_ASYNC,
    IORING_SETUP_CLAMP,
    IORING_SETUP_CQSIZE,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SUBMIT_ALL,
    IORING_UNREGISTER_EVENTFD,
)
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.cancel import SyncCancel
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.enter import CqWait, ExtArg, enter
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.register import register
from usernel.kernel.io_uring.setup import Params, prepare
from usernel.kernel.io_uring.sqe import Cqe, Sqe

from .alive import ALIVE, FORKED
from .buf_ring import BufRing
from .bypass import Bypass, QuickRings
from .chain import Chain
from .memory import HostMemory
from .port import HostPort, bounded_workers
from .prep import FileRequests, entry
from .prep_paths import PathRequests
from .prep_ring import RingRequests, nanoseconds
from .pump import Pump
from .registration import Registers
from .wait import wait

CLOSE_S: Final = 5.0
"""How long ending a ring waits for workers that sleep in a call."""
ENDED: Final = "the ring has ended"
OFF_MAX: Final = (1 << 63) - 1


class Ring(FileRequests, PathRequests, RingRequests, Registers):
    """A ring of ``entries`` submissions (a power of two, rounded up) and ``cq_entries`` completions, twice as many.

    ``flags`` are IORING_SETUP_*. A full submission queue is submitted; completions without room are kept. With
    ``bypass=False`` cached reads and writes go through the core as all else does: slower, and otherwise the same.
    """

    def __init__(
        self,
        entries: int = 256,
        *,
        cq_entries: int | None = None,
        flags: int = IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL,
        bypass: bool = True,
    ) -> None:
        self._dead = ENDED
        if flags & IORING_SETUP_NO_MMAP:
            raise ValueError("a ring of Python values has no memory that could be the caller's own")
        if cq_entries is not None:
            flags |= IORING_SETUP_CQSIZE
        params = prepare(Params(entries, cq_entries or 0, flags))
        self.memory = HostMemory()
        self._port = HostPort(self.memory, ALIVE.lock, ALIVE.ring_at, bounded=bounded_workers(params.sq_entries))
        self._rings = QuickRings(params)
        self._sq = self._rings.sq
        self.ctx = RingCtx(params, self._rings, self._port, OPS)
        if flags & IORING_SETUP_SINGLE_ISSUER and not flags & IORING_SETUP_R_DISABLED:
            self.ctx.submitter = self._port.task()
        self._bypass = Bypass(self.ctx, self._rings) if bypass else None
        self._room = params.sq_entries
        self._user_data = count(1)
        self._pump: Pump | None = None
        self._awaited = False
        self._left_behind: list[str] = []
        self._dead = ""
        ALIVE.add(self._port.poller.fileno(), self)

    # ------------------------------------------------------------------------------------------------------ submission

    def prep_rw(
        self,
        opcode: int,
        fd: int = -1,
        addr: Any = 0,
        length: int = 0,
        off: Any = 0,
        rw_flags: int = 0,
        user_data: int | None = None,
        flags: int = 0,
        buf_index: int = 0,
        splice_fd_in: int = 0,
        addr3: Any = 0,
        ioprio: int = 0,
        personality: int = 0,
    ) -> int:
        """Append any submission, field by field (``struct io_uring_sqe``). Returns its user_data. ValueError."""
        sq = self._rings.sq
        if len(sq) >= self._room:
            self.submit()
        number = next(self._user_data) if user_data is None else user_data
        made = entry(
            opcode, flags, ioprio, fd, off, addr, length, rw_flags, number, buf_index, personality, splice_fd_in, addr3
        )  # fmt: skip
        sq.append(made)
        return number

    def read(
        self, fd: int, buf: Any, offset: int = 0, nbytes: int | None = None, *, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """read(2) into a buffer, or its first ``nbytes``. The result is how many bytes, 0 at the file's end."""
        # A plain one is made here: what is cached is read as fast as it is prepared.
        sq = self._sq
        plain = type(fd) is int and type(offset) is int and type(buf) is bytearray and 0 <= offset <= OFF_MAX
        if not plain or flags or rw_flags or not (nbytes is user_data is None) or len(sq) >= self._room:
            return super().read(fd, buf, offset, nbytes, rw_flags=rw_flags, user_data=user_data, flags=flags)
        number = next(self._user_data)
        sq.append((fd, buf, offset, number))
        return number

    def fresh(self) -> int:
        """A user_data that no submission has yet, unless one was given."""
        return next(self._user_data)

    def append(self, sqes: list[Sqe]) -> None:
        """Append submissions that belong together. ValueError for more than the queue has room for."""
        if len(sqes) > self.ctx.sq_entries:
            raise ValueError(f"a chain of {len(sqes)} requests in a ring of {self.ctx.sq_entries} entries")
        if len(self._rings.sq) + len(sqes) > self._room:
            self.submit()
        self._rings.sq.extend(sqes)

    def chain(self, *, hard: bool = False) -> Chain:
        """A chain of requests: ``with ring.chain() as chain``, which has the same methods."""
        return Chain(self, hard=hard)

    def submit(self) -> int:
        """Submit all that was appended (io_uring_enter(2)). Returns how many submissions were taken. OSError."""
        if self._dead:
            raise self._gone()
        with self._port.lock:
            taken = self._submit()
            self._settle()
        return taken

    def _submit(self) -> int:
        sq, bypass, taken = self._rings.sq, self._bypass, 0
        while sq:
            wanted = len(sq)
            if bypass is not None and bypass.allowed:
                done = bypass.run()
                taken += done
                if done and (self.ctx.off_timeout_used or self.ctx.eventfd is not None or self._port.watched):
                    self.ctx.commit_cqring()
                if not sq:
                    break
                wanted = bypass.for_the_core()
            entered = enter(self.ctx, wanted, 0, 0)
            if not isinstance(entered, int):
                raise TypeError("submitting waits for nothing")
            taken += entered
            if entered < wanted:
                break
        return taken

    # ------------------------------------------------------------------------------------------------------ completion

    def peek(self) -> list[Cqe]:
        """Take the completions that are there."""
        if self._dead:
            raise self._gone()
        with self._port.lock:
            if self.ctx.allocated or self._awaited or self._port.poller.behind:
                self._port.poller.process()
                self.ctx.run_task_work()
            return self._take()

    def wait(self, n: int = 1, timeout: float | None = None) -> list[Cqe]:
        """Wait for so many completions, ``timeout`` seconds at most; take all that are there then, perhaps fewer."""
        if self._dead:
            raise self._gone()
        with self._port.lock:
            if len(self._rings.cq) >= n:
                return self._take()
            ext = ExtArg(None if timeout is None else nanoseconds(timeout))
            waiting = enter(self.ctx, 0, n, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, ext)
        try:
            if isinstance(waiting, CqWait):
                wait(self._port, waiting, interruptible=False)
        except KernelError as error:
            if self._dead:
                raise self._gone() from None
            if error.number != Errno.ETIME:
                raise
        with self._port.lock:
            return self._take()

    def submit_and_wait(self, n: int = 1, timeout: float | None = None) -> list[Cqe]:
        """``submit``, then ``wait``."""
        self.submit()
        return self.wait(n, timeout)

    def _take(self) -> list[Cqe]:
        cq = self._rings.cq
        found = list(cq)
        cq.clear()
        while self.ctx.overflow:
            self.ctx.flush_overflow()
            found += cq
            cq.clear()
        self._settle()
        return found

    def _settle(self) -> None:
        """What came while something else was done is told; the descriptor is readable while completions are there."""
        if self._port.poller.behind:
            self._port.poller.process()
        if self._awaited and self._rings.cq:
            self._port.poller.wake()

    def __iter__(self) -> Iterator[Cqe]:
        """Completions, until nothing is in flight; what is appended meanwhile is submitted."""
        while True:
            if self._rings.sq:
                self.submit()
            yield from (found := self.peek())
            if not found and not self._rings.sq:
                if not self.ctx.allocated:
                    return
                yield from self.wait()

    # ------------------------------------------------------------------------------------------------------ event loops

    def fileno(self) -> int:
        """A descriptor that is readable while ``peek`` may have something to do, for ``select`` and event loops."""
        if self._dead:
            raise self._gone()
        self._awaited = True
        self._port.on_wake = self._tell
        with self._port.lock:
            self._settle()
        return self._port.poller.fileno()

    def _tell(self, _ctx: RingCtx) -> None:
        self._port.poller.wake()

    async def __aiter__(self) -> AsyncIterator[Cqe]:
        """The same on the running loop, which goes on meanwhile: ``async for cqe in ring``."""
        while True:
            if self._rings.sq:
                self.submit()
            found = self.peek()
            for cqe in found:
                yield cqe
            if not found and not self._rings.sq:
                if not self.ctx.allocated:
                    return
                await self._readable()

    async def _readable(self) -> None:
        loop, fd = asyncio.get_running_loop(), self.fileno()
        ready = loop.create_future()
        loop.add_reader(fd, _wake, ready)
        try:
            await ready
        finally:
            loop.remove_reader(fd)

    # ---------------------------------------------------------------------------------------------------- registration

    def register(self, opcode: int, arg: Any = None, nr_args: int = 0) -> int:
        """io_uring_register(2), with values in place of addresses. OSError."""
        if self._dead:
            raise self._gone()
        with self._port.lock:
            result = register(self.ctx, opcode, arg, nr_args)
            self._settle()
        if not isinstance(result, SyncCancel):
            return result
        try:
            return wait(self._port, result, interruptible=False)
        finally:
            result.close()

    def register_eventfd(self, fd: int, *, only_async: bool = False) -> None:
        """Count an eventfd up with each completion, whoever does what meanwhile. EBUSY, EBADF, EINVAL."""
        self.register(IORING_REGISTER_EVENTFD_ASYNC if only_async else IORING_REGISTER_EVENTFD, [fd], 1)
        if self._pump is None:
            self._pump = Pump(self._port)

    def unregister_eventfd(self) -> None:
        """Count it up no more. ENXIO."""
        self.register(IORING_UNREGISTER_EVENTFD)

    def setup_buf_ring(self, count: int, size: int, bgid: int, buf_flags: int = 0) -> BufRing:
        """A group of ``count`` buffers (a power of two) that ``read_select`` and ``read_multishot`` choose from."""
        return BufRing(self, self.memory, count, size, bgid, buf_flags)

    # ---------------------------------------------------------------------------------------------------------- the end

    def stat(self) -> dict[str, Any]:
        """What the ring is at, as ``/proc/[pid]/fdinfo`` shows it, and its workers."""
        with self._port.lock:
            return {**self.ctx.stat(), "workers": self._port.workers.stat(), "left_behind": [*self._left_behind]}

    def queue_exit(self) -> None:
        """End the ring: what is in flight is cancelled. Again: nothing.

        A worker that sleeps in a call for longer than five seconds is left behind, and named by ``stat``.
        """
        self._end(CLOSE_S)

    def _end(self, timeout: float) -> None:
        if self._dead:
            return
        self._dead, self._room = ENDED, 0
        ALIVE.remove(self._port.poller.fileno(), self)
        with self._port.lock:
            self.ctx.close()
            self._port.wake(self.ctx)
        if self._pump is not None:
            self._pump.close()
        self._left_behind = self._port.close(timeout)

    def forked(self) -> None:
        """This is a forked child: the ring is the parent's."""
        self._dead, self._room = FORKED, 0
        self._port.abandon()

    def _gone(self) -> RuntimeError:
        return RuntimeError(self._dead)

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.queue_exit()

    def __del__(self) -> None:
        if not self._dead:
            warnings.warn(f"{self!r} was not ended", ResourceWarning, source=self, stacklevel=2)
            self._end(0)

    # ------------------------------------------------------------------------------------------- as a file of others

    def get(self) -> Ring:
        """A reference, of a request of another ring."""
        return self

    def put(self) -> None:
        """Given up."""


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
