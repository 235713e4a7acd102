"""The ring in the program's own process: ``usernel.aio.uring``."""

from __future__ import annotations

import os
import platform
import sys

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_struct import IO_URING_PARAMS, SQE128_SIZE
from usernel.aio.uring import Uring

from ..syscalls import RingMemory, Syscalls

SQ_ENTRIES, FLAGS = 0, 2
"""Where the fields are in struct io_uring_params, counted in fields."""


def refusal() -> str:
    """Why this machine cannot run it; empty where it can. Its kernel need not have rings."""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return f"this is {sys.platform} on {platform.machine()}"
    return "" if os.geteuid() == 0 else "this is not root, whose files the answers are of"


class Process:
    """The calls, made in this process."""

    def __init__(self) -> None:
        self._uring = Uring()
        self.memory = self._uring.give
        self.io_uring_setup = self._uring.io_uring_setup
        self.io_uring_enter = self._uring.io_uring_enter
        self.io_uring_register = self._uring.io_uring_register
        self.close = self._uring.close_ring

    def rings(self, fd: int, params: bytearray) -> RingMemory:
        """See ``Syscalls``."""
        fields = IO_URING_PARAMS.unpack(params)
        sqe_size = SQE128_SIZE if fields[FLAGS] & abi.IORING_SETUP_SQE128 else 64
        return RingMemory(
            self._uring.mmap(fd, abi.IORING_OFF_SQ_RING),
            self._uring.mmap(fd, abi.IORING_OFF_SQES)[: sqe_size * fields[SQ_ENTRIES]],
        )


def syscalls() -> Syscalls:
    """The system calls of a program of its own."""
    return Process()
