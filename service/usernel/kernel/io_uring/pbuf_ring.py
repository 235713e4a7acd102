"""A group of provided buffers as a ring in memory that the program fills (``io_uring/kbuf.c``).

The program writes addresses, sizes and numbers of buffers, and the tail behind them; the head is the ring's own. All
that is read there is read once, and again for each request.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_CQE_F_BUF_MORE,
    IORING_OFF_PBUF_RING,
    IORING_OFF_PBUF_SHIFT,
    IOU_PBUF_RING_INC,
    IOU_PBUF_RING_MMAP,
)
from usernel.abi.io_uring_struct import BUF_RING_TAIL, IO_URING_BUF, IO_URING_BUF_REG, IO_URING_BUF_STATUS

from ..error import KernelError
from .kbuf import USHRT_MAX, ProvidedList, buffer_flags
from .request import REQ_F_FORCE_ASYNC
from .rsrc import PAGE_SIZE, ULONG_MAX
from .user_array import copy_struct, given, put_struct, reserved

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .request import Request

MAX_RING_ENTRIES: Final = 65536
"""One past what a ring may have: a full one has to differ from an empty one."""
U16: Final = Struct("=H")
LEN_OFFSET: Final = 8
U64: Final = Struct("=Q")
U32: Final = Struct("=I")


class BufferRing:
    """The ring of a group.

    ``incremental``: a buffer is used up piece by piece (IOU_PBUF_RING_INC), until no more than ``min_left`` bytes less
    one are left of it.
    """

    __slots__ = ("_ctx", "_incremental", "_left_over", "_mask", "_mmap_offset", "_region", "head")

    def __init__(
        self, ctx: RingCtx, region: memoryview, mask: int, mmap_offset: int | None, *, incremental: bool, min_left: int
    ) -> None:
        self._ctx = ctx
        self._region = region
        self._mask = mask
        self._incremental = incremental
        self._left_over = max(min_left - 1, 0)
        self._mmap_offset = mmap_offset
        self.head = 0

    @property
    def tail(self) -> int:
        """Where the program puts the next."""
        value: int = U16.unpack_from(self._region, BUF_RING_TAIL)[0]
        return value

    def _offset(self) -> int:
        return (self.head & self._mask) * IO_URING_BUF.size

    def select(self, req: Request, size: int) -> RingBuffer | None:
        """The buffer at the head (``io_ring_buffer_select``)."""
        if self.tail == self.head:
            return None
        addr, length, bid, _resv = IO_URING_BUF.unpack_from(self._region, self._offset())
        selected = RingBuffer(self, addr, min(size or length, length), bid)
        if req.flags & REQ_F_FORCE_ASYNC or req.file is None or not req.file.can_poll:
            # It may be used for long, without anything that keeps others from it: it is used up now.
            selected.commit(selected.size)
        return selected

    def bytes_at(self, addr: int, size: int) -> memoryview:
        """The bytes of a buffer. EFAULT."""
        return self._ctx.port.memory.view(addr, size, write=True)

    def commit(self, size: int) -> bool:
        """So much of the buffer at the head is used up: whether more of it is left (``io_kbuf_commit``)."""
        if not self._incremental:
            self._advance()
            return False
        if not size:
            return True
        while size:
            at = self._offset()
            addr, length, _bid, _resv = IO_URING_BUF.unpack_from(self._region, at)
            part = min(size, length)
            if length - part > self._left_over or not part:
                U64.pack_into(self._region, at, addr + part & ULONG_MAX)
                U32.pack_into(self._region, at + LEN_OFFSET, length - part)
                return True
            U32.pack_into(self._region, at + LEN_OFFSET, 0)
            self._advance()
            size -= part
        return False

    def _advance(self) -> None:
        self.head = self.head + 1 & USHRT_MAX

    def destroy(self) -> None:
        """The memory is given up."""
        if self._mmap_offset is not None:
            self._ctx.port.free_region(self._ctx, self._mmap_offset)


class RingBuffer:
    """A buffer of a ring that a request uses. It is used up (committed) when it is put, or was when it was taken."""

    __slots__ = ("_addr", "_bid", "_committed", "_more", "_ring", "size")

    def __init__(self, ring: BufferRing, addr: int, size: int, bid: int) -> None:
        self._ring = ring
        self._addr = addr
        self._bid = bid
        self._committed = False
        self._more = False
        self.size = size

    @property
    def view(self) -> memoryview:
        """Its bytes. ENOBUFS at address 0."""
        if not self._addr:
            raise KernelError(Errno.ENOBUFS, f"buffer {self._bid} is at no address")
        return self._ring.bytes_at(self._addr, self.size)

    def commit(self, size: int) -> None:
        """So much of it is used up, once."""
        if not self._committed:
            self._committed = True
            self._more = self._ring.commit(size)

    def put(self, req: Request, res: int) -> int:
        """What was put into it is used up; the completion says whether more of it is left."""
        req.buf = None
        if res < 0 and not self._committed:
            return 0
        self.commit(res)
        return buffer_flags(self._bid) | (IORING_CQE_F_BUF_MORE if self._more else 0)

    def recycle(self, req: Request) -> None:
        """It is at the head as ever, unless it was used up when it was taken: then the request keeps it."""
        if not self._committed:
            req.buf = None

    def wait(self, req: Request) -> None:
        """The same: another request may use it meanwhile."""
        self.recycle(req)


def register_pbuf_ring(ctx: RingCtx, arg: Any) -> int:
    """IORING_REGISTER_PBUF_RING.

    EINVAL for unknown flags, a number of entries that is no power of two below 65536, or ``min_left`` of whole buffers;
    EEXIST for a group with buffers, EFAULT for no memory.
    """
    addr, entries, bgid, flags, min_left, *resv = copy_struct(ctx.port.memory, arg, IO_URING_BUF_REG)
    reserved(*resv)
    if flags & ~(IOU_PBUF_RING_MMAP | IOU_PBUF_RING_INC):
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of io_uring_buf_reg")
    if not entries or entries & (entries - 1) or entries >= MAX_RING_ENTRIES:
        raise KernelError(Errno.EINVAL, f"a ring of {entries} buffers")
    incremental = bool(flags & IOU_PBUF_RING_INC)
    if min_left and not incremental:
        raise KernelError(Errno.EINVAL, "min_left is of buffers that are used up piece by piece (IOU_PBUF_RING_INC)")
    group = ctx.bgids.get(bgid)
    if isinstance(group, ProvidedList) and not group.buffers:
        del ctx.bgids[bgid]
    elif group is not None:
        raise KernelError(Errno.EEXIST, f"group {bgid} has buffers")
    size = -(-entries * IO_URING_BUF.size // PAGE_SIZE) * PAGE_SIZE
    offset = IORING_OFF_PBUF_RING | bgid << IORING_OFF_PBUF_SHIFT if flags & IOU_PBUF_RING_MMAP else None
    region = _user_region(ctx, addr, entries, size) if offset is None else ctx.port.alloc_region(ctx, size, offset)
    ctx.bgids[bgid] = BufferRing(ctx, region, entries - 1, offset, incremental=incremental, min_left=min_left)
    return 0


def _user_region(ctx: RingCtx, addr: Any, entries: int, size: int) -> memoryview:
    memory = ctx.port.memory
    if not given(memory, addr):
        raise KernelError(Errno.EFAULT, "a ring at no address")
    if not memory.owns(addr):
        return memory.view(addr, entries * IO_URING_BUF.size, write=True)
    if addr % PAGE_SIZE:
        raise KernelError(Errno.EINVAL, "a ring begins at a page")
    if addr + size > ULONG_MAX:
        raise KernelError(Errno.EOVERFLOW, "a ring past the end of all memory")
    return memory.view(addr, size, write=True)


def _buffer_ring(ctx: RingCtx, bgid: int) -> BufferRing:
    group = ctx.bgids.get(bgid)
    if group is None:
        raise KernelError(Errno.ENOENT, f"no group {bgid}")
    if not isinstance(group, BufferRing):
        raise KernelError(Errno.EINVAL, f"group {bgid} is no ring")
    return group


def unregister_pbuf_ring(ctx: RingCtx, arg: Any) -> int:
    """IORING_UNREGISTER_PBUF_RING. EFAULT, EINVAL, ENOENT."""
    _addr, _entries, bgid, flags, _min_left, *resv = copy_struct(ctx.port.memory, arg, IO_URING_BUF_REG)
    reserved(flags, *resv)
    ring = _buffer_ring(ctx, bgid)
    del ctx.bgids[bgid]
    ring.destroy()
    return 0


def pbuf_status(ctx: RingCtx, arg: Any) -> int:
    """IORING_REGISTER_PBUF_STATUS: where a ring's head is. EFAULT, EINVAL, ENOENT."""
    bgid, _head, *resv = copy_struct(ctx.port.memory, arg, IO_URING_BUF_STATUS)
    reserved(*resv)
    head = _buffer_ring(ctx, bgid).head
    put_struct(ctx.port.memory, arg, IO_URING_BUF_STATUS, (bgid, head, *resv))
    return 0
