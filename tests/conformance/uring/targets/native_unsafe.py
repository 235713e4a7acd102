"""The host's io_uring by raw system calls (x86_64 and arm64 number them alike: 425 to 427)."""

from __future__ import annotations

import ctypes
import mmap
import os

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_struct import IO_URING_PARAMS, SQE128_SIZE

from ..syscalls import RingMemory

SETUP, ENTER, REGISTER = 425, 426, 427
FLAGS, SQ_ENTRIES, CQ_ENTRIES = 2, 0, 1
SQ_ARRAY, CQ_CQES = 10 + 6, 19 + 5
"""Where the fields are in struct io_uring_params, counted in fields."""

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def syscall(number: int, *args: int) -> int:
    """A system call's result, or its negative errno."""
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(arg & (2**64 - 1)) for arg in args))
    return -ctypes.get_errno() if result == -1 else int(result)


class Native:
    """The calls of this process."""

    def __init__(self) -> None:
        self._mapped: dict[int, list[tuple[int, int]]] = {}

    def memory(self, address: int, view: memoryview) -> None:
        """Linux finds it itself."""

    def io_uring_setup(self, entries: int, params: bytearray) -> int:
        """See ``Syscalls``."""
        return syscall(SETUP, entries, ctypes.addressof((ctypes.c_char * len(params)).from_buffer(params)))

    def io_uring_enter(self, fd: int, to_submit: int, min_complete: int, flags: int, arg_addr: int, argsz: int) -> int:
        """See ``Syscalls``."""
        return syscall(ENTER, fd, to_submit, min_complete, flags, arg_addr, argsz)

    def io_uring_register(self, fd: int, opcode: int, arg_addr: int, nr_args: int) -> int:
        """See ``Syscalls``."""
        return syscall(REGISTER, fd, opcode, arg_addr, nr_args)

    def rings(self, fd: int, params: bytearray) -> RingMemory:
        """See ``Syscalls``."""
        fields = IO_URING_PARAMS.unpack(params)
        flags, sq_entries, cq_entries = fields[FLAGS], fields[SQ_ENTRIES], fields[CQ_ENTRIES]
        cqe_size = 32 if flags & abi.IORING_SETUP_CQE32 else 16
        array_end = 0 if flags & abi.IORING_SETUP_NO_SQARRAY else fields[SQ_ARRAY] + 4 * sq_entries
        size = max(array_end, fields[CQ_CQES] + cqe_size * cq_entries)
        sqe_size = SQE128_SIZE if flags & abi.IORING_SETUP_SQE128 else 64
        return RingMemory(
            self._map(fd, size, abi.IORING_OFF_SQ_RING), self._map(fd, sqe_size * sq_entries, abi.IORING_OFF_SQES)
        )

    def _map(self, fd: int, size: int, offset: int) -> memoryview:
        # The mmap of Python's library would keep the ring open by a copy of its descriptor.
        prot, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | mmap.MAP_POPULATE
        address = libc.mmap(None, size, prot, flags, fd, offset)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "the memory of the ring cannot be mapped")
        self._mapped.setdefault(fd, []).append((address, size))
        return memoryview((ctypes.c_char * size).from_address(address)).cast("B")

    def close(self, fd: int) -> int:
        """See ``Syscalls``."""
        for address, size in self._mapped.pop(fd, []):
            libc.munmap(address, size)
        try:
            os.close(fd)
        except OSError as error:
            return -(error.errno or 0)
        return 0
