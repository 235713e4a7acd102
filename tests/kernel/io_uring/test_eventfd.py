"""The eventfd of a ring (``io_uring/eventfd.c``). What is expected is what Linux 6.18 counts."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.io_uring import (
    IORING_CQ_EVENTFD_DISABLED,
    IORING_REGISTER_EVENTFD,
    IORING_REGISTER_EVENTFD_ASYNC,
    IORING_REGISTER_FILES2,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_UNREGISTER_EVENTFD,
    IORING_UNREGISTER_FILES,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import IORING_OP_FSYNC, IORING_OP_NOP, IORING_OP_READ
from usernel.kernel.io_uring.sqe import Sqe

from .registering import call
from .sim_port import Ring

EVENTFD, FILE, REGULAR = 5, 6, 7
NOP = Sqe(IORING_OP_NOP)
READ = Sqe(IORING_OP_READ, fd=FILE, addr=bytearray(8), len=4)
FSYNC = Sqe(IORING_OP_FSYNC, fd=REGULAR)


def opened(flags: int = 0, **params: int) -> Ring:
    ring = Ring(flags=flags, **params)
    ring.port.open(EVENTFD, eventfd=True)
    ring.port.open(FILE)
    ring.port.open(REGULAR, regular=True, can_poll=False)
    return ring


@pytest.fixture
def ring() -> Ring:
    return opened()


def listen(ring: Ring, opcode: int = IORING_REGISTER_EVENTFD) -> None:
    assert call(ring, opcode, [EVENTFD], 1) == 0


def counted(ring: Ring) -> int:
    """How often it was counted up since the last look."""
    count, ring.port.signals = ring.port.signals, 0
    return count


def test_one_eventfd_is_registered(ring: Ring) -> None:
    eventfd = ring.port.files[EVENTFD]
    assert call(ring, IORING_UNREGISTER_EVENTFD) == "ENXIO"
    listen(ring)
    assert eventfd.refs == 2
    assert call(ring, IORING_REGISTER_EVENTFD, [EVENTFD], 1) == "EBUSY"
    assert call(ring, IORING_REGISTER_EVENTFD_ASYNC, 16, 1) == "EBUSY"
    assert call(ring, IORING_UNREGISTER_EVENTFD) == 0
    assert eventfd.refs == 1
    assert call(ring, IORING_UNREGISTER_EVENTFD) == "ENXIO"


@pytest.mark.parametrize("opcode", [IORING_REGISTER_EVENTFD, IORING_REGISTER_EVENTFD_ASYNC])
def test_what_cannot_be_registered(ring: Ring, opcode: int) -> None:
    cases: list[tuple[Any, int, str]] = [
        ([EVENTFD], 0, "EINVAL"), ([EVENTFD], 2, "EINVAL"), (0, 1, "EFAULT"), (16, 1, "EFAULT"), ([99], 1, "EBADF"),
        ([FILE], 1, "EINVAL"), ([], 1, "EFAULT"),
    ]  # fmt: skip
    assert [(arg, count, call(ring, opcode, arg, count)) for arg, count, _ in cases] == cases
    assert ring.port.files[FILE].refs == 1


def test_it_counts_once_for_what_is_shown_together(ring: Ring) -> None:
    listen(ring)
    ring.submit(NOP)
    assert counted(ring) == 1
    ring.submit(NOP, NOP, NOP)
    assert counted(ring) == 1
    ring.submit(NOP._replace(flags=IOSQE_IO_LINK), NOP)
    assert counted(ring) == 2
    ring.submit(READ)
    assert counted(ring) == 0
    ring.port.files[FILE].write(b"x")
    assert counted(ring) == 1


def test_it_counts_nothing_where_nothing_is_shown(ring: Ring) -> None:
    listen(ring)
    ring.submit(NOP._replace(flags=IOSQE_CQE_SKIP_SUCCESS))
    assert counted(ring) == 0


def test_it_counts_what_came_while_it_was_disabled_with_the_next(ring: Ring) -> None:
    listen(ring)
    ring.rings.cq_flags = IORING_CQ_EVENTFD_DISABLED
    ring.submit(NOP)
    assert counted(ring) == 0
    ring.rings.cq_flags = 0
    ring.submit(NOP._replace(flags=IOSQE_CQE_SKIP_SUCCESS))
    assert counted(ring) == 1


def test_it_does_not_count_what_has_no_room() -> None:
    ring = opened(entries=8)
    listen(ring)
    counts = []
    for _ in range(3):
        ring.submit(*[NOP] * 8)
        counts.append(counted(ring))
    assert counts == [1, 1, 0]
    ring.reap()
    ring.ctx.flush_overflow()
    assert counted(ring) == 1


def test_it_counts_each_tag(ring: Ring) -> None:
    listen(ring)
    assert call(ring, IORING_REGISTER_FILES2, (2, 0, 0, [FILE, FILE], [5, 6]), 32) == 0
    assert counted(ring) == 0
    assert call(ring, IORING_UNREGISTER_FILES) == 0
    assert counted(ring) == 2


def test_one_that_is_for_workers_counts_what_they_do(ring: Ring) -> None:
    listen(ring, IORING_REGISTER_EVENTFD_ASYNC)
    ring.submit(NOP)
    assert counted(ring) == 0
    ring.submit(NOP._replace(flags=IOSQE_ASYNC))
    ring.ctx.run_task_work()
    assert counted(ring) == 1
    ring.submit(READ)
    ring.port.files[FILE].write(b"x")
    assert counted(ring) == 0
    ring.submit(FSYNC)
    ring.port.finish(0)
    assert counted(ring) == 1


def test_a_worker_goes_on_with_the_chain(ring: Ring) -> None:
    listen(ring, IORING_REGISTER_EVENTFD_ASYNC)
    ring.submit(FSYNC._replace(flags=IOSQE_IO_LINK), NOP)
    ring.port.finish(0)
    assert counted(ring) == 2


@pytest.mark.parametrize(
    ("opcode", "counts"), [(IORING_REGISTER_EVENTFD, [0, 1, 1]), (IORING_REGISTER_EVENTFD_ASYNC, [0, 1, 0])]
)
def test_it_counts_work_that_waits_for_the_submitter(opcode: int, counts: list[int]) -> None:
    ring = opened(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER)
    listen(ring, opcode)
    ring.submit(FSYNC)
    seen = [counted(ring)]
    ring.port.finish(0)
    seen.append(counted(ring))
    ring.ctx.run_task_work()
    seen.append(counted(ring))
    assert seen == counts


def test_a_ring_that_ends_lets_it_go(ring: Ring) -> None:
    listen(ring)
    ring.ctx.close()
    assert ring.port.files[EVENTFD].refs == 1
