"""Credentials that entries may name (IORING_REGISTER_PERSONALITY, ``io_uring/register.c``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from usernel.abi.errno import Errno

from ..error import KernelError

if TYPE_CHECKING:
    from .ctx import RingCtx

USHRT_MAX: Final = 0xFFFF


def register_personality(ctx: RingCtx) -> int:
    """Keep the caller's credentials: their number, from 1 to 65535, then 0, then what is free. EBUSY where nothing is.

    As in Linux there is a number 0, which an entry cannot name.
    """
    taken = ctx.personalities
    if len(taken) > USHRT_MAX:
        raise KernelError(Errno.EBUSY, f"{len(taken)} personalities are registered")
    number = ctx.next_personality
    while number in taken:
        number = number + 1 & USHRT_MAX
    taken[number] = ctx.port.cred()
    ctx.next_personality = number + 1 & USHRT_MAX
    return number


def unregister_personality(ctx: RingCtx, number: int) -> int:
    """Keep them no more. EINVAL for a number that is nobody's."""
    if number not in ctx.personalities:
        raise KernelError(Errno.EINVAL, f"no personality {number}")
    del ctx.personalities[number]
    return 0
