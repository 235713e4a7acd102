"""IORING_OP_LINK_TIMEOUT: what bounds what, and which of the two comes first."""

from __future__ import annotations

import os

from usernel.abi.io_uring import (
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_NOP_INJECT_RESULT,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_LAST,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_TIMEOUT_ABS,
    IORING_TIMEOUT_ETIME_SUCCESS,
    IORING_TIMEOUT_UPDATE,
)

from ..case import case
from ..program import Program
from ..userland import Ring

LONG_S, SHORT_S = 5.0, 0.003
READ, LIMIT, AFTER = 11, 12, 13
POLLIN = 1


def bounded_read(u: Program, ring: Ring, fd: int, seconds: float, *, link: int = IOSQE_IO_LINK, flags: int = 0) -> None:
    """A read, the time that it has, and an entry that follows both."""
    ring.prep(IORING_OP_READ, flags=link | flags, fd=fd, addr=u.alloc(8), len=4, user_data=READ)
    ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(seconds), len=1, user_data=LIMIT)


@case
def fires(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        for flags in (0, IOSQE_ASYNC):
            bounded_read(u, ring, r, SHORT_S, link=link, flags=flags)
            ring.submit()
            ring.reap(2, ordered=not flags)


@case
def does_not_fire(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        bounded_read(u, ring, r, LONG_S, link=link)
        ring.submit()
        ring.reap()
        os.write(w, b"1234")
        ring.reap(2)


@case
def is_not_needed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"12345678")
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        bounded_read(u, ring, r, LONG_S, link=link)
        ring.submit()
        ring.reap(2)
    for result in (0, 1, -22):
        ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK, nop_flags=IORING_NOP_INJECT_RESULT, len=result)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(LONG_S), len=1)
        ring.submit()
        ring.reap(2)


@case
def in_the_midst_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        for seconds in (SHORT_S, LONG_S):
            ring.prep(IORING_OP_READ, flags=link, fd=r, addr=u.alloc(8), len=4, user_data=READ)
            ring.prep(IORING_OP_LINK_TIMEOUT, flags=link, addr=u.timespec(seconds), len=1, user_data=LIMIT)
            ring.prep(IORING_OP_NOP, flags=link, user_data=AFTER)
            ring.prep(IORING_OP_NOP, user_data=AFTER + 1)
            ring.submit()
            if seconds == LONG_S:
                os.write(w, b"1234")
            ring.reap(4)


@case
def of_the_second_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for seconds in (SHORT_S, LONG_S):
        ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK)
        bounded_read(u, ring, r, seconds)
        ring.submit()
        ring.reap(1)
        if seconds == LONG_S:
            os.write(w, b"1234")
        ring.reap(2)


@case
def of_the_second_when_the_first_fails(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK, nop_flags=IORING_NOP_INJECT_RESULT, len=-5)
    bounded_read(u, ring, r, LONG_S)
    ring.submit()
    ring.reap(3)


@case
def with_nothing_before_it(u: Program) -> None:
    ring = u.ring(8)
    ring.do(IORING_OP_LINK_TIMEOUT, addr=u.timespec(SHORT_S), len=1)
    ring.prep(IORING_OP_LINK_TIMEOUT, flags=IOSQE_IO_LINK, addr=u.timespec(SHORT_S), len=1)
    ring.prep(IORING_OP_NOP)
    for _ in range(2):
        ring.submit()
        ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(SHORT_S), len=1)
    ring.submit()
    ring.reap()


@case
def twice(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        ring.prep(IORING_OP_READ, flags=link, fd=r, addr=u.alloc(8), len=4, user_data=READ)
        ring.prep(IORING_OP_LINK_TIMEOUT, flags=link, addr=u.timespec(SHORT_S), len=1, user_data=LIMIT)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(SHORT_S), len=1, user_data=AFTER)
        ring.submit()
        ring.reap(3)
        ring.submit()


@case
def of_a_timeout(u: Program) -> None:
    ring = u.ring(8)
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        ring.prep(IORING_OP_TIMEOUT, flags=link, addr=u.timespec(LONG_S), len=1, user_data=READ)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(SHORT_S), len=1, user_data=LIMIT)
        ring.submit()
        ring.reap(2)


@case
def of_a_poll(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for seconds in (SHORT_S, LONG_S):
        ring.prep(IORING_OP_POLL_ADD, flags=IOSQE_IO_LINK, fd=r, poll32_events=POLLIN, user_data=READ)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(seconds), len=1, user_data=LIMIT)
        ring.submit()
        if seconds == LONG_S:
            os.write(w, b"x")
        ring.reap(2)


@case
def fields_that_are_wrong(u: Program) -> None:
    ring = u.ring(8)
    for fields in (
        {"len": 0}, {"len": 2}, {"addr": 0}, {"addr": 16}, {"off": 1}, {"ioprio": 1}, {"buf_index": 1},
        {"splice_fd_in": 1}, {"timeout_flags": IORING_TIMEOUT_UPDATE}, {"timeout_flags": IORING_LINK_TIMEOUT_UPDATE},
        {"timeout_flags": 1 << 6}, {"timeout_flags": 1 << 7}, {"timeout_flags": 12}, {"addr": u.timespec(-1)},
        {"addr": u.numbers("q", 0, -1)}, {"addr": u.numbers("q", 0, 10**9)},
        {"addr": u.numbers("q", 2**62, 0)}, {"addr3": 1},
    ):  # fmt: skip
        u.note(fields={name: value for name, value in fields.items() if isinstance(value, int)})
        ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK)
        ring.prep(IORING_OP_LINK_TIMEOUT, **{"addr": u.timespec(LONG_S), "len": 1, **fields})
        for _ in range(2):
            ring.submit()
            ring.reap()


@case
def flags(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for timeout_flags in (
        IORING_TIMEOUT_ETIME_SUCCESS,
        IORING_TIMEOUT_ABS,
        IORING_TIMEOUT_ABS | 4,
        IORING_TIMEOUT_ABS | 8,
    ):
        ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK, fd=r, addr=u.alloc(8), len=4, user_data=READ)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(SHORT_S), len=1, timeout_flags=timeout_flags, user_data=LIMIT)
        ring.prep(IORING_OP_NOP, user_data=AFTER)
        ring.submit()
        ring.reap(3, ordered=False)


@case
def chain_goes_on_after_success_in_time(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        ring.prep(IORING_OP_READ, flags=link, fd=r, addr=u.alloc(8), len=4, user_data=READ)
        ring.prep(
            IORING_OP_LINK_TIMEOUT, flags=link, addr=u.timespec(SHORT_S), len=1,
            timeout_flags=IORING_TIMEOUT_ETIME_SUCCESS, user_data=LIMIT,
        )  # fmt: skip
        ring.prep(IORING_OP_NOP, user_data=AFTER)
        ring.submit()
        ring.reap(3)


@case
def silently(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    skip = IOSQE_CQE_SKIP_SUCCESS
    for first, second, fired, spared in ((0, skip, 1, 1), (skip, 0, 2, 1), (skip, skip, 1, 0)):
        for seconds in (SHORT_S, LONG_S):
            ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK | first, fd=r, addr=u.alloc(8), len=4, user_data=READ)
            ring.prep(IORING_OP_LINK_TIMEOUT, flags=second, addr=u.timespec(seconds), len=1, user_data=LIMIT)
            ring.submit()
            if seconds == LONG_S:
                os.write(w, b"1234")
            ring.reap(spared if seconds == LONG_S else fired)
            ring.do(IORING_OP_NOP)


@case
def updated(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    bounded_read(u, ring, r, LONG_S)
    ring.submit()
    update = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=LIMIT, addr2=u.timespec(SHORT_S), timeout_flags=IORING_TIMEOUT_UPDATE)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=LIMIT, addr2=u.timespec(SHORT_S), timeout_flags=IORING_LINK_TIMEOUT_UPDATE)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=READ, addr2=u.timespec(SHORT_S), timeout_flags=update)
    ring.prep(IORING_OP_TIMEOUT_REMOVE, addr=LIMIT, addr2=u.timespec(SHORT_S), timeout_flags=update)
    ring.submit()
    ring.reap(3)
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=LIMIT, addr2=u.timespec(SHORT_S), timeout_flags=update)


@case
def removed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    bounded_read(u, ring, r, LONG_S)
    ring.submit()
    ring.do(IORING_OP_TIMEOUT_REMOVE, addr=LIMIT)
    ring.do(IORING_OP_ASYNC_CANCEL, addr=LIMIT)
    os.write(w, b"1234")
    ring.reap(2)


@case
def read_is_cancelled(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    bounded_read(u, ring, r, LONG_S)
    ring.submit()
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=READ)
    ring.submit()
    ring.reap(3, ordered=False)


@case
def before_what_is_refused(u: Program) -> None:
    ring = u.ring(8)
    for opcode, fields in (
        (IORING_OP_LAST, {}),
        (IORING_OP_NOP, {"ioprio": 1}),
        (IORING_OP_READ, {"fd": 999, "len": 1}),
    ):
        ring.prep(opcode, flags=IOSQE_IO_LINK, **fields)
        ring.prep(IORING_OP_LINK_TIMEOUT, addr=u.timespec(LONG_S), len=1)
        ring.prep(IORING_OP_NOP)
        for _ in range(3):
            ring.submit()
            ring.reap()


@case
def with_a_drain(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
    bounded_read(u, ring, r, SHORT_S, flags=IOSQE_IO_DRAIN)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(3)
