"""Reads and writes (``io_uring/rw.c``), and what becomes of the buffers that are chosen for them."""

from __future__ import annotations

import pytest

from usernel.abi import fs
from usernel.abi.io_uring import (
    IORING_CQE_BUFFER_SHIFT,
    IORING_SETUP_IOPOLL,
    IOSQE_ASYNC,
    IOSQE_BUFFER_SELECT,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_NOP,
    IORING_OP_PROVIDE_BUFFERS,
    IORING_OP_READ,
    IORING_OP_READ_FIXED,
    IORING_OP_READ_MULTISHOT,
    IORING_OP_READV,
    IORING_OP_READV_FIXED,
    IORING_OP_WRITE,
    IORING_OP_WRITE_FIXED,
)
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import ARENA, Ring, SimFile, SimPort

FD = 5
CHOOSE = IOSQE_BUFFER_SELECT


@pytest.fixture
def ring() -> Ring:
    return Ring(SimPort())


@pytest.fixture
def pipe(ring: Ring) -> SimFile:
    return ring.port.open(FD)


@pytest.fixture
def regular(ring: Ring) -> SimFile:
    return ring.port.open(FD, regular=True, can_poll=False)


def read(size: int = 4, flags: int = 0, user_data: int = 1, **fields: object) -> Sqe:
    return Sqe(IORING_OP_READ, flags, fd=FD, addr=bytearray(64), len=size, user_data=user_data)._replace(**fields)


def released(ring: Ring, file: SimFile) -> bool:
    return ring.idle() and not ring.port.armed and file.refs == 1


def buffer(cqe_flags: int) -> int:
    return cqe_flags >> IORING_CQE_BUFFER_SHIFT


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "errno"),
        [
            ({"rw_flags": 1 << 20}, "EOPNOTSUPP"),
            ({"rw_flags": 1 << 20 | fs.RWF_HIPRI}, "EOPNOTSUPP"),
            ({"rw_flags": fs.RWF_HIPRI}, "EINVAL"),
            ({"rw_flags": fs.RWF_APPEND | fs.RWF_NOAPPEND}, "EINVAL"),
            ({"off": (1 << 64) - 2}, "EINVAL"),
            ({"off": (1 << 63) - 1}, "EINVAL"),
            ({"pad2": 1, "addr3": bytes(32)}, "EINVAL"),
            ({"addr": ARENA}, "EFAULT"),
            ({"addr": ARENA, "rw_flags": fs.RWF_HIPRI}, "EINVAL"),
        ],
    )
    def test_is_told_unless_the_file_was_not_opened_for_it(
        self, ring: Ring, regular: SimFile, fields: dict[str, object], errno: str
    ) -> None:
        for result, expected in ((0, errno), (-9, "EBADF")):
            ring.port.results["read"] = result
            assert ring.do(read(**fields)) == expected
        assert released(ring, regular)

    @pytest.mark.parametrize(
        ("fields", "errno"),
        [
            ({"ioprio": 1}, "EINVAL"),
            ({"ioprio": 4 << 13}, "EINVAL"),
            ({"pad2": 2}, "EINVAL"),
            ({"pad2": 1}, "EFAULT"),
            ({"pad2": 1, "addr3": bytes(24) + b"\1" + bytes(7)}, "EINVAL"),
            ({"addr": 1 << 63}, "EFAULT"),
            ({"opcode": IORING_OP_READV, "addr": 0, "len": 1}, "EFAULT"),
            ({"opcode": IORING_OP_READV, "flags": CHOOSE, "len": 2}, "EINVAL"),
            ({"opcode": IORING_OP_WRITE, "flags": CHOOSE}, "EOPNOTSUPP"),
            ({"opcode": IORING_OP_READ_FIXED, "flags": CHOOSE}, "EOPNOTSUPP"),
            ({"opcode": IORING_OP_READ_MULTISHOT}, "EINVAL"),
            ({"opcode": IORING_OP_READ_MULTISHOT, "flags": CHOOSE, "addr": 0}, "EINVAL"),
            ({"opcode": IORING_OP_READ_MULTISHOT, "flags": CHOOSE, "len": 0}, "EINVAL"),
            ({"opcode": IORING_OP_READ_MULTISHOT, "flags": CHOOSE, "ioprio": 8}, "EINVAL"),
        ],
    )
    def test_of_an_entry_come_before_its_file(self, ring: Ring, fields: dict[str, object], errno: str) -> None:
        assert ring.do(read(**fields)) == errno
        assert ring.idle()

    @pytest.mark.parametrize("ioprio", [0, 8, 1 << 13, 3 << 13 | 7])
    def test_not_of_a_priority(self, ring: Ring, pipe: SimFile, ioprio: int) -> None:
        pipe.content += b"text"
        assert ring.do(read(ioprio=ioprio)) == 4

    def test_in_a_ring_that_polls_for_io(self) -> None:
        ring = Ring(flags=IORING_SETUP_IOPOLL)
        ring.port.open(FD, regular=True, can_poll=False)
        ring.port.results["read"] = 0
        assert ring.do(read()) == "EOPNOTSUPP"


class TestChains:
    @pytest.mark.parametrize(("link", "follows"), [(IOSQE_IO_LINK, "ECANCELED"), (IOSQE_IO_HARDLINK, 0)])
    def test_break_at_a_short_transfer(self, ring: Ring, pipe: SimFile, link: int, follows: object) -> None:
        for content, after in ((b"four", 0), (b"two", follows)):
            pipe.content += content
            ring.submit(read(flags=link), Sqe(IORING_OP_NOP, user_data=2))
            assert ring.results() == [(1, len(content)), (2, after)]
        assert released(ring, pipe)

    def test_break_at_a_short_transfer_by_a_worker(self, ring: Ring, regular: SimFile) -> None:
        ring.submit(read(flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
        assert ring.results() == []
        ring.port.finish(3)
        assert ring.results() == [(1, 3), (2, "ECANCELED")]
        assert released(ring, regular)

    def test_short_transfer_is_not_silent(self, ring: Ring, pipe: SimFile) -> None:
        pipe.content += b"fourtwo"
        ring.submit(read(flags=IOSQE_CQE_SKIP_SUCCESS), read(flags=IOSQE_CQE_SKIP_SUCCESS, user_data=2))
        assert ring.results() == [(2, 3)]


class TestWaiting:
    def test_for_a_pipe(self, ring: Ring, pipe: SimFile) -> None:
        given = bytearray(8)
        ring.submit(read(8, addr=given))
        assert ring.results() == []
        pipe.write(b"hello")
        assert ring.results() == [(1, 5)]
        assert given == b"hello\0\0\0"
        assert released(ring, pipe)

    @pytest.mark.parametrize("flags", [0, IOSQE_ASYNC])
    def test_is_refused_by_rwf_nowait(self, ring: Ring, pipe: SimFile, flags: int) -> None:
        assert ring.do(read(flags=flags, rw_flags=fs.RWF_NOWAIT)) == "EAGAIN"
        assert released(ring, pipe)

    def test_is_not_refused_by_o_nonblock(self, ring: Ring, pipe: SimFile) -> None:
        pipe.nonblock = True
        ring.submit(read())
        pipe.write(b"text")
        assert ring.results() == [(1, 4)]

    def test_for_a_worker_keeps_writes_to_a_file_in_order(self, ring: Ring, regular: SimFile) -> None:
        ring.submit(*(Sqe(IORING_OP_WRITE, fd=FD, addr=b"x", len=1, user_data=at) for at in (1, 2)))
        assert [job.name for _, job in ring.port.queued] == ["write", "write"]
        ring.port.finish(1)
        ring.port.finish(-5)
        assert ring.results() == [(1, 1), (2, "EIO")]
        assert released(ring, regular)


class TestRegisteredBuffers:
    @pytest.fixture
    def given(self, ring: Ring) -> int:
        addr = ring.port.memory.put(b"0123456789abcdef")
        ring.ctx.buf_table.register([(addr, 16)], 1)
        return addr

    def test_are_read_into(self, ring: Ring, pipe: SimFile, given: int) -> None:
        pipe.content += b"XYZ"
        assert ring.do(read(3, opcode=IORING_OP_READ_FIXED, addr=given + 2)) == 3
        assert ring.port.memory.arena == b"01XYZ56789abcdef"

    def test_parts_of_one_are_read_into(self, ring: Ring, pipe: SimFile, given: int) -> None:
        pipe.content += b"XYZ"
        parts = [(given + 14, 2), (given, 1)]
        assert ring.do(read(2, opcode=IORING_OP_READV_FIXED, addr=parts)) == 3
        assert ring.port.memory.arena == b"Z123456789abcdXY"

    @pytest.mark.parametrize(("start", "size", "index"), [(-1, 2, 0), (15, 2, 0), (0, 17, 0), (0, 1, 1), (17, 0, 0)])
    def test_nothing_outside_of_one(
        self, ring: Ring, pipe: SimFile, given: int, start: int, size: int, index: int
    ) -> None:
        for opcode in (IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED):
            assert ring.do(read(size, opcode=opcode, addr=given + start, buf_index=index)) == "EFAULT"
        assert released(ring, pipe)

    def test_are_held_while_a_read_waits(self, ring: Ring, pipe: SimFile, given: int) -> None:
        ring.submit(read(3, opcode=IORING_OP_READ_FIXED, addr=given))
        ring.ctx.buf_table.unregister()
        pipe.write(b"XYZ")
        assert ring.results() == [(1, 3)]
        assert ring.port.memory.arena[:3] == b"XYZ"


class TestChosenBuffers:
    @pytest.fixture
    def buffers(self, ring: Ring) -> bytearray:
        buffers = bytearray(24)
        assert ring.do(Sqe(IORING_OP_PROVIDE_BUFFERS, fd=3, addr=buffers, len=8, buf_index=7)) == 0
        return buffers

    def choose(self, size: int = 0, opcode: int = IORING_OP_READ, user_data: int = 1, flags: int = 0) -> Sqe:
        return Sqe(opcode, CHOOSE | flags, fd=FD, len=size, buf_index=7, user_data=user_data)

    def test_are_told_of(self, ring: Ring, pipe: SimFile, buffers: bytearray) -> None:
        pipe.content += b"hello, you there"
        ring.submit(self.choose(), self.choose(4))
        assert [(cqe.res, buffer(cqe.flags)) for cqe in ring.reap()] == [(8, 0), (4, 1)]
        assert buffers[:16] == b"hello, you t\0\0\0\0"

    def test_are_used_up_by_what_fails(self, ring: Ring, regular: SimFile, buffers: bytearray) -> None:
        ring.submit(self.choose())
        ring.port.finish(-5)
        assert [(cqe.res, buffer(cqe.flags), bool(cqe.flags)) for cqe in ring.reap()] == [(-5, 0, True)]
        assert [one.bid for one in ring.ctx.bgids[7].buffers] == [1, 2]  # type: ignore[attr-defined]

    def test_of_a_list_are_held_by_what_waits(self, ring: Ring, pipe: SimFile, buffers: bytearray) -> None:
        ring.submit(self.choose())
        assert [one.bid for one in ring.ctx.bgids[7].buffers] == [1, 2]  # type: ignore[attr-defined]
        pipe.write(b"x")
        assert [(cqe.res, buffer(cqe.flags)) for cqe in ring.reap()] == [(1, 0)]

    def test_there_are_none(self, ring: Ring, pipe: SimFile) -> None:
        pipe.content += b"text"
        assert ring.do(self.choose()) == "ENOBUFS"
        assert ring.do(self.choose(opcode=IORING_OP_READ_MULTISHOT)) == "ENOBUFS"

    def test_many_reads(self, ring: Ring, pipe: SimFile, buffers: bytearray) -> None:
        pipe.content += b"one"
        ring.submit(self.choose(opcode=IORING_OP_READ_MULTISHOT))
        assert ring.results() == [(1, "3+")]
        pipe.write(b"more than eight")
        assert ring.results() == [(1, "8+"), (1, "7+")]
        pipe.write(b"none is left")
        assert ring.results() == [(1, "ENOBUFS")]
        assert released(ring, pipe)

    def test_many_reads_end_with_the_pipe(self, ring: Ring, pipe: SimFile, buffers: bytearray) -> None:
        ring.submit(self.choose(opcode=IORING_OP_READ_MULTISHOT, flags=IOSQE_ASYNC))
        pipe.write(b"one")
        assert ring.results() == [(1, "3+")]
        pipe.become(0x10)
        (cqe,) = ring.reap()
        assert (cqe.res, cqe.flags) == (0, 0)
        assert [one.bid for one in ring.ctx.bgids[7].buffers] == [1, 2]  # type: ignore[attr-defined]
        assert released(ring, pipe)

    def test_many_reads_are_cancelled(self, ring: Ring, pipe: SimFile, buffers: bytearray) -> None:
        ring.submit(self.choose(opcode=IORING_OP_READ_MULTISHOT))
        ring.submit(Sqe(IORING_OP_ASYNC_CANCEL, addr=1, user_data=2))
        assert sorted(ring.results()) == [(1, "ECANCELED"), (2, 0)]
        assert [one.bid for one in ring.ctx.bgids[7].buffers] == [0, 1, 2]  # type: ignore[attr-defined]
        assert released(ring, pipe)

    def test_many_reads_of_what_cannot_be_polled(self, ring: Ring, regular: SimFile, buffers: bytearray) -> None:
        assert ring.do(self.choose(opcode=IORING_OP_READ_MULTISHOT)) == "EBADFD"
        assert released(ring, regular)
