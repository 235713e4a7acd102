"""Links: what runs after what, what breaks a chain, and whose completions are seen then."""

from __future__ import annotations

import os
from itertools import product

from usernel.abi import io_uring as abi
from usernel.abi import io_uring_op as op
from usernel.abi.io_uring import (
    IORING_SETUP_SUBMIT_ALL,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_FIXED_FILE,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_NOP_INJECT_RESULT,
    IORING_OP_CLOSE,
    IORING_OP_LAST,
    IORING_OP_NOP,
    IORING_OP_OPENAT,
    IORING_OP_READ,
    IORING_OP_WRITE,
)

from ..case import case
from ..program import Program
from ..userland import Ring

AT_FDCWD = -100
ECANCELED, EINVAL = -125, -22
KINDS = (IOSQE_IO_LINK, IOSQE_IO_HARDLINK, IOSQE_IO_LINK | IOSQE_IO_HARDLINK)


def nop(ring: Ring, flags: int = 0, result: int = 0) -> int:
    """An entry that comes to this result."""
    return ring.prep(IORING_OP_NOP, flags=flags, nop_flags=IORING_NOP_INJECT_RESULT if result else 0, len=result)


@case
def chain_runs_in_order(u: Program) -> None:
    ring = u.ring(8)
    for kind in KINDS:
        for _ in range(3):
            nop(ring, kind)
        nop(ring)
        nop(ring)
        ring.submit()
        ring.reap()


@case
def error_breaks_the_chain(u: Program) -> None:
    ring = u.ring(8)
    for kind in KINDS:
        for broken in range(4):
            for position in range(4):
                nop(ring, kind if position < 3 else 0, EINVAL if position == broken else 0)
            nop(ring)
            ring.submit()
            ring.reap()


@case
def positive_results_do_not(u: Program) -> None:
    ring = u.ring(8)
    nop(ring, IOSQE_IO_LINK, 7)
    nop(ring, IOSQE_IO_LINK, 2**31 - 1)
    nop(ring)
    ring.submit()
    ring.reap()


@case
def entry_that_is_refused_in_a_chain(u: Program) -> None:
    for flags in (0, IORING_SETUP_SUBMIT_ALL):
        for kind in KINDS:
            for broken in range(3):
                ring = u.ring(8, flags)
                for position in range(3):
                    opcode = IORING_OP_LAST if position == broken else IORING_OP_NOP
                    ring.prep(opcode, flags=kind if position < 2 else 0)
                nop(ring)
                ring.submit()
                ring.reap()
                ring.submit()
                ring.reap()
                ring.close()


@case
def entry_that_its_opcode_refuses_in_a_chain(u: Program) -> None:
    ring = u.ring(8)
    for kind in KINDS:
        for broken in range(3):
            for position in range(3):
                ring.prep(IORING_OP_NOP, flags=kind if position < 2 else 0, ioprio=position == broken)
            nop(ring)
            for _ in range(2):
                ring.submit()
                ring.reap()


@case
def file_that_is_not_there_in_a_chain(u: Program) -> None:
    ring = u.ring(8)
    buffer = u.alloc(8)
    for kind in KINDS:
        for broken in range(3):
            for position in range(3):
                last = kind if position < 2 else 0
                if position == broken:
                    ring.prep(IORING_OP_READ, flags=last, fd=999, addr=buffer, len=8)
                else:
                    nop(ring, last)
            ring.submit()
            ring.reap()


@case
def transfers_that_fall_short(u: Program) -> None:
    ring = u.ring(8)
    fd, buffer = u.file("f", b"abc"), u.alloc(16)
    for kind in KINDS:
        for size, offset in ((3, 0), (4, 0), (2, 1), (1, 3), (0, 0), (0, 9)):
            ring.prep(IORING_OP_READ, flags=kind, fd=fd, addr=buffer, len=size, off=offset)
            nop(ring)
            ring.submit()
            ring.reap(2)


@case
def vectored_transfer_that_falls_short(u: Program) -> None:
    ring = u.ring(8)
    fd, buffer = u.file("f", b"abcdef"), u.alloc(16)
    for second in (2, 3, 4):
        ring.prep(
            op.IORING_OP_READV, flags=IOSQE_IO_LINK, fd=fd, addr=u.iovec(buffer[0:3], buffer[3 : 3 + second]), len=2
        )
        nop(ring)
        ring.submit()
        ring.reap(2)


@case
def short_write_into_a_pipe(u: Program) -> None:
    ring = u.ring(8)
    data = u.pages(2)
    for kind in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        _, w = u.pipe(os.O_NONBLOCK)
        os.write(w, bytes(65536 - 4096))
        ring.prep(IORING_OP_WRITE, flags=kind, fd=w, addr=data, len=8192, off=-1)
        nop(ring)
        ring.submit()
        ring.reap(2)


@case
def chain_waits_for_a_pipe(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    buffer = u.alloc(8)
    ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK, fd=r, addr=buffer, len=5)
    nop(ring, IOSQE_IO_LINK)
    nop(ring)
    nop(ring)
    ring.submit()
    ring.reap()
    os.write(w, b"hello")
    ring.reap(3)
    u.note(read=buffer.bytes())


@case
def chain_waits_for_its_own_writer(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    buffer, data = u.alloc(8), u.put(b"hello")
    ring.prep(IORING_OP_WRITE, flags=IOSQE_IO_LINK, fd=w, addr=data, len=5)
    ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK, fd=r, addr=buffer, len=5)
    ring.prep(IORING_OP_WRITE, fd=w, addr=buffer, len=5)
    ring.submit()
    ring.reap(3)
    u.note(read=os.read(r, 16))


@case
def chains_side_by_side(u: Program) -> None:
    ring = u.ring(16)
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK, fd=r, addr=u.alloc(8), len=1)
    nop(ring)
    nop(ring, IOSQE_IO_LINK)
    nop(ring)
    nop(ring, IOSQE_IO_LINK, EINVAL)
    nop(ring)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(2)


@case
def end_of_a_submission_ends_the_chain(u: Program) -> None:
    ring = u.ring(8)
    for number in range(4):
        nop(ring, IOSQE_IO_LINK if number < 3 else 0, EINVAL if number == 0 else 0)
    ring.enter(2)
    ring.reap(2)
    ring.enter(2)
    ring.reap(2)
    nop(ring, IOSQE_IO_LINK, EINVAL)
    ring.submit()
    ring.reap(1)
    nop(ring)
    ring.submit()
    ring.reap()


@case
def chain_with_a_dropped_entry(u: Program) -> None:
    ring = u.ring(8)
    nop(ring, IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP, flags=IOSQE_IO_LINK, index=99)
    nop(ring)
    for _ in range(2):
        ring.submit()
        ring.reap(1)


@case
def chains_of_workers(u: Program) -> None:
    ring = u.ring(8)
    for kind in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        for broken in (0, 1, 2, None):
            for position in range(3):
                nop(ring, (kind if position < 2 else 0) | IOSQE_ASYNC, EINVAL if position == broken else 0)
            ring.submit()
            ring.reap(3)


@case
def chain_through_a_file(u: Program) -> None:
    ring = u.ring(8)
    fd = u.file("f")
    buffer = u.alloc(8)
    ring.prep(IORING_OP_WRITE, flags=IOSQE_IO_LINK, fd=fd, addr=u.put(b"0123"), len=4, off=0)
    ring.prep(IORING_OP_WRITE, flags=IOSQE_IO_LINK, fd=fd, addr=u.put(b"4567"), len=4, off=4)
    ring.prep(IORING_OP_READ, fd=fd, addr=buffer, len=8, off=0)
    ring.submit()
    ring.reap(3)
    u.note(read=buffer.bytes())


@case
def file_of_a_slot_that_the_chain_fills(u: Program) -> None:
    ring = u.ring(8)
    os.close(u.file("f", b"hello"))
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1, -1), 2)
    buffer = u.alloc(8)
    for name, kind in (
        ("f", IOSQE_IO_LINK),
        ("absent", IOSQE_IO_LINK),
        ("absent", IOSQE_IO_HARDLINK),
        ("f", IOSQE_IO_HARDLINK),
    ):
        ring.prep(IORING_OP_OPENAT, flags=kind, fd=AT_FDCWD, addr=u.path(name), file_index=2)
        ring.prep(IORING_OP_READ, flags=kind | IOSQE_FIXED_FILE, fd=1, addr=buffer, len=5)
        ring.prep(IORING_OP_CLOSE, file_index=2)
        ring.submit()
        ring.reap(3)
    u.note(read=buffer.bytes())


@case
def descriptor_that_is_closed_by_the_chain(u: Program) -> None:
    ring = u.ring(8)
    fd = u.file("f", b"hello")
    buffer = u.alloc(8)
    ring.prep(IORING_OP_CLOSE, flags=IOSQE_IO_LINK, fd=fd)
    ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK, fd=fd, addr=buffer, len=5)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(3)


@case
def silent_success(u: Program) -> None:
    ring = u.ring(8)
    nop(ring, IOSQE_CQE_SKIP_SUCCESS)
    nop(ring, IOSQE_CQE_SKIP_SUCCESS, 5)
    nop(ring, IOSQE_CQE_SKIP_SUCCESS, EINVAL)
    ring.prep(IORING_OP_NOP, flags=IOSQE_CQE_SKIP_SUCCESS, ioprio=1)
    ring.submit()
    ring.reap()
    ring.submit()
    ring.reap()
    ring.prep(IORING_OP_READ, flags=IOSQE_CQE_SKIP_SUCCESS, fd=u.file("f", b"abc"), addr=u.alloc(8), len=8)
    ring.prep(IORING_OP_READ, flags=IOSQE_CQE_SKIP_SUCCESS, fd=999, addr=u.alloc(8), len=8)
    nop(ring)
    ring.submit()
    ring.reap(2)


@case
def silent_success_in_chains(u: Program) -> None:
    ring = u.ring(8)
    for kind in (IOSQE_IO_LINK, IOSQE_IO_HARDLINK):
        for broken in (0, 1, None):
            for silent in product((0, IOSQE_CQE_SKIP_SUCCESS), repeat=3):
                for position in range(3):
                    nop(ring, (kind if position < 2 else 0) | silent[position], EINVAL if position == broken else 0)
                ring.submit()
                ring.reap()


@case
def silent_chain_with_a_refused_entry(u: Program) -> None:
    ring = u.ring(8)
    for broken in range(3):
        for silent in product((0, IOSQE_CQE_SKIP_SUCCESS), repeat=3):
            for position in range(3):
                flags = (IOSQE_IO_LINK if position < 2 else 0) | silent[position]
                ring.prep(IORING_OP_NOP, flags=flags, ioprio=position == broken)
            for _ in range(2):
                ring.submit()
                ring.reap()


@case
def silent_short_read_in_a_chain(u: Program) -> None:
    ring = u.ring(8)
    fd, buffer = u.file("f", b"abc"), u.alloc(16)
    for silent in product((0, IOSQE_CQE_SKIP_SUCCESS), repeat=2):
        ring.prep(IORING_OP_READ, flags=IOSQE_IO_LINK | silent[0], fd=fd, addr=buffer, len=8)
        nop(ring, silent[1])
        nop(ring)
        ring.submit()
        ring.reap()


@case
def long_chain(u: Program) -> None:
    ring = u.ring(64)
    for _ in range(63):
        nop(ring, IOSQE_IO_LINK)
    nop(ring)
    ring.submit()
    taken = ring.peek()
    u.note(count=len(taken), in_order=[cqe.user_data for cqe in taken] == list(range(1, 65)))
    ring.set_word("cq_off.head", ring.word("cq_off.tail"))
    nop(ring, IOSQE_IO_LINK, ECANCELED)
    for _ in range(63):
        nop(ring, IOSQE_IO_LINK)
    ring.submit(64)
    taken = ring.peek()
    u.note(
        count=len(taken),
        results=sorted({cqe.res for cqe in taken}),
        in_order=[cqe.user_data for cqe in taken] == list(range(65, 129)),
    )
