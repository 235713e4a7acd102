"""READ and READV into buffers that are chosen, and READ_MULTISHOT."""

from __future__ import annotations

import os
from struct import Struct

from usernel.abi import fs
from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import (
    IORING_OP_NOP,
    IORING_OP_PROVIDE_BUFFERS,
    IORING_OP_READ,
    IORING_OP_READ_MULTISHOT,
    IORING_OP_READV,
    IORING_OP_WRITE,
)
from usernel.abi.io_uring_struct import BUF_RING_TAIL, IO_URING_BUF, IO_URING_BUF_REG

from ..case import case
from ..program import IOVEC, NOWHERE, Block, Program
from ..userland import Ring

TEXT = b"0123456789abcdef"
CHOOSE = abi.IOSQE_BUFFER_SELECT
GROUP = 7
TAIL = Struct("=H")


def provide(u: Program, ring: Ring, count: int, size: int = 8, first: int = 0) -> Block:
    """Provide buffers to the group."""
    block = u.alloc(count * size)
    ring.do(IORING_OP_PROVIDE_BUFFERS, fd=count, addr=block, len=size, buf_group=GROUP, off=first)
    return block


class BufferRing:
    """A ring of buffers."""

    def __init__(self, u: Program, ring: Ring, entries: int = 4, flags: int = 0) -> None:
        self._memory = u.pages()
        self._entries = entries
        self._tail = 0
        ring.register(
            abi.IORING_REGISTER_PBUF_RING,
            u.struct(IO_URING_BUF_REG, self._memory, entries, GROUP, flags, *[0] * 6),
            1,
        )

    def add(self, block: Block | int, size: int, bid: int) -> None:
        """Put a buffer in."""
        at = self._tail % self._entries * IO_URING_BUF.size
        tail = self._memory.bytes()[BUF_RING_TAIL : BUF_RING_TAIL + 2]
        self._memory.write(IO_URING_BUF.pack(int(block), size, bid, 0), at)
        self._memory.write(tail, BUF_RING_TAIL)
        self._tail += 1
        self._memory.write(TAIL.pack(self._tail), BUF_RING_TAIL)


@case
def read_into_chosen_buffers(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = provide(u, ring, 4, first=10)
    for off, size in ((0, 0), (0, 4), (4, 100), (100, 8), (0, 8)):
        ring.do(IORING_OP_READ, fd=fd, off=off, len=size, buf_group=GROUP, flags=CHOOSE)
        u.note(buffers=block.bytes())


@case
def vectors(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = provide(u, ring, 4)
    for note, addr, count in (
        ("4", u.put(IOVEC.pack(0, 4)), 1), ("0", u.put(IOVEC.pack(0, 0)), 1),
        ("100", u.put(IOVEC.pack(NOWHERE, 100)), 1),
        ("two", u.put(IOVEC.pack(0, 4) * 2), 2), ("none", u.put(IOVEC.pack(0, 4)), 0), ("nowhere", NOWHERE, 1),
        ("4 G", u.put(IOVEC.pack(0, 1 << 32 | 2)), 1), ("negative", u.put(IOVEC.pack(0, 1 << 63)), 1),
    ):  # fmt: skip
        ring.do(IORING_OP_READV, note, fd=fd, addr=addr, len=count, buf_group=GROUP, flags=CHOOSE)
    u.note(buffers=block.bytes())


@case
def failures_and_their_buffers(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT, os.O_WRONLY)
    end, _ = u.pipe()
    for note, number, fields in (
        ("write only", fd, {}), ("closed", 999, {}), ("flags", u.file("f"), {"rw_flags": 1 << 20}),
        ("poll", u.file("f"), {"rw_flags": 1}),
        ("offset", u.file("f"), {"off": 1 << 63}), ("not waiting", end, {"rw_flags": fs.RWF_NOWAIT}),
        ("priority", fd, {"ioprio": 1}),
        ("group", fd, {"buf_group": 1}),
    ):  # fmt: skip
        provide(u, ring, 1)
        ring.do(IORING_OP_READ, note, **{"fd": number, "buf_group": GROUP, "flags": CHOOSE, **fields})


@case
def failures_and_a_ring_of_buffers(u: Program) -> None:
    ring = u.ring()
    buffers = BufferRing(u, ring, 8)
    block = u.alloc(64)
    for bid in range(8):
        buffers.add(block[bid * 8 : bid * 8 + 8], 8, bid)
    fd = u.file("f", TEXT, os.O_WRONLY)
    end, other = u.pipe()
    for note, number, fields in (
        ("write only", fd, {}), ("closed", 999, {}), ("flags", u.file("f"), {"rw_flags": 1 << 20}),
        ("of a pipe", end, {"rw_flags": 1 << 20}), ("not waiting", end, {"rw_flags": fs.RWF_NOWAIT}),
        ("end", other, {}),
        ("read", u.file("f"), {}),
    ):  # fmt: skip
        ring.do(IORING_OP_READ, note, **{"fd": number, "buf_group": GROUP, "flags": CHOOSE, **fields})


@case
def buffers_nowhere(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    os.write(other, TEXT)
    for number in (u.file("f", TEXT), end):
        ring.do(IORING_OP_PROVIDE_BUFFERS, fd=1, addr=NOWHERE, len=8, buf_group=GROUP)
        ring.do(IORING_OP_READ, fd=number, buf_group=GROUP, flags=CHOOSE)
        ring.do(IORING_OP_READ, "again", fd=number, buf_group=GROUP, flags=CHOOSE)
    ring = u.ring()
    buffers = BufferRing(u, ring)
    for bid, number in enumerate((u.file("f"), end)):
        buffers.add(NOWHERE, 8, bid)
        ring.do(IORING_OP_READ, fd=number, buf_group=GROUP, flags=CHOOSE)
        ring.do(IORING_OP_READ, "again", fd=number, buf_group=GROUP, flags=CHOOSE)


@case
def waiting_takes_no_buffer(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 1)
    ring.prep(IORING_OP_READ, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    ring.do(IORING_OP_READ, fd=u.file("f", TEXT), buf_group=GROUP, flags=CHOOSE)
    os.write(other, b"hello")
    ring.reap(1)


@case
def waiting_takes_no_buffer_of_a_ring(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    buffers = BufferRing(u, ring)
    block = u.alloc(16)
    buffers.add(block, 8, 3)
    ring.prep(IORING_OP_READ, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    ring.do(IORING_OP_READ, fd=u.file("f", TEXT), buf_group=GROUP, flags=CHOOSE)
    buffers.add(block[8:], 8, 4)
    os.write(other, b"hello")
    ring.reap(1)
    u.note(buffers=block.bytes())


@case
def sizes_after_a_wait(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    buffers = BufferRing(u, ring)
    block = u.alloc(64)
    buffers.add(block, 4, 0)
    ring.prep(IORING_OP_READ, fd=end, len=32, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    ring.do(IORING_OP_READ, fd=u.file("f", TEXT), buf_group=GROUP, flags=CHOOSE)
    buffers.add(block[8:], 32, 1)
    os.write(other, TEXT)
    ring.reap(1)


@case
def chains_and_chosen_buffers(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    provide(u, ring, 4)
    for off, size in ((0, 0), (0, 4), (12, 0)):
        ring.prep(IORING_OP_READ, fd=fd, off=off, len=size, buf_group=GROUP, flags=CHOOSE | abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit(2)
        ring.reap()
    ring.do(IORING_OP_READ, fd=fd, buf_group=GROUP, flags=CHOOSE | abi.IOSQE_ASYNC)
    ring.do(IORING_OP_READ, fd=fd, buf_group=GROUP, flags=CHOOSE | abi.IOSQE_ASYNC)


@case
def pieces_of_a_buffer(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    buffers = BufferRing(u, ring, flags=abi.IOU_PBUF_RING_INC)
    block = u.alloc(32)
    buffers.add(block, 16, 5)
    buffers.add(block[16:], 16, 6)
    for sent in (b"hello", b"world", TEXT, b"end"):
        os.write(other, sent)
        ring.do(IORING_OP_READ, fd=end, buf_group=GROUP, flags=CHOOSE)
    u.note(buffers=block.bytes())


@case
def many_reads(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = provide(u, ring, 3)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, off=(1 << 64) - 1, flags=CHOOSE)
    ring.submit()
    ring.reap()
    for sent in (b"hello", b"more than eight"):
        os.write(other, sent)
        ring.reap(1 if sent == b"hello" else 2)
    u.note(buffers=block.bytes())
    os.write(other, b"none left")
    ring.reap(1)
    ring.reap()


@case
def many_reads_to_the_end(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 3)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    os.write(other, b"hello")
    ring.reap(1)
    os.close(other)
    ring.reap(1)
    provide(u, ring, 1, first=9)
    ring.do(IORING_OP_READ, fd=u.file("f", TEXT), buf_group=GROUP, flags=CHOOSE)


@case
def many_reads_of_what_is_there(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 4)
    os.write(other, TEXT)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.prep(IORING_OP_NOP)
    ring.submit(3)
    ring.reap(3)
    os.close(other)
    ring.reap(1)


@case
def many_reads_and_a_ring_of_buffers(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    buffers = BufferRing(u, ring)
    block = u.alloc(64)
    for bid, size in enumerate((4, 16, 8)):
        buffers.add(block[16 * bid :], size, bid)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    os.write(other, b"hello")
    ring.reap(2)
    os.write(other, b"12345678")
    ring.reap(1)
    os.write(other, b"x")
    ring.reap(1)
    u.note(buffers=block.bytes())


@case
def many_reads_refused(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    os.write(other, TEXT)
    block = provide(u, ring, 8)
    for note, fields in (
        ("no choice", {"flags": 0}), ("address", {"addr": block}), ("size", {"len": 8}),
        ("file", {"fd": u.file("f", TEXT)}),
        ("closed", {"fd": 999}), ("write end", {"fd": other}), ("group", {"buf_group": 1}),
        ("flags", {"rw_flags": 1 << 20}),
        ("poll", {"rw_flags": 1}), ("offset", {"off": 1 << 63}), ("priority", {"ioprio": 8}),
        ("null", {"fd": os.open("/dev/null", os.O_RDWR)}),
    ):  # fmt: skip
        ring.do(IORING_OP_READ_MULTISHOT, note, **{"fd": end, "buf_group": GROUP, "flags": CHOOSE, **fields})
    ring.do(IORING_OP_READ, "left", fd=end, buf_group=GROUP, flags=CHOOSE)


@case
def many_reads_asynchronously(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 4)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE | abi.IOSQE_ASYNC)
    ring.submit()
    os.write(other, b"hello")
    ring.reap(1)
    os.close(other)
    ring.reap(1)
    ring.do(IORING_OP_READ_MULTISHOT, "file", fd=u.file("f", TEXT), buf_group=GROUP, flags=CHOOSE | abi.IOSQE_ASYNC)


@case
def many_reads_without_waiting(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 4)
    ring.do(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, rw_flags=fs.RWF_NOWAIT, flags=CHOOSE)
    os.write(other, b"hello")
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, rw_flags=fs.RWF_NOWAIT, flags=CHOOSE)
    ring.submit(2)
    ring.reap()


@case
def many_reads_and_too_small_a_queue(u: Program) -> None:
    ring = u.ring(2, abi.IORING_SETUP_CQSIZE, cq_entries=2)
    end, other = u.pipe()
    block = u.alloc(64)
    ring.do(IORING_OP_PROVIDE_BUFFERS, fd=8, addr=block, len=8, buf_group=GROUP)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE)
    ring.submit()
    os.write(other, TEXT * 2)
    ring.submit()
    ring.reap()
    ring.reap(1)
    ring.reap()


@case
def one_of_many_reads_writes(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    provide(u, ring, 4)
    ring.prep(IORING_OP_READ_MULTISHOT, fd=end, buf_group=GROUP, flags=CHOOSE, user_data=50)
    for text in (b"one", b"two"):
        ring.prep(IORING_OP_WRITE, fd=other, addr=u.put(text), len=3)
    ring.submit(3)
    ring.reap(ordered=False)
