"""OPENAT, CLOSE and PIPE: descriptors, and slots of the table of files (``io_uring/openclose.c``)."""

from __future__ import annotations

from struct import Struct

import pytest

from usernel.abi.fcntl import AT_FDCWD, O_CLOEXEC
from usernel.abi.io_uring import IOSQE_FIXED_FILE, IOSQE_IO_LINK
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_OP_CLOSE,
    IORING_OP_NOP,
    IORING_OP_OPENAT,
    IORING_OP_OPENAT2,
    IORING_OP_PIPE,
)
from usernel.abi.openat2 import OPEN_HOW
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import Ring, SimFile, SimPort

ALLOC = IORING_FILE_INDEX_ALLOC - (1 << 32)
"""As the field holds it, which is signed."""
TWO = Struct("=ii")


@pytest.fixture
def ring() -> Ring:
    return Ring(SimPort())


def opens(slot: int = 0, flags: int = 0, user_data: int = 1, link: int = 0) -> Sqe:
    return Sqe(IORING_OP_OPENAT, link, fd=AT_FDCWD, addr="f", rw_flags=flags, splice_fd_in=slot, user_data=user_data)


def found(ring: Ring, fd: int = 9) -> SimFile:
    """Let the next open find a file."""
    ring.port.results["openat2"] = fd
    return ring.port.open(fd)


def table(ring: Ring, size: int) -> None:
    ring.ctx.file_table.register([-1] * size, size)


def filled(ring: Ring) -> list[bool]:
    return [node is not None for node in ring.ctx.file_table.nodes]


class TestOpen:
    def test_comes_to_a_descriptor(self, ring: Ring) -> None:
        file = found(ring)
        assert ring.do(opens()) == 9
        assert ring.port.files[9] is file

    def test_into_a_slot(self, ring: Ring) -> None:
        table(ring, 2)
        file = found(ring)
        assert ring.do(opens(2)) == 0
        assert filled(ring) == [False, True]
        assert 9 not in ring.port.files
        assert file.refs == 1

    def test_into_any_slot(self, ring: Ring) -> None:
        table(ring, 2)
        for expected in (0, 1, "ENFILE"):
            file = found(ring)
            assert ring.do(opens(ALLOC)) == expected
            assert file.refs == (1 if isinstance(expected, int) else 0)
        assert filled(ring) == [True, True]

    @pytest.mark.parametrize(("slot", "errno"), [(3, "EINVAL"), (ALLOC - 1, "EINVAL"), (-(1 << 31), "EINVAL")])
    def test_into_no_slot_leaves_nothing(self, ring: Ring, slot: int, errno: str) -> None:
        table(ring, 2)
        file = found(ring)
        assert ring.do(opens(slot)) == errno
        assert file.refs == 0
        assert ring.idle()

    def test_without_a_table(self, ring: Ring) -> None:
        found(ring)
        assert ring.do(opens(1)) == "ENXIO"

    def test_slot_is_not_inherited_on_the_way(self, ring: Ring) -> None:
        assert ring.do(opens(1, O_CLOEXEC)) == "EINVAL"
        ring.submit(opens(1, 0o100))
        ((_, job),) = ring.port.queued
        assert job.args[2] & O_CLOEXEC

    @pytest.mark.parametrize(
        ("fields", "errno"),
        [
            ({"buf_index": 1, "flags": IOSQE_FIXED_FILE}, "EINVAL"),
            ({"flags": IOSQE_FIXED_FILE, "addr": 0}, "EBADF"),
            ({"addr": 0}, "EFAULT"),
            ({"addr": ""}, "ENOENT"),
            ({"addr": "x" * 4096}, "ENAMETOOLONG"),
            ({"opcode": IORING_OP_OPENAT2, "len": 23, "off": (0, 0, 0)}, "EINVAL"),
            ({"opcode": IORING_OP_OPENAT2, "len": 24, "off": 0}, "EFAULT"),
        ],
    )
    def test_refusals_of_an_entry(self, ring: Ring, fields: dict[str, object], errno: str) -> None:
        assert ring.do(opens()._replace(**fields)) == errno
        assert ring.idle()

    def test_more_of_open_how_than_is_known(self, ring: Ring) -> None:
        found(ring)
        how = ring.port.memory.put(OPEN_HOW.pack(0, 0, 0) + bytes(8))
        for size, expected in ((24, 9), (32, 9), (33, "EFAULT")):
            assert ring.do(opens()._replace(opcode=IORING_OP_OPENAT2, off=how, len=size)) == expected
        ring.port.memory.arena[-1] = 1
        assert ring.do(opens()._replace(opcode=IORING_OP_OPENAT2, off=how, len=32)) == "E2BIG"

    def test_failure_breaks_a_chain(self, ring: Ring) -> None:
        ring.port.results["openat2"] = -2
        ring.submit(opens(link=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
        assert ring.results() == [(1, "ENOENT"), (2, "ECANCELED")]


class TestClose:
    def test_of_a_descriptor(self, ring: Ring) -> None:
        file = ring.port.open(9)
        assert ring.do(Sqe(IORING_OP_CLOSE, fd=9)) == 0
        assert file.refs == 0

    def test_of_a_slot(self, ring: Ring) -> None:
        assert ring.do(Sqe(IORING_OP_CLOSE, fd=0, splice_fd_in=1)) == "ENXIO"
        table(ring, 1)
        file = found(ring)
        ring.do(opens(1))
        assert ring.do(Sqe(IORING_OP_CLOSE, fd=0, splice_fd_in=1)) == 0
        assert file.refs == 0
        for slot, errno in ((1, "EBADF"), (2, "EINVAL"), (ALLOC, "EINVAL")):
            assert ring.do(Sqe(IORING_OP_CLOSE, fd=0, splice_fd_in=slot)) == errno

    @pytest.mark.parametrize("name", ["off", "addr", "len", "rw_flags", "buf_index", "splice_fd_in"])
    def test_fields_that_must_be_0(self, ring: Ring, name: str) -> None:
        file = ring.port.open(9)
        assert ring.do(Sqe(IORING_OP_CLOSE, fd=9)._replace(**{name: 1})) == "EINVAL"
        assert ring.do(Sqe(IORING_OP_CLOSE, IOSQE_FIXED_FILE, fd=9)) == "EBADF"
        assert file.refs == 1


class TestPipe:
    @pytest.fixture
    def ends(self, ring: Ring) -> tuple[SimFile, SimFile]:
        ring.port.results["pipe2"] = (9, 10)
        return ring.port.open(9), ring.port.open(10)

    def make(self, ring: Ring, slot: int = 0, flags: int = 0) -> tuple[object, tuple[int, int]]:
        fds = bytearray(TWO.pack(-1, -1))
        result = ring.do(Sqe(IORING_OP_PIPE, fd=0, addr=fds, splice_fd_in=slot, rw_flags=flags))
        first, second = TWO.unpack(fds)
        return result, (first, second)

    def test_is_two_descriptors(self, ring: Ring, ends: tuple[SimFile, SimFile]) -> None:
        assert self.make(ring) == (0, (9, 10))

    def test_for_nobody_is_none(self, ring: Ring, ends: tuple[SimFile, SimFile]) -> None:
        assert ring.do(Sqe(IORING_OP_PIPE, fd=0, addr=16)) == "EFAULT"
        assert [end.refs for end in ends] == [0, 0]

    @pytest.mark.parametrize(("slot", "slots"), [(1, (0, 1)), (2, (1, 2)), (ALLOC, (0, 1))])
    def test_in_slots(self, ring: Ring, ends: tuple[SimFile, SimFile], slot: int, slots: tuple[int, int]) -> None:
        table(ring, 3)
        assert self.make(ring, slot) == (0, slots)
        assert [ring.ctx.file_table.nodes[at].file for at in slots] == list(ends)  # type: ignore[union-attr]
        assert not ring.port.files

    @pytest.mark.parametrize(("slot", "errno"), [(2, "EINVAL"), (3, "EINVAL"), (-(1 << 31), "EINVAL")])
    def test_in_slots_that_are_none_is_none(
        self, ring: Ring, ends: tuple[SimFile, SimFile], slot: int, errno: str
    ) -> None:
        table(ring, 2)
        assert self.make(ring, slot) == (errno, (-1, -1))
        assert [end.refs for end in ends] == [0, 0]
        assert filled(ring) == [False, False]

    def test_one_free_slot_is_too_few(self, ring: Ring, ends: tuple[SimFile, SimFile]) -> None:
        table(ring, 1)
        assert self.make(ring, ALLOC) == ("ENFILE", (-1, -1))
        assert [end.refs for end in ends] == [0, 0]
        assert filled(ring) == [False]

    def test_flags(self, ring: Ring, ends: tuple[SimFile, SimFile]) -> None:
        assert self.make(ring, 1, O_CLOEXEC)[0] == "EINVAL"
        assert self.make(ring, 0, 1)[0] == "EINVAL"
        assert self.make(ring, 0, O_CLOEXEC)[0] == 0

    @pytest.mark.parametrize("name", ["fd", "off", "addr3"])
    def test_fields_that_must_be_0(self, ring: Ring, name: str) -> None:
        assert ring.do(Sqe(IORING_OP_PIPE, fd=0, addr=bytearray(8))._replace(**{name: 1})) == "EINVAL"
