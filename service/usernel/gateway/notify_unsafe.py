"""Speaking with the host kernel: install a filter, take notifications, answer them, reach into a caller's memory."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
from typing import Final

from usernel.abi.seccomp import (
    SECCOMP_ADDFD_FLAG_SEND,
    SECCOMP_ADDFD_FLAG_SETFD,
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_IOCTL_NOTIF_ADDFD,
    SECCOMP_IOCTL_NOTIF_RECV,
    SECCOMP_IOCTL_NOTIF_SEND,
    SECCOMP_IOCTL_NOTIF_SET_FLAGS,
    SECCOMP_NOTIF,
    SECCOMP_NOTIF_ADDFD,
    SECCOMP_NOTIF_RESP,
    SECCOMP_NUMBER,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
    SECCOMP_USER_NOTIF_FLAG_CONTINUE,
    SOCK_FILTER,
    SeccompNotif,
)
from usernel.kernel.signal import SigInfo

RT_SIGQUEUEINFO: Final = {"x86_64": 129, "aarch64": 138}
SIGINFO: Final = struct.Struct("=iiixxxxiiq96x")
"""``siginfo_t`` of a 64-bit machine, as SI_MESGQ fills it: signo errno code pid uid value."""
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
BUFFER: Final = 64 * 1024
"""Bytes of a program's memory that are read or written without another buffer."""
_NOTHING: Final = bytes(SECCOMP_NOTIF.size)


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


def install(program: bytes) -> int:
    """Put this process under a filter for good; the listener's descriptor. OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    code = ctypes.create_string_buffer(program, len(program))
    fprog = _SockFprog(len(program) // SOCK_FILTER.size, ctypes.addressof(code))
    flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    number = SECCOMP_NUMBER[platform.machine()]
    listener: int = libc.syscall(number, SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(fprog))
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


def become_subreaper() -> None:
    """Become the parent of whatever this process's descendants leave behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def queue_signal(pid: int, info: SigInfo) -> None:
    """Send a signal with what its handler is told (rt_sigqueueinfo(2)); nothing where the process is gone."""
    code = ctypes.create_string_buffer(
        SIGINFO.pack(info.si_signo, 0, info.si_code, info.si_pid, info.si_uid, info.si_value)
    )
    ctypes.CDLL(None).syscall(RT_SIGQUEUEINFO[platform.machine()], pid, info.si_signo, code)


class Listener:
    """The notifications of a filter. It is readable while one waits, and hung up when nobody is under it any more."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        try:
            fcntl.ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
        except OSError:
            pass  # before Linux 6.6; only slower

    def receive(self) -> SeccompNotif | None:
        """The next notification; None where its caller was gone before it could be taken."""
        try:
            taken = fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_RECV, _NOTHING)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR}:
                return None
            raise
        ident, pid, number, *args = SECCOMP_NOTIF.unpack(taken)
        return SeccompNotif(ident, pid, number, args)

    def answer(self, ident: int, value: int, error: int = 0) -> bool:
        """Let a call return ``value``, or fail with ``error`` (above 0). False where its caller is gone."""
        return self._send(SECCOMP_NOTIF_RESP.pack(ident, value, -error, 0))

    def go_on(self, ident: int) -> bool:
        """Let the host serve a call. False where its caller is gone."""
        return self._send(SECCOMP_NOTIF_RESP.pack(ident, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE))

    def answer_fd(self, ident: int, fd: int, flags: int) -> int | None:
        """Put a descriptor of ours into the caller's table and let its call return it. None where the caller is gone.

        OSError where it has no room for one (EMFILE).
        """
        added = bytearray(SECCOMP_NOTIF_ADDFD.pack(ident, SECCOMP_ADDFD_FLAG_SEND, fd, 0, flags))
        try:
            return int(fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_ADDFD, added))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def replace_fd(self, ident: int, theirs: int, fd: int, flags: int) -> None:
        """While a caller waits: put a descriptor of ours in the place of one of its own. OSError."""
        added = SECCOMP_NOTIF_ADDFD.pack(ident, SECCOMP_ADDFD_FLAG_SETFD, fd, theirs, flags)
        fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_ADDFD, bytearray(added))

    def _send(self, response: bytes) -> bool:
        try:
            fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_SEND, response)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def close(self) -> None:
        """Calls that are trapped from now on fail with ENOSYS."""
        os.close(self.fd)


class Memory:
    """The memory of one process, as it can read and write it itself: by process_vm_readv(2) and process_vm_writev(2).

    ``/proc/PID/mem`` would be faster, but goes through pages that the program itself cannot touch, where EFAULT is due,
    and goes on showing what was there before an execve(2).
    """

    def __init__(self, pid: int) -> None:
        libc = ctypes.CDLL(None)
        self._readv, self._writev = libc.process_vm_readv, libc.process_vm_writev
        self._mine, self._theirs = _Iovec(0, 0), _Iovec(0, 0)
        self._spans = (pid, ctypes.byref(self._mine), 1, ctypes.byref(self._theirs), 1, 0)
        self._grow(BUFFER)

    def read(self, address: int, size: int) -> bytes:
        """The bytes at an address: fewer than ``size`` where the rest is not there to be read."""
        self._span(address, size)
        count: int = self._readv(*self._spans)
        return self._view[:count].tobytes() if count > 0 else b""

    def write(self, address: int, data: bytes) -> bool:
        """Put bytes at an address. False where not all of it can be written by the program itself (EFAULT)."""
        size = len(data)
        self._span(address, size)
        self._view[:size] = data
        return bool(self._writev(*self._spans) == size)

    def _span(self, address: int, size: int) -> None:
        if size > len(self._view):
            self._grow(size)
        self._mine.len = self._theirs.len = size
        self._theirs.base = address

    def _grow(self, size: int) -> None:
        buffer = bytearray(size)
        self._view = memoryview(buffer)
        self._mine.base = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
