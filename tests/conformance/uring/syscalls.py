"""What a target is: io_uring's three system calls, and the memory that a ring shares with its program."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class RingMemory(NamedTuple):
    """The memory of a ring, writable: the queues (one mapping, IORING_FEAT_SINGLE_MMAP) and the submission entries."""

    rings: memoryview
    sqes: memoryview


class Syscalls(Protocol):
    """The calls of one program, made from any of its threads. Errors are negative errnos, addresses real ones."""

    def memory(self, address: int, view: memoryview) -> None:
        """The program's memory, told before the first call: a target need not know any other address."""

    def io_uring_setup(self, entries: int, params: bytearray) -> int:
        """A ring's descriptor; ``params`` (struct io_uring_params, 120 bytes) is read and filled in."""

    def io_uring_enter(self, fd: int, to_submit: int, min_complete: int, flags: int, arg_addr: int, argsz: int) -> int:
        """How many entries were taken."""

    def io_uring_register(self, fd: int, opcode: int, arg_addr: int, nr_args: int) -> int:
        """What the opcode says."""

    def rings(self, fd: int, params: bytearray) -> RingMemory:
        """The memory of a ring that was set up with these parameters; not asked for with IORING_SETUP_NO_MMAP."""

    def close(self, fd: int) -> int:
        """Close a ring's descriptor and give up its memory, which is not touched again."""
