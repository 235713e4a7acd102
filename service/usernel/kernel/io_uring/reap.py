"""Taking completions out of a ring of Python values: held in the caller's hands, until it has them or is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .sqe import Cqe

if TYPE_CHECKING:
    from ..kernel import Kernel
    from .file import UringFile

CQE_SIZE = 16


class HeldCqes:
    """Completions that one caller took; it ends once, by ``commit`` or ``abort``."""

    __slots__ = ("_cqes", "_uring")

    def __init__(self, uring: UringFile, cqes: Sequence[Cqe]) -> None:
        self._uring = uring
        self._cqes = cqes

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return CQE_SIZE * len(self._cqes)

    def commit(self, kernel: Kernel, pid: int) -> None:
        """The caller has them."""

    def abort(self, kernel: Kernel) -> None:
        """The caller is gone: they are in front of the others again, and the next caller gets them."""
        self._uring.rings.cq.extendleft(reversed(self._cqes))
        kernel.wake_all(self._uring.pollers)


def reap(uring: UringFile) -> list[Cqe]:
    """Take all completions, those that had no room in the queue too."""
    cqes = list(uring.rings.cq)
    uring.rings.cq.clear()
    while uring.ctx.overflow:
        uring.ctx.flush_overflow()
        cqes += uring.rings.cq
        uring.rings.cq.clear()
    return cqes
