"""A request: one submission on its way to its completion (``struct io_kiocb``)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

from .sqe import Sqe

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .opdef import Op
    from .poll import Poll
    from .port import Job, RingFile
    from .rsrc import RsrcNode
    from .timers import Timer

# The low bits are IOSQE_*, as in Linux; the names are those of include/linux/io_uring_types.h.
REQ_F_FIXED_FILE: Final = 1 << 0
REQ_F_IO_DRAIN: Final = 1 << 1
REQ_F_LINK: Final = 1 << 2
REQ_F_HARDLINK: Final = 1 << 3
REQ_F_FORCE_ASYNC: Final = 1 << 4
REQ_F_BUFFER_SELECT: Final = 1 << 5
REQ_F_CQE_SKIP: Final = 1 << 6
REQ_F_FAIL: Final = 1 << 8
REQ_F_NOWAIT: Final = 1 << 9
REQ_F_LINK_TIMEOUT: Final = 1 << 10
REQ_F_ARM_LTIMEOUT: Final = 1 << 11
REQ_F_SKIP_LINK_CQES: Final = 1 << 12
REQ_F_MULTISHOT: Final = 1 << 13
"""It posts a completion each time its file is ready (REQ_F_APOLL_MULTISHOT)."""
REQ_F_CANCELED: Final = 1 << 14
"""Its end is asked for while a worker is at it."""
REQ_F_IO_WQ: Final = 1 << 15
"""A worker does it: it was queued to io-wq, or follows in a chain on what was."""

LINK_FLAGS: Final = REQ_F_LINK | REQ_F_HARDLINK


class Request:
    """One request.

    ``data`` is what ``prep`` made of the entry, ``job`` the I/O that it waits for, ``link`` the next of its chain.
    ``where`` says what it waits on: one of the names below, or None while it is in nobody's hands but the ring's.
    """

    __slots__ = (
        "buf", "buf_index", "buf_node", "cancel_seq", "cqe_flags", "cred", "ctx", "data", "extra", "fd", "file",
        "file_node", "flags", "job", "link", "op", "opcode", "poll", "res", "sqe", "timer", "user_data", "where",
    )  # fmt: skip

    POLL: Final = "poll"
    IO_WQ: Final = "io-wq"
    TIMER: Final = "timer"
    DEFER: Final = "defer"
    TASK_WORK: Final = "task_work"

    def __init__(self, ctx: RingCtx, sqe: Sqe) -> None:
        self.ctx = ctx
        self.sqe = sqe
        self.op: Op | None = None
        self.opcode = sqe.opcode
        self.flags = sqe.flags
        self.user_data = sqe.user_data
        self.fd = sqe.fd
        self.file: RingFile | None = None
        self.file_node: RsrcNode | None = None
        self.buf_node: RsrcNode | None = None
        self.buf_index = sqe.buf_index
        self.buf: Any = None
        """The buffer that was chosen for it (IOSQE_BUFFER_SELECT)."""
        self.cred: Hashable | None = None
        self.link: Request | None = None
        self.data: Any = None
        self.job: Job | None = None
        self.poll: Poll | None = None
        """What it polls for."""
        self.timer: Timer | None = None
        self.cancel_seq: int | None = None
        """The last cancellation that has come by it."""
        self.res = 0
        self.cqe_flags = 0
        self.extra = (0, 0)
        self.where: str | None = None

    def fail(self) -> None:
        """Its chain is to be cancelled, and its completion is posted whatever was asked (``req_set_fail``)."""
        self.flags |= REQ_F_FAIL
        if self.flags & REQ_F_CQE_SKIP:
            self.flags &= ~REQ_F_CQE_SKIP
            self.flags |= REQ_F_SKIP_LINK_CQES

    def assign_file(self) -> bool:
        """Look up its file: a registered one, or by its descriptor. False where there is none (``io_assign_file``)."""
        ctx = self.ctx
        if self.flags & REQ_F_FIXED_FILE:
            node = ctx.file_table.lookup(self.fd)
            if node is not None:
                node.refs += 1
                self.file_node = node
                self.file = node.file
        else:
            self.file = ctx.port.fget(self.fd)
        return self.file is not None

    def set_res(self, res: int, cqe_flags: int = 0) -> None:
        """What its completion will say."""
        self.res = res
        self.cqe_flags = cqe_flags

    def stat(self) -> dict[str, Any]:
        """The request as ``/proc/[pid]/fdinfo`` shows what a ring is at."""
        name = self.op.name if self.op is not None else "INVALID"
        return {"opcode": name, "user_data": self.user_data, "fd": self.fd, "waits_on": self.where}
