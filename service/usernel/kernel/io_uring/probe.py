"""Which opcodes there are (IORING_REGISTER_PROBE, ``io_uring/register.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IO_URING_OP_SUPPORTED
from usernel.abi.io_uring_op import IORING_OP_LAST
from usernel.abi.io_uring_struct import IO_URING_PROBE, IO_URING_PROBE_OP

from ..error import KernelError

if TYPE_CHECKING:
    from .ctx import RingCtx


def probe(ctx: RingCtx, count: int) -> list[tuple[int, int]]:
    """The first opcodes, each with IO_URING_OP_SUPPORTED or 0: what has no row in the ring's table is not there."""
    last = min(count, IORING_OP_LAST)
    return [(opcode, IO_URING_OP_SUPPORTED if opcode in ctx.ops else 0) for opcode in range(last)]


def register_probe(ctx: RingCtx, arg: Any, count: int) -> int:
    """Fill in a ``struct io_uring_probe``, or a list in its place. EFAULT, EINVAL where it is not all zeros."""
    found = probe(ctx, count)
    if isinstance(arg, list):
        arg[:] = found
        return 0
    size = IO_URING_PROBE.size + IO_URING_PROBE_OP.size * len(found)
    view = ctx.port.memory.view(arg, size, write=True)
    if any(view):
        raise KernelError(Errno.EINVAL, "a probe begins as zeros")
    ops = b"".join(IO_URING_PROBE_OP.pack(opcode, 0, flags, 0) for opcode, flags in found)
    view[:] = IO_URING_PROBE.pack(IORING_OP_LAST - 1, len(found), 0, 0, 0, 0) + ops
    return 0
