"""The ring of an event loop: requests that are awaited, and calls that its workers make."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_MAX_CQ_ENTRIES, IORING_SETUP_CQSIZE, IORING_SETUP_SUBMIT_ALL
from usernel.abi.io_uring_op import IORING_OP_ASYNC_CANCEL
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.port import Job
from usernel.kernel.io_uring.rings import PlainRings
from usernel.kernel.io_uring.setup import Params, prepare
from usernel.kernel.io_uring.sqe import Sqe
from usernel.kernel.io_uring.submit import submit_sqes

from .alive import ALIVE
from .called import Called, Handed, Part, Pending
from .hits import Hits
from .memory import HostMemory
from .port import HostPort, bounded_workers
from .together import Share, Together

ENTRIES: Final = 4096
CLOSE_S: Final = 5.0
"""How long closing waits for workers that sleep in a call."""
IGNORED: Final = 0
"""The user_data of what nobody waits for."""


class LoopRing:
    """One ring, used by one event loop from its own thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        params = prepare(
            Params(ENTRIES, IORING_MAX_CQ_ENTRIES, IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL)
        )  # fmt: skip
        self._port = HostPort(HostMemory(), threading.RLock(), lambda _fd: None, bounded=bounded_workers(ENTRIES))
        self._rings = PlainRings(params)
        self._ctx = RingCtx(params, self._rings, self._port, OPS)
        self._pending: dict[int, Pending] = {}
        self._ids = count(1)
        self.hits = Hits(loop)
        self._together = Together(self, loop, self.hits, lambda share: self._queue(share, None, alike=False))
        self.punted = 0
        """Requests and calls that a worker or a file's readiness had to end."""
        self.routing: Callable[[], dict[str, int]] | None = None
        """Tells of the calls that were sent here instead of to a thread pool."""
        self.closed = False
        self.inherited = False
        """Whether this is a forked child, and the ring its parent's."""
        self.left_behind: list[str] = []
        """Workers that were still in a call when the ring was closed."""
        ALIVE.watch(self)
        loop.add_reader(self._port.poller.fileno(), self._process)

    # ------------------------------------------------------------------------------------------------------- requests

    async def request(self, sqe: Sqe, lost: Callable[[int], None] | None = None) -> int:
        """Submit one request and wait for its result, below 0 an errno.

        A task that is cancelled cancels the request and waits until it has ended, however long a call that cannot be
        stopped takes. What then succeeded all the same is handed to ``lost``: a descriptor that nobody will get.
        """
        number = next(self._ids)
        pending = self._pending[number] = Pending()
        self._submit(sqe._replace(user_data=number))
        if pending.res is None:
            await self._ended(pending, lambda: self._cancel(number), lost)
        res = pending.res
        if res is None:
            raise AssertionError("a request ended without a result")
        return res

    async def chain(self, sqes: list[Sqe], lost: Callable[[int, int], None] | None = None) -> list[int]:
        """Submit a chain of linked requests; their results in order. ``lost`` is told what succeeded in vain."""
        numbers = [next(self._ids) for _ in sqes]
        pendings = [self._pending.setdefault(number, Pending()) for number in numbers]
        self._submit(*(sqe._replace(user_data=number) for sqe, number in zip(sqes, numbers, strict=True)))
        cancelled: asyncio.CancelledError | None = None
        for number, pending in zip(numbers, pendings, strict=True):
            if pending.res is None:
                try:
                    await self._ended(pending, lambda number=number: self._cancel(number), None)  # type: ignore[misc]
                except asyncio.CancelledError as error:
                    cancelled = error
        results = [pending.res if pending.res is not None else 0 for pending in pendings]
        if cancelled is not None:
            for at, res in enumerate(results):
                if lost is not None and res >= 0:
                    lost(at, res)
            try:
                raise cancelled
            finally:
                del cancelled  # its traceback has this frame
        return results

    def _submit(self, *sqes: Sqe) -> None:
        if self.closed:
            raise RuntimeError("the ring of this loop has been closed")
        self._rings.sq.extend(sqes)
        with self._port.lock:
            submit_sqes(self._ctx, len(sqes))
            self._ctx.run_task_work()
        self._reap()
        if self._port.poller.behind:
            self._loop.call_soon(self._process)

    def _cancel(self, number: int) -> None:
        self._submit(Sqe(IORING_OP_ASYNC_CANCEL, addr=number, user_data=IGNORED))

    async def _ended(self, pending: Pending, cancel: Callable[[], object], lost: Callable[[int], None] | None) -> None:
        """Wait until it has ended. Cancelled, ask for the end and wait on: nothing may be in flight behind our back."""
        self.punted += 1
        cancelled: asyncio.CancelledError | None = None
        while pending.res is None:
            pending.future = self._loop.create_future()
            try:
                await pending.future
            except asyncio.CancelledError as error:
                if cancelled is None:
                    cancel()
                cancelled = error
        if cancelled is not None:
            if lost is not None and pending.res >= 0:
                lost(pending.res)
            try:
                raise cancelled
            finally:
                # Both have this frame, and it them, and all that the callers hold: nothing of that is to stay for that.
                pending.future = None
                del cancelled

    def _process(self) -> None:
        if self.closed:
            return
        with self._port.lock:
            self._port.poller.process()
        self._reap()
        if self._port.poller.behind:
            self._loop.call_soon(self._process)

    def _reap(self) -> None:
        while self._rings.cq or self._ctx.overflow:
            while self._rings.cq:
                cqe = self._rings.cq.popleft()
                pending = self._pending.pop(cqe.user_data, None)
                if pending is not None:
                    pending.end(cqe.res)
            if self._ctx.overflow:
                self._ctx.flush_overflow()

    # ---------------------------------------------------------------------------------------------------------- calls

    async def call(
        self,
        func: Callable[[], Any],
        *,
        hash_key: Any = None,
        bound: bool = True,
        stop: Callable[[Called], object] | None = None,
        part: Part | None = None,
    ) -> Any:
        """Have a worker call a function; its result, or what it raised. Calls of one ``hash_key`` go in order.

        ``bound`` is what waits for nothing but the disk; ``part`` says that it only reads so much of a regular file.

        A task that is cancelled takes back what has not begun, and waits for the end of what has; ``stop`` is called
        to bring that end nearer.
        """
        called = self._queue(Called(self, func), hash_key, bound=bound, part=part, alike=stop is None)
        await self._ended(called.pending, lambda: self._give_up(called, stop), None)
        if called.error is not None:
            try:
                raise called.error
            finally:
                called.error = None  # its traceback has this frame
        return called.value

    def start(self, func: Callable[[], Any], *, hash_key: Any = None, bound: bool = True) -> Called:
        """Hand a function to the workers, and do not wait."""
        return self._queue(Called(self, func), hash_key, bound=bound, alike=False)

    def call_soon(
        self,
        func: Callable[[], Any],
        future: asyncio.Future[Any],
        *,
        hash_key: Any = None,
        bound: bool = True,
        over: Callable[[], object] | None = None,
        part: Part | None = None,
    ) -> None:
        """Have a worker call a function, and a future tell its outcome. Cancelled, what has begun goes on unseen.

        ``over`` is told when no worker is in it or will ever be. ``part`` says what of a regular file it reads, and
        that the kernel has begun to.
        """
        self.punted += 1
        called = Handed(self, func, future, over)
        called.part = part
        self._queue(called, hash_key, bound=bound)

    def _queue(
        self, called: Called, hash_key: Any, *, bound: bool = True, part: Part | None = None, alike: bool = True
    ) -> Called:
        if self.closed:
            raise RuntimeError("the ring of this loop has been closed")
        if bound and hash_key is None and alike:
            self._together.add(called, part)
            return called
        self._port.workers.queue(called, Job("call", (called,)), bound=bound, hash_key=hash_key)
        return called

    def _give_up(self, called: Called, stop: Callable[[Called], object] | None) -> None:
        if not self.take_back(called) and stop is not None:
            stop(called)

    def interrupt(self, called: Called) -> None:
        """Interrupt the system call that a worker sleeps in, if it lets itself be interrupted: it fails with EINTR."""
        self._port.workers.interrupt(called)

    def take_back(self, called: Called) -> bool:
        """Take back a call that has not begun."""
        if called.among is None:
            taken = self._port.workers.cancel(called)
        else:
            try:
                called.among.remove(called)
                taken = True
            except ValueError:
                taken = False
        if taken:
            called.error = asyncio.CancelledError()
            called.pending.end(0)
            return True
        return False

    def work_done(self, called: Called, result: Any) -> None:
        """The poller brings the outcome of a call."""
        called.ended(result)
        if isinstance(called, Share):
            self._together.ended(called)

    # ------------------------------------------------------------------------------------------------------------ end

    def stat(self) -> dict[str, Any]:
        """The ring, its workers, and how its I/O went."""
        return {
            **self._ctx.stat(), **self.hits.stat(), "punted": self.punted, "workers": self._port.workers.stat(),
            "together": self._together.stat(),
            "routing": self.routing() if self.routing is not None else None, "closed": self.closed,
        }  # fmt: skip

    def close(self) -> None:
        """End the ring: what is in flight is cancelled, workers that are in a call are waited for a while."""
        if self.closed:
            return
        self.closed = True
        ALIVE.forget(self)
        self._together.close()
        self._loop.remove_reader(self._port.poller.fileno())
        with self._port.lock:
            self._ctx.close()
        self.left_behind = self._port.close(CLOSE_S)
        self._together.tell()
        self._give_all_up()
        if self.left_behind:
            warnings.warn(f"{', '.join(self.left_behind)}: still in a call", RuntimeWarning, stacklevel=2)

    def _give_all_up(self) -> None:
        """Nobody is to wait for what will not come."""
        self._reap()
        for pending in self._pending.values():
            pending.end(-Errno.ECANCELED)
        self._pending.clear()

    def forked(self) -> None:
        """This is a forked child: the ring is the parent's, and its descriptors are not to be touched but closed."""
        self.closed = self.inherited = True
        self._port.abandon()

    def __del__(self) -> None:
        # Its loop was never closed, and is collected with it.
        if not getattr(self, "closed", True):
            self.closed = True
            self._port.close(0)
