"""What polls, to be found for cancellation (``io_uring/cancel.h``, ``struct io_hash_table``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .request import Request

GOLDEN_RATIO_64: Final = 0x61C8864680B583EB
MASK64: Final = (1 << 64) - 1


class CancelTable:
    """Requests by their user_data: of the same, the one that came last is the first."""

    __slots__ = ("_bits", "_user_data")

    def __init__(self, cq_entries: int) -> None:
        self._bits = min(max(cq_entries.bit_length() - 1 - 5, 1), 8)
        self._user_data: dict[int, dict[Request, None]] = {}

    def add(self, req: Request) -> None:
        """Put one in."""
        self._user_data.setdefault(req.user_data, {})[req] = None

    def remove(self, req: Request) -> None:
        """Take one out, if it is in."""
        same = self._user_data.get(req.user_data, {})
        same.pop(req, None)
        if not same:
            self._user_data.pop(req.user_data, None)

    def find(self, user_data: int) -> list[Request]:
        """Those with this user_data."""
        return list(reversed(self._user_data.get(user_data, {})))

    def all(self) -> list[Request]:
        """All, in the order in which Linux comes by them: by the hash of their user_data."""
        found = [req for same in self._user_data.values() for req in same]
        found.reverse()
        return sorted(found, key=self._bucket)

    def _bucket(self, req: Request) -> int:
        return (req.user_data * GOLDEN_RATIO_64 & MASK64) >> (64 - self._bits)
