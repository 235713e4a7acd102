"""Submission and completion queue entries as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, SupportsIndex

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_struct import BIG_CQE, IO_URING_CQE, IO_URING_SQE

WIDTHS = {
    "opcode": 8, "flags": 8, "ioprio": 16, "fd": 32, "off": 64, "addr": 64, "len": 32, "rw_flags": 32, "user_data": 64,
    "buf_index": 16, "personality": 16, "splice_fd_in": 32, "addr3": 64, "pad2": 64,
}  # fmt: skip
SIGNED = {"fd", "splice_fd_in"}
NAMES = {
    "addr2": "off",
    "splice_off_in": "addr",
    "buf_group": "buf_index",
    "file_index": "splice_fd_in",
    **dict.fromkeys(
        (
            "op_flags", "fsync_flags", "poll32_events", "sync_range_flags", "timeout_flags", "cancel_flags",
            "open_flags", "statx_flags", "fadvise_advice", "splice_flags", "rename_flags", "unlink_flags",
            "hardlink_flags", "xattr_flags", "msg_ring_flags", "install_fd_flags", "nop_flags", "pipe_flags",
        ),
        "rw_flags",
    ),
}  # fmt: skip
"""The other names of fields that are unions, each by the first."""


def pack(fields: dict[str, SupportsIndex]) -> bytes:
    """The 64 bytes of an entry; what is not given is 0. Numbers are cut to the width of their field."""
    values = dict.fromkeys(WIDTHS, 0)
    for name, value in fields.items():
        known = NAMES.get(name, name)
        width = WIDTHS[known]
        number = value.__index__() & ((1 << width) - 1)
        values[known] = number - (1 << width) if known in SIGNED and number >> (width - 1) else number
    return IO_URING_SQE.pack(*values.values())


class Cqe(NamedTuple):
    """A completion. ``extra`` are the second 16 bytes of a big one, as two numbers; None of a small one."""

    user_data: int
    res: int
    flags: int
    extra: tuple[int, int] | None
    slots: int
    """How much of the queue it takes."""


def unpack(cqes: memoryview, *, slot_size: int, head: int, count: int, mixed: bool) -> Iterator[Cqe]:
    """The completions in so many slots from ``head`` on."""
    slots = len(cqes) // slot_size
    end = head + count
    while head < end:
        at = head % slots * slot_size
        user_data, res, flags = IO_URING_CQE.unpack_from(cqes, at)
        twice = mixed and bool(flags & abi.IORING_CQE_F_32)
        big = twice or slot_size == IO_URING_CQE.size + BIG_CQE.size
        extra = BIG_CQE.unpack_from(cqes, at + IO_URING_CQE.size) if big else None
        yield Cqe(user_data, res, flags, extra, 1 + twice)
        head += 1 + twice
