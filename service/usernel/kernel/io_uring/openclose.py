"""OPENAT, OPENAT2, CLOSE and PIPE (``io_uring/openclose.c``): descriptors, or slots of the table of files.

``splice_fd_in`` is ``file_index``: 0 for a descriptor, the slot and 1, or IORING_FILE_INDEX_ALLOC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import (
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_EXCL,
    O_LARGEFILE,
    O_NONBLOCK,
    O_PATH,
    O_PATH_FLAGS,
    O_TMPFILE,
    O_TRUNC,
    VALID_OPEN_FLAGS,
)
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_OP_CLOSE,
    IORING_OP_OPENAT,
    IORING_OP_OPENAT2,
    IORING_OP_PIPE,
)
from usernel.abi.openat2 import OPEN_HOW, OPEN_HOW_SIZE_VER0

from ..error import KernelError
from .filetable import fixed_fd_install, fixed_fd_remove
from .jobs import job
from .opdef import Op
from .outcome import Outcome
from .prep import no_fixed_file, unused
from .request import REQ_F_FORCE_ASYNC, Request
from .sqe import Sqe
from .uaccess import read_path, read_struct, views

if TYPE_CHECKING:
    from .port import Memory

MASK32: Final = 0xFFFFFFFF
S_IALLUGO: Final = 0o7777
ONLY_TMPFILE: Final = O_TMPFILE & ~O_DIRECTORY
PIPE_FLAGS: Final = O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL  # O_EXCL is also O_NOTIFICATION_PIPE
TWO_FDS: Final = Struct("=ii")


@dataclass(frozen=True, slots=True)
class Open:
    """``struct io_open``."""

    dfd: int
    path: bytes
    flags: int
    mode: int
    resolve: int
    file_slot: int


@dataclass(frozen=True, slots=True)
class Close:
    """``struct io_close``."""

    fd: int
    file_slot: int


@dataclass(frozen=True, slots=True)
class Pipe:
    """``struct io_pipe``."""

    fds: Any
    flags: int
    file_slot: int


def openat_prep(req: Request, sqe: Sqe) -> None:
    """openat(2), which drops flags that it does not know."""
    flags, mode = sqe.rw_flags & VALID_OPEN_FLAGS, sqe.len & S_IALLUGO
    if flags & O_PATH:
        flags &= O_PATH_FLAGS
    if not flags & (O_CREAT | ONLY_TMPFILE):
        mode = 0
    _open_prep(req, sqe, flags, mode, 0)


def openat2_prep(req: Request, sqe: Sqe) -> None:
    """openat2(2): ``off`` is the struct open_how, ``len`` its size. EINVAL, E2BIG, EFAULT."""
    _open_prep(req, sqe, *_open_how(req, sqe))


def _open_how(req: Request, sqe: Sqe) -> tuple[Any, ...]:
    memory = req.ctx.port.memory
    if sqe.len < OPEN_HOW_SIZE_VER0:
        raise KernelError(Errno.EINVAL, f"open_how has {OPEN_HOW_SIZE_VER0} bytes, not {sqe.len}")
    if memory.owns(sqe.off) and sqe.len > OPEN_HOW_SIZE_VER0:
        _check_zeroed(memory, sqe.off + OPEN_HOW_SIZE_VER0, sqe.len - OPEN_HOW_SIZE_VER0)
    return read_struct(memory, sqe.off, OPEN_HOW)


def _check_zeroed(memory: Memory, addr: int, size: int) -> None:
    (beyond,) = views(memory, [(addr, size)], write=False)
    if bytes(beyond).count(0) != len(beyond):
        raise KernelError(Errno.E2BIG, "open_how says more than is known")
    if len(beyond) < size:
        raise KernelError(Errno.EFAULT, f"{size} bytes at {addr:#x}")


def _open_prep(req: Request, sqe: Sqe, flags: int, mode: int, resolve: int) -> None:
    unused(sqe, "buf_index")
    no_fixed_file(req)
    if not flags & O_PATH:
        flags |= O_LARGEFILE
    path = read_path(req.ctx.port.memory, sqe.addr)
    slot = sqe.splice_fd_in & MASK32
    if slot and flags & O_CLOEXEC:
        raise KernelError(Errno.EINVAL, "a slot has no O_CLOEXEC")
    req.data = Open(sqe.fd, path, flags, mode, resolve, slot)
    if flags & (O_TRUNC | O_CREAT | ONLY_TMPFILE):
        req.flags |= REQ_F_FORCE_ASYNC


def openat2(req: Request) -> Outcome:
    """Open a file. What opening it says."""
    how: Open = req.data
    # On its way to a slot the file has a descriptor for a moment: that one is not to survive an exec.
    flags = how.flags | O_CLOEXEC if how.file_slot else how.flags
    return job(req, "openat2", how.dfd, how.path, flags, how.mode, how.resolve)


def open_done(req: Request, result: Any) -> int:
    """The new descriptor, or its file in a slot: 0, or the slot that was free. ENFILE, EINVAL, ENXIO."""
    how: Open = req.data
    if result < 0 or not how.file_slot:
        return int(result)
    return fixed_fd_install(req.ctx, req.ctx.port.adopt(result), how.file_slot)


def close_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0, and for both a slot and a descriptor; EBADF for a fixed file."""
    unused(sqe, "off", "addr", "len", "rw_flags", "buf_index")
    no_fixed_file(req)
    slot = sqe.splice_fd_in & MASK32
    if slot and sqe.fd:
        raise KernelError(Errno.EINVAL, "either a descriptor or a slot")
    req.data = Close(sqe.fd, slot)


def close(req: Request) -> Outcome:
    """Close a descriptor (close(2)), or empty a slot. EBADF, also for a ring; ENXIO, EINVAL for a slot."""
    what: Close = req.data
    if what.file_slot:
        return fixed_fd_remove(req.ctx, what.file_slot - 1)
    req.ctx.port.close_fd(what.fd)
    return 0


def pipe_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for fields that must be 0, and unknown flags."""
    unused(sqe, "fd", "off", "addr3")
    if sqe.rw_flags & ~PIPE_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {sqe.rw_flags:#x} of PIPE")
    req.data = Pipe(sqe.addr, sqe.rw_flags, sqe.splice_fd_in & MASK32)


def pipe(req: Request) -> Outcome:
    """Make a pipe (pipe2(2)). EINVAL for O_CLOEXEC with slots; what making one says."""
    what: Pipe = req.data
    if what.file_slot and what.flags & O_CLOEXEC:
        raise KernelError(Errno.EINVAL, "a slot has no O_CLOEXEC")
    return job(req, "pipe2", what.flags | O_CLOEXEC if what.file_slot else what.flags)


def pipe_done(req: Request, result: Any) -> int:
    """Its two ends go to ``addr``: descriptors, or slots. EFAULT, and what a slot says: then there is no pipe."""
    if isinstance(result, int):
        return result
    what: Pipe = req.data
    if what.file_slot:
        _pipe_fixed(req, what, result)
        return 0
    try:
        _tell(req, what, result)
    except KernelError:
        for fd in result:
            req.ctx.port.close_fd(fd)
        raise
    return 0


def _pipe_fixed(req: Request, what: Pipe, fds: tuple[int, int]) -> None:
    ctx, allocates = req.ctx, what.file_slot == IORING_FILE_INDEX_ALLOC
    files = [ctx.port.adopt(fd) for fd in fds]
    taken: list[int] = []
    try:
        for at in range(2):
            slot = what.file_slot if allocates else (what.file_slot + at) & MASK32
            found = fixed_fd_install(ctx, files.pop(0), slot)
            taken.append(found if allocates else slot - 1)
        _tell(req, what, (taken[0], taken[1]))
    except KernelError:
        for slot in taken:
            fixed_fd_remove(ctx, slot)
        for file in files:
            file.put()
        raise


def _tell(req: Request, what: Pipe, fds: tuple[int, int]) -> None:
    req.ctx.port.memory.view(what.fds, TWO_FDS.size, write=True)[:] = TWO_FDS.pack(*fds)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_OPENAT: Op("OPENAT", openat_prep, openat2, open_done),
    IORING_OP_OPENAT2: Op("OPENAT2", openat2_prep, openat2, open_done),
    IORING_OP_CLOSE: Op("CLOSE", close_prep, close),
    IORING_OP_PIPE: Op("PIPE", pipe_prep, pipe, pipe_done),
}
