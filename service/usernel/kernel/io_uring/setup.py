"""What a ring is made with: parameters, checked and filled in, and how it lies in memory (``io_uring_setup(2)``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_FEAT_FLAGS,
    IORING_FEAT_RECVSEND_BUNDLE,
    IORING_FEAT_RW_ATTR,
    IORING_MAX_CQ_ENTRIES,
    IORING_MAX_ENTRIES,
    IORING_SETUP_CLAMP,
    IORING_SETUP_COOP_TASKRUN,
    IORING_SETUP_CQE32,
    IORING_SETUP_CQE_MIXED,
    IORING_SETUP_CQSIZE,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_FLAGS,
    IORING_SETUP_HYBRID_IOPOLL,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_REGISTERED_FD_ONLY,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQ_AFF,
    IORING_SETUP_SQE128,
    IORING_SETUP_SQPOLL,
    IORING_SETUP_TASKRUN_FLAG,
)
from usernel.abi.io_uring_struct import IO_URING_PARAMS

from ..error import KernelError

FEATURES: Final = IORING_FEAT_FLAGS & ~(IORING_FEAT_RECVSEND_BUNDLE | IORING_FEAT_RW_ATTR)
"""What a ring offers: all of Linux's but bundles of sends and metadata attributes, whose opcodes are not there."""

SQ_HEAD, SQ_TAIL, CQ_HEAD, CQ_TAIL = 0, 4, 8, 12
SQ_RING_MASK, CQ_RING_MASK, SQ_RING_ENTRIES, CQ_RING_ENTRIES = 16, 20, 24, 28
SQ_DROPPED, SQ_FLAGS, CQ_FLAGS, CQ_OVERFLOW, CQES = 32, 36, 40, 44, 64
"""Offsets of ``struct io_rings``."""
_CACHE_LINE: Final = 64
_PAGE: Final = 4096
CQE_SIZE: Final = 16
SQE_SIZE: Final = 64


@dataclass(frozen=True, slots=True)
class Params:
    """``struct io_uring_params``; ``sq_addr`` and ``cq_addr`` are the two user_addr (IORING_SETUP_NO_MMAP)."""

    sq_entries: int = 0
    cq_entries: int = 0
    flags: int = 0
    sq_thread_cpu: int = 0
    sq_thread_idle: int = 0
    features: int = 0
    wq_fd: int = 0
    sq_addr: int = 0
    cq_addr: int = 0

    @classmethod
    def unpack(cls, raw: bytes | bytearray | memoryview, entries: int) -> Params:
        """What a program hands to io_uring_setup(2). EINVAL for anything in a reserved field."""
        fields = IO_URING_PARAMS.unpack_from(raw)
        if any(fields[7:10]):
            raise KernelError(Errno.EINVAL, "resv of io_uring_params is to be 0")
        cq_entries, flags, cpu, idle = fields[1:5]
        return cls(entries, cq_entries, flags, cpu, idle, 0, fields[6], fields[18], fields[27])

    @property
    def sqe_size(self) -> int:
        """Bytes of a submission."""
        return SQE_SIZE * 2 if self.flags & IORING_SETUP_SQE128 else SQE_SIZE

    @property
    def cqe_size(self) -> int:
        """Bytes of a slot of the completion queue."""
        return CQE_SIZE * 2 if self.flags & IORING_SETUP_CQE32 else CQE_SIZE

    @property
    def sq_array(self) -> int | None:
        """Where the array of indices is; None without one (``rings_size``)."""
        if self.flags & IORING_SETUP_NO_SQARRAY:
            return None
        # Linux doubles the header too where entries are doubled: the array lies where it does in Linux.
        size = CQES + CQE_SIZE * self.cq_entries
        return _align(size * 2 if self.flags & IORING_SETUP_CQE32 else size, _CACHE_LINE)

    @property
    def rings_size(self) -> int:
        """Bytes of both queues without the submissions, in whole pages."""
        array = self.sq_array
        if array is not None:
            return _align(array + 4 * self.sq_entries, _PAGE)
        size = CQES + CQE_SIZE * self.cq_entries
        return _align(size * 2 if self.flags & IORING_SETUP_CQE32 else size, _PAGE)

    @property
    def sqes_size(self) -> int:
        """Bytes of the submissions, in whole pages."""
        return _align(self.sqe_size * self.sq_entries, _PAGE)

    def pack(self) -> bytes:
        """What io_uring_setup(2) hands back."""
        sq_off = (SQ_HEAD, SQ_TAIL, SQ_RING_MASK, SQ_RING_ENTRIES, SQ_FLAGS, SQ_DROPPED, self.sq_array or 0, 0)
        cq_off = (CQ_HEAD, CQ_TAIL, CQ_RING_MASK, CQ_RING_ENTRIES, CQ_OVERFLOW, CQES, CQ_FLAGS, 0)
        return IO_URING_PARAMS.pack(
            self.sq_entries, self.cq_entries, self.flags, self.sq_thread_cpu, self.sq_thread_idle, self.features,
            self.wq_fd, 0, 0, 0, *sq_off, self.sq_addr, *cq_off, self.cq_addr,
        )  # fmt: skip


def prepare(params: Params) -> Params:
    """The parameters that a ring is made with. EINVAL, in Linux's order; EOVERFLOW for mixed CQEs in one slot."""
    _check_flags(params.flags)
    sq_entries = _entries(params.sq_entries, IORING_MAX_ENTRIES, params.flags)
    if params.flags & IORING_SETUP_CQSIZE:
        cq_entries = _entries(params.cq_entries, IORING_MAX_CQ_ENTRIES, params.flags)
        if cq_entries < sq_entries:
            raise KernelError(Errno.EINVAL, f"{cq_entries} completions for {sq_entries} submissions")
    else:
        cq_entries = 2 * sq_entries
    if params.flags & IORING_SETUP_CQE_MIXED and cq_entries < 2:
        raise KernelError(Errno.EOVERFLOW, "a big completion takes two slots")
    if params.flags & IORING_SETUP_SQ_AFF and not params.flags & IORING_SETUP_SQPOLL:
        raise KernelError(Errno.EINVAL, "IORING_SETUP_SQ_AFF binds the thread of IORING_SETUP_SQPOLL")
    if not params.flags & IORING_SETUP_NO_MMAP:
        params = replace(params, sq_addr=0, cq_addr=0)
    return replace(params, sq_entries=sq_entries, cq_entries=cq_entries, features=FEATURES)


def _check_flags(flags: int) -> None:
    if flags & ~IORING_SETUP_FLAGS:
        raise KernelError(Errno.EINVAL, f"flags {flags:#x} of io_uring_setup")
    if flags & IORING_SETUP_REGISTERED_FD_ONLY and not flags & IORING_SETUP_NO_MMAP:
        raise KernelError(Errno.EINVAL, "IORING_SETUP_REGISTERED_FD_ONLY wants IORING_SETUP_NO_MMAP")
    tasks = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN
    if flags & IORING_SETUP_SQPOLL and flags & tasks:
        raise KernelError(Errno.EINVAL, "the thread of IORING_SETUP_SQPOLL runs task work itself")
    runs = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN
    if flags & IORING_SETUP_TASKRUN_FLAG and not flags & runs:
        raise KernelError(Errno.EINVAL, "IORING_SETUP_TASKRUN_FLAG wants COOP_TASKRUN or DEFER_TASKRUN")
    if flags & IORING_SETUP_HYBRID_IOPOLL and not flags & IORING_SETUP_IOPOLL:
        raise KernelError(Errno.EINVAL, "IORING_SETUP_HYBRID_IOPOLL wants IORING_SETUP_IOPOLL")
    if flags & IORING_SETUP_DEFER_TASKRUN and not flags & IORING_SETUP_SINGLE_ISSUER:
        raise KernelError(Errno.EINVAL, "IORING_SETUP_DEFER_TASKRUN wants IORING_SETUP_SINGLE_ISSUER")
    mixed = IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED
    if flags & mixed == mixed:
        raise KernelError(Errno.EINVAL, "completions are all big (CQE32), or mixed (CQE_MIXED)")


def _entries(count: int, most: int, flags: int) -> int:
    if not count:
        raise KernelError(Errno.EINVAL, "a queue has entries")
    if count > most:
        if not flags & IORING_SETUP_CLAMP:
            raise KernelError(Errno.EINVAL, f"{count} entries: {most} at most")
        count = most
    return 1 << (count - 1).bit_length()


def _align(size: int, to: int) -> int:
    return -(-size // to) * to
