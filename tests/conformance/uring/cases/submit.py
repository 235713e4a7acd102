"""Submission: what is refused of an entry, what a refusal does to those after it, and NOP with its flags."""

from __future__ import annotations

import os

from usernel.abi import io_uring as abi
from usernel.abi import io_uring_op as op
from usernel.abi.io_uring_op import IORING_OP_LAST, IORING_OP_NOP

from ..case import case
from ..opcodes import OPCODES
from ..program import Program


@case
def nops_complete_in_order(u: Program) -> None:
    ring = u.ring(4)
    for round_ in range(3):
        for number in range(4):
            ring.prep(IORING_OP_NOP, user_data=100 * round_ + number)
        ring.submit()
        ring.reap()
    ring.words("sq_off.head", "sq_off.tail", "sq_off.dropped", "cq_off.head", "cq_off.tail", "cq_off.overflow")


@case
def unknown_opcodes(u: Program) -> None:
    ring = u.ring(4)
    for opcode in (IORING_OP_LAST, IORING_OP_LAST + 1, 100, 127, 128, 254, 255):
        ring.do(opcode)


@case
def refusal_ends_the_submission(u: Program) -> None:
    for flags in (0, abi.IORING_SETUP_SUBMIT_ALL):
        ring = u.ring(8, flags)
        ring.prep(IORING_OP_NOP)
        ring.prep(IORING_OP_LAST)
        ring.prep(IORING_OP_NOP)
        ring.prep(255)
        ring.prep(IORING_OP_NOP)
        for _ in range(4):
            ring.submit()
            ring.reap()
            ring.words("sq_off.head", "sq_off.tail", "sq_off.dropped")


@case
def flags_that_are_none(u: Program) -> None:
    ring = u.ring(4)
    for flags in (0x80, 0xFF, 0x81):
        ring.do(IORING_OP_NOP, flags=flags)


@case
def nop_flags(u: Program) -> None:
    ring = u.ring(4)
    for bit in range(32):
        ring.do(IORING_OP_NOP, nop_flags=1 << bit, len=7)


@case
def nop_results(u: Program) -> None:
    ring = u.ring(4)
    for value in (0, 1, 2**31 - 1, -1, -22, -125, -(2**31), -512, -4095, -4096):
        ring.do(IORING_OP_NOP, nop_flags=op.IORING_NOP_INJECT_RESULT, len=value)


@case
def nop_files(u: Program) -> None:
    ring = u.ring(4)
    fd = u.file("f", flags=os.O_RDONLY)
    file, fixed = op.IORING_NOP_FILE, op.IORING_NOP_FIXED_FILE
    for nop_flags, number, flags in (
        (file, fd, 0), (file, 999, 0), (file, -1, 0), (file | fixed, 0, 0), (fixed, 0, 0), (0, 999, 0),
        (file, 0, abi.IOSQE_FIXED_FILE), (0, 999, abi.IOSQE_FIXED_FILE),
    ):  # fmt: skip
        ring.do(IORING_OP_NOP, nop_flags=nop_flags, fd=number, flags=flags)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", fd, -1), 2)
    for nop_flags, number, flags in (
        (file | fixed, 0, 0), (file | fixed, 1, 0), (file | fixed, 2, 0), (file, 0, abi.IOSQE_FIXED_FILE),
        (file | fixed, -1, 0),
    ):  # fmt: skip
        ring.do(IORING_OP_NOP, nop_flags=nop_flags, fd=number, flags=flags)


@case
def nop_buffers(u: Program) -> None:
    ring = u.ring(4)
    fixed = op.IORING_NOP_FIXED_BUFFER
    for index in (0, 1, 0xFFFF):
        ring.do(IORING_OP_NOP, nop_flags=fixed, buf_index=index)
    ring.register(abi.IORING_REGISTER_BUFFERS, u.iovec(u.pages()), 1)
    for index in (0, 1, 0xFFFF):
        ring.prep(IORING_OP_NOP, nop_flags=fixed, buf_index=index)
        ring.do(IORING_OP_NOP, buf_index=index)


@case
def nop_big_completions(u: Program) -> None:
    for flags in (0, abi.IORING_SETUP_CQE32, abi.IORING_SETUP_CQE_MIXED):
        ring = u.ring(2, flags)
        for nop_flags in (
            0,
            op.IORING_NOP_CQE32,
            op.IORING_NOP_CQE32,
            0,
            op.IORING_NOP_CQE32 | op.IORING_NOP_INJECT_RESULT,
        ):
            ring.do(IORING_OP_NOP, nop_flags=nop_flags, len=3, off=0x1111, addr=0x2222)
        ring.words("cq_off.head", "cq_off.tail", "cq_off.overflow")


@case
def nop_fields_that_are_not_looked_at(u: Program) -> None:
    ring = u.ring(4)
    for name in ("ioprio", "off", "addr", "len", "splice_fd_in", "addr3", "pad2", "buf_index"):
        ring.do(IORING_OP_NOP, **{name: 5})


@case
def indices_out_of_range_are_dropped(u: Program) -> None:
    ring = u.ring(4)
    for index in (4, 0xFFFFFFFF, None, 0x80000000, None):
        ring.prep(IORING_OP_NOP, index=index)
        ring.submit()
        ring.reap()
        ring.words("sq_off.head", "sq_off.dropped")


@case
def dropped_entries_in_the_midst(u: Program) -> None:
    ring = u.ring(8)
    for index in (None, 99, None, 98, 97, None):
        ring.prep(IORING_OP_NOP, index=index)
    for _ in range(4):
        ring.submit()
        ring.reap()
        ring.words("sq_off.head", "sq_off.dropped")


@case
def one_entry_many_times(u: Program) -> None:
    ring = u.ring(4)
    ring.prep(IORING_OP_NOP, user_data=7)
    for _ in range(3):
        ring.prep(IORING_OP_NOP, index=0, user_data=9)
    ring.submit()
    ring.reap()


@case
def fewer_and_more_than_there_are(u: Program) -> None:
    ring = u.ring(8)
    for _ in range(5):
        ring.prep(IORING_OP_NOP)
    for count in (0, 1, 2, 99, 99, 2**32 - 1):
        ring.enter(count)
        ring.reap()
        ring.words("sq_off.head", "sq_off.tail")


@case
def tail_beyond_the_queue(u: Program) -> None:
    ring = u.ring(4)
    for _ in range(4):
        ring.prep(IORING_OP_NOP)
    ring._tail += 3
    ring.enter(7)
    ring.reap()
    ring.words("sq_off.head", "sq_off.tail")
    ring.enter(7)
    ring.reap()


@case
def without_an_array(u: Program) -> None:
    ring = u.ring(4, abi.IORING_SETUP_NO_SQARRAY)
    for _ in range(3):
        for _ in range(3):
            ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()
    ring.words("sq_off.head", "sq_off.tail", "sq_off.dropped")


@case
def big_entries(u: Program) -> None:
    ring = u.ring(4, abi.IORING_SETUP_SQE128)
    for _ in range(2):
        for number in range(3):
            ring.prep(IORING_OP_NOP, nop_flags=op.IORING_NOP_INJECT_RESULT, len=number, command=b"\xff" * 64)
        ring.submit()
        ring.reap()


@case
def personality_that_is_none(u: Program) -> None:
    ring = u.ring(4)
    for personality in (1, 2, 0xFFFF):
        ring.do(IORING_OP_NOP, personality=personality)


@case
def choice_of_a_buffer_by_every_opcode(u: Program) -> None:
    ring = u.ring(4)
    for opcode in OPCODES.values():
        ring.do(opcode, flags=abi.IOSQE_BUFFER_SELECT, fd=-1)


@case
def priority_of_every_opcode(u: Program) -> None:
    ring = u.ring(4)
    for opcode in OPCODES.values():
        ring.do(opcode, ioprio=1, fd=-1)


@case
def nothing_but_the_opcode(u: Program) -> None:
    ring = u.ring(4)
    for opcode in OPCODES.values():
        ring.do(opcode, fd=-1)


@case
def slot_that_is_none_of_every_opcode(u: Program) -> None:
    ring = u.ring(4)
    for opcode in OPCODES.values():
        ring.do(opcode, flags=abi.IOSQE_FIXED_FILE, fd=3)
