"""What entries point at, read out of the program's memory: strings, arrays of buffers, structs, times.

Each takes an address, or what a program in the same process gave in its place (``Memory.owns``), and says EFAULT
where nothing of the kind is there (``fs/namei.c``, ``lib/iov_iter.c``, ``include/linux/uaccess.h``).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT
from usernel.abi.time_types import KERNEL_TIMESPEC
from usernel.abi.uio import IOVEC, UIO_MAXIOV

from ..error import KernelError
from .sqe import Nanoseconds

if TYPE_CHECKING:
    from .port import Memory

PATH_MAX: Final = 4096
NSEC_PER_SEC: Final = 10**9
SSIZE_MAX: Final = (1 << 63) - 1
TASK_SIZE: Final = (1 << 47) - 4096
"""Where a program's addresses end (x86_64)."""


def access_ok(memory: Memory, addr: Any, size: int) -> None:
    """EFAULT for an address that no program could have, whatever is there."""
    if memory.owns(addr) and addr + size > TASK_SIZE:
        raise KernelError(Errno.EFAULT, f"{size} bytes at {addr:#x}")


def read_bytes(memory: Memory, addr: Any, size: int) -> bytes:
    """A copy of ``size`` bytes (``copy_from_user``). EFAULT."""
    return bytes(memory.view(addr, size))


def read_struct(memory: Memory, addr: Any, struct: Struct) -> tuple[Any, ...]:
    """A struct's fields; in place of its address the fields themselves may stand, as a tuple. EFAULT."""
    if isinstance(addr, tuple) and not memory.owns(addr):
        return addr
    return struct.unpack(memory.view(addr, struct.size))


def read_string(memory: Memory, addr: Any, limit: int) -> bytes | None:
    """A string up to its NUL; None where there is none within ``limit`` bytes (``strncpy_from_user``). EFAULT."""
    if not memory.owns(addr):
        text = _given_string(addr)
        return text if len(text) < limit else None
    found, step = bytearray(), 256
    while len(found) < limit:
        step = min(step, limit - len(found))
        try:
            piece = bytes(memory.view(addr + len(found), step))
        except KernelError:
            # The memory may end in the midst of these bytes, though behind the NUL.
            if step == 1:
                raise
            step //= 2
            continue
        if 0 in piece:
            return bytes(found + piece[: piece.index(0)])
        found += piece
    return None


def _given_string(value: Any) -> bytes:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise KernelError(Errno.EFAULT, f"{type(value).__name__} is no string")
    return bytes(value).partition(b"\0")[0]


def read_path(memory: Memory, addr: Any, *, may_be_empty: bool = False) -> bytes:
    """A path (``getname``). EFAULT; ENAMETOOLONG from 4096 bytes on, ENOENT for none at all unless that may be."""
    path = read_string(memory, addr, PATH_MAX)
    if path is None:
        raise KernelError(Errno.ENAMETOOLONG, f"a path of {PATH_MAX} bytes or more")
    if not path and not may_be_empty:
        raise KernelError(Errno.ENOENT, "an empty path")
    return path


def read_iovec(memory: Memory, addr: Any, count: int) -> list[tuple[Any, int]]:
    """Buffers as address and size, together no larger than one read may be (``import_iovec``).

    What of them is past that is cut off. The buffers themselves are not looked at. Errors as of ``iovec_from_user``.
    """
    pieces = iovec_from_user(memory, addr, count)
    left = MAX_RW_COUNT
    for at, (base, size) in enumerate(pieces):
        pieces[at] = (base, min(size, left))
        access_ok(memory, base, pieces[at][1])
        left -= pieces[at][1]
    return pieces


def iovec_from_user(memory: Memory, addr: Any, count: int) -> list[tuple[Any, int]]:
    """Buffers as address and size, as they were given. EINVAL for more than 1024 or one above SSIZE_MAX, EFAULT.

    In place of an array's address a sequence may stand, of buffers or of pairs of address and size.
    """
    if count > UIO_MAXIOV:
        raise KernelError(Errno.EINVAL, f"{count} buffers")
    pieces = _iovec(memory, addr, count)
    for _base, size in pieces:
        if size > SSIZE_MAX:
            raise KernelError(Errno.EINVAL, f"a buffer of {size} bytes")
    return pieces


def _iovec(memory: Memory, addr: Any, count: int) -> list[tuple[Any, int]]:
    if not count:
        return []
    if memory.owns(addr):
        return list(IOVEC.iter_unpack(memory.view(addr, count * IOVEC.size)))
    if not isinstance(addr, (list, tuple)) or len(addr) < count:
        raise KernelError(Errno.EFAULT, f"no sequence of {count} buffers")
    return [given_iovec(buffer) for buffer in addr[:count]]


def given_iovec(buffer: Any) -> tuple[Any, int]:
    """A buffer and its size, or a pair of an address and a size, in place of a ``struct iovec``. EFAULT."""
    if isinstance(buffer, tuple) and len(buffer) == 2 and isinstance(buffer[1], int) and buffer[1] >= 0:
        return buffer
    try:
        return buffer, memoryview(buffer).nbytes
    except TypeError as error:
        raise KernelError(Errno.EFAULT, str(error)) from None


def views(memory: Memory, pieces: Sequence[tuple[Any, int]], *, write: bool) -> tuple[memoryview, ...]:
    """The buffers, as far as they are there: where the first byte of all is not, EFAULT."""
    found: list[memoryview] = []
    for addr, size in pieces:
        if not size:
            continue
        try:
            found.append(memory.view(addr, size, write=write))
        except KernelError:
            start = _start(memory, addr, size, write=write)
            if not start and not found:
                raise
            return (*found, memory.view(addr, start, write=write)) if start else tuple(found)
    return tuple(found)


def _start(memory: Memory, addr: Any, size: int, *, write: bool) -> int:
    """How many bytes of a buffer are there, where not all are."""
    least, most = 0, size
    while memory.owns(addr) and most - least > 1:
        middle = (least + most) // 2
        try:
            memory.view(addr, middle, write=write)
        except KernelError:
            most = middle
        else:
            least = middle
    return least


def read_timespec(memory: Memory, addr: Any) -> int:
    """A ``struct __kernel_timespec`` in nanoseconds. EFAULT; EINVAL where a part of it is negative."""
    if isinstance(addr, Nanoseconds):
        sec, nsec = divmod(int(addr), NSEC_PER_SEC)
    else:
        sec, nsec = read_struct(memory, addr, KERNEL_TIMESPEC)
    if sec < 0 or nsec < 0:
        raise KernelError(Errno.EINVAL, f"a time of {sec} s and {nsec} ns")
    return min(int(sec * NSEC_PER_SEC + nsec), SSIZE_MAX)
