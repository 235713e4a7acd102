"""Requests on open files, named as liburing names them without ``io_uring_prep_``.

Each method appends one submission and returns its ``user_data``, a fresh number unless one is given; ``flags`` are
IOSQE_*. Buffers are Python's, and stay as long as the request; offsets are in bytes, -1 is the current position. ``fd``
is a descriptor, or the slot of a registered file with IOSQE_FIXED_FILE.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from usernel.abi import io_uring_op as op
from usernel.abi.io_uring import IOSQE_BUFFER_SELECT, IOSQE_FIXED_FILE
from usernel.kernel.io_uring.sqe import Sqe

U64: Final = 1 << 64
NUMBERS: Final = Struct("=BBHiIIQHHq")
"""The fields of an entry that are numbers always, as wide as they are there."""

OBJECT_ADDR: Final = frozenset(
    {
        op.IORING_OP_READ, op.IORING_OP_WRITE, op.IORING_OP_READV, op.IORING_OP_WRITEV, op.IORING_OP_READ_FIXED,
        op.IORING_OP_WRITE_FIXED, op.IORING_OP_READV_FIXED, op.IORING_OP_WRITEV_FIXED, op.IORING_OP_MADVISE,
        op.IORING_OP_OPENAT, op.IORING_OP_OPENAT2, op.IORING_OP_STATX, op.IORING_OP_RENAMEAT, op.IORING_OP_UNLINKAT,
        op.IORING_OP_MKDIRAT, op.IORING_OP_SYMLINKAT, op.IORING_OP_LINKAT, op.IORING_OP_FSETXATTR,
        op.IORING_OP_SETXATTR, op.IORING_OP_FGETXATTR, op.IORING_OP_GETXATTR, op.IORING_OP_PIPE,
        op.IORING_OP_EPOLL_CTL, op.IORING_OP_PROVIDE_BUFFERS, op.IORING_OP_FILES_UPDATE,
    }
)  # fmt: skip
OBJECT_OFF: Final = frozenset(
    {
        op.IORING_OP_OPENAT2, op.IORING_OP_STATX, op.IORING_OP_RENAMEAT, op.IORING_OP_SYMLINKAT, op.IORING_OP_LINKAT,
        op.IORING_OP_FSETXATTR, op.IORING_OP_SETXATTR, op.IORING_OP_FGETXATTR, op.IORING_OP_GETXATTR,
    }
)  # fmt: skip
"""Where a Python object may stand in the place of an address; anywhere else there is a number."""


def entry(
    opcode: int, flags: int, ioprio: int, fd: int, off: Any, addr: Any, length: int, rw_flags: int, user_data: int,
    buf_index: int, personality: int, splice_fd_in: int, addr3: Any,
) -> Sqe:  # fmt: skip
    """A submission. ValueError for numbers that its fields cannot hold."""
    if not isinstance(addr, int) and opcode not in OBJECT_ADDR:
        raise ValueError(f"a field of the submission cannot be what was given: addr is {addr!r}")
    if not (-U64 // 2 <= off < U64 if isinstance(off, int) else opcode in OBJECT_OFF):
        raise ValueError(f"a field of the submission cannot be what was given: off is {off!r}")
    try:
        NUMBERS.pack(opcode, flags, ioprio, fd, length, rw_flags, user_data, buf_index, personality, splice_fd_in)
    except struct_error as error:
        raise ValueError(f"a field of the submission cannot be what was given: {error}") from None
    return Sqe(
        opcode, flags, ioprio, fd, off, addr, length, rw_flags, user_data, buf_index, personality, splice_fd_in, addr3
    )  # fmt: skip


def size_of(buffer: Any) -> int:
    """How many bytes a buffer has."""
    return len(buffer) if type(buffer) in {bytearray, bytes} else memoryview(buffer).nbytes


class Prepares(ABC):
    """What submissions are appended to: a ring, or a chain that is being made."""

    __slots__ = ()

    @abstractmethod
    def prep_rw(
        self,
        opcode: int,
        fd: int = -1,
        addr: Any = 0,
        length: int = 0,
        off: Any = 0,
        rw_flags: int = 0,
        user_data: int | None = None,
        flags: int = 0,
        buf_index: int = 0,
        splice_fd_in: int = 0,
        addr3: Any = 0,
        ioprio: int = 0,
        personality: int = 0,
    ) -> int:
        """Append any submission, field by field (``struct io_uring_sqe``). Returns its user_data.

        ValueError for numbers that the fields cannot hold.
        """

    def nop(self, *, user_data: int | None = None, flags: int = 0) -> int:
        """Nothing: the result is 0."""
        return self.prep_rw(op.IORING_OP_NOP, user_data=user_data, flags=flags)


class FileRequests(Prepares):
    """Reads, writes, and what else is done to an open file."""

    __slots__ = ()

    # reads

    def read(
        self, fd: int, buf: Any, offset: int = 0, nbytes: int | None = None, *, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """read(2) into a buffer, or its first ``nbytes``. The result is how many bytes, 0 at the file's end."""
        size = size_of(buf) if nbytes is None else nbytes
        return self.prep_rw(op.IORING_OP_READ, fd, buf, size, offset, rw_flags, user_data, flags)

    def read_select(
        self, fd: int, nbytes: int, buf_group: int, offset: int = -1, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """read(2) into a buffer of a group, which the completion's flags name (``cqe.flags >> 16``). ENOBUFS."""
        flags |= IOSQE_BUFFER_SELECT
        return self.prep_rw(op.IORING_OP_READ, fd, 0, nbytes, offset, 0, user_data, flags, buf_group)

    def read_multishot(
        self, fd: int, nbytes: int, buf_group: int, offset: int = -1, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """Read whenever there is something, until that fails: one completion each (IORING_CQE_F_MORE)."""
        flags |= IOSQE_BUFFER_SELECT
        return self.prep_rw(op.IORING_OP_READ_MULTISHOT, fd, 0, nbytes, offset, 0, user_data, flags, buf_group)

    def readv(
        self, fd: int, buffers: Sequence[Any], offset: int = 0, *, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """readv(2)."""
        return self.prep_rw(op.IORING_OP_READV, fd, list(buffers), len(buffers), offset, rw_flags, user_data, flags)

    def read_fixed(
        self, fd: int, buf_index: int, nbytes: int, offset: int = 0, *, start: int = 0, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """read(2) into ``nbytes`` of a registered buffer, from ``start`` on."""
        return self.prep_rw(
            op.IORING_OP_READ_FIXED, fd, start, nbytes, offset, rw_flags, user_data, flags, buf_index
        )  # fmt: skip

    # writes

    def write(
        self, fd: int, buf: Any, offset: int = 0, nbytes: int | None = None, *, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """write(2) of a buffer, or its first ``nbytes``. The result is the number of bytes."""
        size = size_of(buf) if nbytes is None else nbytes
        return self.prep_rw(op.IORING_OP_WRITE, fd, buf, size, offset, rw_flags, user_data, flags)

    def writev(
        self, fd: int, buffers: Sequence[Any], offset: int = 0, *, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """writev(2)."""
        return self.prep_rw(op.IORING_OP_WRITEV, fd, list(buffers), len(buffers), offset, rw_flags, user_data, flags)

    def write_fixed(
        self, fd: int, buf_index: int, nbytes: int, offset: int = 0, *, start: int = 0, rw_flags: int = 0,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """write(2) of ``nbytes`` of a registered buffer, from ``start`` on."""
        return self.prep_rw(
            op.IORING_OP_WRITE_FIXED, fd, start, nbytes, offset, rw_flags, user_data, flags, buf_index
        )  # fmt: skip

    # the rest

    def fsync(self, fd: int, fsync_flags: int = 0, *, user_data: int | None = None, flags: int = 0) -> int:
        """fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC."""
        return self.prep_rw(op.IORING_OP_FSYNC, fd, rw_flags=fsync_flags, user_data=user_data, flags=flags)

    def sync_file_range(
        self, fd: int, nbytes: int, offset: int, sync_flags: int, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """sync_file_range(2)."""
        return self.prep_rw(op.IORING_OP_SYNC_FILE_RANGE, fd, 0, nbytes, offset, sync_flags, user_data, flags)

    def fallocate(
        self, fd: int, mode: int, offset: int, nbytes: int, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """fallocate(2)."""
        return self.prep_rw(op.IORING_OP_FALLOCATE, fd, nbytes, mode, offset, 0, user_data, flags)

    def ftruncate(self, fd: int, nbytes: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """ftruncate(2)."""
        return self.prep_rw(op.IORING_OP_FTRUNCATE, fd, off=nbytes, user_data=user_data, flags=flags)

    def fadvise(
        self, fd: int, offset: int, nbytes: int, advice: int, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """posix_fadvise(2)."""
        return self.prep_rw(op.IORING_OP_FADVISE, fd, 0, nbytes, offset, advice, user_data, flags)

    def madvise(self, buf: Any, advice: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """madvise(2) of an ``mmap``. EINVAL for any other buffer."""
        return self.prep_rw(op.IORING_OP_MADVISE, -1, buf, size_of(buf), 0, advice, user_data, flags)

    def fsetxattr(
        self, fd: int, name: str | bytes, value: bytes, xattr_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """fsetxattr(2)."""
        return self.prep_rw(op.IORING_OP_FSETXATTR, fd, name, len(value), value, xattr_flags, user_data, flags)

    def fgetxattr(self, fd: int, name: str | bytes, value: Any, *, user_data: int | None = None, flags: int = 0) -> int:
        """fgetxattr(2) into a buffer. The result is the size; that alone is asked for with an empty buffer."""
        return self.prep_rw(op.IORING_OP_FGETXATTR, fd, name, size_of(value), value, 0, user_data, flags)

    def splice(
        self, fd_in: int, off_in: int, fd_out: int, off_out: int, nbytes: int, splice_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """splice(2); the offset of a pipe is -1."""
        return self.prep_rw(
            op.IORING_OP_SPLICE, fd_out, off_in, nbytes, off_out, splice_flags, user_data, flags, 0, fd_in
        )  # fmt: skip

    def tee(
        self, fd_in: int, fd_out: int, nbytes: int, splice_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """tee(2)."""
        return self.prep_rw(op.IORING_OP_TEE, fd_out, 0, nbytes, 0, splice_flags, user_data, flags, 0, fd_in)

    def close(self, fd: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """close(2)."""
        return self.prep_rw(op.IORING_OP_CLOSE, fd, user_data=user_data, flags=flags)

    def close_direct(self, file_index: int, *, user_data: int | None = None, flags: int = 0) -> int:
        """Empty a slot of the registered files."""
        return self.prep_rw(op.IORING_OP_CLOSE, 0, user_data=user_data, flags=flags, splice_fd_in=file_index + 1)

    def fixed_fd_install(
        self, file_index: int, install_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """A descriptor for a registered file."""
        flags |= IOSQE_FIXED_FILE
        return self.prep_rw(
            op.IORING_OP_FIXED_FD_INSTALL, file_index, rw_flags=install_flags, user_data=user_data, flags=flags
        )  # fmt: skip
