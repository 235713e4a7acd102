"""What the kernel below says of its io_uring and of flags, for it is newer than its installed headers."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from errno import EINVAL
from struct import Struct

RELEASE = "6.18"
CQSIZE, R_DISABLED = 1 << 3, 1 << 6
RESTRICTIONS, BUFFERS, RING_FDS, QUERY = 11, 0, 20, 35
TMPFILE = 0o20200002
OPENAT2 = 437
TEE = {"x86_64": 276, "aarch64": 77}
PARAMS, HEADER, ANSWER = Struct("=10I80x"), Struct("=QQIIi3I"), Struct("=IIQQQQII")
NOWHERE = 8
"""An address where nobody has anything: EFAULT, once what is looked at before it is right."""
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """A system call's result, or its errno below zero."""
    plain = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *plain)
    return result if result >= 0 else -ctypes.get_errno()


def setup(entries: int, flags: int, cq_entries: int = 0) -> int:
    """A ring's descriptor."""
    return call(425, entries, ctypes.create_string_buffer(PARAMS.pack(0, cq_entries, flags, *[0] * 7)))


def register(ring: int, opcode: int, argument: object, number: int) -> int:
    return call(427, ring, opcode, argument, number)


def attempted(entries: int, flags: int = 0, cq_entries: int = 0) -> int:
    """What setting up such a ring comes to; it is closed again."""
    ring = setup(entries, flags, cq_entries)
    if ring >= 0:
        os.close(ring)
    return ring


def query() -> tuple[int, ...]:
    """How many opcodes there are of each sort, and every flag."""
    answer = ctypes.create_string_buffer(ANSWER.size)
    asked = HEADER.pack(0, ctypes.addressof(answer), 0, ANSWER.size, 0, 0, 0, 0)
    register(-1, QUERY, ctypes.create_string_buffer(asked, HEADER.size), 0)
    return ANSWER.unpack(answer.raw)


def accepted(attempt: Callable[[int], int]) -> int:
    """Those of 32 bits that are not refused with EINVAL."""
    return sum(1 << bit for bit in range(32) if attempt(1 << bit) != -EINVAL)


def most(attempt: Callable[[int], int]) -> int:
    """The greatest number that is not refused with EINVAL."""
    low, high = 1, 1 << 20
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if attempt(middle) == -EINVAL else (middle, high)
    return low


def opened(flags: int, resolve: int = 0) -> int:
    """openat2(2) of a name without letters: ENOENT, once the flags are right."""
    return call(OPENAT2, -100, b"", ctypes.create_string_buffer(Struct("=QQQ").pack(flags, 0, resolve), 24), 24)


def teed(flags: int) -> int:
    """tee(2) of nothing: EBADF, once the flags are right."""
    return call(TEE[os.uname().machine], -1, -1, 1, flags)


def limits() -> dict[str, int]:
    """How much a ring takes."""
    ring = setup(1, R_DISABLED)
    try:
        return {
            "IORING_MAX_ENTRIES": most(attempted),
            "IORING_MAX_CQ_ENTRIES": most(lambda number: attempted(1, CQSIZE, number)),
            "IORING_MAX_RESTRICTIONS": most(lambda number: register(ring, RESTRICTIONS, NOWHERE, number)),
            "IORING_MAX_REG_BUFFERS": most(lambda number: register(ring, BUFFERS, NOWHERE, number)),
            "IO_RINGFD_REG_MAX": most(lambda number: register(ring, RING_FDS, NOWHERE, number)),
        }
    finally:
        os.close(ring)


def kernel() -> dict[str, int]:
    """The numbers of the kernel below; none where it is another release, or lets nobody have a ring."""
    if not os.uname().release.startswith(f"{RELEASE}.") or attempted(1) < 0:
        return {}
    names = (
        "IORING_OP_LAST IORING_REGISTER_LAST IORING_FEAT_FLAGS IORING_SETUP_FLAGS IORING_ENTER_FLAGS SQE_VALID_FLAGS"
    )
    tmpfile = TMPFILE & ~0o200002 if opened(TMPFILE) != -EINVAL else 0
    return (
        dict(zip(names.split(), query(), strict=False))
        | limits()
        | {
            "VALID_OPEN_FLAGS": accepted(opened) | 0o3 | tmpfile,
            "VALID_RESOLVE_FLAGS": accepted(lambda bit: opened(0, bit)),
            "SPLICE_F_ALL": accepted(teed),
        }
    )
