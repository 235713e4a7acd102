"""IORING_OP_TIMEOUT and IORING_OP_TIMEOUT_REMOVE: clocks, counts, repetition, removal and change."""

from __future__ import annotations

import time
from itertools import combinations

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import IOSQE_ASYNC, IOSQE_IO_HARDLINK, IOSQE_IO_LINK
from usernel.abi.io_uring_op import (
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

from ..case import case
from ..program import Program
from ..userland import Ring

LONG_S, SHORT_S = 5.0, 0.003
CLOCKS = {
    0: time.CLOCK_MONOTONIC,
    IORING_TIMEOUT_BOOTTIME: time.CLOCK_BOOTTIME,
    IORING_TIMEOUT_REALTIME: time.CLOCK_REALTIME,
}
LONG_SPANS = ((2**31, 0), (2**40, 0), (2**63 - 1, 0), (9, 10**9), (0, 2**62))
ABS, UPDATE, MULTISHOT = IORING_TIMEOUT_ABS, IORING_TIMEOUT_UPDATE, IORING_TIMEOUT_MULTISHOT


def arm(u: Program, ring: Ring, seconds: float, **fields: int) -> None:
    """A timeout that pends."""
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(seconds), len=1, **fields)
    ring.submit()


@case
def fires(u: Program) -> None:
    ring = u.ring(4)
    for seconds in (0, SHORT_S):
        start = time.monotonic()
        ring.do(IORING_OP_TIMEOUT, addr=u.timespec(seconds), len=1)
        u.note(in_time=time.monotonic() - start >= seconds)


@case
def at_a_point_in_time(u: Program) -> None:
    ring = u.ring(4)
    for flag, clock in CLOCKS.items():
        for late in (SHORT_S, -1, -1e6):
            point = max(time.clock_gettime(clock) + late, 0)
            ring.do(IORING_OP_TIMEOUT, addr=u.timespec(point), len=1, timeout_flags=ABS | flag)
            u.note(in_time=time.clock_gettime(clock) >= point)


@case
def after_a_span_on_every_clock(u: Program) -> None:
    ring = u.ring(4)
    for flag in CLOCKS:
        start = time.monotonic()
        ring.do(IORING_OP_TIMEOUT, addr=u.timespec(SHORT_S), len=1, timeout_flags=flag)
        u.note(in_time=time.monotonic() - start >= SHORT_S)


@case
def every_flag(u: Program) -> None:
    ring = u.ring(4)
    for bit in range(32):
        if 1 << bit != MULTISHOT:
            ring.do(IORING_OP_TIMEOUT, addr=u.timespec(0), len=1, timeout_flags=1 << bit)
    for first, second in combinations(range(7), 2):
        flags = 1 << first | 1 << second
        if not flags & MULTISHOT or flags & (ABS | UPDATE | IORING_LINK_TIMEOUT_UPDATE):
            ring.do(IORING_OP_TIMEOUT, addr=u.timespec(0), len=1, timeout_flags=flags)
    ring.do(IORING_OP_TIMEOUT, addr=u.timespec(0), len=1, timeout_flags=ABS | 12)


@case
def fields_that_are_wrong(u: Program) -> None:
    ring = u.ring(4)
    zero = u.timespec(0)
    for fields in (
        {"len": 0}, {"len": 2}, {"addr": 0}, {"addr": 16}, {"addr": 1 << 63}, {"ioprio": 1}, {"buf_index": 1},
        {"splice_fd_in": 1}, {"addr3": 1}, {"pad2": 1}, {"fd": 5}, {"personality": 1}, {"off": 2**32 + 1},
    ):  # fmt: skip
        ring.do(IORING_OP_TIMEOUT, **{"addr": zero, "len": 1, **fields})
        ring.do(IORING_OP_NOP)
    for seconds, nanoseconds in ((-1, 0), (0, -1), (-1, 10**9), (-(2**63), 0), (0, -(2**63)), (-1, -1)):
        ring.do(IORING_OP_TIMEOUT, f"{seconds} s, {nanoseconds} ns", addr=u.numbers("q", seconds, nanoseconds), len=1)


@case
def very_long_ones_are_removed(u: Program) -> None:
    ring = u.ring(4)
    for number, (seconds, nanoseconds) in enumerate(LONG_SPANS):
        for flags in (0, ABS) if seconds > 2**30 else (0,):
            ring.prep(
                IORING_OP_TIMEOUT,
                addr=u.numbers("q", seconds, nanoseconds),
                len=1,
                timeout_flags=flags,
                user_data=100 + number,
            )
            ring.submit()
            ring.reap()
            ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=100 + number)
            ring.submit()
            ring.reap(2)


@case
def success_in_time(u: Program) -> None:
    ring = u.ring(4)
    ring.do(IORING_OP_TIMEOUT, addr=u.timespec(SHORT_S), len=1, timeout_flags=IORING_TIMEOUT_ETIME_SUCCESS)
    for flags in (0, IORING_TIMEOUT_ETIME_SUCCESS):
        for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
            ring.prep(IORING_OP_TIMEOUT, flags=link, addr=u.timespec(SHORT_S), len=1, timeout_flags=flags)
            ring.prep(IORING_OP_NOP)
            ring.submit()
            ring.reap(2)
    for flags in (0, IORING_TIMEOUT_ETIME_SUCCESS):
        arm(u, ring, 0, flags=abi.IOSQE_CQE_SKIP_SUCCESS, timeout_flags=flags, user_data=1)
        ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(0.04), len=1, user_data=99)
        ring.submit()
        while ring.reap(1)[0].user_data != 99:
            pass


@case
def order_of_their_times(u: Program) -> None:
    ring = u.ring(8)
    for seconds in (0.06, 0.005, 0.03):
        arm(u, ring, seconds)
    ring.reap(3)


@case
def count_of_completions(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=2)
    ring.reap()
    for _ in range(3):
        ring.do(IORING_OP_NOP)
    arm(u, ring, LONG_S, off=1)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(2)


@case
def counts_in_order(u: Program) -> None:
    ring = u.ring(8)
    for count in (3, 1, 2, 2, 5):
        arm(u, ring, LONG_S, off=count, user_data=100 + count)
    for _ in range(6):
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()


@case
def counts_in_one_submission(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(LONG_S), len=1, off=2)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(LONG_S), len=1, off=1)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(LONG_S), len=1, off=2)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()


@case
def counts_of_refusals_and_timeouts(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=2)
    ring.prep(255)
    ring.submit()
    ring.reap()
    arm(u, ring, SHORT_S)
    ring.reap(1)
    ring.reap()
    ring.do(IORING_OP_NOP)


@case
def time_before_count(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, SHORT_S, off=1)
    ring.reap(1)
    ring.do(IORING_OP_NOP)


@case
def silent_success_does_not_count(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=1)
    ring.prep(IORING_OP_NOP, flags=abi.IOSQE_CQE_SKIP_SUCCESS)
    ring.submit()
    ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()


@case
def repeated(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, SHORT_S, off=3, timeout_flags=MULTISHOT)
    for _ in range(3):
        ring.reap(1)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1)
    arm(u, ring, SHORT_S, off=1, timeout_flags=MULTISHOT)
    ring.reap(1)
    arm(u, ring, SHORT_S, off=2, timeout_flags=MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS)
    ring.reap(1)
    ring.reap(1)


@case
def repeated_without_end(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, 0.1, timeout_flags=MULTISHOT)  # so that the fifth does not come before the update on any machine
    for _ in range(4):
        ring.reap(1)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1, timeout_flags=UPDATE, addr2=u.timespec(LONG_S))
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=1)
    ring.submit()
    ring.reap(2)


@case
def repeated_silently(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, SHORT_S, flags=abi.IOSQE_CQE_SKIP_SUCCESS, timeout_flags=MULTISHOT, off=2)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(0.06), len=1, user_data=99)
    ring.submit()
    while ring.reap(1)[0].user_data != 99:
        pass


@case
def counts_and_repetition_see_each_other(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=2)
    arm(u, ring, SHORT_S, off=2, timeout_flags=MULTISHOT)
    ring.reap(2)
    ring.do(IORING_OP_NOP)
    ring.do(IORING_OP_NOP)


@case
def in_a_worker(u: Program) -> None:
    ring = u.ring(4)
    ring.do(IORING_OP_TIMEOUT, flags=IOSQE_ASYNC, addr=u.timespec(SHORT_S), len=1)


@case
def removed(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=99)
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=1)
    ring.submit()
    ring.reap(2)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1)
    arm(u, ring, LONG_S, off=3)
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=5)
    ring.submit()
    ring.reap(2)


@case
def removed_in_the_same_submission(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(LONG_S), len=1)
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=1)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(LONG_S), len=1)
    ring.submit()
    ring.reap(2)
    ring.reap()


@case
def one_of_several_with_the_same_user_data(u: Program) -> None:
    ring = u.ring(8)
    for seconds in (LONG_S, 2 * LONG_S, SHORT_S * 10):
        arm(u, ring, seconds, user_data=7)
    for _ in range(2):
        ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=7)
        ring.submit()
        ring.reap(2)
    ring.reap(1)


@case
def removal_with_wrong_fields(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S)
    new = u.timespec(LONG_S)
    for fields in (
        {"len": 1}, {"off": 1}, {"ioprio": 1}, {"buf_index": 1}, {"splice_fd_in": 1}, {"flags": abi.IOSQE_FIXED_FILE},
        {"flags": abi.IOSQE_BUFFER_SELECT}, {"fd": 3}, {"addr3": 1},
    ):  # fmt: skip
        ring.do(IORING_OP_TIMEOUT_REMOVE, **{"addr": 99, **fields})
        ring.do(IORING_OP_TIMEOUT_REMOVE, **{"addr": 99, "addr2": new, "timeout_flags": UPDATE, **fields})
    for bit in range(32):
        ring.do(IORING_OP_TIMEOUT_REMOVE, addr=99, addr2=new, timeout_flags=1 << bit)
        ring.do(IORING_OP_TIMEOUT_REMOVE, addr=99, addr2=new, timeout_flags=1 << bit | UPDATE)
    for flags in (UPDATE | 12, UPDATE | ABS | 4, UPDATE | ABS | 8, IORING_LINK_TIMEOUT_UPDATE | ABS, ABS | 4):
        ring.do(IORING_OP_TIMEOUT_REMOVE, addr=99, addr2=new, timeout_flags=flags)
    for address in (0, 16, u.numbers("q", -1, 0), u.numbers("q", 0, -1), u.numbers("q", 0, 10**9)):
        ring.do(IORING_OP_TIMEOUT_REMOVE, addr=99, addr2=address, timeout_flags=UPDATE)
        ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1, addr2=address, timeout_flags=UPDATE)
    ring.reap()


@case
def updated(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S)
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=1, addr2=u.timespec(SHORT_S), timeout_flags=UPDATE)
    ring.submit()
    ring.reap(2)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1, addr2=u.timespec(SHORT_S), timeout_flags=UPDATE)


@case
def updated_to_a_point_in_time(u: Program) -> None:
    ring = u.ring(8)
    for flag, clock in CLOCKS.items():
        arm(u, ring, LONG_S, timeout_flags=flag, user_data=7)
        point = u.timespec(time.clock_gettime(clock) + SHORT_S)
        ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=7, addr2=point, timeout_flags=UPDATE | ABS)
        ring.submit()
        ring.reap(2)


@case
def updated_one_loses_its_count(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=1)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=1, addr2=u.timespec(10 * SHORT_S), timeout_flags=UPDATE)
    ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    ring.reap(1)


@case
def cancelled(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S)
    arm(u, ring, LONG_S, off=9)
    for number in (1, 2):
        ring.prep(IORING_OP_ASYNC_CANCEL, addr=number)
        ring.submit()
        ring.reap(2)


@case
def removal_at_the_head_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    for target in (1, 99):
        arm(u, ring, LONG_S, user_data=1)
        ring.prep(IORING_OP_TIMEOUT_REMOVE, flags=IOSQE_IO_LINK, addr=target)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap(3 if target == 1 else 2)


@case
def removed_one_at_the_head_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        ring.prep(IORING_OP_TIMEOUT, flags=link, addr=u.timespec(LONG_S), len=1, user_data=1)
        ring.prep(IORING_OP_NOP, flags=link)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=1)
        ring.submit()
        ring.reap(4)


@case
def one_that_is_over_at_the_head_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    arm(u, ring, LONG_S, off=2, flags=0)
    ring.prep(IORING_OP_TIMEOUT, flags=IOSQE_IO_LINK, addr=u.timespec(LONG_S), len=1, off=1)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(4)
