"""READ, WRITE and their vectors: offsets, flags, priorities, what cannot be, and files that are not ready."""

from __future__ import annotations

import os
from pathlib import Path

from usernel.abi import fs
from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import (
    IORING_OP_NOP,
    IORING_OP_READ,
    IORING_OP_READV,
    IORING_OP_WRITE,
    IORING_OP_WRITEV,
)

from ..case import case
from ..program import IOVEC, NOWHERE, Program

TEXT = b"0123456789abcdef"
BEYOND = 1 << 63
"""An address that no program has."""
HERE = (1 << 64) - 1
"""The current position."""


@case
def writes_and_reads(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(TEXT), len=16)
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(b"XY"), len=2, off=4)
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(b"end"), len=3, off=20)
    u.show("f")
    for off, size in ((0, 16), (4, 4), (18, 10), (23, 5), (100, 5), (0, 0)):
        block = u.alloc(16)
        ring.do(IORING_OP_READ, fd=fd, addr=block, len=size, off=off)
        u.note(read=block.bytes())


@case
def current_position(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for opcode, off, size in (
        (IORING_OP_READ, HERE, 4), (IORING_OP_READ, 0, 4), (IORING_OP_READ, HERE, 4), (IORING_OP_WRITE, HERE, 2),
        (IORING_OP_READ, HERE, 99), (IORING_OP_READ, HERE, 99),
    ):  # fmt: skip
        block = u.put(b"-" * 100)
        ring.do(opcode, fd=fd, addr=block, len=size, off=off)
        u.note(holds=block.bytes()[:16], position=os.lseek(fd, 0, os.SEEK_CUR))
    u.show("f")


@case
def offsets_that_are_none(u: Program) -> None:
    ring = u.ring()
    fd, (end, other) = u.file("f", TEXT), u.pipe()
    block = u.put(b"-" * 16)
    for off in (HERE - 1, 1 << 63, (1 << 63) - 1, (1 << 63) - 8, 1 << 40):
        ring.do(IORING_OP_READ, fd=fd, addr=block, len=16, off=off)
        ring.do(IORING_OP_WRITE, fd=fd, addr=block, len=16 if off >> 62 else 0, off=off)
    for off in (0, 5, HERE - 1, 1 << 63, (1 << 63) - 1):
        ring.do(IORING_OP_WRITE, fd=other, addr=block, len=16, off=off)
        ring.do(IORING_OP_READ, fd=end, addr=block, len=16, off=off)


@case
def vectors(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    iovec = u.iovec(u.put(b"one"), u.put(b""), u.put(b"twothree"), u.put(b"four"))
    ring.do(IORING_OP_WRITEV, fd=fd, addr=iovec, len=4)
    ring.do(IORING_OP_WRITEV, fd=fd, addr=iovec, len=1, off=20)
    u.show("f")
    blocks = [u.alloc(2), u.alloc(5), u.alloc(100)]
    for count in (3, 2, 1, 0):
        ring.do(IORING_OP_READV, fd=fd, addr=u.iovec(*blocks), len=count, off=1)
        u.note(read=[block.bytes().rstrip(b"\0").decode() for block in blocks])


@case
def vectors_that_are_none(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_SUBMIT_ALL)
    fd = u.file("f", TEXT)
    block = u.alloc(16)
    many = u.put(IOVEC.pack(block.addr, 1) * 1025)
    for note, addr, count in (
        ("nowhere", NOWHERE, 1), ("nowhere", NOWHERE, 2), ("nowhere", NOWHERE, 0), ("beyond", BEYOND, 1),
        ("1024", many, 1024), ("1025", many, 1025), ("many", many, 0xFFFFFFFF),
        ("negative", u.put(IOVEC.pack(block.addr, 1 << 63)), 1),
        ("negative second", u.put(IOVEC.pack(block.addr, 1) + IOVEC.pack(block.addr, (1 << 64) - 1)), 2),
        ("buffer nowhere", u.put(IOVEC.pack(NOWHERE, 4)), 1),
        ("second nowhere", u.put(IOVEC.pack(block.addr, 4) + IOVEC.pack(NOWHERE, 4)), 2),
        ("first nowhere", u.put(IOVEC.pack(NOWHERE, 4) + IOVEC.pack(block.addr, 4)), 2),
        ("nowhere but empty", u.put(IOVEC.pack(NOWHERE, 0) + IOVEC.pack(block.addr, 4)), 2),
        ("second beyond", u.put(IOVEC.pack(block.addr, 4) + IOVEC.pack(BEYOND, 4)), 2),
    ):  # fmt: skip
        for opcode in (IORING_OP_READV, IORING_OP_WRITEV):
            ring.do(opcode, note, fd=fd, addr=addr, len=count)


@case
def buffers_that_are_none(u: Program) -> None:
    ring = u.ring()
    fd, (end, other) = u.file("f", TEXT), u.pipe()
    os.write(other, TEXT)
    for addr in (NOWHERE, 0, BEYOND, (1 << 64) - 1, (1 << 47) - 4096):
        ring.do(IORING_OP_READ, f"at {addr:#x}", fd=fd, addr=addr, len=4)
        ring.do(IORING_OP_WRITE, f"at {addr:#x}", fd=fd, addr=addr, len=4)
        ring.do(IORING_OP_READ, f"none at {addr:#x}", fd=fd, addr=addr, len=0)
        ring.do(IORING_OP_READ, f"of a pipe at {addr:#x}", fd=end, addr=addr, len=4)
        ring.do(IORING_OP_WRITE, f"to a pipe at {addr:#x}", fd=other, addr=addr, len=4)
    u.show("f")
    u.note(pipe=os.read(end, 99))


@case
def files_that_cannot(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    block = u.put(TEXT)
    end, other = u.pipe()
    for note, fd in (
        ("read only", u.file("f", TEXT, os.O_RDONLY)), ("write only", u.file("f", TEXT, os.O_WRONLY)),
        ("path only", os.open("f", os.O_PATH)), ("directory", os.open("d", os.O_RDONLY)), ("closed", 999),
        ("negative", -1), ("reads", end), ("writes", other), ("null", os.open("/dev/null", os.O_RDWR)),
    ):  # fmt: skip
        for size in (16, 0):
            if note != "reads":
                ring.do(IORING_OP_READ, note, fd=fd, addr=block, len=size)
            ring.do(IORING_OP_WRITE, note, fd=fd, addr=block, len=size)


@case
def flags_of_reads_and_writes(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.put(TEXT)
    for bit in range(32):
        if 1 << bit not in (fs.RWF_NOWAIT, fs.RWF_ATOMIC, fs.RWF_DONTCACHE):
            ring.do(IORING_OP_READ, fd=fd, addr=block, len=4, rw_flags=1 << bit)
            ring.do(IORING_OP_WRITE, fd=fd, addr=block, len=4, rw_flags=1 << bit)
    for flags in (
        fs.RWF_APPEND | fs.RWF_NOAPPEND, fs.RWF_HIPRI | 1 << 20, fs.RWF_HIPRI | fs.RWF_APPEND | fs.RWF_NOAPPEND,
        fs.RWF_DSYNC | fs.RWF_SYNC,
    ):  # fmt: skip
        ring.do(IORING_OP_READ, fd=fd, addr=block, len=4, rw_flags=flags)
        ring.do(IORING_OP_WRITE, fd=fd, addr=block, len=4, rw_flags=flags)
    u.show("f")


@case
def flags_and_other_refusals(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT, os.O_RDONLY)
    for flags in (1 << 20, fs.RWF_HIPRI, fs.RWF_APPEND | fs.RWF_NOAPPEND):
        ring.do(IORING_OP_WRITE, "not writable", fd=fd, addr=u.put(TEXT), len=4, rw_flags=flags)
        ring.do(IORING_OP_READ, "nothing", fd=fd, addr=u.put(TEXT), len=0, rw_flags=flags)
        ring.do(IORING_OP_READ, "nowhere", fd=fd, addr=NOWHERE, len=4, rw_flags=flags)


@case
def appends(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT, os.O_RDWR | os.O_APPEND)
    plain = u.file("f")
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(b"one"), len=3, off=2)
    ring.do(IORING_OP_WRITE, fd=plain, addr=u.put(b"two"), len=3, off=2, rw_flags=fs.RWF_APPEND)
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(b"three"), len=5, off=2, rw_flags=fs.RWF_NOAPPEND)
    ring.do(IORING_OP_WRITE, fd=plain, addr=u.put(b"four"), len=4, off=HERE, rw_flags=fs.RWF_APPEND)
    u.show("f")
    u.note(position=os.lseek(plain, 0, os.SEEK_CUR))


@case
def priorities(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for cls in range(8):
        for level in (0, 1, 7, 8, 0x1FFF):
            ring.do(IORING_OP_READ, fd=fd, addr=u.put(TEXT), len=4, ioprio=cls << 13 | level)


@case
def attributes_of_integrity(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.put(TEXT)
    attr = u.alloc(32)
    for note, pointer, mask in (
        ("unknown", 0, 2), ("both", attr, 3), ("nowhere", NOWHERE, 1), ("no metadata", attr, 1), ("no type", attr, 0),
    ):  # fmt: skip
        ring.do(IORING_OP_READ, note, fd=fd, addr=block, len=4, addr3=pointer, pad2=mask)
    attr.write(b"\1", 24)
    ring.do(IORING_OP_READ, "reserved", fd=fd, addr=block, len=4, addr3=attr, pad2=1)
    ring.do(IORING_OP_READ, "nor is it a file", fd=999, addr=block, len=4, addr3=attr, pad2=1)


@case
def fields_that_are_not_looked_at(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for field in ("buf_index", "splice_fd_in", "addr3"):
        for opcode in (IORING_OP_READ, IORING_OP_WRITE):
            ring.do(opcode, fd=fd, addr=u.put(TEXT), len=4, **{field: 5})


@case
def too_large_a_size(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.alloc(32)
    for size in (0x7FFFFFFF, 0xFFFFFFFF, 0x80000000):
        ring.do(IORING_OP_READ, fd=fd, addr=block, len=size)
        u.note(read=block.bytes()[:20])


@case
def pipe_that_is_empty(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = u.alloc(16)
    ring.prep(IORING_OP_READ, fd=end, addr=block, len=16)
    ring.submit()
    ring.reap()
    os.write(other, b"hello")
    ring.reap(1)
    u.note(read=block.bytes())
    ring.prep(IORING_OP_READ, fd=end, addr=block, len=16)
    ring.submit()
    os.close(other)
    ring.reap(1)


@case
def pipe_that_is_full(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    size = 65536
    ring.do(IORING_OP_WRITE, fd=other, addr=u.alloc(size), len=size)
    ring.prep(IORING_OP_WRITE, fd=other, addr=u.put(b"more" * 2048), len=8192)
    ring.submit()
    ring.reap()
    os.read(end, 4096)
    ring.reap(1)
    os.read(end, size)
    os.close(end)
    ring.do(IORING_OP_WRITE, fd=other, addr=u.put(b"more"), len=4)


@case
def pipe_without_waiting(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = u.alloc(16)
    ring.do(IORING_OP_READ, fd=end, addr=block, len=16, rw_flags=fs.RWF_NOWAIT)
    ring.do(IORING_OP_READ, fd=end, addr=block, len=16, rw_flags=fs.RWF_NOWAIT, flags=abi.IOSQE_ASYNC)
    os.write(other, b"hello")
    ring.do(IORING_OP_READ, fd=end, addr=block, len=16, rw_flags=fs.RWF_NOWAIT)
    os.set_blocking(other, False)
    ring.do(IORING_OP_WRITE, fd=other, addr=u.alloc(1 << 17), len=1 << 17, rw_flags=fs.RWF_NOWAIT)
    ring.do(IORING_OP_WRITE, fd=other, addr=block, len=16, rw_flags=fs.RWF_NOWAIT)


@case
def pipe_that_was_opened_not_to_wait(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe(os.O_NONBLOCK)
    block = u.alloc(16)
    for flags in (0, abi.IOSQE_ASYNC):
        ring.prep(IORING_OP_READ, fd=end, addr=block, len=16, flags=flags)
        ring.submit()
        ring.reap()
        os.write(other, b"hello")
        ring.reap(1)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", end), 1)
    ring.prep(IORING_OP_READ, fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)
    ring.submit()
    ring.reap()
    os.write(other, b"hello")
    ring.reap(1)


@case
def several_readers_of_one_pipe(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    blocks = [u.alloc(4) for _ in range(3)]
    for block in blocks:
        ring.prep(IORING_OP_READ, fd=end, addr=block, len=4)
    ring.submit()
    ring.reap()
    os.write(other, b"abcdefgh")
    ring.reap(2, ordered=False)
    os.write(other, b"ij")
    ring.reap(1)
    u.note(read=sorted(block.bytes().decode() for block in blocks))


@case
def short_transfers_break_a_chain(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.alloc(64)
    for size in (16, 17, 64, 0):
        for link in (abi.IOSQE_IO_LINK, abi.IOSQE_IO_HARDLINK):
            ring.prep(IORING_OP_READ, fd=fd, addr=block, len=size, flags=link)
            ring.prep(IORING_OP_NOP, flags=link)
            ring.prep(IORING_OP_NOP)
            ring.submit(3)
            ring.reap()
    iovec = u.iovec(block[:10], block[10:20])
    ring.prep(IORING_OP_READV, fd=fd, addr=iovec, len=2, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP)
    ring.submit(2)
    ring.reap()


@case
def short_transfers_of_a_pipe_break_a_chain(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = u.alloc(16)
    for sent in (b"hello", b"0123456789abcdef"):
        ring.prep(IORING_OP_READ, fd=end, addr=block, len=16, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_WRITE, fd=u.file("f"), addr=block, len=16)
        ring.submit()
        ring.reap()
        os.write(other, sent)
        ring.reap(2)
    u.show("f")


@case
def silent_short_transfers(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for size in (16, 17):
        ring.prep(IORING_OP_READ, fd=fd, addr=u.alloc(64), len=size, flags=abi.IOSQE_CQE_SKIP_SUCCESS)
        ring.prep(IORING_OP_NOP)
        ring.submit(1)
        ring.reap()


@case
def asynchronous(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    end, other = u.pipe()
    block = u.alloc(16)
    ring.do(IORING_OP_READ, fd=fd, addr=block, len=16, flags=abi.IOSQE_ASYNC)
    u.note(read=block.bytes())
    ring.do(IORING_OP_WRITE, fd=fd, addr=u.put(b"new"), len=3, flags=abi.IOSQE_ASYNC)
    ring.prep(IORING_OP_READ, fd=end, addr=block, len=16, flags=abi.IOSQE_ASYNC)
    ring.submit()
    os.write(other, b"hello")
    ring.reap(1)
    u.note(read=block.bytes())
    u.show("f")


@case
def writes_of_a_chain_are_in_order(u: Program) -> None:
    ring = u.ring(16)
    fd = u.file("f", flags=os.O_RDWR | os.O_APPEND)
    for number in range(8):
        ring.prep(
            IORING_OP_WRITE, fd=fd, addr=u.put(b"%d" % number), len=1, flags=abi.IOSQE_IO_LINK if number < 7 else 0
        )
    ring.submit(8)
    ring.reap()
    u.show("f")


@case
def registered_files(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    block = u.alloc(16)
    ring.do(IORING_OP_READ, "no table", fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", fd, -1), 2)
    os.close(fd)
    for slot in (0, 1, 2, -1):
        ring.do(IORING_OP_READ, f"slot {slot}", fd=slot, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)
    ring.do(IORING_OP_WRITE, fd=0, addr=u.put(b"XY"), len=2, flags=abi.IOSQE_FIXED_FILE)
    u.show("f")


@case
def rings_that_poll_for_io(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_IOPOLL)
    fd, (end, other) = u.file("f", TEXT), u.pipe()
    block = u.alloc(16)
    for number in (fd, end):
        ring.do(IORING_OP_READ, fd=number, addr=block, len=16)
    for number in (fd, other):
        ring.do(IORING_OP_WRITE, fd=number, addr=block, len=16)
    ring.do(IORING_OP_READ, fd=fd, addr=block, len=16, rw_flags=fs.RWF_HIPRI)
    ring.do(IORING_OP_READ, fd=fd, addr=block, len=16, rw_flags=1 << 20)
    ring.do(IORING_OP_READ, fd=999, addr=block, len=16)
    ring.do(IORING_OP_NOP)
