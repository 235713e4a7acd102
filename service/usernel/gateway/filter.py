"""The filter: which system calls of a program are handed to us. Everything else runs as if it were not there."""

from __future__ import annotations

from collections.abc import Sequence

from usernel.abi.seccomp import (
    BPF_JEQ_K,
    BPF_LD_W_ABS,
    BPF_RET_K,
    SECCOMP_DATA_ARCH,
    SECCOMP_DATA_NR,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF,
    SOCK_FILTER,
)


def program(arch: int, numbers: Sequence[int]) -> bytes:
    """A classic BPF program that hands these calls of this architecture to the listener and allows all others.

    Calls of another architecture (32-bit ones on x86_64) reach the host.
    """
    last = len(numbers)
    return b"".join(
        (
            SOCK_FILTER.pack(BPF_LD_W_ABS, 0, 0, SECCOMP_DATA_ARCH),
            SOCK_FILTER.pack(BPF_JEQ_K, 1, 0, arch),
            SOCK_FILTER.pack(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW),
            SOCK_FILTER.pack(BPF_LD_W_ABS, 0, 0, SECCOMP_DATA_NR),
            *(SOCK_FILTER.pack(BPF_JEQ_K, last - at, 0, number) for at, number in enumerate(numbers)),
            SOCK_FILTER.pack(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW),
            SOCK_FILTER.pack(BPF_RET_K, 0, 0, SECCOMP_RET_USER_NOTIF),
        )
    )
