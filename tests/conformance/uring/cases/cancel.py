"""IORING_OP_ASYNC_CANCEL and IORING_REGISTER_SYNC_CANCEL: what is meant, and what becomes of it."""

from __future__ import annotations

import os
from itertools import combinations

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE, IOSQE_IO_DRAIN, IOSQE_IO_LINK
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_ASYNC_CANCEL_FD,
    IORING_ASYNC_CANCEL_FD_FIXED,
    IORING_ASYNC_CANCEL_OP,
    IORING_ASYNC_CANCEL_USERDATA,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
    IORING_OP_WRITE,
    IORING_POLL_ADD_MULTI,
)
from usernel.abi.io_uring_struct import IO_URING_SYNC_CANCEL_REG

from ..case import case
from ..program import NOWHERE, Block, Program
from ..userland import Ring

ALL, FD, ANY = IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_FD, IORING_ASYNC_CANCEL_ANY
FIXED, DATA, OP = IORING_ASYNC_CANCEL_FD_FIXED, IORING_ASYNC_CANCEL_USERDATA, IORING_ASYNC_CANCEL_OP
POLLIN = 1


def pending(u: Program, ring: Ring, fd: int, *numbers: int, **fields: int) -> None:
    """Reads of an empty pipe."""
    for number in numbers:
        ring.prep(IORING_OP_READ, fd=fd, addr=u.alloc(8), len=1, user_data=number, **fields)
    ring.submit()


def cancel(ring: Ring, count: int, *, ordered: bool = True, **fields: int) -> None:
    """Cancel, and take so many completions, that of the cancelling itself among them.

    Which of several requests comes first, Linux's table of hashes decides.
    """
    ring.prep(IORING_OP_ASYNC_CANCEL, **fields)
    ring.submit()
    ring.reap(count, ordered=ordered)
    ring.reap()


@case
def by_user_data(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    pending(u, ring, r, 11, 12, 13)
    cancel(ring, 1, addr=99)
    cancel(ring, 2, addr=12)
    cancel(ring, 1, addr=12)
    cancel(ring, 2, addr=13, cancel_flags=DATA)
    cancel(ring, 2, addr=11)


@case
def one_of_several_with_the_same_user_data(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    pending(u, ring, r, 7, 7, 7, 8)
    cancel(ring, 2, addr=7)
    cancel(ring, 3, addr=7, cancel_flags=ALL)
    cancel(ring, 1, addr=7, cancel_flags=ALL)
    cancel(ring, 2, addr=8, cancel_flags=ALL)


@case
def by_descriptor(u: Program) -> None:
    ring = u.ring(16)
    a, _ = u.pipe()
    b, _ = u.pipe()
    pending(u, ring, a, 11, 11, 11)
    pending(u, ring, b, 21, 22)
    cancel(ring, 2, fd=a, cancel_flags=FD)
    cancel(ring, 3, fd=a, cancel_flags=FD | ALL)
    cancel(ring, 1, fd=a, cancel_flags=FD)
    cancel(ring, 1, fd=a, cancel_flags=FD | ALL)
    cancel(ring, 1, fd=999, cancel_flags=FD)
    cancel(ring, 1, fd=-1, cancel_flags=FD)
    cancel(ring, 2, fd=b, addr=21, cancel_flags=FD | DATA)
    cancel(ring, 1, fd=a, addr=22, cancel_flags=FD | DATA)
    cancel(ring, 2, fd=os.dup(b), cancel_flags=FD)


@case
def by_registered_file(u: Program) -> None:
    ring = u.ring(16)
    a, _ = u.pipe()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", a, -1), 2)
    pending(u, ring, 0, 11, 11, flags=IOSQE_FIXED_FILE)
    pending(u, ring, a, 11)
    cancel(ring, 1, fd=1, cancel_flags=FD | FIXED)
    cancel(ring, 1, fd=2, cancel_flags=FD | FIXED)
    cancel(ring, 2, fd=0, cancel_flags=FD | FIXED)
    cancel(ring, 3, fd=0, cancel_flags=FD | FIXED | ALL)
    pending(u, ring, 0, 14, flags=IOSQE_FIXED_FILE)
    cancel(ring, 2, fd=a, cancel_flags=FD)
    pending(u, ring, 0, 15, flags=IOSQE_FIXED_FILE)
    cancel(ring, 2, fd=0, flags=IOSQE_FIXED_FILE, cancel_flags=FD)
    cancel(ring, 1, fd=0, flags=IOSQE_FIXED_FILE, addr=3)


@case
def by_opcode(u: Program) -> None:
    ring = u.ring(16)
    r, _ = u.pipe()
    pending(u, ring, r, 11, 12)
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, user_data=21)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5), len=1, user_data=31)
    ring.submit()
    cancel(ring, 1, len=IORING_OP_WRITE, cancel_flags=OP)
    cancel(ring, 2, len=IORING_OP_POLL_ADD, cancel_flags=OP)
    cancel(ring, 2, len=IORING_OP_TIMEOUT, cancel_flags=OP)
    cancel(ring, 1, len=IORING_OP_TIMEOUT, cancel_flags=OP)
    cancel(ring, 3, ordered=False, len=IORING_OP_READ, cancel_flags=OP | ALL)
    pending(u, ring, r, 13, 14)
    cancel(ring, 2, len=IORING_OP_READ, addr=14, cancel_flags=OP | DATA)
    cancel(ring, 1, len=IORING_OP_WRITE, addr=13, cancel_flags=OP | DATA)
    cancel(ring, 2, len=IORING_OP_READ, fd=r, cancel_flags=OP | FD)
    cancel(ring, 1, len=255, cancel_flags=OP)
    cancel(ring, 1, len=IORING_OP_READ + 256, cancel_flags=OP)


@case
def any_and_all(u: Program) -> None:
    ring = u.ring(16)
    r, _ = u.pipe()
    ring.do(IORING_OP_ASYNC_CANCEL, cancel_flags=ANY)
    ring.do(IORING_OP_ASYNC_CANCEL, cancel_flags=ANY | ALL)
    pending(u, ring, r, 11, 12)
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, user_data=21)
    ring.submit()
    ring.prep(IORING_OP_ASYNC_CANCEL, cancel_flags=ANY | ALL)
    ring.submit()
    ring.reap(4, ordered=False)
    pending(u, ring, r, 13)
    cancel(ring, 2, cancel_flags=ANY)


@case
def any_and_timeouts(u: Program) -> None:
    ring = u.ring(16)
    r, _ = u.pipe()
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5), len=1, user_data=31)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(6), len=1, user_data=32)
    ring.submit()
    cancel(ring, 3, cancel_flags=ANY)
    pending(u, ring, r, 11)
    ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(5), len=1, user_data=33)
    ring.submit()
    ring.prep(IORING_OP_ASYNC_CANCEL, cancel_flags=ANY | ALL)
    ring.submit()
    ring.reap(3, ordered=False)


@case
def every_flag(u: Program) -> None:
    ring = u.ring(8)
    fd = u.file("f")
    for bit in range(32):
        ring.do(IORING_OP_ASYNC_CANCEL, addr=99, fd=fd, cancel_flags=1 << bit)
    for first, second in combinations(range(6), 2):
        ring.do(IORING_OP_ASYNC_CANCEL, addr=99, fd=fd, cancel_flags=1 << first | 1 << second)
    ring.do(IORING_OP_ASYNC_CANCEL, addr=99, fd=fd, cancel_flags=ANY | FD | OP)


@case
def fields_that_are_wrong(u: Program) -> None:
    ring = u.ring(8)
    for fields in (
        {"off": 1}, {"len": 1}, {"ioprio": 1}, {"buf_index": 1}, {"splice_fd_in": 1}, {"addr3": 1}, {"fd": 3},
        {"flags": IOSQE_FIXED_FILE}, {"flags": abi.IOSQE_BUFFER_SELECT},
    ):  # fmt: skip
        ring.do(IORING_OP_ASYNC_CANCEL, **{"addr": 99, **fields})


@case
def what_is_finished(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_NOP, user_data=7)
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=7)
    ring.submit()
    ring.reap()
    ring.do(IORING_OP_ASYNC_CANCEL, addr=7)


@case
def itself(u: Program) -> None:
    ring = u.ring(8)
    ring.do(IORING_OP_ASYNC_CANCEL, addr=7, user_data=7)
    ring.do(IORING_OP_ASYNC_CANCEL, flags=IOSQE_ASYNC, addr=7, user_data=7)
    ring.do(IORING_OP_ASYNC_CANCEL, len=IORING_OP_ASYNC_CANCEL, cancel_flags=OP)


@case
def what_was_submitted_with_it(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1, user_data=7)
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=7)
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1, user_data=7)
    ring.submit()
    ring.reap(2)
    ring.reap()


@case
def polls_that_go_on(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=IORING_POLL_ADD_MULTI, user_data=7)
    ring.submit()
    os.write(w, b"x")
    ring.reap(1)
    cancel(ring, 2, addr=7)


@case
def chain(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for link in (IOSQE_IO_LINK, abi.IOSQE_IO_HARDLINK):
        ring.prep(IORING_OP_READ, flags=link, fd=r, addr=u.alloc(8), len=1, user_data=11)
        ring.prep(IORING_OP_NOP, flags=link, user_data=12)
        ring.prep(IORING_OP_NOP, user_data=13)
        ring.submit()
        cancel(ring, 1, addr=12)
        cancel(ring, 1, addr=13, cancel_flags=ALL)
        cancel(ring, 4, addr=11)


@case
def in_a_chain(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for target in (11, 99):
        pending(u, ring, r, 11)
        ring.prep(IORING_OP_ASYNC_CANCEL, flags=IOSQE_IO_LINK, addr=target)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap(3 if target == 11 else 2)


@case
def silently(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    pending(u, ring, r, 11)
    cancel(ring, 1, flags=IOSQE_CQE_SKIP_SUCCESS, addr=11)
    cancel(ring, 1, flags=IOSQE_CQE_SKIP_SUCCESS, addr=11)
    pending(u, ring, r, 12, flags=IOSQE_CQE_SKIP_SUCCESS)
    cancel(ring, 2, addr=12)


@case
def by_a_worker(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    pending(u, ring, r, 11)
    ring.prep(IORING_OP_ASYNC_CANCEL, flags=IOSQE_ASYNC, addr=11)
    ring.submit()
    ring.reap(2, ordered=False)


@case
def what_waits_for_a_drain(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    pending(u, ring, r, 11)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_DRAIN, user_data=12)
    ring.submit()
    ring.register(abi.IORING_REGISTER_SYNC_CANCEL, sync(u, addr=12), 1)
    os.write(w, b"x")
    ring.reap(2)


def sync(
    u: Program, addr: int = 0, fd: int = 0, flags: int = 0, seconds: float | None = None, opcode: int = 0, pad: int = 0
) -> Block:
    """A struct io_uring_sync_cancel_reg."""
    time = (-1, -1) if seconds is None else divmod(round(seconds * 10**9), 10**9)
    return u.struct(IO_URING_SYNC_CANCEL_REG, addr, fd, flags, *time, opcode, bytes(7), 0, 0, pad)


@case
def synchronously(u: Program) -> None:
    ring = u.ring(16)
    opcode = abi.IORING_REGISTER_SYNC_CANCEL
    r, _ = u.pipe()
    pending(u, ring, r, 11, 12, 13, 13, 13, 13)
    ring.register(opcode, sync(u, 99), 1)
    ring.register(opcode, sync(u, 11), 1)
    ring.reap(1)
    ring.register(opcode, sync(u, 11), 1)
    ring.register(opcode, sync(u, 12, seconds=0), 1)
    ring.reap(1)
    ring.register(opcode, sync(u, 12, seconds=0), 1)
    ring.register(opcode, sync(u, fd=r, flags=FD), 1)
    ring.reap(1)
    ring.register(opcode, sync(u, fd=999, flags=FD), 1)
    ring.register(opcode, sync(u, opcode=IORING_OP_WRITE, flags=OP), 1)
    ring.register(opcode, sync(u, opcode=IORING_OP_READ, flags=OP), 1)
    ring.reap(1)
    ring.register(opcode, sync(u, flags=ANY | ALL), 1)
    ring.reap(2, ordered=False)
    ring.register(opcode, sync(u, flags=ANY | ALL), 1)
    ring.register(opcode, sync(u, flags=ANY), 1)


@case
def synchronously_with_wrong_arguments(u: Program) -> None:
    ring = u.ring(8)
    opcode = abi.IORING_REGISTER_SYNC_CANCEL
    for bit in range(32):
        ring.register(opcode, sync(u, 99, fd=u.file("f"), flags=1 << bit), 1)
    ring.register(opcode, sync(u, 99, flags=ANY | FD), 1)
    ring.register(opcode, sync(u, 99, flags=FIXED | FD), 1)
    for position in range(41, 64):
        wrong = sync(u, 99)
        wrong.write(b"\1", position)
        ring.register(opcode, wrong, 1)
    ring.register(opcode, 0, 1)
    ring.register(opcode, NOWHERE, 1)
    for count in (0, 2, 2**32 - 1):
        ring.register(opcode, sync(u, 99), count)
    for seconds, nanoseconds in ((-1, 0), (0, -1), (0, 10**9), (2**62, 0)):
        bad = u.struct(IO_URING_SYNC_CANCEL_REG, 99, 0, 0, seconds, nanoseconds, 0, bytes(7), 0, 0, 0)
        ring.register(opcode, bad, 1)


@case
def synchronously_of_a_registered_file(u: Program) -> None:
    ring = u.ring(8)
    opcode = abi.IORING_REGISTER_SYNC_CANCEL
    r, _ = u.pipe()
    ring.register(opcode, sync(u, fd=0, flags=FD | FIXED), 1)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", r, -1), 2)
    pending(u, ring, 0, 11, 11, flags=IOSQE_FIXED_FILE)
    for slot in (1, 2, 0):
        ring.register(opcode, sync(u, fd=slot, flags=FD | FIXED), 1)
    ring.reap(1)
    ring.register(opcode, sync(u, fd=0, flags=FD | FIXED | ALL), 1)
    ring.reap(1)


@case
def thousands(u: Program) -> None:
    ring = u.ring(256)
    r, _ = u.pipe()
    buffer = u.alloc(8)
    for _ in range(8):
        for _ in range(128):
            ring.prep(IORING_OP_READ, fd=r, addr=buffer, len=1, user_data=7)
        ring._prepared.clear()
        ring.submit()
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=7, cancel_flags=ALL, user_data=8)
    ring.submit()
    results: dict[str, int] = {}
    while sum(results.values()) < 8 * 128 + 1:
        ring._enter(0, 1, abi.IORING_ENTER_GETEVENTS)
        for cqe in ring.peek():
            name = f"{cqe.user_data}: {cqe.res}"
            results[name] = results.get(name, 0) + 1
        ring.set_word("cq_off.head", ring.word("cq_off.tail"))
    u.note(**dict(sorted(results.items())))


@case
def ring_is_closed_with_all_that_pends(u: Program) -> None:
    ring = u.ring(256)
    r, w = u.pipe()
    buffer = u.alloc(8)
    for _ in range(4):
        for number in range(64):
            ring.prep(IORING_OP_READ, fd=r, addr=buffer, len=1)
            ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN)
            ring.prep(IORING_OP_TIMEOUT, addr=u.timespec(100 + number), len=1)
        ring._prepared.clear()
        ring.submit()
    ring.close()
    os.write(w, b"x")
    u.note(read=os.read(r, 8))
