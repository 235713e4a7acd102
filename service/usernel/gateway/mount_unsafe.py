"""Putting files of ours over those in ``/proc``, in a mount namespace of the program's own."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH: Final = 2
MEANWHILE: Final = b"/dev"
"""Where the file system of new files is mounted while they are made."""


def mount_new(targets: Sequence[tuple[Path, int]]) -> list[int]:
    """Put an empty file of this mode in the place of each of these, for this process and its children alone.

    Returns their descriptors: they have no other names, and are gone with the last that sees them or has them open.
    Without CAP_SYS_ADMIN it is done in a user namespace in which this process keeps its ids. OSError.
    """
    libc = _private()
    how = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _checked(libc.mount(b"usernel", MEANWHILE, b"tmpfs", how, b"size=1m,mode=755"), "mount(tmpfs)")
    made: list[int] = []
    for theirs, mode in targets:
        ours = os.path.join(MEANWHILE, b"%d" % len(made))  # noqa: PTH118 - as mount(2) takes it
        made.append(os.open(ours, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.fchmod(made[-1], mode)
        if theirs.exists():
            _checked(libc.mount(ours, bytes(theirs), None, MS_BIND, None), f"mount over {theirs}")
    _checked(libc.umount2(MEANWHILE, MNT_DETACH), "umount")
    return made


def _private() -> ctypes.CDLL:
    """Be in a mount namespace of one's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS) != 0:
        _checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
        Path("/proc/self/setgroups").write_bytes(b"deny")
        Path("/proc/self/uid_map").write_bytes(b"%d %d 1" % (uid, uid))
        Path("/proc/self/gid_map").write_bytes(b"%d %d 1" % (gid, gid))
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount(MS_PRIVATE)")
    return libc


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
