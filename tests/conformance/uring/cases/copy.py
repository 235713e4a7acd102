"""A file is copied by one chain under a link timeout: open, read into a registered buffer, write, fsync, close."""

from __future__ import annotations

import os
from pathlib import Path

from usernel.abi import io_uring as abi
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.io_uring_op import (
    IORING_OP_CLOSE,
    IORING_OP_FSYNC,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_OPENAT,
    IORING_OP_READ_FIXED,
    IORING_OP_WRITE_FIXED,
)

from ..case import case
from ..program import Block, Program
from ..userland import Ring

TEXT = bytes(range(256)) * 16
SOURCE, TARGET = 0, 1
LINK = abi.IOSQE_IO_LINK
FIXED = LINK | abi.IOSQE_FIXED_FILE


def copying(u: Program, flags: int = 0) -> tuple[Ring, Block]:
    """A ring with two slots for files and a registered buffer."""
    ring, page = u.ring(16, flags), u.pages()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1, -1), 2)
    ring.register(abi.IORING_REGISTER_BUFFERS, u.iovec(page), 1)
    return ring, page


def chain(u: Program, ring: Ring, page: Block, size: int, *, creates: int = os.O_CREAT, seconds: float = 10) -> None:
    """The chain; the time is for the read."""
    ring.prep(IORING_OP_OPENAT, flags=LINK, fd=AT_FDCWD, addr=u.path("source"), file_index=SOURCE + 1)
    ring.prep(
        IORING_OP_OPENAT, flags=LINK, fd=AT_FDCWD, addr=u.path("target"), len=0o644,
        open_flags=os.O_WRONLY | creates, file_index=TARGET + 1,
    )  # fmt: skip
    ring.prep(IORING_OP_READ_FIXED, flags=FIXED, fd=SOURCE, addr=page, len=size)
    ring.prep(IORING_OP_LINK_TIMEOUT, flags=LINK, addr=u.timespec(seconds), len=1)
    ring.prep(IORING_OP_WRITE_FIXED, flags=FIXED, fd=TARGET, addr=page, len=size)
    ring.prep(IORING_OP_FSYNC, flags=FIXED, fd=TARGET)
    ring.prep(IORING_OP_CLOSE, flags=LINK, file_index=SOURCE + 1)
    ring.prep(IORING_OP_CLOSE, file_index=TARGET + 1)


@case
def is_whole(u: Program) -> None:
    for flags in (0, abi.IORING_SETUP_SINGLE_ISSUER | abi.IORING_SETUP_DEFER_TASKRUN):
        ring, page = copying(u, flags)
        u.file("source", TEXT)
        chain(u, ring, page, len(TEXT))
        ring.submit(8)
        ring.reap(8, ordered=False)
        u.show("target")
        Path("target").unlink()
        ring.close()


@case
def breaks_where_the_source_is_short(u: Program) -> None:
    ring, page = copying(u)
    u.file("source", TEXT[:100])
    chain(u, ring, page, len(TEXT))
    ring.submit(8)
    ring.reap(8, ordered=False)
    u.show("target")


@case
def breaks_where_the_target_is_not_there(u: Program) -> None:
    ring, page = copying(u)
    u.file("source", TEXT)
    chain(u, ring, page, len(TEXT), creates=0)
    ring.submit(8)
    ring.reap(8, ordered=False)
