"""The table of registered files, and the opcodes that fill and empty it (``io_uring/filetable.c``, ``rsrc.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_MAX_FIXED_FILES, IORING_REGISTER_FILES_SKIP
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_FIXED_FD_NO_CLOEXEC,
    IORING_OP_FILES_UPDATE,
    IORING_OP_FIXED_FD_INSTALL,
)
from usernel.abi.io_uring_struct import IO_URING_FILE_INDEX_RANGE, IO_URING_FILES_UPDATE

from ..error import KernelError
from .opdef import Op
from .prep import unused
from .request import REQ_F_FIXED_FILE, Request
from .rsrc import UINT_MAX, RsrcNode, RsrcTable, Tags, check_range, keep
from .sqe import Sqe
from .user_array import UserArray, copy_struct, given, reserved

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import RingFile

FD: Final = Struct("=i")
NO_FILE: Final = -1


class FileTable(RsrcTable):
    """The registered files of a ring, and the range of slots that are handed out where none is named."""

    __slots__ = ("_alloc_end", "_alloc_hint", "_alloc_start", "_used")

    def __init__(self, ctx: RingCtx) -> None:
        super().__init__(ctx)
        self._used = bytearray()
        """A byte for each slot: 1 where there is a file (``struct io_file_table``'s bitmap)."""
        self._alloc_start = self._alloc_end = self._alloc_hint = 0

    # ------------------------------------------------------------------------------------------------- registration

    def register(self, data: Any, count: int, tags: Any = None) -> None:
        """Fill the table with the files of descriptors, or make it of empty slots (``io_sqe_files_register``).

        EBUSY where there is one, EINVAL for no slots or the tag of an empty one, EMFILE for more than
        IORING_MAX_FIXED_FILES or RLIMIT_NOFILE, EBADF for a descriptor that is not open or a ring's, EFAULT.
        """
        if self.nodes:
            raise KernelError(Errno.EBUSY, "the ring has registered files")
        if not count:
            raise KernelError(Errno.EINVAL, "a table of no slots")
        if count > min(IORING_MAX_FIXED_FILES, self._ctx.port.rlimit_nofile()):
            raise KernelError(Errno.EMFILE, f"{count} files")
        self.nodes = [None] * count
        self._used = bytearray(count)
        try:
            self._fill(data, count, tags)
        except KernelError:
            self.clear_tags()
            self.unregister()
            raise
        self.set_alloc_range(0, count)

    def _fill(self, data: Any, count: int, tags: Any) -> None:
        memory = self._ctx.port.memory
        fds = UserArray(memory, data, FD) if given(memory, data) else None
        tag_of = Tags(memory, tags)
        if fds is None and not given(memory, tags):
            return
        for at in range(count):
            tag = tag_of.get(at)
            fd = NO_FILE if fds is None else fds.get(at)
            if fd != NO_FILE:
                self._set(at, RsrcNode(self._fget(fd), tag=tag))
            elif tag:
                raise KernelError(Errno.EINVAL, "an empty slot has no tag")

    def _fget(self, fd: int) -> RingFile:
        file = self._ctx.port.fget(fd)
        if file is None:
            raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")
        if file.ring is not None:
            file.put()
            raise KernelError(Errno.EBADF, "a ring cannot be a registered file")
        return keep(file)

    def update(self, offset: int, data: Any, count: int, tags: Any = None) -> int:
        """Replace the files of slots; how many were, before an error (``__io_sqe_files_update``).

        Descriptor -1 empties a slot, IORING_REGISTER_FILES_SKIP leaves it. ENXIO without a table, EOVERFLOW and EINVAL
        past its end, and the errors of ``register``.
        """
        check_range(self, offset, count)
        fds = UserArray(self._ctx.port.memory, data, FD)
        tag_of = Tags(self._ctx.port.memory, tags)
        for done in range(count):
            try:
                tag = tag_of.get(done)
                self._replace(offset + done, fds.get(done), tag)
            except KernelError:
                if done:
                    return done
                raise
        return count

    def _replace(self, index: int, fd: int, tag: int) -> None:
        if fd in {IORING_REGISTER_FILES_SKIP, NO_FILE} and tag:
            raise KernelError(Errno.EINVAL, "an empty slot has no tag")
        if fd == IORING_REGISTER_FILES_SKIP:
            return
        if self.reset(index):
            self._clear(index)
        if fd != NO_FILE:
            self._set(index, RsrcNode(self._fget(fd), tag=tag))

    def unregister(self) -> None:
        """Let all files go, and have no table any more."""
        super().unregister()
        self._used = bytearray()
        self.set_alloc_range(0, 0)

    # -------------------------------------------------------------------------------------------------------- slots

    def _set(self, index: int, node: RsrcNode) -> None:
        self.nodes[index] = node
        self._used[index] = 1
        self._alloc_hint = index + 1

    def _clear(self, index: int) -> None:
        self._used[index] = 0
        self._alloc_hint = index

    def set_alloc_range(self, start: int, length: int) -> None:
        """Which slots are handed out (IORING_REGISTER_FILE_ALLOC_RANGE)."""
        self._alloc_start = self._alloc_hint = start
        self._alloc_end = start + length

    def free_slot(self) -> int:
        """A slot for whoever asks for any (``io_file_bitmap_get``). ENFILE."""
        end = self._alloc_end
        if not self._alloc_start <= self._alloc_hint < end:
            self._alloc_hint = self._alloc_start
        while self.nodes:
            found = self._used.find(b"\0", self._alloc_hint, end)
            if found >= 0:
                return found
            if self._alloc_hint == self._alloc_start:
                break
            end, self._alloc_hint = self._alloc_hint, self._alloc_start
        raise KernelError(Errno.ENFILE, "no slot of the table is free")

    def install(self, file: RingFile, index: int) -> None:
        """Put a file in a slot. EBADF for a ring, ENXIO without a table, EINVAL past its end."""
        if file.ring is not None:
            raise KernelError(Errno.EBADF, "a ring cannot be a registered file")
        self._check_slot(index)
        if self.reset(index):
            self.nodes[index] = RsrcNode(file)
        else:
            self._set(index, RsrcNode(file))

    def _check_slot(self, index: int) -> None:
        if not self.nodes:
            raise KernelError(Errno.ENXIO, "the ring has no registered files")
        if index >= len(self.nodes):
            raise KernelError(Errno.EINVAL, f"slot {index} of {len(self.nodes)}")

    def remove(self, index: int) -> None:
        """Empty a slot. ENXIO without a table, EINVAL past its end, EBADF where it is empty."""
        self._check_slot(index & UINT_MAX)
        if not self.reset(index):
            raise KernelError(Errno.EBADF, f"slot {index} is empty")
        self._clear(index)


def fixed_fd_install(ctx: RingCtx, file: RingFile, file_slot: int) -> int:
    """Put a file in slot ``file_slot - 1``, or any: its number then, 0 else (``io_fixed_fd_install``).

    It takes the file over; where it raises, the file is let go. ENFILE, and the errors of ``FileTable.install``.
    """
    table = ctx.file_table
    try:
        if file_slot != IORING_FILE_INDEX_ALLOC:
            table.install(file, (file_slot - 1) & UINT_MAX)
            return 0
        slot = table.free_slot()
        table.install(file, slot)
    except KernelError:
        file.put()
        raise
    return slot


def fixed_fd_remove(ctx: RingCtx, index: int) -> int:
    """Empty a slot (``io_fixed_fd_remove``). ENXIO, EINVAL, EBADF."""
    ctx.file_table.remove(index)
    return 0


def register_files_update(ctx: RingCtx, arg: Any, count: int) -> int:
    """IORING_REGISTER_FILES_UPDATE: how many slots were updated (``io_register_files_update``)."""
    if not count:
        raise KernelError(Errno.EINVAL, "an update of no slots")
    offset, resv, fds = copy_struct(ctx.port.memory, arg, IO_URING_FILES_UPDATE)
    reserved(resv)
    return ctx.file_table.update(offset, fds, count)


def register_file_alloc_range(ctx: RingCtx, arg: Any) -> int:
    """IORING_REGISTER_FILE_ALLOC_RANGE. EFAULT, EOVERFLOW, EINVAL past the end of the table."""
    offset, length, resv = copy_struct(ctx.port.memory, arg, IO_URING_FILE_INDEX_RANGE)
    if offset + length > UINT_MAX:
        raise KernelError(Errno.EOVERFLOW, f"slots {offset} to {offset + length}")
    reserved(resv)
    if offset + length > len(ctx.file_table):
        raise KernelError(Errno.EINVAL, f"slots {offset} to {offset + length} of {len(ctx.file_table)}")
    ctx.file_table.set_alloc_range(offset, length)
    return 0


# ---------------------------------------------------------------------------------------------------------- the opcodes


@dataclass(frozen=True, slots=True)
class FilesUpdate:
    """``struct io_rsrc_update``."""

    offset: int
    count: int
    fds: Any


def files_update_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for a fixed file, unused fields, and no slots."""
    if req.flags & REQ_F_FIXED_FILE:
        raise KernelError(Errno.EINVAL, "FILES_UPDATE has no file")
    unused(sqe, "rw_flags", "splice_fd_in")
    if not sqe.len:
        raise KernelError(Errno.EINVAL, "an update of no slots")
    req.data = FilesUpdate(sqe.off & UINT_MAX, sqe.len, sqe.addr)


def files_update(req: Request) -> int:
    """Replace files of the table, or put them in any slots, whose numbers take the place of the descriptors."""
    update: FilesUpdate = req.data
    if update.offset != IORING_FILE_INDEX_ALLOC:
        return req.ctx.file_table.update(update.offset, update.fds, update.count)
    return _install_all(req.ctx, update)


def _install_all(ctx: RingCtx, update: FilesUpdate) -> int:
    table = ctx.file_table
    if not table.nodes:
        raise KernelError(Errno.ENXIO, "the ring has no registered files")
    fds = UserArray(ctx.port.memory, update.fds, FD)
    for done in range(update.count):
        try:
            _install_one(ctx, fds, done)
        except KernelError:
            if done:
                return done
            raise
    return update.count


def _install_one(ctx: RingCtx, fds: UserArray, at: int) -> None:
    fd = fds.get(at)
    file = ctx.port.fget(fd)
    if file is None:
        raise KernelError(Errno.EBADF, f"descriptor {fd} is not open")
    slot = fixed_fd_install(ctx, keep(file), IORING_FILE_INDEX_ALLOC)
    try:
        fds.put(at, slot)
    except KernelError:
        ctx.file_table.remove(slot)
        raise


def install_fd_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unused fields and unknown flags, EBADF for what is no fixed file, EPERM with a personality."""
    unused(sqe, "off", "addr", "len", "buf_index", "splice_fd_in", "addr3")
    if not req.flags & REQ_F_FIXED_FILE:
        raise KernelError(Errno.EBADF, "only a registered file is installed")
    if sqe.rw_flags & ~IORING_FIXED_FD_NO_CLOEXEC:
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of FIXED_FD_INSTALL")
    if sqe.personality:
        raise KernelError(Errno.EPERM, "a descriptor is made with the caller's own credentials")
    req.data = not sqe.rw_flags & IORING_FIXED_FD_NO_CLOEXEC


def install_fd(req: Request) -> int:
    """A descriptor for a registered file (``io_install_fixed_fd``). EMFILE."""
    if req.file is None:
        raise AssertionError("FIXED_FD_INSTALL without a file")
    return req.ctx.port.install(req.file, cloexec=req.data)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_FILES_UPDATE: Op("FILES_UPDATE", files_update_prep, files_update, iopoll=True),
    IORING_OP_FIXED_FD_INSTALL: Op("FIXED_FD_INSTALL", install_fd_prep, install_fd, needs_file=True),
}
