"""io_uring_setup(2): sizes, flags, what excludes what, and what the ring's memory looks like."""

from __future__ import annotations

from itertools import combinations

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IORING_MAX_CQ_ENTRIES,
    IORING_MAX_ENTRIES,
    IORING_SETUP_CLAMP,
    IORING_SETUP_CQSIZE,
)

from ..case import case
from ..program import NOWHERE, Program
from ..spelling import result, setup_flags

BITS = list(abi.SETUP.values.values())
NEEDS_A_SLOT = abi.IORING_SETUP_REGISTERED_FD_ONLY
OFFSETS = tuple(
    f"sq_off.{name}" for name in "head tail ring_mask ring_entries flags dropped array resv1 user_addr".split()
)
CQ_OFFSETS = tuple(f"cq_off.{name}" for name in "head tail ring_mask ring_entries overflow cqes flags resv1".split())


@case
def every_flag_alone(u: Program) -> None:
    for bit in range(32):
        fd, _ = u.setup(4, 1 << bit, cq_entries=8, show=("features", "flags"))
        if fd >= 0 and 1 << bit != NEEDS_A_SLOT:
            u.syscalls.close(fd)


@case
def every_pair_of_flags(u: Program) -> None:
    for first, second in combinations(BITS, 2):
        flags = first | second
        fd, _ = u.setup(4, flags, cq_entries=8, cq_user_addr=u.pages(2), sq_user_addr=u.pages())
        if fd >= 0 and not flags & NEEDS_A_SLOT:
            u.syscalls.close(fd)


@case
def every_three_flags(u: Program) -> None:
    rings, sqes = u.pages(2), u.pages()
    refused = []
    for flags in map(sum, combinations(BITS, 3)):
        if flags & NEEDS_A_SLOT:
            continue
        params = u.params(flags, cq_entries=8, cq_user_addr=rings, sq_user_addr=sqes)
        fd = u.syscalls.io_uring_setup(4, params)
        if fd >= 0:
            u.syscalls.close(fd)
        else:
            refused.append(" ".join(map(str, [*setup_flags(flags), result(fd)])))
    u.note(refused=refused)


@case
def sizes_of_the_submission_queue(u: Program) -> None:
    for entries in (
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        9,
        1000,
        IORING_MAX_ENTRIES - 1,
        IORING_MAX_ENTRIES,
        IORING_MAX_ENTRIES + 1,
        2**31,
        2**32 - 1,
    ):
        for flags in (0, IORING_SETUP_CLAMP):
            fd, _ = u.setup(entries, flags)
            if fd >= 0:
                u.syscalls.close(fd)


@case
def sizes_of_the_completion_queue(u: Program) -> None:
    for entries, cq_entries in (
        (4, 0), (4, 1), (4, 3), (4, 4), (4, 5), (4, 8), (4, 9), (5, 4), (5, 6), (5, 7), (5, 8), (0, 4), (0, 0),
        (8, IORING_MAX_CQ_ENTRIES), (8, IORING_MAX_CQ_ENTRIES + 1), (8, 2**32 - 1), (IORING_MAX_ENTRIES, 4),
        (IORING_MAX_ENTRIES + 1, IORING_MAX_CQ_ENTRIES + 1),
    ):  # fmt: skip
        for flags in (0, IORING_SETUP_CQSIZE, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP):
            fd, _ = u.setup(entries, flags, cq_entries=cq_entries)
            if fd >= 0:
                u.syscalls.close(fd)


@case
def parameters_that_are_given_back(u: Program) -> None:
    for flags in (
        0,
        abi.IORING_SETUP_SQE128,
        abi.IORING_SETUP_CQE32,
        abi.IORING_SETUP_CQE_MIXED,
        abi.IORING_SETUP_NO_SQARRAY,
    ):
        fd, _ = u.setup(5, flags, show=("features", "flags", *OFFSETS, *CQ_OFFSETS, "cq_off.user_addr", "wq_fd"))
        u.syscalls.close(fd)
    fd, _ = u.setup(
        4,
        sq_entries=99,
        cq_entries=99,
        sq_thread_cpu=1,
        sq_thread_idle=7,
        features=0xFFFF,
        show=("features", "sq_thread_cpu", "sq_thread_idle"),
    )


@case
def parameters_that_have_to_be_zero(u: Program) -> None:
    for name in ("resv0", "resv1", "resv2"):
        u.setup(4, **{name: 1})
    u.setup(4, 1 << 31, resv0=1)
    u.setup(0, resv0=1)
    u.setup(0, 1 << 31)
    u.setup(4, wq_fd=77)
    u.setup(4, abi.IORING_SETUP_SQ_AFF)
    for name in ("sq_user_addr", "cq_user_addr"):
        u.setup(4, **{name: u.pages()})


@case
def memory_of_a_new_ring(u: Program) -> None:
    ring = u.ring(5)
    ring.words(*OFFSETS[:6], *CQ_OFFSETS[:7])
    u.note(array=[ring._words[ring.params["sq_off.array"] // 4 + slot] for slot in range(8)])
    u.note(sqes=len(ring.sqes), zero=not any(ring.sqes))


@case
def memory_of_the_programs_own(u: Program) -> None:
    flags = abi.IORING_SETUP_NO_MMAP
    good, sqes = u.pages(2), u.pages(2)
    for rings_addr, sqes_addr in (
        (0, 0),
        (good, 0),
        (0, sqes),
        (good.addr + 64, sqes),
        (good, sqes.addr + 64),
        (NOWHERE, sqes),
        (4096, sqes),
        (good, 4096),
        (good, 1 << 63),
    ):
        u.setup(4, flags, cq_user_addr=rings_addr, sq_user_addr=sqes_addr)
    u.setup(4, flags, cq_user_addr=good, sq_user_addr=sqes, show=("cq_off.cqes", "sq_off.array"))


@case
def ring_of_the_programs_own_memory_is_used(u: Program) -> None:
    ring = u.ring(4, abi.IORING_SETUP_NO_MMAP)
    for _ in range(10):
        ring.prep(0)
        ring.submit()
        ring.reap(1)
    ring.words("sq_off.head", "sq_off.tail", "cq_off.head", "cq_off.tail", "cq_off.ring_mask", "sq_off.ring_entries")
    ring.close()


@case
def ring_without_a_descriptor(u: Program) -> None:
    flags = abi.IORING_SETUP_NO_MMAP | abi.IORING_SETUP_REGISTERED_FD_ONLY
    for _ in range(3):
        ring = u.ring(4, flags)
        ring.prep(0)
        ring.submit()
        ring.reap(1)
    ring.enter_flags = 0
    ring.prep(0)
    ring.enter(fd=2)


@case
def too_many_rings_without_descriptors(u: Program) -> None:
    flags = abi.IORING_SETUP_NO_MMAP | abi.IORING_SETUP_REGISTERED_FD_ONLY
    for _ in range(18):
        u.setup(4, flags, cq_user_addr=u.pages(2), sq_user_addr=u.pages())


@case
def work_queue_of_another_ring(u: Program) -> None:
    flags = abi.IORING_SETUP_ATTACH_WQ
    first = u.ring(4)
    u.ring(4, flags, wq_fd=first.fd)
    u.setup(4, flags, wq_fd=u.file("f"))
    u.setup(4, flags, wq_fd=999)
    u.setup(4, flags | abi.IORING_SETUP_SQPOLL, wq_fd=first.fd)
    sqpoll = u.ring(4, abi.IORING_SETUP_SQPOLL, sq_thread_idle=1)
    u.ring(4, flags | abi.IORING_SETUP_SQPOLL, wq_fd=sqpoll.fd)
    u.setup(4, flags, wq_fd=sqpoll.fd)
    u.setup(4, flags | abi.IORING_SETUP_SQPOLL, wq_fd=u.file("f"))
    u.setup(4, flags | abi.IORING_SETUP_SQPOLL, wq_fd=999)


@case
def processor_of_the_polling_thread(u: Program) -> None:
    sqpoll = abi.IORING_SETUP_SQPOLL
    for cpu in (0, 4095, 2**31, 2**32 - 1):
        for flags in (sqpoll | abi.IORING_SETUP_SQ_AFF, sqpoll):
            fd, _ = u.setup(4, flags, sq_thread_cpu=cpu)
            if fd >= 0:
                u.syscalls.close(fd)
