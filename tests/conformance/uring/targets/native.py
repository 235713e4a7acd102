"""Linux itself."""

from __future__ import annotations

import os
import platform
import sys

from usernel.abi.io_uring_struct import IO_URING_PARAMS

from .. import golden
from ..syscalls import Syscalls
from .native_unsafe import Native


def release(version: str) -> tuple[str, ...]:
    """The part of a kernel's version that says what its rings can do."""
    return tuple(version.split(".")[:2])


def refusal() -> str:
    """Why this machine's answers are not compared; empty where they are. Every release of Linux adds to its rings."""
    recorded, here = golden.kernels(), os.uname().release
    if recorded and release(here) not in {release(kernel) for kernel in recorded}:
        return f"this is Linux {here}, and the golden files are of {', '.join(sorted(recorded))}"
    return unable()


def unable() -> str:
    """Why this machine cannot answer; empty where it can."""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return f"this is {sys.platform} on {platform.machine()}"
    if os.geteuid() != 0:
        return "this is not root"
    made = syscalls()
    fd = made.io_uring_setup(1, bytearray(IO_URING_PARAMS.size))
    if fd < 0:
        return f"io_uring_setup: {os.strerror(-fd)}"
    made.close(fd)
    return ""


def syscalls() -> Syscalls:
    """The system calls of this process."""
    return Native()
