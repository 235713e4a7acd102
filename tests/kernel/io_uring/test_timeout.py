"""TIMEOUT and TIMEOUT_REMOVE (``io_uring/timeout.c``), as Linux 6.18 answers to the same entries."""

from __future__ import annotations

from struct import Struct

import pytest

from usernel.abi.io_uring import IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE, IOSQE_IO_HARDLINK, IOSQE_IO_LINK
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_NOP,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_TIMEOUT_ABS,
    IORING_TIMEOUT_BOOTTIME,
    IORING_TIMEOUT_ETIME_SUCCESS,
    IORING_TIMEOUT_MULTISHOT,
    IORING_TIMEOUT_REALTIME,
    IORING_TIMEOUT_UPDATE,
)
from usernel.kernel.call import Clock
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

from .sim_port import Ring, SimPort

MS = 10**6
LONG = 10**10
TIMESPEC = Struct("=qq")


@pytest.fixture
def ring() -> Ring:
    return Ring(SimPort())


def timeout(user_data: int = 1, ns: int = LONG, off: int = 0, timeout_flags: int = 0, flags: int = 0) -> Sqe:
    return Sqe(
        IORING_OP_TIMEOUT, flags, off=off, addr=Nanoseconds(ns), len=1, rw_flags=timeout_flags, user_data=user_data
    )  # fmt: skip


def remove(target: int, ns: int | None = None, flags: int = 0, user_data: int = 99) -> Sqe:
    update = 0 if ns is None else IORING_TIMEOUT_UPDATE
    when = 0 if ns is None else Nanoseconds(ns)
    return Sqe(IORING_OP_TIMEOUT_REMOVE, off=when, addr=target, rw_flags=update | flags, user_data=user_data)


def nop(user_data: int) -> Sqe:
    return Sqe(IORING_OP_NOP, user_data=user_data)


# ----------------------------------------------------------------------------------------------------------- entries


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"len": 0}, "EINVAL"),
        ({"len": 2}, "EINVAL"),
        ({"buf_index": 1}, "EINVAL"),
        ({"splice_fd_in": 1}, "EINVAL"),
        ({"addr3": 1}, "EINVAL"),
        ({"pad2": 1}, "EINVAL"),
        ({"ioprio": 1}, "EINVAL"),
        ({"rw_flags": IORING_TIMEOUT_UPDATE, "addr": 16}, "EINVAL"),
        ({"rw_flags": IORING_LINK_TIMEOUT_UPDATE}, "EINVAL"),
        ({"rw_flags": IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME}, "EINVAL"),
        ({"rw_flags": IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS}, "EINVAL"),
        ({"rw_flags": 128}, "EINVAL"),
        ({"addr": 16}, "EFAULT"),
        ({"addr": TIMESPEC.pack(-1, 0)}, "EINVAL"),
        ({"addr": TIMESPEC.pack(0, -1)}, "EINVAL"),
    ],
)
def test_entries_that_make_no_sense(ring: Ring, change: dict[str, int], error: str) -> None:
    assert ring.do(timeout()._replace(**change)) == error
    assert ring.idle()
    assert not ring.port.timers


@pytest.mark.parametrize(
    ("sqe", "error"),
    [
        (remove(1), "ENOENT"),
        (remove(1)._replace(off=7), "ENOENT"),
        (remove(1, LONG), "ENOENT"),
        (remove(1, LONG, IORING_LINK_TIMEOUT_UPDATE), "ENOENT"),
        (remove(1)._replace(len=1), "EINVAL"),
        (remove(1)._replace(buf_index=1), "EINVAL"),
        (remove(1)._replace(splice_fd_in=1), "EINVAL"),
        (remove(1)._replace(addr3=1), "EINVAL"),
        (remove(1)._replace(pad2=1), "EINVAL"),
        (remove(1)._replace(flags=IOSQE_FIXED_FILE), "EINVAL"),
        (remove(1, flags=IORING_TIMEOUT_ABS), "EINVAL"),
        (remove(1, flags=IORING_TIMEOUT_BOOTTIME), "EINVAL"),
        (remove(1, LONG, IORING_TIMEOUT_BOOTTIME), "EINVAL"),
        (remove(1, LONG)._replace(off=0), "EFAULT"),
        (remove(1, flags=IORING_LINK_TIMEOUT_UPDATE)._replace(off=16), "EFAULT"),
        (remove(1, LONG)._replace(off=TIMESPEC.pack(-1, 0)), "EINVAL"),
    ],
)
def test_removals_of_nothing(ring: Ring, sqe: Sqe, error: str) -> None:
    assert ring.do(sqe) == error


# -------------------------------------------------------------------------------------------------------------- time


def test_a_timeout_comes_when_its_time_has_come(ring: Ring) -> None:
    ring.submit(timeout(ns=MS))
    ring.port.advance(MS - 1)
    assert ring.results() == []
    ring.port.advance(1)
    assert ring.results() == [(1, "ETIME")]
    assert ring.idle()
    assert not ring.port.timers


def test_more_nanoseconds_than_a_second_has(ring: Ring) -> None:
    ring.submit(timeout()._replace(addr=TIMESPEC.pack(0, 2 * 10**9)))
    ring.port.advance(2 * 10**9)
    assert ring.results() == [(1, "ETIME")]


@pytest.mark.parametrize(
    ("flag", "clock"),
    [
        (0, Clock.MONOTONIC),
        (IORING_TIMEOUT_REALTIME, Clock.REALTIME),
        (IORING_TIMEOUT_BOOTTIME, Clock.BOOTTIME),
    ],
)
def test_a_time_of_a_clock(ring: Ring, flag: int, clock: Clock) -> None:
    now = ring.port.clocks[clock]
    ring.submit(timeout(1, now - 1, timeout_flags=flag | IORING_TIMEOUT_ABS))
    ring.submit(timeout(2, now + MS, timeout_flags=flag | IORING_TIMEOUT_ABS))
    ring.port.advance(0)
    assert ring.results() == [(1, "ETIME")]
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME")]


def test_timeouts_come_in_the_order_of_their_times(ring: Ring) -> None:
    ring.submit(timeout(1, 3 * MS), timeout(2, MS), timeout(3, 2 * MS), timeout(4, MS))
    ring.port.advance(3 * MS)
    assert [user_data for user_data, _ in ring.results()] == [2, 4, 3, 1]


def test_the_soonest_of_all_clocks_is_waited_for(ring: Ring) -> None:
    ring.submit(timeout(1, 5 * MS))
    ring.submit(timeout(2, 2 * MS, timeout_flags=IORING_TIMEOUT_REALTIME))
    assert ring.port.timers[ring.ctx] - ring.port.now(Clock.MONOTONIC) == 2 * MS
    ring.submit(remove(2))
    assert ring.port.timers[ring.ctx] - ring.port.now(Clock.MONOTONIC) == 5 * MS


def test_many_timeouts_taken_back_take_no_room(ring: Ring) -> None:
    ring.submit(timeout(1))
    for _ in range(500):
        ring.submit(timeout(2), remove(2))
        ring.reap()
    assert sum(map(len, ring.ctx.timeouts._heaps.values())) < 200
    assert len(ring.ctx.timeouts) == 1


@pytest.mark.parametrize(
    ("link", "timeout_flags", "following"),
    [
        (IOSQE_IO_LINK, 0, "ECANCELED"),
        (IOSQE_IO_LINK, IORING_TIMEOUT_ETIME_SUCCESS, 0),
        (IOSQE_IO_HARDLINK, 0, 0),
    ],
)
def test_what_follows_a_timeout(ring: Ring, link: int, timeout_flags: int, following: int | str) -> None:
    ring.submit(timeout(ns=MS, timeout_flags=timeout_flags, flags=link), nop(2))
    ring.port.advance(MS)
    assert ring.results() == [(1, "ETIME"), (2, following)]


@pytest.mark.parametrize(("timeout_flags", "told"), [(0, [(1, "ETIME")]), (IORING_TIMEOUT_ETIME_SUCCESS, [])])
def test_success_is_left_out(ring: Ring, timeout_flags: int, told: list[tuple[int, str]]) -> None:
    ring.submit(timeout(ns=MS, timeout_flags=timeout_flags, flags=IOSQE_CQE_SKIP_SUCCESS))
    ring.port.advance(MS)
    assert ring.results() == told
    assert ring.idle()


# ------------------------------------------------------------------------------------------------------------- count


def test_timeouts_that_count_completions(ring: Ring) -> None:
    ring.submit(timeout(1, off=1), timeout(2, off=3), timeout(3, off=2), timeout(4, off=1), timeout(5))
    told = []
    for user_data in range(100, 104):
        ring.submit(nop(user_data))
        told.append(ring.results())
    assert told == [[(100, 0), (1, 0), (4, 0)], [(101, 0), (3, 0)], [(102, 0), (2, 0)], [(103, 0)]]
    ring.submit(remove(5))
    assert ring.results() == [(99, 0), (5, "ECANCELED")]


def test_completions_of_the_same_batch_count(ring: Ring) -> None:
    ring.submit(timeout(1, off=2), nop(100), nop(101), nop(102))
    assert ring.results() == [(100, 0), (101, 0), (102, 0), (1, 0)]


def test_timeouts_themselves_do_not_count_unless_removed(ring: Ring) -> None:
    ring.submit(timeout(1, off=1), timeout(2, MS))
    ring.port.advance(MS)
    assert ring.results() == [(2, "ETIME")]
    ring.submit(timeout(3))
    ring.submit(remove(3))
    assert ring.results() == [(99, 0), (3, "ECANCELED"), (1, 0)]


def test_the_count_goes_round(ring: Ring) -> None:
    ring.rings.cached_cq_tail = 0xFFFFFFFF
    ring.submit(timeout(1, off=2), timeout(2, off=1))
    ring.submit(nop(100))
    assert ring.results() == [(100, 0), (2, 0)]
    ring.submit(nop(101))
    assert ring.results() == [(101, 0), (1, 0)]


def test_a_count_that_ends_lets_its_chain_go_on(ring: Ring) -> None:
    ring.submit(timeout(1, off=1, flags=IOSQE_IO_LINK), nop(2), nop(3))
    assert ring.results() == [(3, 0), (1, 0), (2, 0)]


# --------------------------------------------------------------------------------------------------------- multishot


@pytest.mark.parametrize(
    ("timeout_flags", "flags", "told"),
    [
        (0, 0, [(1, "ETIME+"), (1, "ETIME")]),
        (IORING_TIMEOUT_ETIME_SUCCESS, IOSQE_CQE_SKIP_SUCCESS, [(1, "ETIME+")]),
        (0, IOSQE_CQE_SKIP_SUCCESS, [(1, "ETIME+"), (1, "ETIME")]),
    ],
)
def test_repeated(ring: Ring, timeout_flags: int, flags: int, told: list[tuple[int, str]]) -> None:
    ring.submit(timeout(ns=MS, off=2, timeout_flags=timeout_flags | IORING_TIMEOUT_MULTISHOT, flags=flags))
    ring.port.advance(10 * MS)
    assert ring.results() == told
    assert ring.idle()


def test_repeated_without_end(ring: Ring) -> None:
    ring.submit(timeout(ns=MS, timeout_flags=IORING_TIMEOUT_MULTISHOT))
    ring.port.advance(5 * MS)
    assert ring.results() == [(1, "ETIME+")] * 5
    ring.submit(remove(1))
    assert ring.results() == [(99, 0), (1, "ECANCELED")]


def test_a_repeated_one_ends_where_a_completion_has_no_room() -> None:
    ring = Ring(entries=1)
    ring.submit(nop(7))
    ring.submit(nop(8))
    ring.submit(timeout(ns=MS, timeout_flags=IORING_TIMEOUT_MULTISHOT))
    ring.port.advance(10 * MS)
    assert ring.results() == [(7, 0), (8, 0)]
    ring.ctx.flush_overflow()
    assert ring.results() == [(1, "ETIME")]
    assert ring.idle()


# -------------------------------------------------------------------------------------------------- update, removal


def test_an_update_ends_the_count(ring: Ring) -> None:
    ring.submit(timeout(1, off=1))
    assert ring.do(remove(1, MS)) == 0, "it is there before the completion that would have been counted"
    ring.port.advance(MS)
    assert ring.results() == [(1, "ETIME")]


def test_an_update_to_a_time_of_the_clock(ring: Ring) -> None:
    ring.submit(timeout(1, timeout_flags=IORING_TIMEOUT_REALTIME))
    assert ring.do(remove(1, ring.port.now(Clock.REALTIME) + MS, IORING_TIMEOUT_ABS)) == 0
    ring.port.advance(MS)
    assert ring.results() == [(1, "ETIME")]


def test_an_updated_repeated_one_has_no_end(ring: Ring) -> None:
    ring.submit(timeout(1, off=2, timeout_flags=IORING_TIMEOUT_MULTISHOT))
    assert ring.do(remove(1, MS)) == 0
    ring.port.advance(7 * MS)
    assert ring.results() == [(1, "ETIME+")] * 7


def test_the_update_of_linked_ones_alone_removes(ring: Ring) -> None:
    ring.submit(timeout(1))
    ring.submit(remove(1, flags=IORING_LINK_TIMEOUT_UPDATE)._replace(off=Nanoseconds(MS)))
    assert ring.results() == [(99, 0), (1, "ECANCELED")]


def test_of_several_the_first_is_removed_and_counting_ones_come_first(ring: Ring) -> None:
    ring.submit(timeout(1, MS), timeout(1, 2 * MS, off=9), timeout(1, 3 * MS))
    ring.submit(remove(1))
    assert ring.results() == [(99, 0), (1, "ECANCELED")]
    assert [req.data.ns for req in ring.ctx.timeouts] == [MS, 3 * MS]
    ring.submit(Sqe(IORING_OP_ASYNC_CANCEL, addr=1, rw_flags=IORING_ASYNC_CANCEL_ALL, user_data=98))
    assert ring.results() == [(98, 2), (1, "ECANCELED"), (1, "ECANCELED")]


def test_the_order_in_which_all_are_cancelled(ring: Ring) -> None:
    ring.submit(timeout(1), timeout(2, off=9), timeout(3), timeout(4, off=3))
    ring.submit(Sqe(IORING_OP_ASYNC_CANCEL, rw_flags=IORING_ASYNC_CANCEL_ANY, user_data=98))
    assert ring.results() == [(98, 4), *((user_data, "ECANCELED") for user_data in (4, 2, 1, 3))]
    assert ring.idle()
    assert not ring.port.timers
