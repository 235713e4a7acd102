"""A completion queue that is full: the backlog, its flag, its order and how it is taken."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_ENTER_GETEVENTS,
    IORING_SETUP_CQE32,
    IORING_SETUP_CQE_MIXED,
    IORING_SETUP_CQSIZE,
)
from usernel.abi.io_uring_op import (
    IORING_NOP_CQE32,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
    IORING_POLL_ADD_MULTI,
)

from ..case import case
from ..program import Program
from ..userland import Ring

POLLIN = 1


def fill(ring: Ring, count: int, **fields: int) -> None:
    """Submit so many NOPs, one by one."""
    for _ in range(count):
        ring.prep(IORING_OP_NOP, **fields)
        ring.submit()


def look(ring: Ring) -> None:
    """Note what the queue shows of itself."""
    ring.words("cq_off.head", "cq_off.tail", "cq_off.overflow")
    ring.sq_flags()


@case
def backlog_is_taken_by_waiting(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 4)
    look(ring)
    fill(ring, 3)
    look(ring)
    ring.reap()
    look(ring)
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()


@case
def backlog_is_longer_than_the_queue(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 11)
    for _ in range(4):
        look(ring)
        ring.reap()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def enter_without_getevents_leaves_the_backlog(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 6)
    ring.reap()
    ring.enter(0)
    look(ring)
    ring.reap()
    fill(ring, 1)
    look(ring)
    ring.reap()
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()


@case
def order_stays(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 6)
    ring.reap(2)
    fill(ring, 2)
    look(ring)
    ring.reap(2)
    ring.reap(4)
    look(ring)


@case
def full_queue_and_a_wait(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 6)
    ring.enter(0, 1, IORING_ENTER_GETEVENTS)
    ring.enter(0, 4, IORING_ENTER_GETEVENTS)
    ring.enter(0, 5, IORING_ENTER_GETEVENTS)
    ring.enter(0, 6, IORING_ENTER_GETEVENTS)
    ring.enter(0, 1000, IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()
    ring.enter(0, 2, IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def batch_that_overflows(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_CQSIZE, cq_entries=8)
    for _ in range(8):
        ring.prep(IORING_OP_NOP)
    ring.submit()
    for _ in range(5):
        ring.prep(IORING_OP_NOP)
    ring.submit()
    look(ring)
    ring.reap()
    ring.reap(5)
    look(ring)


@case
def part_is_taken(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 8)
    ring.set_word("cq_off.head", 1)
    look(ring)
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()


@case
def head_beyond_the_tail(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 1)
    ring.set_word("cq_off.head", 3)
    fill(ring, 2)
    look(ring)
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.set_word("cq_off.head", 1)
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()


@case
def big_completions(u: Program) -> None:
    ring = u.ring(2, IORING_SETUP_CQE32)
    for number in range(6):
        ring.prep(IORING_OP_NOP, nop_flags=IORING_NOP_CQE32, off=number, addr=~number)
        ring.submit()
    look(ring)
    ring.reap()
    ring.reap(2)


@case
def mixed_completions(u: Program) -> None:
    ring = u.ring(2, IORING_SETUP_CQE_MIXED)
    for number in range(6):
        ring.prep(IORING_OP_NOP, nop_flags=IORING_NOP_CQE32 if number % 2 else 0, off=number, addr=number)
        ring.submit()
        look(ring)
    for _ in range(4):
        ring.reap()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        look(ring)


@case
def mixed_completions_at_the_end_of_the_queue(u: Program) -> None:
    for small in range(1, 5):
        ring = u.ring(2, IORING_SETUP_CQE_MIXED)
        for _ in range(small):
            ring.prep(IORING_OP_NOP)
            ring.submit()
            ring.reap()
        for number in range(3):
            ring.prep(IORING_OP_NOP, nop_flags=IORING_NOP_CQE32, off=number, addr=number)
            ring.submit()
        look(ring)
        for _ in range(3):
            ring.reap()
            ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        look(ring)
        ring.close()


@case
def mixed_completions_need_room_for_two(u: Program) -> None:
    for free in (1, 2, 3):
        ring = u.ring(2, IORING_SETUP_CQE_MIXED)
        fill(ring, 4 - free)
        ring.prep(IORING_OP_NOP, nop_flags=IORING_NOP_CQE32, off=1, addr=2)
        ring.submit()
        fill(ring, 1)
        look(ring)
        for _ in range(3):
            ring.reap()
            ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        ring.close()


@case
def silent_success_needs_no_room(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 4)
    fill(ring, 2, flags=abi.IOSQE_CQE_SKIP_SUCCESS)
    look(ring)


@case
def poll_that_goes_on(u: Program) -> None:
    ring = u.ring(2)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=IORING_POLL_ADD_MULTI, user_data=7)
    ring.submit()
    for _ in range(7):
        os.write(w, b"x")
        ring.enter(0)
    look(ring)
    ring.reap()
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(w, b"x")
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def timeouts_and_reads(u: Program) -> None:
    ring = u.ring(2)
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
    ring.submit()
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5), len=1, off=4)
    ring.submit()
    fill(ring, 4)
    os.write(w, b"x")
    ring.enter(0)
    look(ring)
    ring.reap()
    ring.reap(2)
    look(ring)


@case
def chain_overflows(u: Program) -> None:
    ring = u.ring(2, IORING_SETUP_CQSIZE, cq_entries=2)
    fill(ring, 2)
    for _ in range(2):
        ring.prep(IORING_OP_NOP, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit()
    look(ring)
    ring.reap()
    ring.reap(2)
    ring.reap(2)


@case
def deferred_task_work(u: Program) -> None:
    ring = u.ring(2, abi.IORING_SETUP_SINGLE_ISSUER | abi.IORING_SETUP_DEFER_TASKRUN)
    fill(ring, 6)
    look(ring)
    ring.reap()
    look(ring)
    ring.enter(0)
    look(ring)
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    look(ring)
    ring.reap()


@case
def refused_entries_overflow_too(u: Program) -> None:
    ring = u.ring(2)
    fill(ring, 4)
    for _ in range(2):
        ring.prep(255)
        ring.submit()
    look(ring)
    ring.reap()
    ring.reap(2)


@case
def thousands(u: Program) -> None:
    ring = u.ring(64)
    for _ in range(20):
        for _ in range(64):
            ring.prep(IORING_OP_NOP)
        ring._prepared.clear()
        ring.submit()
    look(ring)
    seen: list[int] = []
    while taken := ring.peek():
        seen += [cqe.user_data for cqe in taken]
        ring.set_word("cq_off.head", ring.word("cq_off.tail"))
        ring._enter(0, 0, IORING_ENTER_GETEVENTS)
    u.note(count=len(seen), in_order=seen == list(range(1, 20 * 64 + 1)))
