"""LINK_TIMEOUT (``io_uring/timeout.c``), as Linux 6.18 answers to the same chains."""

from __future__ import annotations

import pytest

from usernel.abi.io_uring import (
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ANY,
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_FSYNC,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_MADVISE,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_TIMEOUT_ABS,
    IORING_TIMEOUT_MULTISHOT,
    IORING_TIMEOUT_UPDATE,
)
from usernel.abi.poll import POLLIN
from usernel.kernel.call import Clock
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

from .sim_port import Ring, SimFile, SimPort

MS = 10**6
FILE = 5


@pytest.fixture
def ring() -> Ring:
    return Ring(SimPort())


@pytest.fixture
def file(ring: Ring) -> SimFile:
    return ring.port.open(FILE)


def limit(flags: int = 0, ns: int = MS, timeout_flags: int = 0, user_data: int = 2) -> Sqe:
    return Sqe(IORING_OP_LINK_TIMEOUT, flags, addr=Nanoseconds(ns), len=1, rw_flags=timeout_flags, user_data=user_data)


def read(flags: int = IOSQE_IO_LINK, user_data: int = 1) -> Sqe:
    return Sqe(IORING_OP_READ, flags, fd=FILE, addr=bytearray(4), len=4, user_data=user_data)


def nop(user_data: int = 3, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_NOP, flags, user_data=user_data)


def cancelled(*user_data: int) -> list[tuple[int, int | str]]:
    return [(one, "ECANCELED") for one in user_data]


# ----------------------------------------------------------------------------------------------------------- entries


def test_linked_to_nothing(ring: Ring) -> None:
    assert ring.do(limit()) == "EINVAL"
    ring.submit(limit(IOSQE_IO_LINK), nop())
    assert ring.results() == [(2, "EINVAL"), (3, "ECANCELED")]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"off": 1}, "EINVAL"),
        ({"len": 0}, "EINVAL"),
        ({"addr3": 1}, "EINVAL"),
        ({"pad2": 1}, "EINVAL"),
        ({"addr": 16}, "EFAULT"),
        ({"rw_flags": IORING_TIMEOUT_UPDATE}, "EINVAL"),
        ({"rw_flags": IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS}, "EINVAL"),
    ],
)
def test_entries_that_make_no_sense(ring: Ring, change: dict[str, int], error: str) -> None:
    ring.submit(nop(1, IOSQE_IO_LINK), limit()._replace(**change))
    assert ring.results() == [(1, "ECANCELED"), (2, error)]
    assert ring.idle()


def test_two_in_a_row(ring: Ring) -> None:
    ring.submit(nop(1, IOSQE_IO_LINK), limit(IOSQE_IO_LINK), limit(user_data=3))
    assert ring.results() == [(1, "ECANCELED"), (2, "ECANCELED"), (3, "EINVAL")]


# -------------------------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize("flags", [0, IORING_TIMEOUT_MULTISHOT])
def test_a_request_that_ends_at_once(ring: Ring, flags: int) -> None:
    ring.submit(nop(1, IOSQE_IO_LINK), limit(IOSQE_IO_LINK, timeout_flags=flags), nop())
    assert ring.results() == [(1, 0), (2, "ECANCELED"), (3, 0)]
    assert ring.idle()
    assert not ring.port.timers


def test_a_request_that_ends_in_time(ring: Ring, file: SimFile) -> None:
    ring.submit(read(), limit(IOSQE_IO_LINK), nop())
    file.write(b"abcd")
    assert ring.results() == [(1, 4), (2, "ECANCELED"), (3, 0)]
    assert ring.idle()


@pytest.mark.parametrize(("link", "following"), [(IOSQE_IO_LINK, "ECANCELED"), (IOSQE_IO_HARDLINK, 0)])
def test_a_request_that_does_not(ring: Ring, file: SimFile, link: int, following: int | str) -> None:
    ring.submit(read(link), limit(IOSQE_IO_LINK), nop())
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED"), (3, following)]
    assert ring.idle()
    assert file.refs == 1


def test_a_time_of_the_clock(ring: Ring, file: SimFile) -> None:
    until = ring.port.now(Clock.MONOTONIC) + 3 * MS
    ring.submit(read(), limit(ns=until, timeout_flags=IORING_TIMEOUT_ABS))
    ring.port.advance(2 * MS)
    assert ring.results() == []
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED")]


def test_the_second_of_a_chain(ring: Ring, file: SimFile) -> None:
    ring.submit(read(user_data=7), read(), limit())
    ring.port.advance(5 * MS)
    assert ring.results() == [], "its time begins with its request"
    file.write(b"abcd")
    assert ring.results() == [(7, 4)]
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED")]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((IOSQE_CQE_SKIP_SUCCESS,) * 3, [(1, "ECANCELED")]),
        ((0, IOSQE_CQE_SKIP_SUCCESS, IOSQE_CQE_SKIP_SUCCESS), [(1, "ECANCELED"), (3, "ECANCELED")]),
    ],
)
def test_success_is_left_out(
    ring: Ring, file: SimFile, flags: tuple[int, int, int], told: list[tuple[int, str]]
) -> None:
    ring.submit(read(IOSQE_IO_LINK | flags[0]), limit(IOSQE_IO_LINK | flags[1]), nop(flags=flags[2]))
    ring.port.advance(MS)
    assert ring.results() == told
    assert ring.idle()


def test_what_is_cancelled_is_found_by_user_data(ring: Ring, file: SimFile) -> None:
    """As in Linux: another request with the same, which came later, is taken for it."""
    ring.submit(read(), limit(), Sqe(IORING_OP_POLL_ADD, fd=FILE, rw_flags=POLLIN, user_data=1))
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED")]
    assert ring.port.armed, "the read waits on"


# ------------------------------------------------------------------------------------------------------------- io-wq


@pytest.mark.parametrize("flags", [0, IOSQE_ASYNC])
def test_what_a_worker_is_the_first_to_try_has_no_limit(ring: Ring, flags: int) -> None:
    ring.port.open(FILE, regular=True, can_poll=False)
    ring.submit(Sqe(IORING_OP_FSYNC, IOSQE_IO_LINK | flags, fd=FILE, user_data=1), limit(IOSQE_IO_LINK), nop())
    ring.port.begin()
    ring.port.advance(10 * MS)
    assert ring.results() == []
    ring.port.finish(0)
    assert ring.results() == [(1, 0), (2, "ECANCELED"), (3, 0)]
    assert ring.idle()


def test_what_was_tried_before_has(ring: Ring) -> None:
    ring.port.open(FILE, regular=True, can_poll=False)
    ring.submit(read(), limit())
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED")], "no worker had begun with it"
    assert not ring.port.queued
    ring.submit(read(), limit())
    ring.port.begin()
    ring.port.advance(MS)
    assert ring.results() == [(2, "ENOENT")], "one that runs is interrupted, and not found"
    assert len(ring.port.interrupted) == 1
    ring.port.finish(-4)
    assert ring.results() == [(1, "EINTR")]
    assert ring.idle()


# ---------------------------------------------------------------------------------------------- removal and update


def test_it_is_no_timeout_that_is_removed_or_cancelled(ring: Ring, file: SimFile) -> None:
    ring.submit(
        read(),
        limit(),
        Sqe(IORING_OP_ASYNC_CANCEL, addr=2, user_data=11),
        Sqe(IORING_OP_TIMEOUT_REMOVE, addr=2, user_data=12),
        Sqe(IORING_OP_TIMEOUT_REMOVE, addr=2, off=Nanoseconds(1), rw_flags=IORING_TIMEOUT_UPDATE, user_data=13),
        Sqe(IORING_OP_TIMEOUT_REMOVE, addr=2, off=Nanoseconds(1), rw_flags=IORING_LINK_TIMEOUT_UPDATE, user_data=14),
    )
    assert ring.results() == [(11, "ENOENT"), (12, "ENOENT"), (13, "ENOENT"), (14, "ENOENT")]


def test_update(ring: Ring, file: SimFile) -> None:
    flags = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE
    ring.submit(read(), limit())
    assert ring.do(Sqe(IORING_OP_TIMEOUT_REMOVE, addr=2, off=Nanoseconds(3 * MS), rw_flags=flags, user_data=9)) == 0
    ring.port.advance(2 * MS)
    assert ring.results() == []
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME"), (1, "ECANCELED")]


def test_cancellation_of_the_request_takes_its_limit_along(ring: Ring, file: SimFile) -> None:
    ring.submit(read(), limit(IOSQE_IO_LINK), nop())
    ring.submit(Sqe(IORING_OP_ASYNC_CANCEL, rw_flags=IORING_ASYNC_CANCEL_ANY, user_data=9))
    assert ring.results() == [(9, 1), (1, "ECANCELED"), (2, "ECANCELED"), (3, "ECANCELED")]
    assert ring.idle()
    assert not ring.port.timers


def test_the_request_ends_while_its_limit_is_to_be_looked_at() -> None:
    """Both are task work by then: the limit finds nothing to cancel, and the chain goes on."""
    ring = Ring(flags=IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
    file = ring.port.open(FILE)
    ring.submit(read(), limit(IOSQE_IO_LINK), nop())
    file.write(b"abcd")
    ring.port.advance(MS)
    ring.ctx.run_task_work()
    assert ring.results() == [(1, 4), (2, "ENOENT"), (3, 0)]
    assert ring.idle()


def test_a_request_that_is_refused(ring: Ring) -> None:
    ring.submit(Sqe(IORING_OP_MADVISE, IOSQE_IO_LINK, buf_index=1, user_data=1), limit(IOSQE_IO_LINK), nop())
    assert ring.results() == [(1, "EINVAL"), *cancelled(2, 3)]
    assert ring.idle()
