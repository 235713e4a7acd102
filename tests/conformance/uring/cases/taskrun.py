"""Who completes a request, and when it is seen: COOP_TASKRUN, TASKRUN_FLAG, DEFER_TASKRUN."""

from __future__ import annotations

import os
import time

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_ENTER_GETEVENTS,
    IORING_SETUP_COOP_TASKRUN,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_TASKRUN_FLAG,
    IORING_SQ_TASKRUN,
)
from usernel.abi.io_uring_op import (
    IORING_NOP_TW,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_POLL_ADD_MULTI,
)

from ..case import case
from ..program import Program
from ..userland import Ring

POLLIN = 1
DEADLINE_S = 1.0
DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
KINDS = (
    0,
    IORING_SETUP_COOP_TASKRUN,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    DEFER,
    DEFER | IORING_SETUP_TASKRUN_FLAG,
)


def wait_for_task_work(ring: Ring) -> None:
    """Wait until a ring that tells of it has task work: what makes it need not be seen at once by all that look."""
    deadline = time.monotonic() + DEADLINE_S
    while ring.flags & IORING_SETUP_TASKRUN_FLAG and not ring.word("sq_off.flags") & IORING_SQ_TASKRUN:
        if time.monotonic() > deadline:
            return
        time.sleep(0.0005)


@case
def nop_by_task_work(u: Program) -> None:
    for flags in KINDS:
        ring = u.ring(8, flags)
        ring.prep(IORING_OP_NOP, nop_flags=IORING_NOP_TW)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.sq_flags()
        ring.reap()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        ring.sq_flags()
        ring.reap()


@case
def read_that_waited(u: Program) -> None:
    for flags in KINDS:
        ring = u.ring(8, flags)
        r, w = u.pipe()
        ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
        ring.submit()
        os.write(w, b"x")
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        ring.sq_flags()
        ring.reap()


@case
def deferred_work_waits_for_getevents(u: Program) -> None:
    for flags in (DEFER, DEFER | IORING_SETUP_TASKRUN_FLAG):
        ring = u.ring(8, flags)
        r, w = u.pipe()
        for _ in range(2):
            ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
        ring.submit()
        ring.sq_flags()
        os.write(w, b"x")
        wait_for_task_work(ring)
        ring.sq_flags()
        ring.reap()
        ring.enter(0)
        ring.reap()
        ring.sq_flags()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        ring.reap()
        ring.sq_flags()
        os.write(w, b"y")
        ring.enter(0, 1, IORING_ENTER_GETEVENTS)
        ring.reap()
        ring.sq_flags()


@case
def deferred_work_and_a_submission(u: Program) -> None:
    ring = u.ring(8, DEFER)
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
    ring.submit()
    os.write(w, b"x")
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.submit(1)
    ring.reap()


@case
def deferred_chain(u: Program) -> None:
    ring = u.ring(8, DEFER)
    for _ in range(3):
        ring.prep(IORING_OP_NOP, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    for _ in range(5):
        ring.reap()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)


@case
def deferred_chain_is_waited_for(u: Program) -> None:
    for wait in (1, 2, 4):
        ring = u.ring(8, DEFER)
        for _ in range(3):
            ring.prep(IORING_OP_NOP, flags=abi.IOSQE_IO_LINK)
        ring.prep(IORING_OP_NOP)
        ring.submit(wait)
        ring.reap()
        ring.enter(0, flags=IORING_ENTER_GETEVENTS)
        ring.reap()


@case
def deferred_work_beyond_what_is_waited_for(u: Program) -> None:
    ring = u.ring(64, DEFER)
    pipes = [u.pipe() for _ in range(40)]
    for r, _ in pipes:
        ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
    ring.submit()
    for _, w in pipes:
        os.write(w, b"x")
    for wait in (1, 1, 0):
        ring.enter(0, wait, IORING_ENTER_GETEVENTS)
        u.note(there=len(ring.peek()))
        ring.reap()


@case
def deferred_polls(u: Program) -> None:
    ring = u.ring(8, DEFER)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=IORING_POLL_ADD_MULTI)
    ring.submit()
    for _ in range(3):
        os.write(w, b"x")
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(w, b"x")
    ring.enter(0, flags=IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def order_of_what_waits(u: Program) -> None:
    for flags in KINDS:
        ring = u.ring(16, flags)
        pipes = [u.pipe() for _ in range(6)]
        for r, _ in pipes:
            ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
        ring.submit()
        for number in (4, 2, 5, 0, 3, 1):
            os.write(pipes[number][1], b"x")
        ring.reap(6)
