"""Submissions and completions as values: what doors take and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from usernel.abi.io_uring import CQE_FLAGS, IOSQE
from usernel.abi.io_uring_op import (
    CANCEL_FLAGS,
    INSTALL_FD_FLAGS,
    IO_URING_OP,
    IORING_OP_FILES_UPDATE,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    MSG_RING_FLAGS,
    NOP_FLAGS,
    POLL_FLAGS,
    TIMEOUT_FLAGS,
)
from usernel.abi.poll import POLL_EVENTS
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

from .kinds import INT, LONG, UINT, ULONG, Enumeration, Field, Flags, ListOf, Structure

SQE: Final = Structure(
    "io_uring_sqe",
    (
        Field("opcode", Enumeration(IO_URING_OP)),
        Field("flags", Flags(IOSQE), 0),
        Field("ioprio", UINT, 0),
        Field("fd", INT, -1),
        Field("off", ULONG, 0),
        Field("addr", ULONG, 0),
        Field("len", Flags(POLL_FLAGS, UINT), 0, "of POLL_ADD and POLL_REMOVE their flags"),
        Field("rw_flags", UINT, 0, "the opcode's own flags, whatever their name"),
        Field("user_data", ULONG, 0),
        Field("buf_index", UINT, 0),
        Field("personality", UINT, 0),
        Field("splice_fd_in", INT, 0),
        Field("addr3", ULONG, 0),
        Field("addr2", ULONG, None, "off"),
        Field("buf_group", UINT, None, "buf_index"),
        Field("file_index", INT, None, "splice_fd_in"),
        Field("poll32_events", Flags(POLL_EVENTS, UINT), None, "rw_flags of POLL_ADD and POLL_REMOVE"),
        Field(
            "timeout_flags", Flags(TIMEOUT_FLAGS, UINT), None, "rw_flags of TIMEOUT, LINK_TIMEOUT and TIMEOUT_REMOVE"
        ),
        Field("cancel_flags", Flags(CANCEL_FLAGS, UINT), None, "rw_flags of ASYNC_CANCEL"),
        Field("msg_ring_flags", Flags(MSG_RING_FLAGS, UINT), None, "rw_flags of MSG_RING"),
        Field("install_fd_flags", Flags(INSTALL_FD_FLAGS, UINT), None, "rw_flags of FIXED_FD_INSTALL"),
        Field("nop_flags", Flags(NOP_FLAGS, UINT), None, "rw_flags of NOP"),
        Field("ts_ns", LONG, None, "nanoseconds, where the opcode takes a timespec"),
        Field("fds", ListOf(INT), None, "what FILES_UPDATE puts into the table"),
    ),
)
"""A submission, by liburing's names of its fields. Of several names of one field the last that is given counts."""
NAMES: Final = tuple(field.name for field in SQE.fields)
OTHER_NAMES: Final[Mapping[str, str]] = {
    "addr2": "off",
    "buf_group": "buf_index",
    "file_index": "splice_fd_in",
    "poll32_events": "rw_flags",
    "timeout_flags": "rw_flags",
    "cancel_flags": "rw_flags",
    "msg_ring_flags": "rw_flags",
    "install_fd_flags": "rw_flags",
    "nop_flags": "rw_flags",
}
PLAIN: Final = len(Sqe._fields) - 1
"""The first fields are those of an entry, without its padding."""
NO_OTHERS: Final = (None,) * (len(NAMES) - PLAIN)
TIMED: Final = (IORING_OP_TIMEOUT, IORING_OP_LINK_TIMEOUT)


def sqe_of(fields: tuple[Any, ...]) -> Sqe:
    """An entry out of the fields of an ``SQE``."""
    if fields[PLAIN:] == NO_OTHERS:
        return Sqe(*fields[:PLAIN])
    given = dict(zip(NAMES, fields, strict=True))
    ts_ns, fds = given.pop("ts_ns"), given.pop("fds")
    for name, field in OTHER_NAMES.items():
        value = given.pop(name)
        if value is not None:
            given[field] = value
    if ts_ns is not None and given["opcode"] in TIMED:
        given |= {"addr": Nanoseconds(ts_ns), "len": given["len"] or 1}
    elif ts_ns is not None and given["opcode"] == IORING_OP_TIMEOUT_REMOVE:
        given["off"] = Nanoseconds(ts_ns)
    elif fds is not None and given["opcode"] == IORING_OP_FILES_UPDATE:
        given |= {"addr": list(fds), "len": given["len"] or len(fds)}
    return Sqe(**given)


CQE: Final = Structure("io_uring_cqe", (Field("user_data", ULONG), Field("res", INT), Field("flags", Flags(CQE_FLAGS))))
