"""What a ring holds registered, and its table of buffers (``io_uring/rsrc.c``).

A slot of a table holds a node; so does each request that uses it. The node's tag is posted when the last has let go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fs import MAX_RW_COUNT
from usernel.abi.io_uring import IORING_MAX_REG_BUFFERS, IORING_RSRC_REGISTER_SPARSE
from usernel.abi.io_uring_struct import IO_URING_RSRC_REGISTER, IO_URING_RSRC_UPDATE2

from ..error import KernelError
from .sqe import Cqe
from .user_array import UserArray, UserIovecs, copy_struct, given, reserved

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import Memory, RingFile
    from .request import Request

SZ_1G: Final = 1 << 30
ULONG_MAX: Final = (1 << 64) - 1
UINT_MAX: Final = (1 << 32) - 1
PAGE_SIZE: Final = 4096
TAG: Final = Struct("=Q")


@dataclass(frozen=True, slots=True)
class MappedBuffer:
    """A registered buffer (``struct io_mapped_ubuf``).

    ``addr`` is where it lies; one that was given as a Python object has no address of its own, so that of its bytes
    is their offset in it, as with buffers that Linux's drivers register.
    """

    view: memoryview
    addr: int = 0
    given: Any = None

    def part(self, addr: Any, size: int) -> memoryview:
        """``size`` bytes of it. EFAULT for what is not within it (``validate_fixed_range``)."""
        start = 0 if addr is self.given and addr is not None else addr
        if not isinstance(start, int):
            raise KernelError(Errno.EFAULT, f"{type(addr).__name__} is not in the registered buffer")
        offset = start - self.addr
        if offset < 0 or offset + size > len(self.view) or size > MAX_RW_COUNT:
            raise KernelError(Errno.EFAULT, f"{size} bytes at {start:#x} are not in the registered buffer")
        return self.view[offset : offset + size]


class RsrcNode:
    """A registered file or buffer (``struct io_rsrc_node``)."""

    __slots__ = ("buf", "file", "refs", "tag")

    def __init__(self, file: RingFile | None = None, buf: MappedBuffer | None = None, tag: int = 0) -> None:
        self.file = file
        self.buf = buf
        self.tag = tag
        self.refs = 1


class RsrcTable(ABC):
    """The slots of a table (``struct io_rsrc_data``)."""

    __slots__ = ("_ctx", "nodes")

    def __init__(self, ctx: RingCtx) -> None:
        self._ctx = ctx
        self.nodes: list[RsrcNode | None] = []

    def __len__(self) -> int:
        return len(self.nodes)

    @abstractmethod
    def register(self, data: Any, count: int, tags: Any = None) -> None:
        """Fill the table with what an array says, or make it of empty slots."""

    @abstractmethod
    def update(self, offset: int, data: Any, count: int, tags: Any = None) -> int:
        """Replace what is in slots; how many were."""

    def lookup(self, index: int) -> RsrcNode | None:
        """What is in a slot; None where it is empty, or there is none."""
        return self.nodes[index] if 0 <= index < len(self.nodes) else None

    def reset(self, index: int) -> bool:
        """Empty a slot; whether there was anything in it (``io_reset_rsrc_node``)."""
        node, self.nodes[index] = self.nodes[index], None
        if node is None:
            return False
        self.put_node(node)
        return True

    def put_node(self, node: RsrcNode) -> None:
        """One user less; with the last the tag is posted, and the file let go (``io_free_rsrc_node``)."""
        node.refs -= 1
        if node.refs:
            return
        if node.tag:
            self._ctx.post_aux(Cqe(node.tag, 0))
        if node.file is not None:
            node.file.put()

    def clear_tags(self) -> None:
        """Post none of the tags: what was begun is undone (``io_clear_table_tags``)."""
        for node in self.nodes:
            if node is not None:
                node.tag = 0

    def unregister(self) -> None:
        """Empty the table, the last slot first, and have none any more (``io_rsrc_data_free``)."""
        while self.nodes:
            node = self.nodes.pop()
            if node is not None:
                self.put_node(node)


class BufferTable(RsrcTable):
    """The registered buffers of a ring."""

    __slots__ = ()

    def register(self, data: Any, count: int, tags: Any = None) -> None:
        """Fill the table, or make it of empty slots (``io_sqe_buffers_register``).

        EBUSY where there is one, EINVAL for no buffers or more than IORING_MAX_REG_BUFFERS or the tag of none, EFAULT,
        EOVERFLOW.
        """
        if self.nodes:
            raise KernelError(Errno.EBUSY, "the ring has registered buffers")
        if not 0 < count <= IORING_MAX_REG_BUFFERS:
            raise KernelError(Errno.EINVAL, f"{count} buffers: 1 to {IORING_MAX_REG_BUFFERS}")
        memory = self._ctx.port.memory
        iovecs = UserIovecs(memory, data) if given(memory, data) else None
        tag_of = Tags(memory, tags)
        try:
            for at in range(count):
                base, size = (0, 0) if iovecs is None else iovecs.get(at)
                self.nodes.append(self._node(base, size, tag_of.get(at)))
        except KernelError:
            self.clear_tags()
            self.unregister()
            raise

    def _node(self, base: Any, size: int, tag: int) -> RsrcNode | None:
        """A node for a buffer; None for none (``io_sqe_buffer_register``)."""
        buf = map_buffer(self._ctx.port.memory, base, size)
        if buf is not None:
            return RsrcNode(buf=buf, tag=tag)
        if tag:
            raise KernelError(Errno.EINVAL, "an empty slot has no tag")
        return None

    def update(self, offset: int, data: Any, count: int, tags: Any = None) -> int:
        """Replace the buffers of slots; how many were, before an error (``__io_sqe_buffers_update``).

        ENXIO without a table, EINVAL past its end, and the errors of ``register``.
        """
        check_range(self, offset, count)
        iovecs = UserIovecs(self._ctx.port.memory, data)
        tag_of = Tags(self._ctx.port.memory, tags)
        for done in range(count):
            try:
                base, size = iovecs.get(done)
                node = self._node(base, size, tag_of.get(done))
            except KernelError:
                if done:
                    return done
                raise
            self.reset(offset + done)
            self.nodes[offset + done] = node
        return count


class Tags:
    """The tags of an array of resources; without it they are 0."""

    __slots__ = ("_array",)

    def __init__(self, memory: Memory, base: Any) -> None:
        self._array = UserArray(memory, base, TAG) if given(memory, base) else None

    def get(self, index: int) -> int:
        """A tag. EFAULT."""
        return 0 if self._array is None else int(self._array.get(index))


def map_buffer(memory: Memory, base: Any, size: int) -> MappedBuffer | None:
    """A buffer that is to be registered; None for an empty slot.

    EFAULT for none of its bytes, more than 1 GiB, or what cannot be written; EOVERFLOW past the end of all memory.
    """
    if not given(memory, base):
        if size:
            raise KernelError(Errno.EFAULT, f"{size} bytes at no address")
        return None
    if not 0 < size <= SZ_1G:
        raise KernelError(Errno.EFAULT, f"a registered buffer of {size} bytes")
    if not memory.owns(base):
        return MappedBuffer(memory.view(base, size, write=True), given=base)
    if base + -(-size // PAGE_SIZE) * PAGE_SIZE > ULONG_MAX:
        raise KernelError(Errno.EOVERFLOW, "a buffer past the end of all memory")
    return MappedBuffer(memory.view(base, size, write=True), base)


def keep(file: RingFile) -> RingFile:
    """A reference that outlives the call: a port may look up a descriptor's file for the length of one. EMFILE."""
    try:
        return file.get()
    finally:
        file.put()


def check_range(table: RsrcTable, offset: int, count: int) -> None:
    """ENXIO without a table, EOVERFLOW and EINVAL for slots past its end."""
    if offset + count > UINT_MAX:
        raise KernelError(Errno.EOVERFLOW, f"slots {offset} to {offset + count}")
    if not table.nodes:
        raise KernelError(Errno.ENXIO, "there is no such table")
    if offset + count > len(table):
        raise KernelError(Errno.EINVAL, f"slots {offset} to {offset + count} of {len(table)}")


def find_buf_node(req: Request) -> RsrcNode:
    """The registered buffer of a request, held until its end (``io_find_buf_node``). EFAULT where there is none."""
    if req.buf_node is None:
        node = req.ctx.buf_table.lookup(req.buf_index)
        if node is None:
            raise KernelError(Errno.EFAULT, f"no registered buffer {req.buf_index}")
        node.refs += 1
        req.buf_node = node
    return req.buf_node


def import_fixed(req: Request, addr: Any, size: int) -> tuple[memoryview, ...]:
    """Bytes of a request's registered buffer (``io_import_reg_buf``). EFAULT."""
    part = _buf(req).part(addr, size)
    return (part,) if size else ()


def import_fixed_vec(req: Request, pieces: Sequence[tuple[Any, int]]) -> tuple[memoryview, ...]:
    """Pieces of a request's registered buffer (``io_import_reg_vec``). EFAULT, also for an empty one; EINVAL."""
    return tuple(_parts(_buf(req), pieces))


def _parts(buf: MappedBuffer, pieces: Sequence[tuple[Any, int]]) -> Iterator[memoryview]:
    total = 0
    for addr, size in pieces:
        view = buf.part(addr, size)
        if not size:
            raise KernelError(Errno.EFAULT, "an empty piece of a registered buffer")
        total += size
        yield view
    if total > MAX_RW_COUNT:
        raise KernelError(Errno.EINVAL, f"{total} bytes")


def _buf(req: Request) -> MappedBuffer:
    buf = find_buf_node(req).buf
    if buf is None:
        raise AssertionError("a file in the table of buffers")
    return buf


def register_rsrc(ctx: RingCtx, table: RsrcTable, arg: Any, size: int) -> int:
    """IORING_REGISTER_FILES2 and BUFFERS2 (``io_register_rsrc``). EINVAL, EFAULT, and the errors of the table."""
    if size != IO_URING_RSRC_REGISTER.size:
        raise KernelError(Errno.EINVAL, f"io_uring_rsrc_register has {IO_URING_RSRC_REGISTER.size} bytes, not {size}")
    memory = ctx.port.memory
    count, flags, resv2, data, tags = copy_struct(memory, arg, IO_URING_RSRC_REGISTER)
    if not count:
        raise KernelError(Errno.EINVAL, "a table of no slots")
    reserved(resv2)
    if flags & ~IORING_RSRC_REGISTER_SPARSE:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of io_uring_rsrc_register")
    if flags & IORING_RSRC_REGISTER_SPARSE and given(memory, data):
        raise KernelError(Errno.EINVAL, "a sparse table is made of nothing")
    table.register(data, count, tags)
    return 0


def register_rsrc_update(ctx: RingCtx, table: RsrcTable, arg: Any, size: int) -> int:
    """IORING_REGISTER_FILES_UPDATE2 and BUFFERS_UPDATE (``io_register_rsrc_update``): how many slots were updated."""
    if size != IO_URING_RSRC_UPDATE2.size:
        raise KernelError(Errno.EINVAL, f"io_uring_rsrc_update2 has {IO_URING_RSRC_UPDATE2.size} bytes, not {size}")
    offset, resv, data, tags, count, resv2 = copy_struct(ctx.port.memory, arg, IO_URING_RSRC_UPDATE2)
    if not count:
        raise KernelError(Errno.EINVAL, "an update of no slots")
    reserved(resv, resv2)
    return table.update(offset, data, count, tags)
