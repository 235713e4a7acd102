"""What a task's descriptor of a ring refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_RDWR
from usernel.abi.io_uring_op import IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_FD
from usernel.abi.stat import S_IFREG

from ..error import KernelError
from ..file import File
from ..wait import WaitQueue
from .cancel import CancelData, try_cancel

if TYPE_CHECKING:
    from ..kernel import Kernel
    from ..task import Task
    from .ctx import RingCtx
    from .rings import PlainRings
    from .task_port import TaskPort


class UringFile(File):
    """An open ring (``io_uring_fops``)."""

    __slots__ = ("_pollers", "ctx", "port", "rings")

    def __init__(self, ctx: RingCtx, rings: PlainRings, port: TaskPort) -> None:
        super().__init__(O_RDWR)
        self.ctx = ctx
        self.rings = rings
        self.port = port
        port.uring = self
        self._pollers = WaitQueue()

    @property
    def poll_mask(self) -> int:
        """Writable while the submission queue has room, readable while completions are there."""
        return self.ctx.poll_mask

    @property
    def pollers(self) -> WaitQueue:
        """Who waits for completions."""
        return self._pollers

    def flush(self, kernel: Kernel, task: Task) -> None:
        """A task that ends gives it up: what waits for rings is cancelled, or they could keep each other for ever."""
        if task.exited:
            _cancel_polls_of_rings(self.ctx)

    def release(self, kernel: Kernel) -> None:
        """The last descriptor is closed: the ring ends."""
        self.ctx.close()

    def fstat(self, task: Task) -> dict[str, Any]:
        """``struct stat`` of an anonymous inode."""
        return {
            "st_ino": 0, "st_mode": S_IFREG | 0o600, "st_uid": 0, "st_gid": 0, "st_size": 0, "st_nlink": 1,
            "st_atime": 0, "st_mtime": 0, "st_ctime": 0,
        }  # fmt: skip


def uring_file(task: Task, fd: int) -> UringFile:
    """The ring of a descriptor. EBADF; EOPNOTSUPP for another kind of file."""
    file = task.fds.get(fd)
    if not isinstance(file, UringFile):
        raise KernelError(Errno.EOPNOTSUPP, f"descriptor {fd} is no ring")
    return file


def _cancel_polls_of_rings(ctx: RingCtx) -> None:
    """``io_uring_files_cancel``."""
    for req in list(ctx.inflight):
        if req.file is not None and req.file.ring is not None:
            ctx.cancel_seq += 1
            cd = CancelData(0, IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL, file=req.file, seq=ctx.cancel_seq)
            while not try_cancel(ctx, cd):
                pass
    ctx.run_task_work()
    ctx.flush_completions()
