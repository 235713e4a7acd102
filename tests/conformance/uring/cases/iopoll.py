"""IORING_SETUP_IOPOLL: which requests it takes, of which files."""

from __future__ import annotations

from usernel.abi.io_uring import IORING_ENTER_GETEVENTS, IORING_SETUP_HYBRID_IOPOLL, IORING_SETUP_IOPOLL
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_READ, IORING_OP_WRITE

from ..case import case
from ..opcodes import OPCODES
from ..program import Program


@case
def every_opcode(u: Program) -> None:
    ring = u.ring(4, IORING_SETUP_IOPOLL)
    for opcode in OPCODES.values():
        ring.prep(opcode, fd=-1)
        ring.submit()
        ring.reap()


@case
def files_that_cannot_be_polled(u: Program) -> None:
    ring = u.ring(4, IORING_SETUP_IOPOLL)
    page = u.pages()
    r, w = u.pipe()
    for name, number in (("file", u.file("f", b"x" * 4096)), ("pipe", r)):
        u.note(of=name)
        ring.prep(IORING_OP_READ, fd=number, addr=page, len=512)
        ring.submit()
        ring.reap()
    for number in (u.file("f"), w):
        ring.prep(IORING_OP_WRITE, fd=number, addr=page, len=512)
        ring.submit()
        ring.reap()


@case
def nops_are_found_by_looking(u: Program) -> None:
    for flags in (IORING_SETUP_IOPOLL, IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL):
        ring = u.ring(4, flags)
        for _ in range(2):
            ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap()
        ring.enter(0, 0, IORING_ENTER_GETEVENTS)
        ring.reap()
        ring.prep(IORING_OP_NOP)
        ring.submit(1)
        ring.reap()
