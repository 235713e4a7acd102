"""READ_MULTISHOT: a completion each time that there is something to read (``io_read_mshot`` of ``io_uring/rw.c``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_CQE_F_MORE, IOSQE_BUFFER_SELECT
from usernel.abi.io_uring_op import IORING_OP_READ_MULTISHOT

from ..error import KernelError
from . import rw
from .opdef import Op
from .outcome import Outcome
from .port import AGAIN, Again
from .request import REQ_F_MULTISHOT, Request
from .sqe import Sqe


def prep(req: Request, sqe: Sqe) -> None:
    """EINVAL where no buffer is to be chosen, or where one is given."""
    if not req.flags & IOSQE_BUFFER_SELECT:
        raise KernelError(Errno.EINVAL, "buffers are to be chosen (IOSQE_BUFFER_SELECT)")
    rw.prep_fixed(req, sqe)
    if sqe.addr or sqe.len:
        raise KernelError(Errno.EINVAL, "a buffer is chosen, not given")
    req.flags |= REQ_F_MULTISHOT


def issue(req: Request) -> Outcome:
    """Read once into the next buffer, and wait for more. EBADFD for what cannot be polled; ENOBUFS ends it."""
    if req.file is None or not req.file.can_poll:
        return -Errno.EBADFD
    chosen, fault = rw.choose(req)
    result = req.ctx.port.try_now(rw.transfer(req, chosen, write=False, fault=fault))
    req.data.len = 0
    if isinstance(result, Again):
        req.buf.recycle(req)
        return result
    return _got(req, rw.outcome_of(req, result))


def _got(req: Request, result: int) -> Outcome:
    if result <= 0:
        req.buf.recycle(req)
        return result
    cqe_flags = req.ctx.put_kbuf(req, result)
    if req.ctx.req_post_cqe(req, result, cqe_flags | IORING_CQE_F_MORE):
        return AGAIN
    req.cqe_flags = cqe_flags
    return result


def never(req: Request, result: Any) -> int:
    """It asks for no job that is to wait."""
    raise AssertionError(f"a multishot read came to {result}")


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_READ_MULTISHOT: Op(
        "READ_MULTISHOT", prep, issue, never, needs_file=True, pollin=True, unbound_nonreg_file=True, buffer_select=True
    )
}
