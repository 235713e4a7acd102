"""SPLICE and TEE."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi
from usernel.abi import splice
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_SPLICE, IORING_OP_TEE, SPLICE_F_FD_IN_FIXED

from ..case import case
from ..program import Program
from ..unshown import Unshown

TEXT = b"0123456789abcdef"
NONE = (1 << 64) - 1
"""No offset."""


@case
def from_a_file_to_a_file(u: Program) -> None:
    ring = u.ring()
    source, target = u.file("f", TEXT), u.file("g")
    end, other = u.pipe()
    for off_in, size, off_out in ((0, 16, 4), (NONE, 4, NONE), (NONE, 4, NONE), (14, 8, 30)):
        ring.do(IORING_OP_SPLICE, fd=other, splice_fd_in=Unshown(source), splice_off_in=off_in, off=NONE, len=size)
        ring.do(IORING_OP_SPLICE, fd=target, splice_fd_in=Unshown(end), splice_off_in=NONE, off=off_out, len=size)
        u.note(source=os.lseek(source, 0, os.SEEK_CUR), target=os.lseek(target, 0, os.SEEK_CUR))
    u.show("g")


@case
def pipes_to_pipes(u: Program) -> None:
    ring = u.ring()
    (end, other), (end2, other2) = u.pipe(), u.pipe()
    os.write(other, TEXT)
    ring.do(IORING_OP_TEE, fd=other2, splice_fd_in=Unshown(end), len=8)
    ring.do(IORING_OP_SPLICE, fd=other2, splice_fd_in=Unshown(end), splice_off_in=NONE, off=NONE, len=99)
    u.note(read=os.read(end2, 99))
    os.close(other)
    ring.do(IORING_OP_TEE, fd=other2, splice_fd_in=Unshown(end), len=8)
    ring.do(IORING_OP_SPLICE, fd=other2, splice_fd_in=Unshown(end), splice_off_in=NONE, off=NONE, len=8)


@case
def offsets(u: Program) -> None:
    ring = u.ring()
    source = u.file("f", TEXT)
    end, other = u.pipe()
    os.write(other, TEXT)
    for off_in, off_out in ((0, 0), (0, NONE), (NONE, 0), (NONE - 1, NONE), (1 << 63, NONE), (100, NONE)):
        ring.do(
            IORING_OP_SPLICE,
            "to a pipe",
            fd=other,
            splice_fd_in=Unshown(source),
            splice_off_in=off_in,
            off=off_out,
            len=2,
        )
        ring.do(
            IORING_OP_SPLICE,
            "of a pipe",
            fd=source,
            splice_fd_in=Unshown(end),
            splice_off_in=off_in,
            off=off_out,
            len=2,
        )
        ring.do(IORING_OP_TEE, fd=other, splice_fd_in=Unshown(end), splice_off_in=off_in, off=off_out, len=0)
    u.show("f")


@case
def flags(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    source = u.file("f", TEXT)
    for bits in (1, 2, 4, 8, 15, 16, 1 << 20, 1 << 30):
        ring.do(IORING_OP_SPLICE, fd=other, splice_fd_in=Unshown(source), off=NONE, len=2, splice_flags=bits)
        ring.do(IORING_OP_TEE, fd=other, splice_fd_in=Unshown(end), len=2, splice_flags=bits)


@case
def files_that_cannot(u: Program) -> None:
    ring = u.ring()
    (end, other), (end2, _) = u.pipe(), u.pipe()
    os.write(other, TEXT)
    fd = u.file("f", TEXT)
    reads = u.file("f", flags=os.O_RDONLY)
    append = u.file("f", flags=os.O_RDWR | os.O_APPEND)
    for note, source, target in (
        ("files", fd, fd), ("closed source", 999, other), ("closed target", end, 999), ("read only", end, reads),
        ("to itself", end, other), ("ends turned", other, end), ("to an end", end, end2), ("append", end, append),
        ("negative", -1, other),
    ):  # fmt: skip
        ring.do(IORING_OP_SPLICE, note, fd=target, splice_fd_in=Unshown(source), splice_off_in=NONE, off=NONE, len=2)
        ring.do(
            IORING_OP_SPLICE, f"nothing: {note}", fd=target, splice_fd_in=Unshown(source), splice_off_in=NONE, off=NONE
        )
        ring.do(IORING_OP_TEE, note, fd=target, splice_fd_in=Unshown(source), len=2)
        ring.do(IORING_OP_TEE, f"nothing: {note}", fd=target, splice_fd_in=Unshown(source), len=0)


@case
def pipe_that_is_empty(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    fd = u.file("f")
    ring.do(
        IORING_OP_SPLICE,
        fd=fd,
        splice_fd_in=Unshown(end),
        splice_off_in=NONE,
        len=2,
        splice_flags=splice.SPLICE_F_NONBLOCK,
    )
    ring.prep(IORING_OP_SPLICE, fd=fd, splice_fd_in=end, splice_off_in=NONE, len=5)
    ring.submit()
    ring.reap()
    os.write(other, b"hello")
    ring.reap(1)
    u.show("f")


@case
def registered_files(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    fd = u.file("f", TEXT)
    ring.do(IORING_OP_SPLICE, "no table", fd=other, splice_fd_in=0, off=NONE, len=2, splice_flags=SPLICE_F_FD_IN_FIXED)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", fd, other, -1, end), 4)
    fixed = abi.IOSQE_FIXED_FILE
    for slot in (0, 2, 4, -1):
        ring.do(
            IORING_OP_SPLICE, fd=1, splice_fd_in=slot, off=NONE, len=2, splice_flags=SPLICE_F_FD_IN_FIXED, flags=fixed
        )
        ring.do(IORING_OP_SPLICE, fd=other, splice_fd_in=slot, off=NONE, len=2, splice_flags=SPLICE_F_FD_IN_FIXED)
    ring.do(IORING_OP_TEE, fd=other, splice_fd_in=3, len=2, splice_flags=SPLICE_F_FD_IN_FIXED)
    ring.do(IORING_OP_SPLICE, fd=2, splice_fd_in=Unshown(end), splice_off_in=NONE, off=NONE, len=2, flags=fixed)
    u.note(read=os.read(end, 99))


@case
def short_transfers_break_a_chain(u: Program) -> None:
    ring = u.ring()
    _, other = u.pipe()
    source = u.file("f", TEXT)
    for size in (16, 17, 0):
        ring.prep(IORING_OP_SPLICE, fd=other, splice_fd_in=source, off=NONE, len=size, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit(2)
        ring.reap()


@case
def fields_that_are_not_looked_at(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    source = u.file("f", TEXT)
    for name in ("buf_index", "addr3", "pad2"):
        ring.do(IORING_OP_SPLICE, fd=other, splice_fd_in=Unshown(source), off=NONE, len=2, **{name: 1})
        ring.do(IORING_OP_TEE, fd=other, splice_fd_in=Unshown(end), len=0, **{name: 1})
