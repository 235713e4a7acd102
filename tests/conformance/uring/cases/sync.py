"""FSYNC, SYNC_FILE_RANGE, FALLOCATE, FTRUNCATE, FADVISE and MADVISE."""

from __future__ import annotations

import os
from pathlib import Path

from usernel.abi import fadvise, falloc, mman
from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import (
    IORING_FSYNC_DATASYNC,
    IORING_OP_FADVISE,
    IORING_OP_FALLOCATE,
    IORING_OP_FSYNC,
    IORING_OP_FTRUNCATE,
    IORING_OP_MADVISE,
    IORING_OP_NOP,
    IORING_OP_SYNC_FILE_RANGE,
)

from ..case import case
from ..program import NOWHERE, PAGE, Program
from ..unshown import Unshown

TEXT = b"0123456789abcdef"
MINUS = (1 << 64) - 1
OTHERS = ("off", "addr", "len", "rw_flags", "buf_index", "splice_fd_in", "addr3", "pad2")


def each_field(u: Program, opcode: int, **fields: int) -> None:
    """The opcode with each field that it may not look at, and as it is."""
    ring = u.ring()
    ring.do(opcode, **fields)
    for name in OTHERS:
        if name not in fields:
            ring.do(opcode, **fields, **{name: 1})


@case
def fsync(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    end, other = u.pipe()
    for note, fd in (
        ("file", u.file("f", TEXT)), ("read only", u.file("f", flags=os.O_RDONLY)), ("pipe", end), ("other", other),
        ("directory", os.open("d", os.O_RDONLY)), ("null", os.open("/dev/null", os.O_RDWR)), ("closed", 999),
        ("ring", ring.fd), ("path", os.open("f", os.O_PATH)),
    ):  # fmt: skip
        ring.do(IORING_OP_FSYNC, note, fd=fd)
        ring.do(IORING_OP_FSYNC, note, fd=fd, fsync_flags=IORING_FSYNC_DATASYNC)
    fd = u.file("f")
    for flags in (2, 3, 1 << 31):
        ring.do(IORING_OP_FSYNC, fd=fd, fsync_flags=flags)
    for off, size in ((0, 8), (4, 4), (100, 100), (MINUS, 1), (1 << 63, 5), (MINUS, 0), ((1 << 63) - 1, 5)):
        ring.do(IORING_OP_FSYNC, fd=fd, off=off, len=size)


@case
def fields_of_fsync(u: Program) -> None:
    each_field(u, IORING_OP_FSYNC, fd=u.file("f", TEXT))


@case
def fsync_of_a_registered_file(u: Program) -> None:
    ring = u.ring()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", u.file("f", TEXT)), 1)
    for slot in (0, 1):
        ring.do(IORING_OP_FSYNC, fd=slot, flags=abi.IOSQE_FIXED_FILE)


@case
def sync_file_range(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    fd, (end, _) = u.file("f", TEXT), u.pipe()
    for flags in (0, 1, 2, 3, 4, 5, 6, 7, 8, 1 << 31):
        ring.do(IORING_OP_SYNC_FILE_RANGE, fd=fd, len=8, sync_range_flags=flags)
    for off, size in ((0, 0), (8, 0), (8, 8), (1 << 40, 8), (MINUS, 8), (1 << 63, 0), ((1 << 63) - 1, 8)):
        ring.do(IORING_OP_SYNC_FILE_RANGE, fd=fd, off=off, len=size, sync_range_flags=2)
    for note, number in (("pipe", end), ("directory", os.open("d", os.O_RDONLY)), ("closed", 999)):
        ring.do(IORING_OP_SYNC_FILE_RANGE, note, fd=number, len=8)


@case
def fields_of_sync_file_range(u: Program) -> None:
    each_field(u, IORING_OP_SYNC_FILE_RANGE, fd=u.file("f", TEXT), off=0, len=4)


@case
def fallocate(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for mode, off, size in (
        (0, 0, 20), (0, 30, 10), (falloc.FALLOC_FL_KEEP_SIZE, 0, 100), (0, 0, 0), (0, 0, MINUS), (0, MINUS, 1),
        (falloc.FALLOC_FL_PUNCH_HOLE, 0, 4),
        (falloc.FALLOC_FL_PUNCH_HOLE | falloc.FALLOC_FL_KEEP_SIZE, 4, 4), (1 << 20, 0, 4), (1 << 31, 0, 4),
    ):  # fmt: skip
        ring.do(IORING_OP_FALLOCATE, fd=fd, off=off, addr=size, len=mode)
        u.note(size=os.fstat(fd).st_size)
    u.show("f")


@case
def fallocate_of_what_cannot(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    end, other = u.pipe()
    for note, fd in (
        ("read only", u.file("f", TEXT, os.O_RDONLY)), ("pipe", other), ("reads", end), ("closed", 999),
        ("directory", os.open("d", os.O_RDONLY)), ("null", os.open("/dev/null", os.O_RDWR)),
    ):  # fmt: skip
        ring.do(IORING_OP_FALLOCATE, note, fd=fd, off=0, addr=8)


@case
def fields_of_fallocate(u: Program) -> None:
    each_field(u, IORING_OP_FALLOCATE, fd=u.file("f", TEXT), off=0, addr=4, len=0)


@case
def ftruncate(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    fd = u.file("f", TEXT)
    for size in (4, 8, 0, 1 << 40, 5, MINUS, 1 << 63):
        ring.do(IORING_OP_FTRUNCATE, fd=fd, off=size)
        u.note(size=os.fstat(fd).st_size)
    u.show("f")
    end, other = u.pipe()
    for note, number in (
        ("read only", u.file("f", flags=os.O_RDONLY)), ("pipe", other), ("reads", end), ("closed", 999),
        ("directory", os.open("d", os.O_RDONLY)), ("null", os.open("/dev/null", os.O_RDWR)),
    ):  # fmt: skip
        ring.do(IORING_OP_FTRUNCATE, note, fd=number, off=8)


@case
def fields_of_ftruncate(u: Program) -> None:
    each_field(u, IORING_OP_FTRUNCATE, fd=u.file("f", TEXT), off=4)


@case
def ftruncate_and_a_chain(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for size, off in ((3, 0), (MINUS, 0), (3, MINUS), (MINUS, 1 << 63)):
        ring.prep(IORING_OP_FTRUNCATE, fd=fd, off=size, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_FSYNC, fd=fd, off=off, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit(3)
        ring.reap()
    u.show("f")


@case
def failures_and_chains(u: Program) -> None:
    ring = u.ring()
    fd, (end, _) = u.file("f", TEXT), u.pipe()
    for opcode, number, fields in (
        (IORING_OP_FSYNC, end, {}), (IORING_OP_SYNC_FILE_RANGE, end, {"len": 8}), (IORING_OP_FALLOCATE, fd, {}),
        (IORING_OP_FTRUNCATE, end, {}), (IORING_OP_FADVISE, end, {"len": 8}),
        (IORING_OP_MADVISE, 0, {"len": 8, "addr": NOWHERE}),
        (IORING_OP_MADVISE, 0, {"len": 8, "addr": 2 * PAGE}), (IORING_OP_FSYNC, 999, {}),
        (IORING_OP_FSYNC, fd, {"fsync_flags": 2}),
    ):  # fmt: skip
        for skip in (0, abi.IOSQE_CQE_SKIP_SUCCESS):
            ring.prep(opcode, fd=number, flags=abi.IOSQE_IO_LINK | skip, **fields)
            ring.prep(IORING_OP_NOP)
            ring.submit(1 if skip else 2)
            ring.reap()


@case
def fadvises(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for advice in (*range(fadvise.POSIX_FADV_NOREUSE + 2), 99, 1 << 31):
        ring.do(IORING_OP_FADVISE, fd=fd, len=8, fadvise_advice=advice)
    for off, addr, size in ((0, 0, 0), (4, 8, 0), (MINUS, 0, 8), (0, MINUS, 0), (0, 1 << 63, 5), (1 << 62, 1 << 62, 0)):
        ring.do(IORING_OP_FADVISE, fd=fd, off=off, addr=addr, len=size, fadvise_advice=2)
    end, _ = u.pipe()
    for note, number in (("pipe", end), ("closed", 999), ("path", os.open("f", os.O_PATH))):
        ring.do(IORING_OP_FADVISE, note, fd=number, len=8)


@case
def fields_of_fadvise(u: Program) -> None:
    each_field(u, IORING_OP_FADVISE, fd=u.file("f", TEXT), off=0, addr=4, len=4, rw_flags=0)


@case
def madvises(u: Program) -> None:
    ring = u.ring()
    pages = u.pages(2)
    pages.write(TEXT)
    for advice in (
        mman.MADV_NORMAL, mman.MADV_RANDOM, mman.MADV_SEQUENTIAL, mman.MADV_WILLNEED, mman.MADV_DONTDUMP,
        mman.MADV_DODUMP, 5, 6, 7, 99, 1 << 31,
    ):  # fmt: skip
        ring.do(IORING_OP_MADVISE, addr=pages, len=PAGE, fadvise_advice=advice)
    for note, addr, off, size in (
        ("not of a page", pages.addr + 1, 0, PAGE), ("a part of a page", pages.addr, 0, 5),
        ("nothing", pages.addr, 0, 0),
        ("off", pages.addr, PAGE, 0), ("off and len", pages.addr, PAGE, 5), ("nowhere", NOWHERE, 0, 5),
        ("nowhere", 2 * PAGE, 0, PAGE), ("nothing nowhere", 2 * PAGE, 0, 0), ("too large", pages.addr, MINUS, 0),
    ):  # fmt: skip
        ring.do(IORING_OP_MADVISE, note, addr=Unshown(addr), off=off, len=size)
    ring.do(IORING_OP_MADVISE, "both wrong", addr=NOWHERE, len=5, fadvise_advice=99)
    u.note(holds=pages.bytes()[:16])


@case
def memory_that_is_not_needed(u: Program) -> None:
    ring = u.ring()
    pages = u.pages(2)
    pages.write(TEXT)
    pages.write(TEXT, PAGE)
    ring.do(IORING_OP_MADVISE, addr=pages, len=PAGE, fadvise_advice=mman.MADV_DONTNEED)
    u.note(first=pages.bytes()[:16], second=pages.bytes()[PAGE : PAGE + 16])


@case
def fields_of_madvise(u: Program) -> None:
    ring = u.ring()
    for name in ("buf_index", "splice_fd_in", "addr3", "fd"):
        ring.do(IORING_OP_MADVISE, addr=u.pages(), len=PAGE, **{name: 1})
