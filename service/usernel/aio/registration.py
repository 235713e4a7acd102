"""What is registered with a ring, named as liburing names it (io_uring_register(2))."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import IORING_OP_LAST, OPCODES


class Registers(ABC):
    """Buffers, files and rules of a ring. Errors are ``OSError``, as the system call's."""

    __slots__ = ()

    @abstractmethod
    def register(self, opcode: int, arg: Any = None, nr_args: int = 0) -> int:
        """io_uring_register(2), with values in place of addresses."""

    # buffers

    def register_buffers(self, buffers: Sequence[Any]) -> None:
        """Register buffers, which ``read_fixed`` and ``write_fixed`` name by their index. EBUSY, EFAULT."""
        self.register(abi.IORING_REGISTER_BUFFERS, list(buffers), len(buffers))

    def register_buffers_sparse(self, count: int) -> None:
        """A table of so many empty slots for buffers."""
        self.register(abi.IORING_REGISTER_BUFFERS2, *_sparse(count))

    def register_buffers_update(self, offset: int, buffers: Sequence[Any], tags: Sequence[int] = ()) -> int:
        """Replace buffers from a slot on. A tag is posted as user_data once its buffer is not used any more."""
        return self.register(abi.IORING_REGISTER_BUFFERS_UPDATE, *_update(offset, list(buffers), tags))

    def unregister_buffers(self) -> None:
        """Have no registered buffers any more. ENXIO."""
        self.register(abi.IORING_UNREGISTER_BUFFERS)

    # files

    def register_files(self, fds: Sequence[int]) -> None:
        """Register files, which IOSQE_FIXED_FILE names by their index; -1 is an empty slot. EBUSY, EBADF, EMFILE."""
        self.register(abi.IORING_REGISTER_FILES, list(fds), len(fds))

    def register_files_sparse(self, count: int) -> None:
        """A table of so many empty slots for files."""
        self.register(abi.IORING_REGISTER_FILES2, *_sparse(count))

    def register_files_update(self, offset: int, fds: Sequence[int], tags: Sequence[int] = ()) -> int:
        """Replace files from a slot on. A tag is posted as user_data once its file is not used any more."""
        return self.register(abi.IORING_REGISTER_FILES_UPDATE2, *_update(offset, list(fds), tags))

    def register_file_alloc_range(self, offset: int, length: int) -> None:
        """Which slots are handed out (IORING_FILE_INDEX_ALLOC)."""
        self.register(abi.IORING_REGISTER_FILE_ALLOC_RANGE, (offset, length, 0))

    def unregister_files(self) -> None:
        """Have no registered files any more. ENXIO."""
        self.register(abi.IORING_UNREGISTER_FILES)

    # rules

    def get_probe(self) -> dict[str, bool]:
        """Which opcodes there are, by their names: ``IORING_OP_READ``."""
        found: list[tuple[int, int]] = []
        self.register(abi.IORING_REGISTER_PROBE, found, IORING_OP_LAST)
        there = dict(found)
        return {name: bool(there.get(number)) for name, number in OPCODES.items()}

    def register_personality(self) -> int:
        """Keep the calling thread's credentials: a number, for the ``personality`` of submissions."""
        return self.register(abi.IORING_REGISTER_PERSONALITY)

    def unregister_personality(self, number: int) -> None:
        """Keep them no more. EINVAL."""
        self.register(abi.IORING_UNREGISTER_PERSONALITY, None, number)

    def register_restrictions(self, restrictions: Sequence[tuple[int, int]]) -> None:
        """Allow nothing but this, once the ring is enabled: (IORING_RESTRICTION_*, opcode or flags). EBADFD, EBUSY."""
        given = [(opcode, value, 0, 0, 0, 0) for opcode, value in restrictions]
        self.register(abi.IORING_REGISTER_RESTRICTIONS, given, len(given))

    def enable_rings(self) -> None:
        """Enable a ring that was made with IORING_SETUP_R_DISABLED. EBADFD."""
        self.register(abi.IORING_REGISTER_ENABLE_RINGS)

    def register_clock(self, clockid: int) -> None:
        """Which clock the times of waits are on: CLOCK_MONOTONIC or CLOCK_BOOTTIME. EINVAL."""
        self.register(abi.IORING_REGISTER_CLOCK, (clockid, 0, 0, 0))

    # workers

    def register_iowq_max_workers(self, bounded: int = 0, unbounded: int = 0) -> tuple[int, int]:
        """How many workers there may be, for regular files and for what may sleep without end; 0: as before.

        Returns how many there might be until now.
        """
        values = [bounded, unbounded]
        self.register(abi.IORING_REGISTER_IOWQ_MAX_WORKERS, values, 2)
        return values[0], values[1]

    def register_iowq_aff(self, cpus: Iterable[int]) -> None:
        """Bind the workers to CPUs. EINVAL."""
        bits = sum(1 << cpu for cpu in set(cpus))
        mask = bits.to_bytes(max(-(-bits.bit_length() // 8), 1), "little")
        self.register(abi.IORING_REGISTER_IOWQ_AFF, mask, len(mask))

    def unregister_iowq_aff(self) -> None:
        """Let them run anywhere."""
        self.register(abi.IORING_UNREGISTER_IOWQ_AFF)


def _sparse(count: int) -> tuple[tuple[Any, ...], int]:
    return (count, abi.IORING_RSRC_REGISTER_SPARSE, 0, 0, 0), 32


def _update(offset: int, data: list[Any], tags: Sequence[int]) -> tuple[tuple[Any, ...], int]:
    return (offset, 0, data, list(tags) or 0, len(data), 0), 32
