"""Submission and completion queue entries as Python values (``struct io_uring_sqe``, ``struct io_uring_cqe``)."""

from __future__ import annotations

from typing import Any, NamedTuple

from usernel.abi.io_uring_struct import IO_URING_SQE


class Sqe(NamedTuple):
    """A submission queue entry, by the first name of each of its unions; in this order, too, in memory.

    ``off`` is also addr2; ``addr`` splice_off_in; ``rw_flags`` the opcode's own flags, whatever their name;
    ``buf_index`` buf_group; ``splice_fd_in`` file_index and addr_len. Where the ABI has an address, a program in the
    same process may give the Python object itself: a buffer for bytes, ``str`` or ``bytes`` for a path, a list of
    buffers for an iovec, nanoseconds as ``Nanoseconds`` for a timespec.
    """

    opcode: int
    flags: int = 0
    ioprio: int = 0
    fd: int = -1
    off: Any = 0
    addr: Any = 0
    len: int = 0
    rw_flags: int = 0
    user_data: int = 0
    buf_index: int = 0
    personality: int = 0
    splice_fd_in: int = 0
    addr3: Any = 0
    pad2: int = 0

    @classmethod
    def unpack(cls, entry: bytes | bytearray | memoryview) -> Sqe:
        """An entry out of its first 64 bytes."""
        return cls._make(IO_URING_SQE.unpack_from(entry))

    def pack(self) -> bytes:
        """The 64 bytes; every field must be a number."""
        return IO_URING_SQE.pack(*self)


class Cqe(NamedTuple):
    """A completion queue entry. ``extra`` are the second 16 bytes of a big one, as two numbers."""

    user_data: int
    res: int
    flags: int = 0
    extra: tuple[int, int] = (0, 0)


class Nanoseconds(int):
    """A timespec given as a number of nanoseconds, in place of the address of one."""

    __slots__ = ()
