"""io_uring_enter(2): which ring, who may, how long, with what argument."""

from __future__ import annotations

import os
import signal
import time

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_ENTER_ABS_TIMER,
    IORING_ENTER_EXT_ARG,
    IORING_ENTER_EXT_ARG_REG,
    IORING_ENTER_GETEVENTS,
    IORING_ENTER_REGISTERED_RING,
    IORING_ENTER_SQ_WAIT,
    IORING_ENTER_SQ_WAKEUP,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
)
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_READ, IORING_OP_TIMEOUT
from usernel.abi.io_uring_struct import IO_URING_GETEVENTS_ARG, IO_URING_RSRC_UPDATE

from ..case import case
from ..program import NOWHERE, Block, Program
from ..userland import Ring

WAIT = IORING_ENTER_GETEVENTS
ARG = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
SHORT_S = 0.004
MASK_BYTES = 8


def argument(
    u: Program, seconds: float | None = None, *, mask: int | None = None, mask_size: int = 8, min_wait_us: int = 0
) -> Block:
    """A struct io_uring_getevents_arg."""
    return u.struct(
        IO_URING_GETEVENTS_ARG,
        0 if mask is None else u.numbers("Q", mask),
        0 if mask is None else mask_size,
        min_wait_us,
        0 if seconds is None else u.timespec(seconds),
    )


def nops(ring: Ring, count: int) -> None:
    """Prepare so many."""
    for _ in range(count):
        ring.prep(IORING_OP_NOP)


@case
def descriptors_that_are_no_rings(u: Program) -> None:
    ring = u.ring(4)
    for number in (-1, 999, u.file("f"), *u.pipe(), os.eventfd(0)):
        ring.enter(0, fd=number)
        ring.enter(1, 1, WAIT, fd=number)
    ring.enter(0, flags=1 << 31, fd=999)
    ring.enter(0, flags=1 << 31, fd=u.file("f"))


@case
def every_flag(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 8)
    for bit in range(32):
        if 1 << bit != IORING_ENTER_REGISTERED_RING:
            ring.enter(1, 0, 1 << bit)
            ring.reap()


@case
def closed_ring(u: Program) -> None:
    ring = u.ring(4)
    ring.close()
    u.note(ret=u.syscalls.io_uring_enter(ring.fd, 0, 0, 0, 0, 0))


@case
def waits_for_what_it_submits(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 3)
    ring.enter(3, 3, WAIT)
    ring.reap()
    nops(ring, 3)
    ring.enter(2, 2, WAIT)
    ring.reap()
    ring.enter(1, 1)
    ring.reap()


@case
def does_not_wait_after_a_refusal(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(255)
    nops(ring, 1)
    ring.enter(2, 5, WAIT)
    ring.reap()
    ring.enter(2, 5, WAIT)
    ring.reap()


@case
def min_complete_without_getevents(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 1)
    ring.enter(1, 5)
    ring.enter(0, 5)
    ring.reap()


@case
def what_is_there_counts(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 3)
    ring.enter(3)
    ring.enter(0, 0, WAIT)
    ring.enter(0, 3, WAIT)
    ring.reap(1)
    ring.enter(0, 2, WAIT)


@case
def disabled_ring(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_R_DISABLED)
    nops(ring, 1)
    ring.enter(1)
    ring.enter(0)
    ring.enter(0, 0, WAIT)
    ring.enter(0, 0, 1 << 31)
    ring.register(abi.IORING_REGISTER_ENABLE_RINGS)
    ring.enter(1)
    ring.reap()
    ring.register(abi.IORING_REGISTER_ENABLE_RINGS)


@case
def another_thread_and_a_single_issuer(u: Program) -> None:
    for flags in (IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0):
        ring = u.ring(8, flags)
        nops(ring, 2)
        for submit, wait in ((0, 0), (0, WAIT), (1, 0), (1, WAIT)):
            u.thread(lambda ring=ring, submit=submit, wait=wait: ring.enter(submit, 0, wait))
        u.thread(lambda ring=ring: ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1), 1))
        ring.submit()
        ring.reap()


@case
def single_issuer_is_who_enables(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED)
    nops(ring, 2)
    u.thread(lambda: ring.register(abi.IORING_REGISTER_ENABLE_RINGS))
    ring.submit()
    ring.reap()


@case
def registered_ring(u: Program) -> None:
    ring = u.ring(8)
    registered = IORING_ENTER_REGISTERED_RING
    nops(ring, 3)
    for index in (0, 1, 15, 16, 2**31, -1):
        ring.enter(1, flags=registered, fd=index)
    update = u.struct(IO_URING_RSRC_UPDATE, 0xFFFFFFFF, 0, ring.fd)
    ring.register(abi.IORING_REGISTER_RING_FDS, update, 1)
    u.note(offset=update.unpack(IO_URING_RSRC_UPDATE)[0])
    for index in (0, 1):
        ring.enter(1, flags=registered, fd=index)
    ring.enter(1, 2, registered | WAIT, fd=0)
    ring.reap()
    u.thread(lambda: ring.enter(0, flags=registered, fd=0))
    ring.register(abi.IORING_UNREGISTER_RING_FDS, u.struct(IO_URING_RSRC_UPDATE, 0, 0, 0), 1)
    ring.enter(1, flags=registered, fd=0)


@case
def registered_ring_that_is_closed(u: Program) -> None:
    ring = u.ring(8, abi.IORING_SETUP_NO_MMAP)
    update = u.struct(IO_URING_RSRC_UPDATE, 3, 0, ring.fd)
    ring.register(abi.IORING_REGISTER_RING_FDS, update, 1)
    u.syscalls.close(ring.fd)
    nops(ring, 1)
    ring.enter(1, flags=IORING_ENTER_REGISTERED_RING, fd=3)
    ring.reap()


@case
def argument_of_the_wrong_size(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 1)
    ring.enter(1)
    arg = argument(u, SHORT_S)
    for size in (0, 8, 23, 25, 32, 64, 2**31):
        ring.enter(0, 1, ARG, arg, size)
        ring.enter(0, 1, IORING_ENTER_EXT_ARG, arg, size)
    ring.enter(0, 1, ARG, 0, 0)
    ring.enter(0, 1, ARG, 0, 24)
    ring.enter(0, 1, ARG, NOWHERE, 24)
    ring.enter(0, 1, ARG, 1 << 63, 24)


@case
def argument_that_is_wrong(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 1)
    ring.enter(1)
    for mask, size, ts in (
        (0, 0, NOWHERE),
        (NOWHERE, 8, 0),
        (u.pages(), 4, 0),
        (u.pages(), 16, 0),
        (0, 3, 0),
        (NOWHERE, 3, 0),
    ):
        for wait in (0, 1, 2):
            if wait == 2 and not (ts or mask):
                continue
            ring.enter(0, wait, ARG, u.struct(IO_URING_GETEVENTS_ARG, mask, size, 0, ts), 24)
    for seconds, nanoseconds in ((-1, 0), (0, -1), (-1, -1), (0, -(10**9)), (-(2**63), 0)):
        ring.enter(0, 2, ARG, u.struct(IO_URING_GETEVENTS_ARG, 0, 0, 0, u.numbers("q", seconds, nanoseconds)), 24)
    for seconds, nanoseconds in ((2**62, 0), (0, 10**9), (0, 2**63 - 1)):
        ring.enter(0, 1, ARG, u.struct(IO_URING_GETEVENTS_ARG, 0, 0, 0, u.numbers("q", seconds, nanoseconds)), 24)


@case
def argument_is_read_after_the_submission(u: Program) -> None:
    ring = u.ring(8)
    for arg, size in ((NOWHERE, 24), (NOWHERE, 23), (u.struct(IO_URING_GETEVENTS_ARG, 0, 0, 0, NOWHERE), 24)):
        nops(ring, 1)
        ring.enter(1, 2, ARG, arg, size)
        ring.reap()
    nops(ring, 1)
    ring.enter(1, 2, IORING_ENTER_EXT_ARG, NOWHERE, 24)
    ring.reap()


@case
def mask_without_a_struct(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 1)
    ring.enter(1)
    for size in (0, 4, 8, 16, 24, 128):
        ring.enter(0, 1, WAIT, u.numbers("Q", 0), size)
        ring.enter(0, 0, 0, u.numbers("Q", 0), size)
        ring.enter(0, 1, WAIT, 0, size)
    ring.enter(0, 1, WAIT, NOWHERE, 8)


@case
def time_runs_out(u: Program) -> None:
    ring = u.ring(8)
    for seconds in (0, SHORT_S):
        start = time.monotonic()
        ring.enter(0, 1, ARG, argument(u, seconds), 24)
        u.note(in_time=time.monotonic() - start >= seconds)
    ring.enter(0, 0, ARG, argument(u, 0), 24)
    nops(ring, 1)
    ring.enter(1, 2, ARG, argument(u, SHORT_S), 24)
    ring.enter(0, 1, ARG, argument(u, 0), 24)
    ring.enter(0, 2, ARG, argument(u, 0), 24)
    ring.reap()


@case
def completion_before_the_time(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(SHORT_S), len=1)
    ring.enter(1, 1, ARG, argument(u, 5), 24)
    ring.reap()


@case
def time_as_a_point(u: Program) -> None:
    ring = u.ring(8)
    for late in (-1, SHORT_S):
        point = time.monotonic() + late
        ring.enter(0, 1, ARG | IORING_ENTER_ABS_TIMER, argument(u, point), 24)
        u.note(in_time=time.monotonic() >= point)
    ring.enter(0, 1, ARG | IORING_ENTER_ABS_TIMER, argument(u, 0), 24)
    nops(ring, 1)
    ring.enter(1, 1, WAIT | IORING_ENTER_ABS_TIMER)
    ring.enter(0, 0, IORING_ENTER_ABS_TIMER)


@case
def time_on_the_rings_clock(u: Program) -> None:
    ring = u.ring(8)
    for clock in (time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC):
        ring.register(abi.IORING_REGISTER_CLOCK, u.numbers("I", clock, 0, 0, 0))
        point = time.clock_gettime(clock) + SHORT_S
        ring.enter(0, 1, ARG | IORING_ENTER_ABS_TIMER, argument(u, point), 24)
        u.note(in_time=time.clock_gettime(clock) >= point)
        ring.enter(0, 1, ARG, argument(u, SHORT_S), 24)


@case
def least_wait(u: Program) -> None:
    ring = u.ring(8)
    start = time.monotonic()
    ring.enter(0, 2, ARG, argument(u, SHORT_S, min_wait_us=1000), 24)
    u.note(in_time=time.monotonic() - start >= SHORT_S)
    nops(ring, 1)
    start = time.monotonic()
    ring.enter(1, 2, ARG, argument(u, 5, min_wait_us=3000), 24)
    u.note(in_time=time.monotonic() - start >= 0.003)
    ring.enter(0, 1, ARG, argument(u, 5, min_wait_us=2**32 - 1), 24)
    ring.reap()
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(3 * SHORT_S), len=1)
    ring.enter(1, 4, ARG, argument(u, 5, min_wait_us=1000), 24)
    ring.reap()


@case
def least_wait_without_an_end(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5), len=1)
    ring.enter(1, 4, ARG, argument(u, None, min_wait_us=1000), 24)
    ring.reap()


@case
def least_wait_with_deferred_task_work(u: Program) -> None:
    ring = u.ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
    nops(ring, 1)
    ring.enter(1, 2, ARG, argument(u, 5, min_wait_us=3000), 24)
    ring.reap()
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(3 * SHORT_S), len=1)
    ring.enter(1, 4, ARG, argument(u, 5, min_wait_us=1000), 24)
    ring.reap()
    ring.enter(0, 1, ARG, argument(u, SHORT_S, min_wait_us=1000), 24)


@case
def argument_out_of_a_region_that_is_not_there(u: Program) -> None:
    ring = u.ring(8)
    nops(ring, 1)
    ring.enter(1)
    for flags in (IORING_ENTER_EXT_ARG_REG, IORING_ENTER_EXT_ARG_REG | IORING_ENTER_EXT_ARG):
        for arg, size in ((0, 64), (0, 0), (64, 64), (0, 24)):
            for wait in (0, 1):
                ring.enter(0, wait, WAIT | flags, arg, size)
    ring.enter(0, 0, IORING_ENTER_EXT_ARG_REG, 0, 64)


@case
def flags_of_a_polling_thread_without_one(u: Program) -> None:
    ring = u.ring(8)
    for flags in (IORING_ENTER_SQ_WAKEUP, IORING_ENTER_SQ_WAIT, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT):
        nops(ring, 1)
        ring.enter(1, 0, flags)
        ring.reap()


@case
def signal_interrupts_the_wait(u: Program) -> None:
    ring = u.ring(8)
    seen: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 2 * SHORT_S, SHORT_S)
    ring.enter(0, 1, WAIT)
    signal.setitimer(signal.ITIMER_REAL, 0)
    u.note(seen=bool(seen))
    signal.setitimer(signal.ITIMER_REAL, 2 * SHORT_S, SHORT_S)
    ring.enter(0, 1, ARG, argument(u, 5), 24)
    signal.setitimer(signal.ITIMER_REAL, 0)


@case
def signal_interrupts_the_wait_for_what_was_submitted(u: Program) -> None:
    ring = u.ring(8)
    signal.signal(signal.SIGALRM, lambda number, _: None)
    r, _ = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1)
    signal.setitimer(signal.ITIMER_REAL, 2 * SHORT_S, 2 * SHORT_S)
    ring.enter(1, 1, WAIT)
    signal.setitimer(signal.ITIMER_REAL, 0)
    ring.reap()


@case
def mask_keeps_the_signal_away(u: Program) -> None:
    ring = u.ring(8)
    seen: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    blocked = 1 << (signal.SIGALRM - 1)
    os.kill(os.getpid(), 0)
    for extended in (True, False):
        seen.clear()
        signal.setitimer(signal.ITIMER_REAL, SHORT_S)
        if extended:
            ring.enter(0, 1, ARG, argument(u, 5 * SHORT_S, mask=blocked), 24)
        else:
            ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5 * SHORT_S), len=1)
            ring.enter(1, 1, WAIT, u.numbers("Q", blocked), 8)
        u.note(seen=len(seen))
    ring.reap()


@case
def mask_lets_the_signal_in(u: Program) -> None:
    ring = u.ring(8)
    seen: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    os.kill(os.getpid(), signal.SIGALRM)
    ring.enter(0, 1, ARG, argument(u, 5, mask=0), 24)
    u.note(seen=len(seen))
    os.kill(os.getpid(), signal.SIGALRM)
    nops(ring, 1)
    ring.enter(1, 1, ARG, argument(u, 5, mask=0), 24)
    u.note(seen=len(seen))
    nops(ring, 1)
    ring.enter(1, 0, ARG, argument(u, 5, mask=0), 24)
    u.note(seen=len(seen))
    ring.reap()
