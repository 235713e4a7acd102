"""A ring: what is submitted to it, in flight and completed (``struct io_ring_ctx``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from usernel.abi.eventpoll import EPOLL_URING_WAKE
from usernel.abi.io_uring import (
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_TASKRUN_FLAG,
    IORING_SQ_CQ_OVERFLOW,
    IORING_SQ_TASKRUN,
    IOSQE_IO_DRAIN,
)
from usernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM

from ..call import Clock
from .cancel import cancel_everything
from .cancel_table import CancelTable
from .filetable import FileTable
from .issue import queue_next, task_submit, work_done
from .overflow import Overflow
from .poll import poll_wake
from .request import LINK_FLAGS, REQ_F_CQE_SKIP, REQ_F_IO_WQ, Request
from .rsrc import BufferTable
from .sqe import Cqe
from .timeout import Timeouts, flush_timeouts

if TYPE_CHECKING:
    from .eventfd import EventFd
    from .kbuf import BufferList
    from .opdef import Ops
    from .port import Port
    from .restrictions import Restrictions
    from .rings import Rings
    from .setup import Params

MASK32 = 0xFFFFFFFF


class RingCtx:
    """One ring. Its environment is its ``port``; its queues are ``rings``; ``ops`` are the opcodes that it knows.

    The owner lets it work by ``submit.submit``, hands in what has happened by ``work_done``, ``poll_woke`` and
    ``tick``, and ends it by ``close``. Nothing of it waits: ``enter.CqWait`` says when a waiter may go on.
    """

    def __init__(self, params: Params, rings: Rings, port: Port, ops: Ops) -> None:
        self.flags = params.flags
        self.sq_entries = params.sq_entries
        self.cq_entries = params.cq_entries
        self.rings = rings
        self.port = port
        self.ops = ops
        self.clock = Clock.MONOTONIC
        """Which clock waiters' timeouts are on (IORING_REGISTER_CLOCK)."""
        self.dying = False
        self.submitter: Hashable | None = None
        """The one who may submit (IORING_SETUP_SINGLE_ISSUER)."""
        self.sq_cred: Hashable | None = None

        self.file_table = FileTable(self)
        self.buf_table = BufferTable(self)
        self.bgids: dict[int, BufferList] = {}
        self.personalities: dict[int, Hashable] = {}
        self.next_personality = 1
        self.restrictions: Restrictions | None = None
        self.eventfd: EventFd | None = None
        self.in_io_wq = False
        """Whether a worker is at it: what it completes is told to an eventfd that is for that alone (EVENTFD_ASYNC)."""

        self.inflight: dict[Request, None] = {}
        """What waits for its file or a worker, in the order in which it came to wait."""
        self.cancel_table = CancelTable(params.cq_entries)
        self.pollers: dict[Request, None] = {}
        """Requests, of this ring or another, that poll this ring."""
        self.timeouts = Timeouts()
        self.defer_list: deque[Request] = deque()
        self.compl_reqs: list[Request] = []
        self.allocated = 0
        """How many requests there are (``nr_req_allocated``)."""
        self.nr_drained = 0
        self.drain_active = False
        self.drain_next = False
        self.drain_disabled = False
        self.link_head: Request | None = None
        self.link_last: Request | None = None
        self.cancel_seq = 0

        self.overflow = Overflow()
        self.cq_dropped = False
        self.cq_timeouts = 0
        self.off_timeout_used = False
        self._work: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._retry: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        """What was left of the work when as much was done as its caller waited for."""
        self._running = False

    # -------------------------------------------------------------------------------------------------- task work

    def task_work_add(self, func: Callable[..., object], *args: Any) -> None:
        """Let something be done in the context of the submitter (``io_req_task_work_add``)."""
        if not self._work and not self.dying:
            if self.flags & IORING_SETUP_TASKRUN_FLAG:
                self.rings.sq_flags |= IORING_SQ_TASKRUN
            if self.flags & IORING_SETUP_DEFER_TASKRUN and self.eventfd is not None:
                self.eventfd.signal(self, cqe_event=False)
        self._work.append((func, args))

    def io_wq_work_add(self, func: Callable[..., None], *args: Any) -> None:
        """The same, from a worker."""
        self.in_io_wq = True
        self.task_work_add(func, *args)
        self.in_io_wq = False

    @property
    def work_pending(self) -> bool:
        """Whether there is task work."""
        return self._has_work()

    def _has_work(self) -> bool:
        return bool(self._work or self._retry)

    def run_task_work(self) -> bool:
        """Do all of it, and all that comes of it. Returns whether there was any."""
        if self._running or not self._has_work():
            return False
        self._running = True
        try:
            while self._has_work():
                batch = self._take()
                for func, args in batch:
                    func(*args)
                self.flush_completions()
        finally:
            self._running = False
        return True

    def run_local_work(self, min_events: int, max_events: int) -> None:
        """Do some of it, for a submitter that lets it run itself: what it waits for, and no more than ``max_events``.

        What is left waits for the next time (``__io_run_local_work``, IORING_SETUP_DEFER_TASKRUN).
        """
        if self._running or not self._has_work():
            return
        self._running = True
        try:
            done = self._run_some(max_events)
            while done < min_events and self._has_work():
                min_events -= done
                done = self._run_some(max_events)
            self.flush_completions()
            if self._has_work() and done < min_events:
                self._run_some(max_events)
                self.flush_completions()
        finally:
            self._running = False
        if self._has_work() and self.flags & IORING_SETUP_TASKRUN_FLAG:
            self.rings.sq_flags |= IORING_SQ_TASKRUN

    def _run_some(self, most: int) -> int:
        self._retry = self._take()
        done = 0
        while self._retry:
            func, args = self._retry.popleft()
            func(*args)
            done += 1
            if done >= most:
                break
        return done

    def _take(self) -> deque[tuple[Callable[..., object], tuple[Any, ...]]]:
        if not self.dying:
            self.rings.sq_flags &= ~IORING_SQ_TASKRUN
        batch, self._work, self._retry = self._retry + self._work, deque(), deque()
        return batch

    def kick(self) -> None:
        """Something came in from outside: task work runs, unless the submitter asked to run it itself."""
        if self.dying or not self.flags & IORING_SETUP_DEFER_TASKRUN:
            self.run_task_work()
            self.flush_completions()
        self.port.wake(self)

    # ------------------------------------------------------------------------------------------------ what comes in

    def work_done(self, req: Request, result: Any) -> None:
        """io-wq has the result of a request's job; of a ring that has ended too, whose request still holds its file."""
        self.io_wq_work_add(work_done, req, result)
        self.kick()

    def poll_woke(self, req: Request, mask: int) -> None:
        """The file that a request polls has changed; ``mask``: what is ready, as far as that is known."""
        if not self.dying:
            poll_wake(req, mask)
            self.kick()

    def tick(self) -> None:
        """The time has come for the first timeout, perhaps."""
        if self.timeouts.expire(self):
            self.kick()
        self.timeouts.rearm(self)

    # --------------------------------------------------------------------------------------------------- completions

    def complete_defer(self, req: Request) -> None:
        """Post a request's completion with the next flush."""
        self.compl_reqs.append(req)

    def flush_completions(self) -> None:
        """Post what has completed, queue what was linked to it, let go of it (``__io_submit_flush_completions``)."""
        while self.compl_reqs:
            batch, self.compl_reqs = self.compl_reqs, []
            for req in batch:
                if not req.flags & REQ_F_CQE_SKIP:
                    self.post(Cqe(req.user_data, req.res, req.cqe_flags, req.extra))
            self._commit(batch)
            for req in batch:
                self._free(req)
            if self.drain_active:
                self._queue_deferred()

    def _commit(self, batch: list[Request]) -> None:
        # Workers post what they do themselves, unless the submitter is to run all task work.
        workers = self.eventfd is not None and not self.flags & IORING_SETUP_DEFER_TASKRUN
        self.in_io_wq = workers and any(req.flags & REQ_F_IO_WQ for req in batch)
        self.commit_cqring()
        self.in_io_wq = False

    def _free(self, req: Request) -> None:
        if req.flags & LINK_FLAGS:
            queue_next(req)
        self.put_rsrc(req)
        req.where = None
        self.allocated -= 1

    def put_rsrc(self, req: Request) -> None:
        """Let go of the file and the buffer of a request, and of what else its opcode holds."""
        if req.op is not None and req.op.cleanup is not None:
            req.op.cleanup(req)
        if req.file_node is not None:
            self.file_table.put_node(req.file_node)
            req.file_node = None
        elif req.file is not None:
            req.file.put()
        req.file = None
        if req.buf_node is not None:
            self.buf_table.put_node(req.buf_node)
            req.buf_node = None

    def put_kbuf(self, req: Request, res: int) -> int:
        """What a completion says of the buffer that was chosen for it, which is given up (``io_put_kbuf``)."""
        if req.buf is None:
            return 0
        flags: int = req.buf.put(req, res)
        return flags

    def post(self, cqe: Cqe) -> bool:
        """Post a completion: to the ring, or behind what has no room there. False where it was dropped."""
        if self.dying:
            return False
        if self.rings.post(cqe, backlog=bool(self.overflow)):
            return True
        self.rings.sq_flags |= IORING_SQ_CQ_OVERFLOW
        self.overflow.append(cqe)
        return True

    def post_aux(self, cqe: Cqe) -> bool:
        """Post a completion beside those of requests, and tell of it (``io_post_aux_cqe``)."""
        posted = self.post(cqe)
        self.commit_cqring()
        return posted

    def req_post_cqe(self, req: Request, res: int, cqe_flags: int) -> bool:
        """Post one of a request's many completions, only where the ring has room (``io_req_post_cqe``)."""
        self.flush_completions()
        if self.dying or self.overflow or not self.rings.post(Cqe(req.user_data, res, cqe_flags)):
            return False
        self.commit_cqring()
        return True

    @property
    def poll_mask(self) -> int:
        """What the ring is ready for: completions to be taken, room for submissions (``io_uring_poll``)."""
        mask = POLLOUT | POLLWRNORM if self.rings.sq_ready() < self.sq_entries else 0
        if self.rings.cq_ready() or self.overflow or self._work:
            mask |= POLLIN | POLLRDNORM
        return mask

    def commit_cqring(self) -> None:
        """Show what was posted, and tell whoever waits for it (``__io_cq_unlock_post``)."""
        if self.dying:
            return
        self.rings.commit_cq()
        self.port.wake(self)
        if self.off_timeout_used:
            flush_timeouts(self)
        if self.eventfd is not None:
            self.eventfd.signal(self, cqe_event=True)
        for req in list(self.pollers):
            poll_wake(req, POLLIN | EPOLL_URING_WAKE)
            if req.ctx is not self:
                req.ctx.kick()

    def flush_overflow(self) -> None:
        """Move to the ring what had no room there (``__io_cqring_overflow_flush``)."""
        while self.overflow and self.rings.post(self.overflow.first):
            self.overflow.pop()
        if not self.overflow:
            self.rings.sq_flags &= ~IORING_SQ_CQ_OVERFLOW
        self.commit_cqring()

    # --------------------------------------------------------------------------------------------------------- drain

    def drain(self, req: Request) -> None:
        """Let a chain wait until all that came before it has completed (``io_drain_req``)."""
        self.nr_drained += _linked(req)
        req.where = Request.DEFER
        drain = req.flags & IOSQE_IO_DRAIN
        self.defer_list.append(req)
        self._queue_deferred()
        if not drain and not self.defer_list:
            self.drain_active = False

    def _queue_deferred(self) -> None:
        drain_seen, first = False, True
        while self.defer_list:
            req = self.defer_list[0]
            drain_seen = drain_seen or bool(req.flags & IOSQE_IO_DRAIN)
            if (drain_seen or first) and self.allocated != self.nr_drained:
                return
            self.defer_list.popleft()
            self.nr_drained -= _linked(req)
            req.where = Request.TASK_WORK
            self.task_work_add(task_submit, req)
            first = False

    # ----------------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """End the ring: what is in flight is cancelled, what it holds is let go (``io_ring_ctx_wait_and_kill``)."""
        if self.dying:
            return
        self.dying = True
        self.personalities.clear()
        cancel_everything(self)
        self.overflow.clear()
        self.buf_table.unregister()
        self.file_table.unregister()
        for group in self.bgids.values():
            group.destroy()
        self.bgids.clear()
        if self.eventfd is not None:
            self.eventfd.put()
            self.eventfd = None
        self.port.set_timer(self, None)

    def stat(self) -> dict[str, Any]:
        """The ring as ``/proc/[pid]/fdinfo`` shows it."""
        return {
            "flags": self.flags, "sq_entries": self.sq_entries, "cq_entries": self.cq_entries,
            "sq_ready": self.rings.sq_ready(), "cq_ready": self.rings.cq_ready(), "overflow": len(self.overflow),
            "dropped": self.rings.sq_dropped, "user_files": len(self.file_table), "user_bufs": len(self.buf_table),
            "requests": self.allocated, "timeouts": len(self.timeouts), "deferred": len(self.defer_list),
            "personalities": len(self.personalities), "buffer_groups": sorted(self.bgids),
            "inflight": [req.stat() for req in self.inflight],
        }  # fmt: skip


def _linked(req: Request) -> int:
    count = 0
    link: Request | None = req
    while link is not None:
        count += 1
        link = link.link
    return count
