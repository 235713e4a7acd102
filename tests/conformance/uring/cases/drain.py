"""IOSQE_IO_DRAIN: what waits for all before it, and what waits for that."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_NOP_INJECT_RESULT,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_LAST,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
    IORING_POLL_ADD_MULTI,
)

from ..case import case
from ..program import Program
from ..userland import Ring

POLLIN = 1


def pending_read(u: Program, ring: Ring, flags: int = 0) -> int:
    """A read that waits for a byte; returns the descriptor that gives it one."""
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, flags=flags, fd=r, addr=u.alloc(8), len=1)
    return w


@case
def nothing_to_wait_for(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(4)


@case
def waits_for_what_is_before(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(4)


@case
def waits_for_all_that_is_before(u: Program) -> None:
    ring = u.ring(8)
    first, second = pending_read(u, ring), pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.submit()
    os.write(second, b"x")
    ring.reap(1)
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(first, b"x")
    ring.reap(2)


@case
def later_submissions_wait_too(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.submit()
    for _ in range(2):
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()
    os.write(w, b"x")
    ring.reap(4)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(1)


@case
def several(u: Program) -> None:
    ring = u.ring(16)
    first = pending_read(u, ring)
    second = pending_read(u, ring, IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    third = pending_read(u, ring, IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    for w in (third, second, first):
        os.write(w, b"x")
        ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap(5)


@case
def second_waits_for_the_first(u: Program) -> None:
    ring = u.ring(16)
    first = pending_read(u, ring)
    second = pending_read(u, ring, IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    os.write(first, b"x")
    ring.reap(1)
    ring.reap()
    os.write(second, b"x")
    ring.reap(3)


@case
def head_of_a_chain(u: Program) -> None:
    for link in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        ring = u.ring(8)
        w = pending_read(u, ring)
        ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | link)
        ring.prep(IORING_OP_NOP, flags=link)
        ring.prep(IORING_OP_NOP)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()
        os.write(w, b"x")
        ring.reap(5)


@case
def midst_of_a_chain(u: Program) -> None:
    for position in (1, 2):
        ring = u.ring(8)
        w = pending_read(u, ring)
        for number in range(3):
            drain = IOSQE_IO_DRAIN if number == position else 0
            ring.prep(IORING_OP_NOP, flags=drain | (IOSQE_IO_LINK if number < 2 else 0))
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()
        os.write(w, b"x")
        ring.reap(5)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap(1)


@case
def after_a_chain(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring, IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(4)


@case
def broken_chain_with_a_drain(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | IOSQE_IO_LINK, nop_flags=IORING_NOP_INJECT_RESULT, len=-5)
    ring.prep(IORING_OP_NOP)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    os.write(w, b"x")
    ring.reap(4)


@case
def refused_entry_with_a_drain(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_SUBMIT_ALL)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_LAST, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN, ioprio=1)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(2)


@case
def refused_chain_with_a_drain(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_SUBMIT_ALL)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP, ioprio=1)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(2)


@case
def not_with_silent_success(u: Program) -> None:
    ring = u.ring(8)
    ring.do(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.do(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | IOSQE_CQE_SKIP_SUCCESS)
    ring.do(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring = u.ring(8)
    ring.prep(IORING_OP_NOP, flags=IOSQE_CQE_SKIP_SUCCESS)
    ring.submit()
    ring.do(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.do(IORING_OP_NOP)


@case
def silent_success_is_not_with_a_drain_before(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP, flags=IOSQE_CQE_SKIP_SUCCESS)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(3)


@case
def polls_that_go_on(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=IORING_POLL_ADD_MULTI, user_data=7)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)
    ring.reap()
    os.close(w)
    ring.reap(1)
    ring.reap()


@case
def poll_that_cannot_be_removed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, user_data=7)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_POLL_REMOVE, addr=7)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(3)


@case
def timeouts(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(0.1), len=1)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    ring.reap(3)


@case
def with_workers(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | IOSQE_ASYNC)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN | IOSQE_ASYNC)
    ring.submit()
    os.write(w, b"x")
    ring.reap(4)


@case
def deferred_task_work(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_SINGLE_ISSUER | abi.IORING_SETUP_DEFER_TASKRUN)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap()
    ring.reap(3)


@case
def cancelled_while_it_waits(u: Program) -> None:
    ring = u.ring(8)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN, user_data=7)
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=7)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(3)
    w = pending_read(u, ring)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN, user_data=7)
    ring.submit()
    ring.register(abi.IORING_REGISTER_SYNC_CANCEL, u.numbers("Q", 7, 0xFFFFFFFF, 2**64 - 1, 2**64 - 1, 0, 0, 0, 0), 1)
    os.write(w, b"x")
    ring.reap(2)
