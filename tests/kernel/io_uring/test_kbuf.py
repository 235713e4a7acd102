"""Provided buffers (``io_uring/kbuf.c``): lists and rings of them. What is expected is what Linux 6.18 answers."""

from __future__ import annotations

from struct import Struct
from typing import Any

import pytest

from usernel.abi.io_uring import (
    IORING_CQE_BUFFER_SHIFT,
    IORING_CQE_F_BUF_MORE,
    IORING_CQE_F_BUFFER,
    IORING_CQE_F_MORE,
    IORING_OFF_PBUF_RING,
    IORING_REGISTER_PBUF_RING,
    IORING_REGISTER_PBUF_STATUS,
    IORING_UNREGISTER_PBUF_RING,
    IOSQE_ASYNC,
    IOSQE_BUFFER_SELECT,
    IOU_PBUF_RING_INC,
    IOU_PBUF_RING_MMAP,
)
from usernel.abi.io_uring_op import (
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_PROVIDE_BUFFERS,
    IORING_OP_READ,
    IORING_OP_READ_MULTISHOT,
    IORING_OP_REMOVE_BUFFERS,
)
from usernel.abi.io_uring_struct import BUF_RING_TAIL, IO_URING_BUF
from usernel.kernel.io_uring.sqe import Sqe

from .registering import call
from .sim_port import Ring, SimFile

FILE, REGULAR = 5, 6
LIST, RING = 1, 2
TAIL = Struct("=H")
PAGE = 4096
END = (1 << 47) - PAGE
"""Where the addresses of programs end."""


@pytest.fixture
def ring() -> Ring:
    ring = Ring()
    ring.port.open(FILE)
    ring.port.open(REGULAR, regular=True, can_poll=False)
    return ring


@pytest.fixture
def pipe(ring: Ring) -> SimFile:
    return ring.port.files[FILE]


def provide(ring: Ring, count: int, size: int, bid: int = 0, addr: Any = PAGE, **fields: Any) -> int | str:
    fields = {"buf_index": LIST, **fields}
    return ring.do(Sqe(IORING_OP_PROVIDE_BUFFERS, fd=count, addr=addr, len=size, off=bid, **fields))


def remove(ring: Ring, count: int, group: int = LIST, **fields: Any) -> int | str:
    return ring.do(Sqe(IORING_OP_REMOVE_BUFFERS, fd=count, buf_index=group, **fields))


def read(size: int, group: int = LIST, fd: int = FILE, flags: int = 0, user_data: int = 0) -> Sqe:
    flags |= IOSQE_BUFFER_SELECT
    return Sqe(IORING_OP_READ, flags, fd=fd, len=size, buf_index=group, user_data=user_data)


def got(ring: Ring) -> list[tuple[Any, ...]]:
    """The completions that are there: result, number of the buffer, MORE and BUF_MORE."""
    return [(cqe.res, *spelled(cqe.flags)) for cqe in ring.reap()]


def spelled(flags: int) -> list[Any]:
    bid = [flags >> IORING_CQE_BUFFER_SHIFT] if flags & IORING_CQE_F_BUFFER else []
    names = {IORING_CQE_F_MORE: "more", IORING_CQE_F_BUF_MORE: "buf_more"}
    return [*bid, *(name for flag, name in names.items() if flags & flag)]


def done(ring: Ring, sqe: Sqe) -> tuple[Any, ...]:
    ring.submit(sqe)
    (one,) = got(ring)
    return one


class Buffers:
    """A ring of buffers, as a program fills it."""

    def __init__(self, entries: int = 8) -> None:
        self.entries = entries
        self.memory = bytearray(entries * IO_URING_BUF.size)
        self.tail = 0

    def add(self, *buffers: tuple[int, int, int]) -> None:
        """Address, size and number of each."""
        for addr, size, bid in buffers:
            at = self.tail % self.entries * IO_URING_BUF.size
            self.memory[at : at + BUF_RING_TAIL] = IO_URING_BUF.pack(addr, size, bid, 0)[:BUF_RING_TAIL]
            self.tail += 1
        TAIL.pack_into(self.memory, BUF_RING_TAIL, self.tail & 0xFFFF)

    def entry(self, index: int) -> tuple[int, int, int]:
        """The same, as they are now."""
        addr, size, bid, _ = IO_URING_BUF.unpack_from(self.memory, index * IO_URING_BUF.size)
        return addr, size, bid

    def register(self, ring: Ring, flags: int = 0, min_left: int = 0, group: int = RING) -> Any:
        """Make it the buffers of a group."""
        fields = (self.memory, self.entries, group, flags, min_left)
        return call(ring, IORING_REGISTER_PBUF_RING, fields, 1)


def head(ring: Ring, group: int = RING) -> Any:
    status = [group]
    answer = call(ring, IORING_REGISTER_PBUF_STATUS, status, 1)
    return status[1] if answer == 0 else answer


# -------------------------------------------------------------------------------------------------------------- lists


def test_providing_is_checked(ring: Ring) -> None:
    cases = [
        ((0, 10), "E2BIG"), ((-1, 10), "E2BIG"), ((65537, 1), "E2BIG"), ((1, 0), "EINVAL"), ((1, 10, 65536), "E2BIG"),
        ((2, 10, 65535), "EINVAL"), ((1, 10, 65535), 0), ((1, 10, 0, (1 << 64) - 5), "EOVERFLOW"),
        ((1, 10, 0, (1 << 64) - 10), "EOVERFLOW"), ((1, 10, 0, (1 << 64) - 11), "EFAULT"), ((1, 10, 0, END - 10), 0),
        ((1, 10, 0, END - 9), "EFAULT"), ((1, 10, 0, b"ten bytes."), "EFAULT"), ((2, 10, 0, bytearray(19)), "EFAULT"),
    ]  # fmt: skip
    assert [(given, provide(ring, *given)) for given, _ in cases] == cases
    for name in ("rw_flags", "splice_fd_in", "ioprio"):
        assert provide(ring, 1, 10, **{name: 1}) == "EINVAL"
    assert provide(ring, 1, 10, flags=IOSQE_BUFFER_SELECT) == "EOPNOTSUPP"


def test_removing_is_checked_and_counted(ring: Ring) -> None:
    assert remove(ring, 1) == "ENOENT"
    assert provide(ring, 4, 10) == 0
    assert [remove(ring, count) for count in (0, -1, 65537)] == ["EINVAL"] * 3
    for name in ("addr", "len", "off", "rw_flags", "splice_fd_in", "ioprio"):
        assert remove(ring, 1, **{name: 1}) == "EINVAL"
    assert [remove(ring, count) for count in (3, 65536, 1)] == [3, 1, 0]


def test_a_list_holds_65535_buffers(ring: Ring) -> None:
    assert provide(ring, 65536, 1) == 0
    assert provide(ring, 1, 1) == "EOVERFLOW"
    assert remove(ring, 1) == 1
    assert provide(ring, 5, 1) == 0
    assert provide(ring, 1, 1) == "EOVERFLOW"
    assert remove(ring, 65536) == 65535


def test_the_oldest_is_taken_and_cut_to_what_is_wanted(ring: Ring, pipe: SimFile) -> None:
    memory = bytearray(32)
    assert done(ring, read(5)) == (-105,)
    assert provide(ring, 4, 8, 10, memory) == 0
    pipe.content += b"abcdefghijklmnopqrstuvwxyz"
    assert [done(ring, read(size)) for size in (5, 0, 100)] == [(5, 10), (8, 11), (8, 12)]
    assert memory == b"abcde\0\0\0fghijklmnopqrstu" + bytes(8)
    assert remove(ring, 9) == 1
    assert done(ring, read(5, group=77)) == (-105,)


def test_a_buffer_that_is_not_there_is_used_up(ring: Ring, pipe: SimFile) -> None:
    pipe.content += b"abc"
    assert provide(ring, 2, 8, 20, 16) == 0
    assert done(ring, read(5)) == (-14, 20)
    assert remove(ring, 9) == 1
    assert provide(ring, 2, 8, 30, 0) == 0
    assert done(ring, read(5)) == (-105, 30)
    assert remove(ring, 9) == 1


def test_who_waits_keeps_its_buffer(ring: Ring, pipe: SimFile) -> None:
    assert provide(ring, 3, 8, 10, bytearray(24)) == 0
    ring.submit(read(5, user_data=1))
    assert remove(ring, 9) == 2
    assert provide(ring, 1, 8, 50, bytearray(8)) == 0
    pipe.write(b"abc")
    assert got(ring) == [(3, 10)]
    assert remove(ring, 9) == 1


def test_who_is_cancelled_has_used_its_buffer_up(ring: Ring) -> None:
    assert provide(ring, 3, 8, 10, bytearray(24)) == 0
    ring.submit(read(5, user_data=1))
    ring.submit(Sqe(IORING_OP_ASYNC_CANCEL, addr=1))
    assert sorted(got(ring)) == [(-125, 10), (0,)]
    assert remove(ring, 9) == 2


def test_many_reads_take_a_buffer_only_for_what_is_there(ring: Ring, pipe: SimFile) -> None:
    assert provide(ring, 2, 8, 10, bytearray(16)) == 0
    ring.submit(Sqe(IORING_OP_READ_MULTISHOT, IOSQE_BUFFER_SELECT, fd=FILE, buf_index=LIST))
    assert remove(ring, 9) == 2
    assert provide(ring, 2, 8, 50, bytearray(16)) == 0
    pipe.write(b"abc")
    assert got(ring) == [(3, 50, "more")]
    assert remove(ring, 9) == 1
    pipe.write(b"a")
    assert got(ring) == [(-105,)]


# -------------------------------------------------------------------------------------------------------------- rings


def test_a_ring_is_checked(ring: Ring) -> None:
    memory = ring.port.memory
    memory.put(bytes(-len(memory.arena) % PAGE + 2 * PAGE))
    page = 0x10000
    cases = [
        ((page, 0, RING), "EINVAL"), ((page, 3, RING), "EINVAL"), ((page, 65536, RING), "EINVAL"),
        ((page, 8, RING, 4), "EINVAL"), ((0, 8, RING), "EFAULT"), ((page + 8, 8, RING), "EINVAL"),
        ((page, 1024, RING), "EFAULT"), (((1 << 64) - PAGE, 8, RING), "EOVERFLOW"), ((page, 8, RING, 0, 1), "EINVAL"),
        ((page, 8, RING, 0, 0, 0, 1), "EINVAL"), ((page, 512, RING), 0), ((page, 8, RING), "EEXIST"),
    ]  # fmt: skip
    assert [(given, call(ring, IORING_REGISTER_PBUF_RING, given, 1)) for given, _ in cases] == cases
    assert call(ring, IORING_REGISTER_PBUF_RING, 16, 1) == "EFAULT"
    assert [call(ring, IORING_REGISTER_PBUF_RING, (page, 8, 9), count) for count in (0, 2)] == ["EINVAL"] * 2
    assert call(ring, IORING_REGISTER_PBUF_RING, 0, 1) == "EINVAL"


def test_a_ring_has_at_most_32768_buffers(ring: Ring) -> None:
    assert Buffers(32768).register(ring) == 0
    assert Buffers(65536).register(ring, group=3) == "EINVAL"


def test_a_group_is_a_list_or_a_ring(ring: Ring) -> None:
    assert Buffers().register(ring) == 0
    assert provide(ring, 1, 8, buf_index=RING) == "EINVAL"
    assert remove(ring, 1, group=RING) == "EINVAL"
    assert provide(ring, 1, 8) == 0
    assert Buffers().register(ring, group=LIST) == "EEXIST"
    assert remove(ring, 1) == 1
    assert Buffers().register(ring, group=LIST) == 0


def test_a_ring_is_unregistered(ring: Ring) -> None:
    assert provide(ring, 1, 8) == 0
    assert Buffers().register(ring) == 0
    cases: list[tuple[tuple[Any, ...], str | int]] = [
        ((0, 0, 3), "ENOENT"), ((0, 0, LIST), "EINVAL"), ((0, 0, RING, 1), "EINVAL"),
        ((0, 0, RING, 0, 0, 1), "EINVAL"), ((0, 3, RING, 0, 7), 0), ((0, 0, RING), "ENOENT"),
    ]  # fmt: skip
    assert [(given, call(ring, IORING_UNREGISTER_PBUF_RING, given, 1)) for given, _ in cases] == cases
    assert done(ring, read(5, RING)) == (-105,)


def test_the_status_of_a_ring(ring: Ring) -> None:
    assert provide(ring, 1, 8) == 0
    assert Buffers().register(ring) == 0
    assert [head(ring, group) for group in (RING, LIST, 3)] == [0, "EINVAL", "ENOENT"]
    assert call(ring, IORING_REGISTER_PBUF_STATUS, [RING, 0, 0, 1], 1) == "EINVAL"
    assert call(ring, IORING_REGISTER_PBUF_STATUS, (RING,), 1) == "EFAULT"
    at = ring.port.memory.put(RING.to_bytes(4, "little") + b"\7" + bytes(35))
    assert call(ring, IORING_REGISTER_PBUF_STATUS, at, 1) == 0
    assert ring.port.memory.arena[4:8] == bytes(4)


def test_what_can_be_polled_uses_a_buffer_up_when_it_is_read(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(64))
    buffers = Buffers()
    assert buffers.register(ring) == 0
    assert done(ring, read(5, RING)) == (-105,)
    buffers.add((at, 8, 100), (at + 8, 8, 101), (at + 16, 8, 102))
    ring.submit(read(5, RING), read(5, RING))
    assert head(ring) == 0
    pipe.write(b"abc")
    assert got(ring) == [(3, 100)]
    assert head(ring) == 1
    pipe.write(b"x")
    assert got(ring) == [(1, 101)]
    pipe.content += b"0123456789"
    assert done(ring, read(0, RING)) == (8, 102)
    assert ring.port.memory.arena[:24] == b"abc\0\0\0\0\0x\0\0\0\0\0\0\x0001234567"
    assert head(ring) == 3


def test_what_a_worker_does_uses_a_buffer_up_when_it_is_taken(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(64))
    buffers = Buffers()
    assert buffers.register(ring) == 0
    buffers.add((at, 8, 100), (at + 8, 8, 101), (at + 16, 8, 102))
    ring.submit(read(5, RING, flags=IOSQE_ASYNC))
    assert head(ring) == 1
    pipe.write(b"abc")
    assert (got(ring), head(ring)) == ([(3, 100)], 1)
    ring.submit(read(5, RING, fd=REGULAR))
    assert head(ring) == 2
    ring.port.finish(-5)
    assert got(ring) == [(-5, 101)]
    assert ring.idle()


def test_a_buffer_that_is_not_there_stays_at_the_head_unless_it_was_used_up(ring: Ring, pipe: SimFile) -> None:
    buffers = Buffers()
    assert buffers.register(ring) == 0
    buffers.add((16, 8, 33))
    pipe.content += b"abc"
    assert (done(ring, read(5, RING)), head(ring)) == ((-14,), 0)
    ring.submit(read(5, RING, fd=REGULAR))
    ring.port.finish(-14)
    assert (got(ring), head(ring)) == ([(-14, 33)], 1)
    buffers.add((0, 8, 34))
    assert (done(ring, read(5, RING)), head(ring)) == ((-105,), 1)
    assert (done(ring, read(5, RING, fd=REGULAR)), head(ring)) == ((-105, 34), 2)


def test_a_buffer_is_used_up_piece_by_piece(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(256))
    buffers = Buffers()
    assert buffers.register(ring, IOU_PBUF_RING_INC) == 0
    buffers.add((at, 64, 300), (at + 64, 64, 301))
    pipe.content += b"a" * 100
    assert done(ring, read(3, RING)) == (3, 300, "buf_more")
    assert (buffers.entry(0), head(ring)) == ((at + 3, 61, 300), 0)
    assert done(ring, read(0, RING)) == (61, 300)
    assert (buffers.entry(0), head(ring)) == ((at + 3, 0, 300), 1)
    assert done(ring, read(100, RING)) == (36, 301, "buf_more")
    pipe.mask = 0x10
    assert done(ring, read(5, RING)) == (0, 301, "buf_more")
    assert (buffers.entry(1), head(ring)) == ((at + 100, 28, 301), 1)


def test_what_a_worker_does_uses_up_what_was_wanted(ring: Ring) -> None:
    at = ring.port.memory.put(bytes(256))
    buffers = Buffers()
    assert buffers.register(ring, IOU_PBUF_RING_INC) == 0
    buffers.add((at, 64, 300), (at + 64, 64, 301))
    ring.submit(read(10, RING, fd=REGULAR), read(54, RING, fd=REGULAR))
    assert (buffers.entry(0), head(ring)) == ((at + 10, 0, 300), 1)
    ring.port.finish(0)
    ring.port.finish(5)
    assert got(ring) == [(0, 300, "buf_more"), (5, 300)]


def test_a_buffer_of_no_bytes_is_never_used_up(ring: Ring) -> None:
    buffers = Buffers()
    assert buffers.register(ring, IOU_PBUF_RING_INC) == 0
    buffers.add((0x10000, 0, 1))
    ring.submit(read(5, RING, fd=REGULAR))
    ring.port.finish(0)
    assert (got(ring), head(ring)) == ([(0, 1, "buf_more")], 0)


def test_less_than_min_left_is_not_worth_another_read(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(256))
    buffers = Buffers()
    assert buffers.register(ring, 0, min_left=10) == "EINVAL"
    assert buffers.register(ring, IOU_PBUF_RING_INC, min_left=10) == 0
    buffers.add((at, 64, 300), (at + 64, 64, 301))
    pipe.content += b"a" * 200
    assert done(ring, read(54, RING)) == (54, 300, "buf_more")
    assert done(ring, read(1, RING)) == (1, 300)
    assert (buffers.entry(0), head(ring)) == ((at + 54, 0, 300), 1)


def test_head_and_tail_go_round(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(8))
    buffers = Buffers()
    assert buffers.register(ring) == 0
    buffers.add(*[(at, 1, bid) for bid in range(8)])
    ring.ctx.bgids[RING].head = buffers.tail = 65530  # type: ignore[attr-defined]
    buffers.add(*[(at, 1, bid) for bid in range(8)])
    pipe.content += b"0123456789"
    assert [done(ring, read(1, RING)) for _ in range(9)] == [*[(1, bid) for bid in range(8)], (-105,)]
    assert head(ring) == 2


def test_the_memory_of_a_ring_may_be_made_for_it(ring: Ring, pipe: SimFile) -> None:
    at = ring.port.memory.put(bytes(8))
    assert call(ring, IORING_REGISTER_PBUF_RING, (PAGE, 512, 60, IOU_PBUF_RING_MMAP), 1) == 0
    region = ring.port.regions[IORING_OFF_PBUF_RING | 60 << 16]
    assert len(region) == 2 * PAGE
    region[:16] = IO_URING_BUF.pack(at, 8, 77, 1)
    pipe.content += b"abc"
    assert (done(ring, read(5, 60)), head(ring, 60)) == ((3, 77), 1)
    assert call(ring, IORING_UNREGISTER_PBUF_RING, (0, 0, 60), 1) == 0
    assert not ring.port.regions


def test_a_ring_that_ends_gives_its_memory_up(ring: Ring) -> None:
    assert call(ring, IORING_REGISTER_PBUF_RING, (0, 8, 60, IOU_PBUF_RING_MMAP), 1) == 0
    assert provide(ring, 4, 8) == 0
    ring.ctx.close()
    assert not ring.port.regions
    assert not ring.ctx.bgids


def test_who_waits_while_its_ring_goes_finds_none(ring: Ring, pipe: SimFile) -> None:
    buffers = Buffers()
    assert buffers.register(ring) == 0
    buffers.add((ring.port.memory.put(bytes(8)), 8, 1))
    ring.submit(read(5, RING))
    assert call(ring, IORING_UNREGISTER_PBUF_RING, (0, 0, RING), 1) == 0
    pipe.write(b"abc")
    assert got(ring) == [(-105,)]
