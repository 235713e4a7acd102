"""IORING_SETUP_SQPOLL: a thread of the kernel takes the entries."""

from __future__ import annotations

import time

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_ENTER_GETEVENTS,
    IORING_ENTER_SQ_WAIT,
    IORING_ENTER_SQ_WAKEUP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SQPOLL,
    IORING_SQ_NEED_WAKEUP,
)
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_READ

from ..case import case
from ..program import Program
from ..userland import Ring

DEADLINE_S = 5.0


def sleeps(ring: Ring) -> bool:
    """Whether the thread wants to be woken; waits for that."""
    deadline = time.monotonic() + DEADLINE_S
    while not ring.word("sq_off.flags") & IORING_SQ_NEED_WAKEUP:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def taken(ring: Ring) -> bool:
    """Whether it has taken all entries; waits for that."""
    deadline = time.monotonic() + DEADLINE_S
    while ring.word("sq_off.head") != ring.word("sq_off.tail"):
        if ring.wakeup():  # a thread that came late to the processor sleeps at once
            ring._enter(0, 0, IORING_ENTER_SQ_WAKEUP)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


@case
def takes_entries_without_an_enter(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    for _ in range(3):
        ring.prep(IORING_OP_NOP)
    ring.flush()
    u.note(taken=taken(ring))
    ring.reap(3)


@case
def sleeps_until_it_is_woken(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=1)
    u.note(sleeps=sleeps(ring))
    ring.sq_flags()
    ring.prep(IORING_OP_NOP)
    ring.flush()
    u.note(head=ring.word("sq_off.head"))
    ring.enter(1, 0, IORING_ENTER_SQ_WAKEUP)
    u.note(taken=taken(ring))
    ring.reap(1)
    u.note(sleeps=sleeps(ring))
    ring.prep(IORING_OP_NOP)
    ring.enter(1, 1, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def what_enter_returns(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    for count in (0, 1, 7, 99):
        ring.enter(count)
    ring.enter(2**32 - 1)
    ring.enter(3, 0, IORING_ENTER_GETEVENTS)


@case
def waits_for_room(u: Program) -> None:
    ring = u.ring(2, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    for _ in range(4):
        for _ in range(2):
            ring.prep(IORING_OP_NOP)
        ring.enter(2, 0, IORING_ENTER_SQ_WAIT | IORING_ENTER_SQ_WAKEUP)
        ring.reap(2)
    ring.enter(0, 0, IORING_ENTER_SQ_WAIT)


@case
def refusals_and_drops(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    ring.prep(IORING_OP_NOP)
    ring.prep(255)
    ring.prep(IORING_OP_NOP, index=77)
    ring.prep(IORING_OP_NOP)
    ring.flush()
    u.note(taken=taken(ring))
    ring.reap(3)
    ring.words("sq_off.dropped")


@case
def reads(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    fd, buffer = u.file("f", b"hello"), u.alloc(8)
    ring.prep(IORING_OP_READ, fd=fd, addr=buffer, len=8)
    ring.prep(IORING_OP_READ, fd=999, addr=buffer, len=8)
    ring.flush()
    ring.reap(2, ordered=False)
    u.note(read=buffer.bytes())


@case
def disabled(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SQPOLL | IORING_SETUP_R_DISABLED, sq_thread_idle=1)
    ring.prep(IORING_OP_NOP)
    ring.flush()
    ring.enter(1, 0, IORING_ENTER_SQ_WAKEUP)
    ring.words("sq_off.head")
    ring.register(abi.IORING_REGISTER_ENABLE_RINGS)
    ring.enter(1, 1, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def two_rings_share_a_thread(u: Program) -> None:
    first = u.ring(8, IORING_SETUP_SQPOLL, sq_thread_idle=2000)
    second = u.ring(8, IORING_SETUP_SQPOLL | abi.IORING_SETUP_ATTACH_WQ, wq_fd=first.fd)
    for ring in (second, first, second):
        ring.prep(IORING_OP_NOP)
        ring.flush()
        ring.reap(1)
