"""IORING_OP_MSG_RING: completions and files for another ring."""

from __future__ import annotations

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_SETUP_CQE32,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_FIXED_FILE,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_MSG_RING_CQE_SKIP,
    IORING_MSG_RING_FLAGS_PASS,
    IORING_MSG_SEND_FD,
    IORING_OP_MSG_RING,
    IORING_OP_NOP,
    IORING_OP_READ,
)
from usernel.abi.io_uring_struct import IO_URING_RSRC_REGISTER

from ..case import case
from ..program import Program
from ..userland import Ring

DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN


def slots(u: Program, ring: Ring, *fds: int) -> None:
    """Give a ring this table of files."""
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", *fds), len(fds))


@case
def data(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    for res, number in ((0, 0), (5, 7), (2**31 - 1, 2**64 - 1), (-5, 1), (-(2**31), 2)):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=res, off=number)
        other.reap(1)


@case
def to_itself(u: Program) -> None:
    ring = u.ring(8)
    ring.prep(IORING_OP_MSG_RING, fd=ring.fd, len=5, off=7)
    ring.submit()
    ring.reap()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", u.file("f"), -1), 2)
    ring.do(IORING_OP_MSG_RING, fd=ring.fd, addr=IORING_MSG_SEND_FD, addr3=0, file_index=2)


@case
def targets_that_are_none(u: Program) -> None:
    ring = u.ring(8)
    for name, fd in (("none", 999), ("negative", -1), ("file", u.file("f")), ("pipe", u.pipe()[0])):
        ring.do(IORING_OP_MSG_RING, name, fd=fd, len=5, off=7)
        ring.do(IORING_OP_MSG_RING, name, fd=fd, addr=IORING_MSG_SEND_FD, file_index=1)


@case
def fields_that_are_wrong(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    for command in (2, 3, 2**63, 2**64 - 1):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, addr=command, len=5, off=7)
    for fields in ({"buf_index": 1}, {"personality": 9}, {"ioprio": 1}, {"file_index": 1}, {"addr3": 1}, {"pad2": 1}):
        ring.do(IORING_OP_MSG_RING, **{"fd": other.fd, "len": 5, "off": 7, **fields})
        other.reap()
    for bit in range(32):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7, msg_ring_flags=1 << bit)
        other.reap()


@case
def flags_are_passed_on(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    for flags in (0, 1, 2, 0x1234, 0xFFFF0001, 2**31, 2**32 - 1):
        ring.do(
            IORING_OP_MSG_RING, fd=other.fd, len=5, off=7, msg_ring_flags=IORING_MSG_RING_FLAGS_PASS, file_index=flags
        )
        other.reap(1)


@case
def no_completion_for_data(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7, msg_ring_flags=IORING_MSG_RING_CQE_SKIP)
    other.reap()
    ring.prep(IORING_OP_MSG_RING, flags=IOSQE_CQE_SKIP_SUCCESS, fd=other.fd, len=5, off=7)
    ring.prep(IORING_OP_MSG_RING, flags=IOSQE_CQE_SKIP_SUCCESS, fd=999, len=5, off=7)
    ring.submit()
    ring.reap()
    other.reap()


@case
def registered_target(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    slots(u, ring, other.fd, -1)
    for slot in (0, 1, 2):
        ring.do(IORING_OP_MSG_RING, flags=IOSQE_FIXED_FILE, fd=slot, len=5, off=7)
    other.reap()


@case
def disabled_target(u: Program) -> None:
    ring = u.ring(8)
    for flags in (IORING_SETUP_R_DISABLED, IORING_SETUP_R_DISABLED | DEFER):
        other = u.ring(8, flags)
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
        ring.do(IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, file_index=1)
        other.register(abi.IORING_REGISTER_ENABLE_RINGS)
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
        other.reap(1)


@case
def target_that_is_full(u: Program) -> None:
    ring, other = u.ring(8), u.ring(1, abi.IORING_SETUP_CQSIZE, cq_entries=1)
    for number in range(3):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=number)
    other.sq_flags()
    other.reap()
    other.reap(1)
    other.reap(1)
    slots(u, ring, u.file("f"))
    slots(u, other, -1, -1, -1)
    for slot in (1, 2):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, off=slot, file_index=slot)
    other.sq_flags()
    other.reap()
    other.reap(1)


@case
def target_of_big_completions(u: Program) -> None:
    ring = u.ring(8)
    for flags in (IORING_SETUP_CQE32, abi.IORING_SETUP_CQE_MIXED):
        other = u.ring(8, flags)
        ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
        other.reap(1)
        ring.do(
            IORING_OP_MSG_RING, fd=other.fd, len=5, off=7, msg_ring_flags=IORING_MSG_RING_FLAGS_PASS,
            file_index=abi.IORING_CQE_F_MORE,
        )  # fmt: skip
        other.reap(1)


@case
def target_that_is_polled(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8, IORING_SETUP_IOPOLL)
    ring.do(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
    other.reap()
    other.prep(IORING_OP_MSG_RING, fd=ring.fd, len=6, off=8)
    other.submit()
    other.reap()
    ring.reap()


@case
def target_with_deferred_task_work(u: Program) -> None:
    for first in (0, DEFER):
        ring, other = u.ring(8, first), u.ring(8, DEFER)
        ring.prep(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
        ring.submit()
        other.reap()
        other.reap(1)
        ring.reap(1)


@case
def target_of_another_thread(u: Program) -> None:
    ring = u.ring(8)
    for flags in (0, IORING_SETUP_SINGLE_ISSUER, DEFER):
        others: list[Ring] = []
        u.thread(lambda flags=flags, others=others: others.append(u.ring(8, flags | IORING_SETUP_R_DISABLED)))
        (other,) = others
        other.register(abi.IORING_REGISTER_ENABLE_RINGS)
        ring.prep(IORING_OP_MSG_RING, fd=other.fd, len=5, off=7)
        ring.submit()
        ring.reap(1)
        other.reap(1)


@case
def by_a_worker_and_in_a_chain(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    ring.do(IORING_OP_MSG_RING, flags=IOSQE_ASYNC, fd=other.fd, len=5, off=7)
    other.reap(1)
    for fd in (other.fd, 999):
        ring.prep(IORING_OP_MSG_RING, flags=IOSQE_IO_LINK, fd=fd, len=5, off=8)
        ring.prep(IORING_OP_NOP)
        ring.submit()
        ring.reap(2)
    other.reap()


@case
def file(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    fd, buffer = u.file("f", b"hello"), u.alloc(8)
    slots(u, ring, fd, -1)
    ring.do(IORING_OP_MSG_RING, "no table", fd=other.fd, addr=IORING_MSG_SEND_FD, addr3=0, off=7, file_index=1)
    slots(u, other, -1, -1)
    for source, target in ((0, 1), (0, 2), (1, 1), (2, 1), (0, 3), (0, 0), (99, 1)):
        ring.do(
            IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, addr3=source, off=70 + target, file_index=target
        )  # fmt: skip
        other.reap()
    for slot in (0, 1):
        other.do(IORING_OP_READ, flags=IOSQE_FIXED_FILE, fd=slot, addr=buffer, len=5)
    u.note(read=buffer.bytes())


@case
def file_for_a_free_slot(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    slots(u, ring, u.file("f", b"hello"))
    other.register(
        abi.IORING_REGISTER_FILES2, u.struct(IO_URING_RSRC_REGISTER, 2, 1, 0, 0, 0), IO_URING_RSRC_REGISTER.size
    )
    for number in range(3):
        ring.do(
            IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, addr3=0, off=number,
            file_index=IORING_FILE_INDEX_ALLOC,
        )  # fmt: skip
        other.reap()


@case
def file_with_wrong_fields(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    slots(u, ring, u.file("f"))
    slots(u, other, -1, -1)
    for fields in (
        {"len": 5},
        {"buf_index": 1},
        {"ioprio": 1},
        {"msg_ring_flags": IORING_MSG_RING_FLAGS_PASS},
        {"msg_ring_flags": 4},
    ):
        ring.do(IORING_OP_MSG_RING, **{"fd": other.fd, "addr": IORING_MSG_SEND_FD, "off": 7, "file_index": 1, **fields})
        other.reap()


@case
def file_without_a_completion(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    slots(u, ring, u.file("f"))
    slots(u, other, -1, -1)
    ring.do(
        IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, off=7, file_index=1,
        msg_ring_flags=IORING_MSG_RING_CQE_SKIP,
    )  # fmt: skip
    other.reap()
    other.do(IORING_OP_NOP, flags=IOSQE_FIXED_FILE, nop_flags=2, fd=0)


@case
def file_for_deferred_task_work(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8, DEFER)
    slots(u, ring, u.file("f"))
    slots(u, other, -1, -1)
    ring.prep(IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, off=7, file_index=1)
    ring.submit()
    other.reap(1)
    ring.reap(1)


@case
def ring_sends_itself(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    slots(u, ring, ring.fd, other.fd)
    slots(u, other, -1, -1)
    for source in (0, 1):
        ring.do(IORING_OP_MSG_RING, fd=other.fd, addr=IORING_MSG_SEND_FD, addr3=source, off=7, file_index=1)
    other.reap()
