"""READ_FIXED, WRITE_FIXED, READV_FIXED and WRITEV_FIXED: registered buffers and parts of them."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import (
    IORING_OP_NOP,
    IORING_OP_READ_FIXED,
    IORING_OP_READV_FIXED,
    IORING_OP_WRITE_FIXED,
    IORING_OP_WRITEV_FIXED,
)

from ..case import case
from ..program import IOVEC, NOWHERE, Block, Program
from ..unshown import Unshown
from ..userland import Ring

TEXT = b"0123456789abcdef"


def registered(u: Program, count: int = 1, flags: int = 0) -> tuple[Ring, list[Block]]:
    """A ring with registered buffers of a page each."""
    ring = u.ring(8, flags)
    blocks = [u.pages() for _ in range(count)]
    ring.register(abi.IORING_REGISTER_BUFFERS, u.iovec(*blocks), count)
    return ring, blocks


@case
def written_and_read(u: Program) -> None:
    ring, blocks = registered(u, 2)
    fd = u.file("f")
    blocks[0].write(TEXT)
    ring.do(IORING_OP_WRITE_FIXED, fd=fd, addr=blocks[0], len=16)
    ring.do(IORING_OP_WRITE_FIXED, fd=fd, addr=blocks[0][10:], len=6, off=20)
    u.show("f")
    for index, block, size, off in ((1, blocks[1], 16, 0), (0, blocks[0][100:], 10, 18), (1, blocks[1][4095:], 1, 3)):
        ring.do(IORING_OP_READ_FIXED, fd=fd, addr=block, len=size, off=off, buf_index=index)
        u.note(read=block.bytes()[:16])


@case
def outside_of_the_buffer(u: Program) -> None:
    ring, (block,) = registered(u)
    fd = u.file("f", TEXT)
    other = u.pages()
    for note, addr, size, index in (
        ("another", other.addr, 4, 0), ("index", block.addr, 4, 1), ("large index", block.addr, 4, 0xFFFF),
        ("before", block.addr - 1, 2, 0),
        ("beyond", block.addr + 4095, 2, 0), ("at the end", block.addr + 4096, 0, 0),
        ("behind it", block.addr + 4097, 0, 0),
        ("nothing before", block.addr - 1, 0, 0), ("large", block.addr, 4097, 0), ("huge", block.addr, 0xFFFFFFFF, 0),
        ("nowhere", NOWHERE, 4, 0), ("last", (1 << 64) - 1, 4, 0), ("null", 0, 0, 0), ("all", block.addr, 4096, 0),
    ):  # fmt: skip
        for opcode in (IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED):
            ring.do(opcode, note, fd=fd, addr=Unshown(addr), len=size, buf_index=index)


@case
def no_buffers(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.alloc(16)
    for opcode in (IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED):
        ring.do(opcode, fd=fd, addr=block, len=4)
        ring.do(opcode, "nor is it a file", fd=999, addr=block, len=4)
        ring.do(opcode, "nor a flag", fd=fd, addr=block, len=4, rw_flags=1 << 20)
    for opcode in (IORING_OP_READV_FIXED, IORING_OP_WRITEV_FIXED):
        ring.do(opcode, fd=fd, addr=u.iovec(block), len=1)
        ring.do(opcode, "nothing", fd=fd, addr=u.iovec(block), len=0)


@case
def refusals_in_order(u: Program) -> None:
    ring, (block,) = registered(u)
    fd = u.file("f", TEXT, os.O_RDONLY)
    for addr in (block.addr, NOWHERE):
        for flags in (0, 1, 1 << 20):
            ring.do(IORING_OP_WRITE_FIXED, fd=fd, addr=Unshown(addr), len=4, rw_flags=flags)
            ring.do(IORING_OP_WRITE_FIXED, fd=999, addr=Unshown(addr), len=4, rw_flags=flags)
            ring.do(IORING_OP_WRITE_FIXED, fd=fd, addr=Unshown(addr), len=4, rw_flags=flags, ioprio=1)


@case
def empty_slots(u: Program) -> None:
    ring = u.ring()
    ring.register(abi.IORING_REGISTER_BUFFERS, u.put(IOVEC.pack(0, 0) * 2), 2)
    fd = u.file("f", TEXT)
    for index in (0, 2):
        ring.do(IORING_OP_READ_FIXED, fd=fd, addr=u.alloc(16), len=4, buf_index=index)


@case
def vectors(u: Program) -> None:
    ring, (block,) = registered(u)
    fd = u.file("f")
    block.write(TEXT)
    ring.do(IORING_OP_WRITEV_FIXED, fd=fd, addr=u.iovec(block[10:16], block[0:4]), len=2)
    ring.do(IORING_OP_WRITEV_FIXED, fd=fd, addr=u.iovec(block[0:3]), len=1, off=12)
    u.show("f")
    ring.do(IORING_OP_READV_FIXED, fd=fd, addr=u.iovec(block[100:104], block[200:220]), len=2, off=1)
    u.note(first=block.bytes()[100:104], second=block.bytes()[200:216])


@case
def vectors_that_are_none(u: Program) -> None:
    ring, (block,) = registered(u, flags=abi.IORING_SETUP_SUBMIT_ALL)
    fd = u.file("f", TEXT)
    other = u.alloc(16)
    many = u.put(IOVEC.pack(block.addr, 1) * 1025)
    good = IOVEC.pack(block.addr, 4)
    for note, addr, count, index in (
        ("nowhere", NOWHERE, 1, 0), ("nowhere", NOWHERE, 0, 0), ("none", many, 0, 0), ("1024", many, 1024, 0),
        ("1025", many, 1025, 0),
        ("another", u.iovec(other), 1, 0), ("second another", u.put(good + IOVEC.pack(other.addr, 4)), 2, 0),
        ("empty", u.put(IOVEC.pack(block.addr, 0)), 1, 0),
        ("second empty", u.put(good + IOVEC.pack(block.addr, 0)), 2, 0),
        ("empty another", u.put(IOVEC.pack(other.addr, 0)), 1, 0), ("large", u.put(IOVEC.pack(block.addr, 5000)), 1, 0),
        ("negative", u.put(IOVEC.pack(block.addr, 1 << 63)), 1, 0), ("index", u.put(good), 1, 1),
        ("index", u.put(good), 0, 1),
    ):  # fmt: skip
        for opcode in (IORING_OP_READV_FIXED, IORING_OP_WRITEV_FIXED):
            ring.do(opcode, note, fd=fd, addr=addr, len=count, buf_index=index)


@case
def a_buffer_is_held_while_it_is_used(u: Program) -> None:
    ring, (block,) = registered(u)
    end, other = u.pipe()
    ring.prep(IORING_OP_READ_FIXED, fd=end, addr=block, len=16)
    ring.submit()
    ring.register(abi.IORING_UNREGISTER_BUFFERS)
    ring.do(IORING_OP_READ_FIXED, fd=end, addr=block, len=16)
    os.write(other, b"hello")
    ring.reap(1)
    u.note(read=block.bytes()[:8])


@case
def short_transfers_break_a_chain(u: Program) -> None:
    ring, (block,) = registered(u)
    fd = u.file("f", TEXT)
    for opcode, addr, size in (
        (IORING_OP_READ_FIXED, block, 16), (IORING_OP_READ_FIXED, block, 17),
        (IORING_OP_READV_FIXED, u.iovec(block[:8], block[8:16]), 2),
        (IORING_OP_READV_FIXED, u.iovec(block[:8], block[8:20]), 2),
    ):  # fmt: skip
        ring.prep(opcode, fd=fd, addr=addr, len=size, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit(2)
        ring.reap()


@case
def asynchronous(u: Program) -> None:
    ring, (block,) = registered(u)
    fd = u.file("f", TEXT)
    ring.do(IORING_OP_READ_FIXED, fd=fd, addr=block, len=16, flags=abi.IOSQE_ASYNC)
    ring.do(IORING_OP_READV_FIXED, fd=fd, addr=u.iovec(block[:4]), len=1, flags=abi.IOSQE_ASYNC)
    ring.do(IORING_OP_WRITE_FIXED, fd=fd, addr=block[8:], len=4, flags=abi.IOSQE_ASYNC)
    ring.do(IORING_OP_READ_FIXED, fd=fd, addr=NOWHERE, len=4, flags=abi.IOSQE_ASYNC)
    u.show("f")
