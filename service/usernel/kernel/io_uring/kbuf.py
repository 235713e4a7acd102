"""Buffers that a program provides, and requests take when they have data for them (``io_uring/kbuf.c``).

A group is a list that PROVIDE_BUFFERS fills, or a ring in memory that the program fills itself (``pbuf_ring``). What a
request has taken is its ``buf`` until it is put: the completion then says which buffer it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT
from usernel.abi.io_uring import IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUFFER, MAX_BIDS_PER_BGID
from usernel.abi.io_uring_op import IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS

from ..error import KernelError
from .opdef import Op
from .prep import unused
from .rsrc import ULONG_MAX
from .uaccess import access_ok
from .user_array import given

if TYPE_CHECKING:
    from .port import Memory
    from .request import Request
    from .sqe import Sqe

USHRT_MAX: Final = 0xFFFF


class SelectedBuffer(Protocol):
    """The buffer that a request has taken."""

    @property
    def view(self) -> memoryview:
        """Its bytes, no more than were asked for. EFAULT where they are not there."""

    def put(self, req: Request, res: int) -> int:
        """The request is done with it: the flags of its completion (``io_put_kbuf``)."""

    def recycle(self, req: Request) -> None:
        """The request has not used it, and takes one anew: it goes back in front (``io_kbuf_recycle``)."""

    def wait(self, req: Request) -> None:
        """The request waits for its file: it goes back unless it is the request's alone by now."""


class BufferList(Protocol):
    """A group of buffers (``struct io_buffer_list``)."""

    def select(self, req: Request, size: int) -> SelectedBuffer | None:
        """Take the next buffer, of which ``size`` bytes are wanted (0: all); None where there is none."""

    def destroy(self) -> None:
        """The group is no more."""


def buffer_flags(bid: int) -> int:
    """What a completion says of its buffer."""
    return IORING_CQE_F_BUFFER | bid << IORING_CQE_BUFFER_SHIFT


def select(req: Request, size: int) -> memoryview:
    """The buffer for a request, of its group (``io_buffer_select``): at most ``size`` bytes; 0: the whole of it.

    One that it holds already is used on. ENOBUFS where there is none, EFAULT where its bytes are not there.
    """
    if req.buf is None:
        group = req.ctx.bgids.get(req.sqe.buf_index)
        req.buf = None if group is None else group.select(req, size)
        if req.buf is None:
            raise KernelError(Errno.ENOBUFS, f"no buffer in group {req.sqe.buf_index}")
    view: memoryview = req.buf.view
    return view


class ProvidedBuffer(NamedTuple):
    """A buffer of a list (``struct io_buffer``): at an address, or the bytes themselves."""

    base: Any
    size: int
    bid: int


class ProvidedList:
    """A group that PROVIDE_BUFFERS fills, oldest first."""

    __slots__ = ("buffers", "memory")

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.buffers: deque[ProvidedBuffer] = deque()

    def select(self, req: Request, size: int) -> SelectedBuffer | None:
        """Take the oldest."""
        if not self.buffers:
            return None
        return Provided(self, self.buffers.popleft(), size)

    def add(self, provide: ProvideBuffers) -> None:
        """Put buffers behind the others, as many as there is room for. EOVERFLOW where there is none."""
        size = min(provide.size, MAX_RW_COUNT)
        for at in range(provide.count):
            if len(self.buffers) == USHRT_MAX:
                if not at:
                    raise KernelError(Errno.EOVERFLOW, f"{USHRT_MAX} buffers are in the group")
                return
            self.buffers.append(ProvidedBuffer(provide.base(at), size, provide.bid + at & USHRT_MAX))

    def remove(self, count: int) -> int:
        """Take out the oldest: how many there were (``io_remove_buffers_legacy``)."""
        count = min(count, len(self.buffers))
        for _ in range(count):
            self.buffers.popleft()
        return count

    def destroy(self) -> None:
        """Nothing is left of it."""
        self.buffers.clear()


class Provided:
    """A buffer that was taken out of a list."""

    __slots__ = ("_buffer", "_list", "_size")

    def __init__(self, of: ProvidedList, buffer: ProvidedBuffer, size: int) -> None:
        self._list = of
        self._buffer = buffer
        self._size = min(size or buffer.size, buffer.size)

    @property
    def view(self) -> memoryview:
        """Its bytes. ENOBUFS at address 0."""
        if not given(self._list.memory, self._buffer.base):
            raise KernelError(Errno.ENOBUFS, f"buffer {self._buffer.bid} is at no address")
        return self._list.memory.view(self._buffer.base, self._size, write=True)

    def put(self, req: Request, res: int) -> int:
        """It is used up, whatever was put into it."""
        req.buf = None
        return buffer_flags(self._buffer.bid)

    def recycle(self, req: Request) -> None:
        """It is the oldest again."""
        req.buf = None
        self._list.buffers.appendleft(self._buffer)

    def wait(self, req: Request) -> None:
        """It is the request's, and stays so."""


# ---------------------------------------------------------------------------------------------------------- the opcodes


@dataclass(frozen=True, slots=True)
class ProvideBuffers:
    """``struct io_provide_buf``."""

    addr: Any
    size: int
    count: int
    bid: int = 0
    view: memoryview | None = None
    """All of their bytes, where they were given as a Python object."""

    def base(self, at: int) -> Any:
        """Where the buffer of a number begins."""
        if self.view is not None:
            return self.view[at * self.size : (at + 1) * self.size]
        return self.addr + at * self.size


def provide_buffers_prep(req: Request, sqe: Sqe) -> None:
    """E2BIG for a number of buffers or a first number out of range, EINVAL, EOVERFLOW, EFAULT for no program's address.

    The bytes are not looked at before they are used.
    """
    unused(sqe, "rw_flags", "splice_fd_in")
    if not 0 < sqe.fd <= MAX_BIDS_PER_BGID:
        raise KernelError(Errno.E2BIG, f"{sqe.fd} buffers: 1 to {MAX_BIDS_PER_BGID}")
    if not sqe.len:
        raise KernelError(Errno.EINVAL, "buffers of no bytes")
    view = _provided_bytes(req, sqe)
    if sqe.off > USHRT_MAX:
        raise KernelError(Errno.E2BIG, f"the number {sqe.off} of a buffer")
    if sqe.off + sqe.fd > MAX_BIDS_PER_BGID:
        raise KernelError(Errno.EINVAL, f"{sqe.fd} buffers from number {sqe.off} on")
    req.data = ProvideBuffers(sqe.addr, sqe.len, sqe.fd, sqe.off, view)


def _provided_bytes(req: Request, sqe: Sqe) -> memoryview | None:
    memory, size = req.ctx.port.memory, sqe.len * sqe.fd
    if not memory.owns(sqe.addr):
        return memory.view(sqe.addr, size, write=True)
    if sqe.addr + size > ULONG_MAX:
        raise KernelError(Errno.EOVERFLOW, "buffers past the end of all memory")
    access_ok(memory, sqe.addr, size)
    return None


def provide_buffers(req: Request) -> int:
    """Put buffers into a group. EINVAL for one that is a ring, EOVERFLOW for a full one."""
    bgids = req.ctx.bgids
    group = bgids.get(req.sqe.buf_index)
    if group is None:
        group = bgids[req.sqe.buf_index] = ProvidedList(req.ctx.port.memory)
    if not isinstance(group, ProvidedList):
        raise KernelError(Errno.EINVAL, "the group is a ring")
    group.add(req.data)
    return 0


def remove_buffers_prep(req: Request, sqe: Sqe) -> None:
    """EINVAL for unused fields, and a number of buffers out of range."""
    unused(sqe, "rw_flags", "len", "off", "splice_fd_in")
    if given(req.ctx.port.memory, sqe.addr) or not 0 < sqe.fd <= MAX_BIDS_PER_BGID:
        raise KernelError(Errno.EINVAL, f"{sqe.fd} buffers: 1 to {MAX_BIDS_PER_BGID}, at no address")
    req.data = sqe.fd


def remove_buffers(req: Request) -> int:
    """Take buffers out of a group: how many. ENOENT without the group, EINVAL for one that is a ring."""
    group = req.ctx.bgids.get(req.sqe.buf_index)
    if group is None:
        raise KernelError(Errno.ENOENT, f"no group {req.sqe.buf_index}")
    if not isinstance(group, ProvidedList):
        raise KernelError(Errno.EINVAL, "the group is a ring")
    return group.remove(req.data)


OPS: Final[Mapping[int, Op]] = {
    IORING_OP_PROVIDE_BUFFERS: Op("PROVIDE_BUFFERS", provide_buffers_prep, provide_buffers, iopoll=True),
    IORING_OP_REMOVE_BUFFERS: Op("REMOVE_BUFFERS", remove_buffers_prep, remove_buffers, iopoll=True),
}
