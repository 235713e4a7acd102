"""Cached reads and writes that need no ring: done at once, while the core is left alone.

Only what has no flag, no link and an offset is done so, and only while nothing else in the ring cares about its
completion. What does not come out whole is done again by the core, which finds the end of the file, or waits.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT
from usernel.abi.io_uring import IORING_SETUP_IOPOLL, IORING_SETUP_R_DISABLED, IORING_SETUP_SQPOLL, IOSQE_ASYNC
from usernel.abi.io_uring_op import IORING_OP_READ, IORING_OP_WRITE
from usernel.kernel.io_uring.request import LINK_FLAGS
from usernel.kernel.io_uring.rings import PlainRings
from usernel.kernel.io_uring.sqe import Cqe, Sqe

if TYPE_CHECKING:
    from usernel.kernel.io_uring.ctx import RingCtx

NOT_PLAIN: Final = os.O_DIRECT | os.O_APPEND
"""A read past the page cache sleeps in spite of RWF_NOWAIT; of what is appended no part may be written twice."""
NOT_BYPASSED: Final = IORING_SETUP_IOPOLL | IORING_SETUP_R_DISABLED | IORING_SETUP_SQPOLL
MOST: Final = 256 << 10
MOVED: Final = frozenset({IORING_OP_READ, IORING_OP_WRITE})
QUICK: Final = 4
"""How many fields a plain read has in the queue."""
REFUSALS: Final = (OSError, TypeError, ValueError, OverflowError, BufferError, RuntimeError)
"""How a system call of Python's says no, and a queue that another thread has just appended to. The core goes on."""
NOTHING: Final = (0, 0)
new: Final = tuple.__new__


class QuickRings(PlainRings):
    """Queues in which a plain read is four values: descriptor, buffer, offset, user_data. The core sees it whole."""

    __slots__ = ()
    sq: deque[Any]

    def next_sqe(self) -> Sqe:
        """Take one."""
        return whole(self.sq.popleft())


def whole(entry: Any) -> Sqe:
    """An entry with all its fields."""
    if isinstance(entry, Sqe):
        return entry
    fd, buffer, offset, user_data = entry
    return Sqe(IORING_OP_READ, 0, 0, fd, offset, buffer, len(buffer), 0, user_data)


def _would_wait(entry: Any, error: OSError) -> bool:
    """Whether it is a worker's. Of a read that cannot be asked so, the core may know otherwise."""
    if error.errno == Errno.EOPNOTSUPP:
        return len(entry) != QUICK and entry[0] == IORING_OP_WRITE
    return error.errno == Errno.EAGAIN


class Bypass:
    """What one ring does without the core."""

    __slots__ = ("_ctx", "_entries", "_plain", "_rings", "_waits")

    def __init__(self, ctx: RingCtx, rings: QuickRings) -> None:
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
        cq, plain, preadv = self._rings.cq, self._plain, os.preadv
        plain.clear()  # what descriptors are may have changed since the last time
        before, entry = len(cq), None
        try:
            for entry in islice(self._rings.sq, self._entries - before):
                if len(entry) == QUICK:
                    fd, buffer, offset, user_data = entry
                    size = len(buffer)
                    if size > MOST or not (plain[fd] if fd in plain else self._is_plain(fd)):
                        break
                    if preadv(fd, (buffer,), offset, RWF_NOWAIT) != size:
                        break
                else:
                    size, user_data = self._moved(entry), entry[8]
                    if size < 0:
                        break
                cq.append(new(Cqe, (user_data, size, 0, NOTHING)))
        except REFUSALS as error:
            self._waits = isinstance(error, OSError) and _would_wait(entry, error)
        finally:  # also where a signal's handler has raised
            count = self._done(len(cq) - before)
        return count

    def _moved(self, sqe: Sqe) -> int:
        """How many bytes another plain read or write moves now, all of them; -1 where it does not, or is none."""
        opcode, flags, ioprio, fd, off, addr, size, rw_flags, _, _, personality, _, _, attributes = sqe
        marked = flags or rw_flags or ioprio or personality or attributes
        if marked or opcode not in MOVED or size > MOST or off < 0 or not self._is_plain(fd):
            return -1
        move = os.preadv if opcode == IORING_OP_READ else os.pwritev
        return size if move(fd, (_first(addr, size),), off, RWF_NOWAIT) == size else -1

    def _is_plain(self, fd: int) -> bool:
        if fd not in self._plain:
            self._plain[fd] = not fcntl.fcntl(fd, fcntl.F_GETFL) & NOT_PLAIN
        return self._plain[fd]

    def _done(self, count: int) -> int:
        sq = self._rings.sq
        if count == len(sq):
            sq.clear()
        else:
            for _ in range(count):
                sq.popleft()
        if self._waits:
            self._waits = False
            sq[0] = whole(sq[0])._replace(flags=IOSQE_ASYNC)  # it was tried: a worker is to do it
        self._rings.cached_cq_tail += count
        return count

    def for_the_core(self) -> int:
        """How many at the head of the queue are the core's: the first, and what does not look like these."""
        count, linked = 0, True
        for entry in self._rings.sq:
            quick = len(entry) == QUICK
            if not linked and (quick or (entry[0] in MOVED and not entry[1])):
                break
            count += 1
            linked = not quick and bool(entry[1] & LINK_FLAGS)
        return count


def _first(buffer: Any, size: int) -> memoryview:
    """The first bytes of a buffer. TypeError, ValueError for none, or one that has not so many."""
    view = memoryview(buffer).cast("B")
    if len(view) < size:
        raise ValueError(f"{size} bytes of {len(view)}")
    return view[:size]
