"""Doing something with other credentials in one thread (IORING_REGISTER_PERSONALITY).

Python's ``os.seteuid`` changes all threads of a process, as the libc does; the system calls change the one that calls.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

SETRESUID: Final = {"x86_64": 117, "aarch64": 147}
SETRESGID: Final = {"x86_64": 119, "aarch64": 149}
SETGROUPS: Final = {"x86_64": 116, "aarch64": 159}
KEEP: Final = 0xFFFFFFFF


class Cred(NamedTuple):
    """Effective ids and supplementary groups: what files are opened with."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def current() -> Cred:
    """The calling thread's."""
    return Cred(os.geteuid(), os.getegid(), tuple(os.getgroups()))


@lru_cache(1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(numbers: dict[str, int], *args: object) -> None:
    if _libc().syscall(ctypes.c_long(numbers[platform.machine()]), *args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _become(cred: Cred) -> None:
    if cred.uid == 0:
        # Who is to be root becomes it first, for only root sets groups.
        _setresuid(0)
    now = current()
    if now.groups != cred.groups:
        _syscall(SETGROUPS, len(cred.groups), (ctypes.c_uint * len(cred.groups))(*cred.groups))
    if now.gid != cred.gid:
        _syscall(SETRESGID, ctypes.c_uint(KEEP), ctypes.c_uint(cred.gid), ctypes.c_uint(KEEP))
    _setresuid(cred.uid)


def _setresuid(uid: int) -> None:
    if os.geteuid() != uid:
        _syscall(SETRESUID, ctypes.c_uint(KEEP), ctypes.c_uint(uid), ctypes.c_uint(KEEP))


@contextmanager
def acting_as(cred: Cred) -> Iterator[None]:
    """In this thread alone, act with these credentials. EPERM where the process may not take them on again."""
    before = current()
    try:
        _become(cred)
        yield
    finally:
        _become(before)
