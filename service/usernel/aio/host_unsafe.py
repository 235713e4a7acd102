"""System calls of the host that Python's ``os`` has not, or not with all their flags. Each returns a number, or -errno.

The addresses that go in are those of buffers which Python holds for the time of the call.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_long, c_size_t, c_uint, c_void_p
from functools import lru_cache
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD
from usernel.abi.openat2 import OPEN_HOW
from usernel.abi.xattr import XATTR_SIZE_MAX

OPENAT2: Final = 437
KCMP: Final = {"x86_64": 312, "aarch64": 272}
KCMP_FILE: Final = 0
STATX_SIZE: Final = 256
"""``struct statx``."""
STATFS_WORDS: Final = 32
"""More than ``struct statfs`` has; ``f_type`` is its first."""
PAGE_SIZE: Final = 4096
PROT_NONE: Final = 0
MAP_SHARED: Final = 1
MADVISABLE: Final = "mmap"

_OFF = ctypes.c_int64
_SIGNATURES: Final[dict[str, tuple[Any, ...]]] = {
    "openat": (c_int, c_char_p, c_int, c_uint),
    "statx": (c_int, c_char_p, c_int, c_uint, c_void_p),
    "renameat2": (c_int, c_char_p, c_int, c_char_p, c_uint),
    "unlinkat": (c_int, c_char_p, c_int),
    "mkdirat": (c_int, c_char_p, c_uint),
    "symlinkat": (c_char_p, c_int, c_char_p),
    "linkat": (c_int, c_char_p, c_int, c_char_p, c_int),
    "sync_file_range": (c_int, _OFF, _OFF, c_uint),
    "fallocate": (c_int, c_int, _OFF, _OFF),
    "madvise": (c_void_p, c_size_t, c_int),
    "fsetxattr": (c_int, c_char_p, c_char_p, c_size_t, c_int),
    "setxattr": (c_char_p, c_char_p, c_char_p, c_size_t, c_int),
    "fgetxattr": (c_int, c_char_p, c_void_p, c_size_t),
    "getxattr": (c_char_p, c_char_p, c_void_p, c_size_t),
    "splice": (c_int, c_void_p, c_int, c_void_p, c_size_t, c_uint),
    "sendfile": (c_int, c_int, c_void_p, c_size_t),
    "tee": (c_int, c_int, c_size_t, c_uint),
    "pipe2": (c_void_p, c_int),
    "epoll_ctl": (c_int, c_int, c_int, c_void_p),
    "inotify_init1": (c_int,),
    "inotify_add_watch": (c_int, c_char_p, c_uint),
    "inotify_rm_watch": (c_int, c_int),
    "fstatfs": (c_int, c_void_p),
    "mmap": (c_void_p, c_size_t, c_int, c_int, c_int, _OFF),
    "mincore": (c_void_p, c_size_t, c_void_p),
    "munmap": (c_void_p, c_size_t),
}
_OPENAT2: Final = c_long(OPENAT2)
_SIZE: Final = c_size_t(OPEN_HOW.size)
_LONG: Final = {"fgetxattr", "getxattr", "splice", "sendfile", "tee", "mmap"}
"""Those that return a ssize_t, or an address."""


@lru_cache(1)
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    for name, arguments in _SIGNATURES.items():
        function = getattr(libc, name)
        function.argtypes = arguments
        function.restype = ctypes.c_ssize_t if name in _LONG else c_int
    libc.syscall.restype = c_long
    return libc


def _call(name: str, *args: Any) -> int:
    result: int = getattr(_libc(), name)(*args)
    return -ctypes.get_errno() if result == -1 else result


def _syscall(number: int, *args: Any) -> int:
    result: int = _libc().syscall(c_long(number), *args)
    return -ctypes.get_errno() if result == -1 else result


# ------------------------------------------------------------------------------------------------------------- paths


@lru_cache(1)
def _openat2() -> Any:
    # With its arguments' types declared, and those made that never change, it takes a third of the time, and it is the
    # whole of a cached open.
    kind = ctypes.CFUNCTYPE(c_long, c_long, c_int, c_char_p, c_void_p, c_size_t, use_errno=True)
    return kind(("syscall", _libc()))


@lru_cache(256)
def _how(flags: int, mode: int, resolve: int) -> Any:
    """``struct open_how``, which the kernel only reads."""
    return ctypes.byref(ctypes.create_string_buffer(OPEN_HOW.pack(flags, mode, resolve), OPEN_HOW.size))


def openat2(dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> int:
    """openat2(2)."""
    result: int = _openat2()(_OPENAT2, dirfd, path, _how(flags, mode, resolve), _SIZE)
    return -ctypes.get_errno() if result == -1 else result


@lru_cache(16)
def opener(flags: int, resolve: int) -> Callable[[bytes], int]:
    """openat2(2) of paths alone, with all else at hand: a microsecond less for each."""
    call, how, here = _openat2(), _how(flags, 0, resolve), c_int(AT_FDCWD)

    def opened(path: bytes) -> int:
        result: int = call(_OPENAT2, here, path, how, _SIZE)
        return -ctypes.get_errno() if result == -1 else result

    return opened


def openat(dirfd: int, path: bytes, flags: int, mode: int) -> int:
    """openat(2), which os.open would call again when it is interrupted."""
    return _call("openat", dirfd, path, flags, mode)


def statx(dirfd: int, path: bytes, flags: int, mask: int) -> int | bytes:
    """statx(2): the struct."""
    found = ctypes.create_string_buffer(STATX_SIZE)
    result = _call("statx", dirfd, path, flags, mask, found)
    return found.raw if result >= 0 else result


def renameat2(olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, flags: int) -> int:
    """renameat2(2)."""
    return _call("renameat2", olddirfd, oldpath, newdirfd, newpath, flags)


def unlinkat(dirfd: int, path: bytes, flags: int) -> int:
    """unlinkat(2)."""
    return _call("unlinkat", dirfd, path, flags)


def mkdirat(dirfd: int, path: bytes, mode: int) -> int:
    """mkdirat(2)."""
    return _call("mkdirat", dirfd, path, mode)


def symlinkat(target: bytes, newdirfd: int, linkpath: bytes) -> int:
    """symlinkat(2)."""
    return _call("symlinkat", target, newdirfd, linkpath)


def linkat(olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, flags: int) -> int:
    """linkat(2)."""
    return _call("linkat", olddirfd, oldpath, newdirfd, newpath, flags)


def setxattr(path: bytes, name: bytes, value: bytes, flags: int) -> int:
    """setxattr(2)."""
    return _call("setxattr", path, name, value, len(value), flags)


def getxattr(path: bytes, name: bytes, size: int) -> int | bytes:
    """getxattr(2)."""
    found = ctypes.create_string_buffer(min(size, XATTR_SIZE_MAX)) if size else None
    return _value(_call("getxattr", path, name, found, min(size, XATTR_SIZE_MAX)), found)


def _value(result: int, found: Any) -> int | bytes:
    return result if result < 0 or found is None else bytes(found.raw[:result])


# ------------------------------------------------------------------------------------------------------- descriptors


def sync_file_range(fd: int, off: int, length: int, flags: int) -> int:
    """sync_file_range(2)."""
    return _call("sync_file_range", fd, off, length, flags)


def fallocate(fd: int, mode: int, off: int, length: int) -> int:
    """fallocate(2)."""
    return _call("fallocate", fd, mode, off, length)


def fsetxattr(fd: int, name: bytes, value: bytes, flags: int) -> int:
    """fsetxattr(2)."""
    return _call("fsetxattr", fd, name, value, len(value), flags)


def fgetxattr(fd: int, name: bytes, size: int) -> int | bytes:
    """fgetxattr(2)."""
    found = ctypes.create_string_buffer(min(size, XATTR_SIZE_MAX)) if size else None
    return _value(_call("fgetxattr", fd, name, found, min(size, XATTR_SIZE_MAX)), found)


def splice(fd_in: int, off_in: int, fd_out: int, off_out: int, length: int, flags: int) -> int:
    """splice(2); an offset of -1 is none."""
    offsets = [None if off == -1 else ctypes.byref(_OFF(off)) for off in (off_in, off_out)]
    return _call("splice", fd_in, offsets[0], fd_out, offsets[1], length, flags)


def sendfile(out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """sendfile(2); with no offset, from where the file is."""
    return _call("sendfile", out_fd, in_fd, None if offset is None else ctypes.byref(_OFF(offset)), count)


def tee(fd_in: int, fd_out: int, length: int, flags: int) -> int:
    """tee(2)."""
    return _call("tee", fd_in, fd_out, length, flags)


def pipe2(flags: int) -> int | tuple[int, int]:
    """pipe2(2): both descriptors."""
    fds = (c_int * 2)()
    result = _call("pipe2", fds, flags)
    return result if result < 0 else (fds[0], fds[1])


def epoll_ctl(epfd: int, op: int, fd: int, event: bytes | None) -> int:
    """epoll_ctl(2)."""
    return _call("epoll_ctl", epfd, op, fd, event)


def same_file(first: int, second: int) -> bool:
    """Whether two descriptors refer to one open file (kcmp(2)); no, where the host does not tell."""
    number = KCMP.get(platform.machine())
    if first == second or number is None:
        return first == second
    pid = os.getpid()
    return _syscall(number, c_int(pid), c_int(pid), c_int(KCMP_FILE), c_long(first), c_long(second)) == 0


def fstatfs(fd: int) -> int:
    """fstatfs(2): the file system (``f_type``)."""
    found = (c_long * STATFS_WORDS)()
    return _call("fstatfs", fd, found) or found[0]


def inotify_init1(flags: int) -> int:
    """inotify_init1(2)."""
    return _call("inotify_init1", flags)


def inotify_add_watch(fd: int, path: bytes, mask: int) -> int:
    """inotify_add_watch(2)."""
    return _call("inotify_add_watch", fd, path, mask)


def inotify_rm_watch(fd: int, wd: int) -> int:
    """inotify_rm_watch(2)."""
    return _call("inotify_rm_watch", fd, wd)


# ------------------------------------------------------------------------------------------------------------ memory


class _Buffer(ctypes.Structure):
    """``Py_buffer``, as far as its address."""

    _fields_ = (("buf", c_void_p), ("rest", ctypes.c_char * 128))


def madvise(view: memoryview, advice: int) -> int:
    """madvise(2). EINVAL for what is not of an ``mmap``: its first and last page would be others' too."""
    if type(view.obj).__name__ != MADVISABLE:
        return -Errno.EINVAL
    held = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(held), 0)
    try:
        return _call("madvise", held.buf, len(view), advice)
    finally:
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(held))


def map_unread(fd: int, size: int) -> int:
    """mmap(2) of a file from its beginning on, which nobody is to read there: the address."""
    return _call("mmap", None, size, PROT_NONE, MAP_SHARED, fd, 0)


def mincore(address: int, length: int, pages: int) -> int | bytes:
    """mincore(2) of so many pages: a byte for each, its lowest bit set where that is resident."""
    found = ctypes.create_string_buffer(pages)
    result = _call("mincore", address, length, found)
    return found.raw if result >= 0 else result


def munmap(address: int, size: int) -> int:
    """munmap(2)."""
    return _call("munmap", address, size)
