"""Buffers that a ring chooses from, in a ring that the program fills again (``io_uring_setup_buf_ring``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from usernel.abi.io_uring import IORING_CQE_BUFFER_SHIFT, IORING_REGISTER_PBUF_RING, IORING_UNREGISTER_PBUF_RING
from usernel.abi.io_uring_struct import BUF_RING_TAIL, IO_URING_BUF

if TYPE_CHECKING:
    from .memory import HostMemory
    from .registration import Registers

ADDRESSES: Final = 1 << 40
"""Where the memory of a group seems to lie: apart from that of all others, and nowhere in truth."""
PAGE: Final = 4096


class BufRing:
    """A group of ``count`` buffers of ``size`` bytes each, by their numbers (bid); all are there at the beginning.

    A request that took one (IOSQE_BUFFER_SELECT) tells which in its completion: ``ring[bid_of(cqe)]`` is its bytes, and
    ``add`` lets it be chosen again.
    """

    def __init__(self, ring: Registers, memory: HostMemory, count: int, size: int, bgid: int, buf_flags: int) -> None:
        self.bgid = bgid
        self.size = size
        self._ring = ring
        self._memory = memory
        self._mask = count - 1
        self._tail = 0
        self._address = ADDRESSES * (bgid + 1)
        self._entries = memoryview(bytearray(max(IO_URING_BUF.size * count, PAGE)))
        self._buffers = memoryview(bytearray(size * count))
        memory.give(self._address, self._entries)
        memory.give(self._address + (ADDRESSES >> 1), self._buffers)
        try:
            ring.register(IORING_REGISTER_PBUF_RING, (self._address, count, bgid, buf_flags), 1)
        except OSError:
            self._take_back()
            raise
        for bid in range(count):
            self.add(bid)

    def __getitem__(self, bid: int) -> memoryview:
        return self._buffers[bid * self.size : (bid + 1) * self.size]

    def add(self, bid: int) -> None:
        """Let a buffer be chosen, behind the others."""
        at = (self._tail & self._mask) * IO_URING_BUF.size
        address = self._address + (ADDRESSES >> 1) + bid * self.size
        # The last two bytes of the first entry are the tail of the ring.
        self._entries[at : at + BUF_RING_TAIL] = IO_URING_BUF.pack(address, self.size, bid, 0)[:BUF_RING_TAIL]
        self._tail = self._tail + 1 & 0xFFFF
        self._entries[BUF_RING_TAIL : BUF_RING_TAIL + 2] = self._tail.to_bytes(2, "little")

    def free(self) -> None:
        """Take the group out of the ring. ENOENT."""
        self._ring.register(IORING_UNREGISTER_PBUF_RING, (0, 0, self.bgid), 1)
        self._take_back()

    def _take_back(self) -> None:
        self._memory.take_back(self._address)
        self._memory.take_back(self._address + (ADDRESSES >> 1))


def bid_of(cqe_flags: int) -> int:
    """Which buffer a completion's flags name."""
    return cqe_flags >> IORING_CQE_BUFFER_SHIFT
