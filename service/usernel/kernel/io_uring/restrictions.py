"""What a ring may be used for, said before it is enabled (IORING_REGISTER_RESTRICTIONS, ``io_uring/register.c``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_MAX_RESTRICTIONS,
    IORING_REGISTER_LAST,
    IORING_RESTRICTION_REGISTER_OP,
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
    IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
    IORING_RESTRICTION_SQE_OP,
    IORING_SETUP_R_DISABLED,
)
from usernel.abi.io_uring_op import IORING_OP_LAST
from usernel.abi.io_uring_struct import IO_URING_RESTRICTION

from ..error import KernelError
from .user_array import UserArray, given

if TYPE_CHECKING:
    from .ctx import RingCtx


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What is allowed (``struct io_restriction``): opcodes of both calls, and flags of entries."""

    register_ops: frozenset[int] = frozenset()
    sqe_ops: frozenset[int] = frozenset()
    sqe_flags_allowed: int = 0
    sqe_flags_required: int = 0

    def allows(self, opcode: int, sqe_flags: int) -> bool:
        """Whether an entry may be submitted (``io_check_restriction``)."""
        if opcode not in self.sqe_ops or sqe_flags & self.sqe_flags_required != self.sqe_flags_required:
            return False
        return not sqe_flags & ~(self.sqe_flags_allowed | self.sqe_flags_required)

    def allows_register(self, opcode: int) -> bool:
        """Whether io_uring_register(2) may be called with an opcode."""
        return opcode in self.register_ops


def register_restrictions(ctx: RingCtx, arg: Any, count: int) -> int:
    """IORING_REGISTER_RESTRICTIONS. EBADFD for an enabled ring, EBUSY a second time, EINVAL, EFAULT."""
    if not ctx.flags & IORING_SETUP_R_DISABLED:
        raise KernelError(Errno.EBADFD, "the ring is enabled already")
    if ctx.restrictions is not None:
        raise KernelError(Errno.EBUSY, "the ring has restrictions")
    memory = ctx.port.memory
    if not given(memory, arg) or count > IORING_MAX_RESTRICTIONS:
        raise KernelError(Errno.EINVAL, f"{count} restrictions")
    array = UserArray(memory, arg, IO_URING_RESTRICTION)
    ctx.restrictions = parse([tuple(array.get(at)) for at in range(count)])
    return 0


def parse(given_restrictions: list[tuple[Any, ...]]) -> Restrictions:
    """What ``struct io_uring_restriction`` say together. EINVAL for opcodes that there are not."""
    register_ops, sqe_ops, allowed, required = set(), set(), 0, 0
    for opcode, value, *_reserved in given_restrictions:
        if opcode == IORING_RESTRICTION_REGISTER_OP and value < IORING_REGISTER_LAST:
            register_ops.add(value)
        elif opcode == IORING_RESTRICTION_SQE_OP and value < IORING_OP_LAST:
            sqe_ops.add(value)
        elif opcode == IORING_RESTRICTION_SQE_FLAGS_ALLOWED:
            allowed = value
        elif opcode == IORING_RESTRICTION_SQE_FLAGS_REQUIRED:
            required = value
        else:
            raise KernelError(Errno.EINVAL, f"restriction {opcode} of {value}")
    return Restrictions(frozenset(register_ops), frozenset(sqe_ops), allowed, required)
