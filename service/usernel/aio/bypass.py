"""Cached reads and writes that need no ring: done at once, while the core is left alone.

Only what has no flag, no link and an offset is done so, and only while nothing else in the ring cares about its
completion. What does not come out whole is done again by the core, which finds the end of the file, or waits.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.io_uring import IORING_SETUP_IOPOLL, IORING_SETUP_R_DISABLED, IORING_SETUP_SQPOLL, IOSQE_ASYNC
from usernel.abi.io_uring_op import IORING_OP_READ, IORING_OP_WRITE
from usernel.kernel.io_uring.request import LINK_FLAGS
from usernel.kernel.io_uring.sqe import Cqe

if TYPE_CHECKING:
    from usernel.kernel.io_uring.ctx import RingCtx
    from usernel.kernel.io_uring.rings import PlainRings

NOT_PLAIN: Final = os.O_DIRECT | os.O_APPEND
"""A read past the page cache sleeps in spite of RWF_NOWAIT; of what is appended no part may be written twice."""
NOT_BYPASSED: Final = IORING_SETUP_IOPOLL | IORING_SETUP_R_DISABLED | IORING_SETUP_SQPOLL
MOST: Final = 256 << 10
MOVED: Final = frozenset({IORING_OP_READ, IORING_OP_WRITE})
WAITS: Final = frozenset({Errno.EAGAIN, Errno.EOPNOTSUPP})
Move = Callable[[int, Any, int, int], int]
REFUSALS: Final = (OSError, TypeError, ValueError, OverflowError, BufferError)
"""How a system call of Python's says no. The core says it as the ring does."""
NOTHING: Final = (0, 0)
new: Final = tuple.__new__


class Bypass:
    """What one ring does without the core."""

    __slots__ = ("_ctx", "_entries", "_plain", "_rings", "_waits")

    def __init__(self, ctx: RingCtx, rings: PlainRings) -> None:
        self._ctx = ctx
        self._rings = rings
        self._entries = ctx.cq_entries
        self._plain: dict[int, bool] = {}
        self._waits = False
        """Whether the one that was tried last would have had to wait."""

    @property
    def allowed(self) -> bool:
        """Whether nothing in the ring minds."""
        ctx = self._ctx
        if ctx.flags & NOT_BYPASSED or ctx.submitter is not None or ctx.restrictions is not None:
            return False
        return not (ctx.drain_active or ctx.overflow or ctx.work_pending)

    def run(self) -> int:
        """Do what is at the head of the submission queue. Returns how many submissions that were."""
        sq, cq, plain = self._rings.sq, self._rings.cq, self._plain
        plain.clear()  # what descriptors are may have changed since the last time
        before = len(cq)
        for sqe in islice(sq, self._entries - before):
            opcode, flags, ioprio, fd, off, addr, size, rw_flags, user_data, _, personality, _, _, attributes = sqe
            move: Move = os.preadv if opcode == IORING_OP_READ else os.pwritev
            marked = flags or rw_flags or ioprio or personality or attributes
            if marked or opcode not in MOVED or size > MOST or off < 0:
                break
            try:
                if type(addr) is not bytearray or len(addr) != size:
                    addr = _first(addr, size)
                if not (plain[fd] if fd in plain else self._is_plain(fd)) or move(fd, (addr,), off, RWF_NOWAIT) != size:
                    break
            except REFUSALS as error:
                self._waits = isinstance(error, OSError) and error.errno in WAITS
                break
            cq.append(new(Cqe, (user_data, size, 0, NOTHING)))
        return self._done(len(cq) - before)

    def _done(self, count: int) -> int:
        sq = self._rings.sq
        if count == len(sq):
            sq.clear()
        else:
            for _ in range(count):
                sq.popleft()
        if self._waits:
            self._waits = False
            sq[0] = sq[0]._replace(flags=IOSQE_ASYNC)  # it was tried: a worker is to do it
        self._rings.cached_cq_tail += count
        return count

    def _is_plain(self, fd: int) -> bool:
        self._plain[fd] = plain = not fcntl.fcntl(fd, fcntl.F_GETFL) & NOT_PLAIN
        return plain

    def for_the_core(self) -> int:
        """How many at the head of the queue are the core's: the first, and what does not look like these."""
        count, linked = 0, True
        for sqe in self._rings.sq:
            if not linked and sqe[0] in MOVED and not sqe[1]:
                break
            count += 1
            linked = bool(sqe[1] & LINK_FLAGS)
        return count


def _first(buffer: Any, size: int) -> memoryview:
    """The first bytes of a buffer. TypeError, ValueError for none, or one that has not so many."""
    view = memoryview(buffer).cast("B")
    if len(view) < size:
        raise ValueError(f"{size} bytes of {len(view)}")
    return view[:size]
