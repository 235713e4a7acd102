"""Chains: requests each of which begins when the one before has ended well (IOSQE_IO_LINK)."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from usernel.abi.io_uring import IOSQE_IO_HARDLINK, IOSQE_IO_LINK
from usernel.kernel.io_uring.sqe import Sqe

from .prep import FileRequests, entry
from .prep_paths import PathRequests
from .prep_ring import RingRequests

if TYPE_CHECKING:
    from .ring import Ring


class Chain(FileRequests, PathRequests, RingRequests):
    """A chain that is being made: ``with ring.chain() as chain``. At the end of the block it goes to the ring whole.

    What fails, and a transfer of fewer bytes than were wanted, cancels the rest (ECANCELED); of a ``hard`` chain
    nothing does. A ``link_timeout`` belongs to the request before it. A block that raises leaves nothing in the ring.
    """

    __slots__ = ("_hard", "_ring", "_sqes")

    def __init__(self, ring: Ring, *, hard: bool) -> None:
        self._ring = ring
        self._hard = hard
        self._sqes: list[Sqe] = []

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
        """Append any submission. Returns its user_data."""
        number = self._ring.fresh() if user_data is None else user_data
        made = entry(
            opcode, flags, ioprio, fd, off, addr, length, rw_flags, number, buf_index, personality, splice_fd_in, addr3
        )  # fmt: skip
        self._sqes.append(made)
        return number

    def __enter__(self) -> Chain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sqes, self._sqes = self._sqes, []
        if kind is not None:
            return
        link = IOSQE_IO_HARDLINK if self._hard else IOSQE_IO_LINK
        self._ring.append([sqe._replace(flags=sqe.flags | link) for sqe in sqes[:-1]] + sqes[-1:])
