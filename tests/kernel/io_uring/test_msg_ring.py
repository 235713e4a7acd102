"""MSG_RING (``io_uring/msg_ring.c``), as Linux 6.18 answers to the same entries."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.io_uring import (
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_MSG_RING_CQE_SKIP,
    IORING_MSG_RING_FLAGS_PASS,
    IORING_MSG_SEND_FD,
    IORING_OP_MSG_RING,
    IORING_OP_NOP,
)
from usernel.kernel.io_uring.sqe import Cqe, Sqe

from .sim_port import Ring, SimFile, SimPort

OWN, TARGET, DEFER, DISABLED, FILE, OTHER = 10, 11, 12, 13, 14, 15
DEFER_FLAGS = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN


class Rings:
    """Four rings of one program: its own, and three that it sends to."""

    def __init__(self) -> None:
        self.port = SimPort()
        self.own, self.target = Ring(self.port), Ring(self.port, entries=4)
        self.defer = Ring(self.port, flags=DEFER_FLAGS)
        self.disabled = Ring(self.port, flags=IORING_SETUP_R_DISABLED)
        for fd, ring in ((OWN, self.own), (TARGET, self.target), (DEFER, self.defer), (DISABLED, self.disabled)):
            self.port.open(fd, ring=ring.ctx)
        self.file, self.other = self.port.open(FILE), self.port.open(OTHER)


@pytest.fixture
def rings() -> Rings:
    return Rings()


def message(fd: int = TARGET, **fields: Any) -> Sqe:
    return Sqe(IORING_OP_MSG_RING, fd=fd, off=0x77, len=5, user_data=1)._replace(**fields)


def send(fd: int = TARGET, slot: int = 1, src: int = 0, **fields: Any) -> Sqe:
    return message(fd, addr=IORING_MSG_SEND_FD, len=0, splice_fd_in=slot, addr3=src)._replace(**fields)


# -------------------------------------------------------------------------------------------------------------- data


@pytest.mark.parametrize(
    ("sqe", "error"),
    [
        (message(FILE), "EBADFD"),
        (message(999), "EBADF"),
        (message(DISABLED), "EBADFD"),
        (message(DISABLED, addr3=1), "EINVAL"),
        (message(addr=2), "EINVAL"),
        (message(DISABLED, addr=2), "EINVAL"),
        (message(buf_index=1), "EINVAL"),
        (message(personality=1), "EINVAL"),
        (message(ioprio=1), "EINVAL"),
        (message(rw_flags=IORING_MSG_RING_CQE_SKIP), "EINVAL"),
        (message(rw_flags=4), "EINVAL"),
        (message(splice_fd_in=3), "EINVAL"),
        (message(addr3=1), "EINVAL"),
    ],
)
def test_messages_that_are_not_sent(rings: Rings, sqe: Sqe, error: str) -> None:
    assert rings.own.do(sqe) == error
    assert not rings.target.reap()
    assert rings.port.files[TARGET].refs == 1


@pytest.mark.parametrize(
    ("fields", "cqe"),
    [
        ({}, Cqe(0x77, 5)),
        ({"addr": 1 << 32}, Cqe(0x77, 5)),
        ({"addr3": 1 << 32}, Cqe(0x77, 5)),
        ({"pad2": 1}, Cqe(0x77, 5)),
        ({"len": 0xFFFFFFFF}, Cqe(0x77, -1)),
        ({"rw_flags": IORING_MSG_RING_FLAGS_PASS, "splice_fd_in": 0x10003}, Cqe(0x77, 5, 0x10003)),
        ({"rw_flags": IORING_MSG_RING_FLAGS_PASS, "splice_fd_in": -1}, Cqe(0x77, 5, 0xFFFFFFFF)),
    ],
)
def test_what_arrives(rings: Rings, fields: dict[str, int], cqe: Cqe) -> None:
    assert rings.own.do(message(**fields)) == 0
    assert rings.target.reap() == [cqe]


def test_to_itself_before_what_the_batch_completes(rings: Rings) -> None:
    rings.own.submit(Sqe(IORING_OP_NOP, user_data=2), message(OWN), Sqe(IORING_OP_NOP, user_data=3))
    assert rings.own.results() == [(0x77, 5), (2, 0), (1, 0), (3, 0)]


def test_a_ring_with_a_task_of_its_own_gets_it_when_that_looks(rings: Rings) -> None:
    assert rings.own.do(message(DEFER)) == 0
    assert rings.defer.reap() == []
    rings.defer.ctx.run_task_work()
    assert rings.defer.reap() == [Cqe(0x77, 5)]


def test_more_than_there_is_room_for_waits(rings: Rings) -> None:
    for user_data in range(10):
        assert rings.own.do(message(off=user_data)) == 0
    assert [cqe.user_data for cqe in rings.target.reap()] == list(range(8))
    rings.target.ctx.flush_overflow()
    assert [cqe.user_data for cqe in rings.target.reap()] == [8, 9]


# -------------------------------------------------------------------------------------------------------------- files


@pytest.fixture
def tables(rings: Rings) -> Rings:
    rings.own.ctx.file_table.register([FILE, -1, OTHER], 3)
    for ring in (rings.target, rings.defer):
        ring.ctx.file_table.register([-1] * 4, 4)
    return rings


def slots(ring: Ring) -> list[SimFile | None]:
    return [node and node.file for node in ring.ctx.file_table.nodes]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("sqe", "error"),
    [
        (send(len=5), "EINVAL"),
        (send(OWN), "EINVAL"),
        (send(FILE), "EBADFD"),
        (send(DISABLED), "EBADFD"),
        (send(slot=0), "EINVAL"),
        (send(slot=5), "EINVAL"),
        (send(src=1), "EBADF"),
        (send(src=3), "EBADF"),
    ],
)
def test_files_that_are_not_sent(tables: Rings, sqe: Sqe, error: str) -> None:
    assert tables.own.do(sqe) == error
    assert tables.target.reap() == []
    assert (tables.file.refs, tables.other.refs) == (2, 2)


def test_no_table_to_put_it_in(rings: Rings) -> None:
    rings.own.ctx.file_table.register([FILE], 1)
    assert rings.own.do(send()) == "ENXIO"
    assert rings.file.refs == 2


def test_a_file_in_a_slot(tables: Rings) -> None:
    assert tables.own.do(send(slot=2)) == 0
    assert tables.target.reap() == [Cqe(0x77, 0)]
    assert slots(tables.target) == [None, tables.file, None, None]
    assert tables.own.do(send(slot=2, src=2, rw_flags=IORING_MSG_RING_CQE_SKIP)) == 0
    assert tables.target.reap() == []
    assert (tables.file.refs, tables.other.refs) == (2, 3), "what was there is let go"


def test_a_file_in_any_slot(tables: Rings) -> None:
    assert [tables.own.do(send(slot=IORING_FILE_INDEX_ALLOC)) for _ in range(5)] == [0, 1, 2, 3, "ENFILE"]
    assert [cqe.res for cqe in tables.target.reap()] == [0, 1, 2, 3]
    assert tables.file.refs == 2 + 4
    tables.own.ctx.close()
    assert tables.file.refs == 1 + 4
    tables.target.ctx.close()
    assert tables.file.refs == 1


def test_a_ring_with_a_task_of_its_own_has_it_first(tables: Rings) -> None:
    tables.own.submit(send(DEFER, flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    assert tables.defer.reap() == [Cqe(0x77, 0)]
    assert tables.own.results() == [(1, 0), (2, 0)]
    assert tables.own.idle()
    tables.own.submit(send(DEFER, slot=9, flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    assert tables.own.results() == [(1, "EINVAL"), (2, "ECANCELED")]
