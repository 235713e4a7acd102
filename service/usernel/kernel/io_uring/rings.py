"""The two queues of a ring: as Python values, or as Linux lays them out in shared memory (``struct io_rings``)."""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import Final, Protocol

from usernel.abi.io_uring import IORING_CQE_F_32, IORING_CQE_F_SKIP, IORING_SETUP_CQE32
from usernel.abi.io_uring_struct import BIG_CQE, IO_URING_CQE

from .setup import (
    CQ_FLAGS,
    CQ_HEAD,
    CQ_OVERFLOW,
    CQ_RING_ENTRIES,
    CQ_RING_MASK,
    CQ_TAIL,
    CQE_SIZE,
    CQES,
    SQ_DROPPED,
    SQ_FLAGS,
    SQ_HEAD,
    SQ_RING_ENTRIES,
    SQ_RING_MASK,
    SQ_TAIL,
    Params,
)
from .sqe import Cqe, Sqe

U32: Final = Struct("=I")
MASK32: Final = 0xFFFFFFFF


class Rings(Protocol):
    """What a ring needs of its queues."""

    cached_cq_tail: int
    """How many slots of the completion queue were ever filled."""

    @property
    def sq_flags(self) -> int:
        """IORING_SQ_*: what the program is to know."""

    @sq_flags.setter
    def sq_flags(self, flags: int) -> None: ...

    @property
    def cq_flags(self) -> int:
        """IORING_CQ_*: what the program wants."""

    @property
    def sq_dropped(self) -> int:
        """How many submissions had an index out of range."""

    def sq_ready(self) -> int:
        """How many submissions wait to be taken."""

    def next_sqe(self) -> Sqe | None:
        """Take one; None for one whose index is out of range, which is counted."""

    def commit_sq(self) -> None:
        """Show the program what was taken."""

    def cq_ready(self) -> int:
        """How many completions wait for the program."""

    def cq_head(self) -> int:
        """How many slots the program has ever let go."""

    def post(self, cqe: Cqe, *, backlog: bool = False) -> bool:
        """Put in a completion, which is shown with the next commit; False where there is no room.

        With a ``backlog`` of others that had none, room that has come since is theirs.
        """

    def commit_cq(self) -> None:
        """Show the program what was put in."""


class PlainRings:
    """Queues of Python values, for a program in the same process: it appends to ``sq`` and takes from ``cq``."""

    __slots__ = ("_cq_entries", "cached_cq_tail", "cq", "cq_flags", "sq", "sq_dropped", "sq_flags")

    def __init__(self, params: Params) -> None:
        self.sq: deque[Sqe] = deque()
        self.cq: deque[Cqe] = deque()
        self.sq_flags = 0
        self.cq_flags = 0
        self.sq_dropped = 0
        self.cached_cq_tail = 0
        self._cq_entries = params.cq_entries

    def sq_ready(self) -> int:
        """How many submissions wait to be taken."""
        return len(self.sq)

    def next_sqe(self) -> Sqe | None:
        """Take one."""
        return self.sq.popleft()

    def commit_sq(self) -> None:
        """What was taken is gone already."""

    def cq_ready(self) -> int:
        """How many completions wait for the program."""
        return len(self.cq)

    def cq_head(self) -> int:
        """How many the program has taken."""
        return self.cached_cq_tail - len(self.cq)

    def post(self, cqe: Cqe, *, backlog: bool = False) -> bool:
        """Put in a completion; False where there is no room."""
        if backlog or len(self.cq) >= self._cq_entries:
            return False
        self.cq.append(cqe)
        self.cached_cq_tail += 1
        return True

    def commit_cq(self) -> None:
        """What was put in is seen already."""


class SharedRings:
    """Queues in memory that the program shares: ``ring`` and ``sqes`` of the sizes that ``Params`` says.

    The program may write anything anywhere. Each index is read once and cut to its range, and a submission is copied
    before it is looked at.
    """

    __slots__ = ("_params", "_ring", "_room", "_slot", "_sq_head", "_sqes", "cached_cq_tail")

    def __init__(self, params: Params, ring: memoryview, sqes: memoryview) -> None:
        self._params = params
        self._ring = ring
        self._sqes = sqes
        self._sq_head = 0
        self._slot = self._room = 0
        self.cached_cq_tail = 0
        ring[:CQES] = bytes(CQES)
        for offset, value in (
            (SQ_RING_MASK, params.sq_entries - 1), (CQ_RING_MASK, params.cq_entries - 1),
            (SQ_RING_ENTRIES, params.sq_entries), (CQ_RING_ENTRIES, params.cq_entries),
        ):  # fmt: skip
            self._put(offset, value)

    def _get(self, offset: int) -> int:
        value: int = U32.unpack_from(self._ring, offset)[0]
        return value

    def _put(self, offset: int, value: int) -> None:
        U32.pack_into(self._ring, offset, value & MASK32)

    @property
    def sq_flags(self) -> int:
        """IORING_SQ_*."""
        return self._get(SQ_FLAGS)

    @sq_flags.setter
    def sq_flags(self, flags: int) -> None:
        self._put(SQ_FLAGS, flags)

    @property
    def cq_flags(self) -> int:
        """IORING_CQ_*."""
        return self._get(CQ_FLAGS)

    @property
    def sq_dropped(self) -> int:
        """How many submissions had an index out of range."""
        return self._get(SQ_DROPPED)

    @property
    def cq_overflow(self) -> int:
        """How many completions were dropped for want of memory: none ever."""
        return self._get(CQ_OVERFLOW)

    def sq_ready(self) -> int:
        """How many submissions wait to be taken (``io_sqring_entries``)."""
        return min((self._get(SQ_TAIL) - self._sq_head) & MASK32, self._params.sq_entries)

    def next_sqe(self) -> Sqe | None:
        """Take one; None for one whose index is out of range, which is counted (``io_get_sqe``)."""
        index = self._sq_head & (self._params.sq_entries - 1)
        self._sq_head = (self._sq_head + 1) & MASK32
        if self._params.sq_array is not None:
            index = self._get(self._params.sq_array + 4 * index)
            if index >= self._params.sq_entries:
                self._put(SQ_DROPPED, self.sq_dropped + 1)
                return None
        start = index * self._params.sqe_size
        return Sqe.unpack(bytes(self._sqes[start : start + IO_SQE]))

    def commit_sq(self) -> None:
        """Show the program what was taken."""
        self._put(SQ_HEAD, self._sq_head)

    def cq_ready(self) -> int:
        """How many completions the program sees."""
        return (self._get(CQ_TAIL) - self._get(CQ_HEAD)) & MASK32

    def cq_head(self) -> int:
        """Where the program reads next."""
        return self._get(CQ_HEAD)

    def post(self, cqe: Cqe, *, backlog: bool = False) -> bool:
        """Put in a completion; False where there is no room (``io_get_cqe``).

        As in Linux, room that was seen once is used without looking at the program's head again.
        """
        all_big = self._params.flags & IORING_SETUP_CQE32
        slots = 2 if cqe.flags & IORING_CQE_F_32 and not all_big else 1
        if self._room < slots and (backlog or not self._refill(slots)):
            return False
        self._write(self._slot, cqe, big=bool(all_big or slots == 2))
        self._slot += slots
        self._room -= slots
        self.cached_cq_tail += slots
        return True

    def _refill(self, slots: int) -> bool:
        """Look how much room there is up to the end of the queue (``io_cqe_cache_refill``)."""
        entries = self._params.cq_entries
        offset = self.cached_cq_tail & (entries - 1)
        if slots == 2 and offset == entries - 1:
            # A big entry does not wrap: what is left before the end is skipped.
            if self._queued() == entries:
                return False
            self._write(offset, Cqe(0, 0, IORING_CQE_F_SKIP), big=False)
            self.cached_cq_tail += 1
            offset = 0
        room = min(entries - self._queued(), entries - offset)
        if room < slots:
            return False
        self._slot, self._room = offset, room
        return True

    def _queued(self) -> int:
        return min((self.cached_cq_tail - self._get(CQ_HEAD)) & MASK32, self._params.cq_entries)

    def _write(self, slot: int, cqe: Cqe, *, big: bool) -> None:
        at = CQES + slot * self._params.cqe_size
        IO_URING_CQE.pack_into(self._ring, at, cqe.user_data, cqe.res, cqe.flags)
        if big:
            BIG_CQE.pack_into(self._ring, at + CQE_SIZE, *cqe.extra)

    def commit_cq(self) -> None:
        """Show the program what was put in."""
        self._put(CQ_TAIL, self.cached_cq_tail)


IO_SQE: Final = 64
"""Bytes of a submission that are looked at; the other half of a big one belongs to opcodes that are not there."""
