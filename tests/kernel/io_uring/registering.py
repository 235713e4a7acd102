"""io_uring_register(2) as tests call it, and what it is handed."""

from __future__ import annotations

from typing import Any

from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.register import register

from .sim_port import Ring


def call(ring: Ring, opcode: int, arg: Any = None, nr_args: int = 0) -> Any:
    """What it answers; an errno by its name."""
    try:
        return register(ring.ctx, opcode, arg, nr_args)
    except KernelError as error:
        return error.name


def tags(ring: Ring) -> list[int]:
    """The completions that are there, which are all tags."""
    taken = ring.reap()
    assert all((cqe.res, cqe.flags) == (0, 0) for cqe in taken)
    return [cqe.user_data for cqe in taken]
