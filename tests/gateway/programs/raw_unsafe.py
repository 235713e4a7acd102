"""Queue calls as the kernel takes them, without a C library's checks: a number, or the name of an errno."""

import ctypes
import errno
import mmap
import os
import platform
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
LIBC.mmap.restype = ctypes.c_void_p
ON_X86 = {
    "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "mq_timedsend": 242,
    "mq_timedreceive": 243, "mq_notify": 244, "mq_getsetattr": 245, "rt_sigtimedwait": 128, "unshare": 272,
    "setns": 308,
}  # fmt: skip
ON_ARM = {
    "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187, "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182,
    "mq_timedreceive": 183, "mq_notify": 184, "mq_getsetattr": 185, "rt_sigtimedwait": 137, "unshare": 97,
    "setns": 268,
}  # fmt: skip
NUMBERS = ON_X86 if platform.machine() == "x86_64" else ON_ARM
NOWHERE, KERNEL = 8, 0x7FFF_FFFF_FFFF_F000
IPC_CREAT, IPC_EXCL, IPC_NOWAIT = 0o1000, 0o2000, 0o4000
IPC_RMID, IPC_SET, IPC_STAT = 0, 1, 2
MSQID_DS = struct.Struct("=iIIIIIIQQqqqqqqiiQQ")
CLONE_NEWIPC = 0x08000000
SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD = 0, 1, 2


def call(name, *args):
    """Addresses are numbers too; bytes and buffers are given by theirs."""
    ctypes.set_errno(0)
    given = [ctypes.c_long(arg or 0) if arg is None or isinstance(arg, int) else arg for arg in args]
    result = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *given)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result


def buffer(size):
    return ctypes.create_string_buffer(size)


def address(of):
    return ctypes.addressof(of)


def message(mtype, data):
    return struct.pack("=q", mtype) + data


def attr(flags=0, maxmsg=2, msgsize=64):
    return struct.pack("=8q", flags, maxmsg, msgsize, 0, 0, 0, 0, 0)


def timespec(seconds):
    return struct.pack("=qq", int(seconds), int(seconds % 1 * 1e9))


def sigevent(kind, signo=0, value=0):
    return struct.pack("=qii48x", value, signo, kind)


def msgsnd(msqid, mtype, data=b"", flags=0):
    return call("msgsnd", msqid, message(mtype, data), len(data), flags)


def msgrcv(msqid, mtype=0, size=64, flags=0):
    """The type and the bytes, or the name of an errno."""
    space = buffer(8 + max(size, 0))
    got = call("msgrcv", msqid, space, size, mtype, flags)
    return got if isinstance(got, str) else (struct.unpack_from("=q", space)[0], space.raw[8 : 8 + got])


def mq_open(name, oflag=os.O_RDWR, mode=0o600, shape=None):
    return call("mq_open", name, oflag, mode, shape)


def mq_send(fd, data=b"", priority=0, until=None):
    return call("mq_timedsend", fd, data, len(data), priority, until)


def mq_receive(fd, size=64, until=None):
    """The priority and the bytes, or the name of an errno."""
    space, priority = buffer(size), ctypes.c_uint()
    got = call("mq_timedreceive", fd, space, size, ctypes.byref(priority), until)
    return got if isinstance(got, str) else (priority.value, space.raw[:got])


def mq_flags(fd, new=None):
    """The flags before, and what is in the queue."""
    old = buffer(64)
    got = call("mq_getsetattr", fd, None if new is None else attr(new), old)
    return got if isinstance(got, str) else struct.unpack_from("=4q", old)


def siginfo_of(signo, seconds):
    """Wait for a blocked signal: its number, code, pid, uid and value, or the name of an errno."""
    info = buffer(128)
    got = call("rt_sigtimedwait", struct.pack("=Q", 1 << signo - 1), info, struct.pack("=qq", seconds, 0), 8)
    return got if isinstance(got, str) else struct.unpack_from("=i4xi4xiiq", info)


class Edge:
    """A page that can be used, and behind it one that cannot."""

    def __init__(self, *, readable=True, writable=True):
        size = mmap.PAGESIZE
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.start = LIBC.mmap(None, ctypes.c_size_t(2 * size), mmap.PROT_READ | mmap.PROT_WRITE, private, -1, 0)
        self.end = self.start + size
        ctypes.memset(self.start, 1, 2 * size)
        LIBC.mprotect(ctypes.c_void_p(self.end), ctypes.c_size_t(size), 0)
        allowed = (mmap.PROT_READ if readable else 0) | (mmap.PROT_WRITE if writable else 0)
        LIBC.mprotect(ctypes.c_void_p(self.start), ctypes.c_size_t(size), allowed)

    def put(self, data):
        """Let the page end with these bytes; where they begin."""
        ctypes.memmove(self.end - len(data), data, len(data))
        return self.end - len(data)
