"""Requests by path, named as liburing names them without ``io_uring_prep_``. Paths are ``str`` or ``bytes``."""

from __future__ import annotations

import os
from typing import Any, Final

from usernel.abi import io_uring_op as op
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.openat2 import OPEN_HOW

from .prep import Prepares, size_of

StrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
ALLOC: Final = op.IORING_FILE_INDEX_ALLOC
"""In place of a slot: any that is free."""


def slot(file_index: int) -> int:
    """A slot as an entry says it."""
    return file_index if file_index == ALLOC else file_index + 1


class PathRequests(Prepares):
    """Files by their names. The ``_direct`` ones put what they open into a slot of the registered files."""

    __slots__ = ()

    # open

    def openat(
        self, dfd: int, path: StrPath, open_flags: int, mode: int = 0o666, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """openat(2). The result is the descriptor."""
        return self.prep_rw(op.IORING_OP_OPENAT, dfd, os.fspath(path), mode, 0, open_flags, user_data, flags)

    def openat_direct(
        self, dfd: int, path: StrPath, open_flags: int, mode: int = 0o666, file_index: int = ALLOC, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """openat(2) into a slot. The result is 0, or the slot that was free."""
        return self.prep_rw(
            op.IORING_OP_OPENAT, dfd, os.fspath(path), mode, 0, open_flags, user_data, flags, 0, slot(file_index)
        )  # fmt: skip

    def openat2(
        self, dfd: int, path: StrPath, open_flags: int, mode: int = 0, resolve: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """openat2(2)."""
        how = (open_flags, mode, resolve)
        return self.prep_rw(
            op.IORING_OP_OPENAT2, dfd, os.fspath(path), OPEN_HOW.size, how, 0, user_data, flags
        )  # fmt: skip

    def openat2_direct(
        self, dfd: int, path: StrPath, open_flags: int, mode: int = 0, resolve: int = 0, file_index: int = ALLOC, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """openat2(2) into a slot."""
        how = (open_flags, mode, resolve)
        return self.prep_rw(
            op.IORING_OP_OPENAT2, dfd, os.fspath(path), OPEN_HOW.size, how, 0, user_data, flags, 0, slot(file_index)
        )  # fmt: skip

    def open(
        self, path: StrPath, open_flags: int, mode: int = 0o666, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """open(2)."""
        return self.openat(AT_FDCWD, path, open_flags, mode, user_data=user_data, flags=flags)

    def open_direct(
        self, path: StrPath, open_flags: int, mode: int = 0o666, file_index: int = ALLOC, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """open(2) into a slot."""
        return self.openat_direct(AT_FDCWD, path, open_flags, mode, file_index, user_data=user_data, flags=flags)

    # what is known of a file

    def statx(
        self, dfd: int, path: StrPath, statx_flags: int, mask: int, buf: Any, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """statx(2): ``struct statx`` goes to a buffer of at least 256 bytes."""
        return self.prep_rw(op.IORING_OP_STATX, dfd, os.fspath(path), mask, buf, statx_flags, user_data, flags)

    def setxattr(
        self, name: str | bytes, value: bytes, path: StrPath, xattr_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """setxattr(2)."""
        return self.prep_rw(
            op.IORING_OP_SETXATTR, 0, name, len(value), value, xattr_flags, user_data, flags, addr3=os.fspath(path)
        )  # fmt: skip

    def getxattr(
        self, name: str | bytes, value: Any, path: StrPath, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """getxattr(2) into a buffer."""
        return self.prep_rw(
            op.IORING_OP_GETXATTR, 0, name, size_of(value), value, 0, user_data, flags, addr3=os.fspath(path)
        )  # fmt: skip

    # names

    def unlinkat(
        self, dfd: int, path: StrPath, unlink_flags: int = 0, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """unlinkat(2)."""
        return self.prep_rw(op.IORING_OP_UNLINKAT, dfd, os.fspath(path), 0, 0, unlink_flags, user_data, flags)

    def unlink(self, path: StrPath, unlink_flags: int = 0, *, user_data: int | None = None, flags: int = 0) -> int:
        """unlink(2); rmdir(2) with AT_REMOVEDIR."""
        return self.unlinkat(AT_FDCWD, path, unlink_flags, user_data=user_data, flags=flags)

    def renameat(
        self, olddfd: int, oldpath: StrPath, newdfd: int, newpath: StrPath, rename_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """renameat2(2)."""
        return self._two(op.IORING_OP_RENAMEAT, olddfd, oldpath, newdfd, newpath, rename_flags, user_data, flags)

    def rename(self, oldpath: StrPath, newpath: StrPath, *, user_data: int | None = None, flags: int = 0) -> int:
        """rename(2)."""
        return self.renameat(AT_FDCWD, oldpath, AT_FDCWD, newpath, user_data=user_data, flags=flags)

    def linkat(
        self, olddfd: int, oldpath: StrPath, newdfd: int, newpath: StrPath, link_flags: int = 0, *,
        user_data: int | None = None, flags: int = 0,
    ) -> int:  # fmt: skip
        """linkat(2)."""
        return self._two(op.IORING_OP_LINKAT, olddfd, oldpath, newdfd, newpath, link_flags, user_data, flags)

    def link(self, oldpath: StrPath, newpath: StrPath, *, user_data: int | None = None, flags: int = 0) -> int:
        """link(2)."""
        return self.linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, user_data=user_data, flags=flags)

    def _two(
        self, opcode: int, olddfd: int, oldpath: StrPath, newdfd: int, newpath: StrPath, rw_flags: int,
        user_data: int | None, flags: int,
    ) -> int:  # fmt: skip
        return self.prep_rw(
            opcode, olddfd, os.fspath(oldpath), newdfd & 0xFFFFFFFF, os.fspath(newpath), rw_flags, user_data, flags
        )  # fmt: skip

    def mkdirat(
        self, dfd: int, path: StrPath, mode: int = 0o777, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """mkdirat(2)."""
        return self.prep_rw(op.IORING_OP_MKDIRAT, dfd, os.fspath(path), mode, user_data=user_data, flags=flags)

    def mkdir(self, path: StrPath, mode: int = 0o777, *, user_data: int | None = None, flags: int = 0) -> int:
        """mkdir(2)."""
        return self.mkdirat(AT_FDCWD, path, mode, user_data=user_data, flags=flags)

    def symlinkat(
        self, target: StrPath, newdfd: int, linkpath: StrPath, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """symlinkat(2)."""
        return self.prep_rw(
            op.IORING_OP_SYMLINKAT, newdfd, os.fspath(target), 0, os.fspath(linkpath), 0, user_data, flags
        )  # fmt: skip

    def symlink(self, target: StrPath, linkpath: StrPath, *, user_data: int | None = None, flags: int = 0) -> int:
        """symlink(2)."""
        return self.symlinkat(target, AT_FDCWD, linkpath, user_data=user_data, flags=flags)

    # pipes

    def pipe(self, fds: Any, pipe_flags: int = 0, *, user_data: int | None = None, flags: int = 0) -> int:
        """pipe2(2): both descriptors go to a buffer of eight bytes, as two ``int``."""
        return self.prep_rw(op.IORING_OP_PIPE, 0, fds, 0, 0, pipe_flags, user_data, flags)

    def pipe_direct(
        self, fds: Any, pipe_flags: int = 0, file_index: int = ALLOC, *, user_data: int | None = None, flags: int = 0
    ) -> int:
        """pipe2(2) into two slots, which go to the buffer."""
        return self.prep_rw(
            op.IORING_OP_PIPE, 0, fds, 0, 0, pipe_flags, user_data, flags, splice_fd_in=slot(file_index)
        )  # fmt: skip
