"""Raw system calls of the host, by the rows' names and arguments: numbers and structures, nothing of libc's manners."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from tests.conformance.linux import (
    CLD_CONTINUED,
    CLD_EXITED,
    IPC_INFO,
    IPC_STAT,
    MSG_INFO,
    MSG_STAT,
    MSG_STAT_ANY,
)
from tests.conformance.targets.native_numbers import AARCH64, NUMBERS

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

Out = dict[str, Any] | None

SIGSET_BYTES = 8
SIGEV_THREAD = 2
HIGH_FD = 800
"""Where this program's own descriptors start, out of the way of the numbers that cases see."""
MSQID64 = struct.Struct("@iIIIIIHHLLlllLLLiiLL")
MSGINFO = struct.Struct("@iiiiiiiH2x")


class Refused(Exception):  # noqa: N818 - the kernel's answer, not this program's mistake
    """The kernel answered with an errno."""

    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.number = number


def call(name: str, *args: Any) -> int:
    """One system call. Raises ``Refused``."""
    passed = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    ctypes.set_errno(0)
    ret = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *passed)
    if ret == -1:
        number = ctypes.get_errno()
        if number:
            raise Refused(number)
    return int(ret)


def timespec(value: dict[str, int] | None, *, relative: bool = False) -> Any:
    """``struct timespec``. ``{"after_ns": n}`` is n ns from now."""
    if value is None:
        return None
    if "after_ns" in value:
        ns = value["after_ns"] + (0 if relative else time.clock_gettime_ns(time.CLOCK_REALTIME))
        return ctypes.create_string_buffer(struct.pack("@ll", *divmod(ns, 10**9)), 16)
    return ctypes.create_string_buffer(struct.pack("@ll", value["tv_sec"], value["tv_nsec"]), 16)


def sigset(signals: list[int]) -> Any:
    mask = sum(1 << (signal - 1) for signal in signals)
    return ctypes.create_string_buffer(struct.pack("@Q", mask), SIGSET_BYTES)


def signals(buffer: Any) -> list[int]:
    (mask,) = struct.unpack("@Q", buffer.raw[:SIGSET_BYTES])
    return [number for number in range(1, 65) if mask >> (number - 1) & 1]


def msgget(key: int, msgflg: int = 0) -> tuple[int, Out]:
    return call("msgget", key, msgflg), None


def msgsnd(msqid: int, mtype: int, data: bytes, msgsz: int | None = None, msgflg: int = 0) -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(struct.pack("@q", mtype) + data, 8 + len(data) + 64)
    return call("msgsnd", msqid, buffer, len(data) if msgsz is None else msgsz, msgflg), None


def msgrcv(msqid: int, msgsz: int | None = None, msgtyp: int = 0, msgflg: int = 0) -> tuple[int, Out]:
    room = 1 << 16 if msgsz is None else msgsz
    buffer = ctypes.create_string_buffer(8 + max(0, min(room, 1 << 20)))
    size = call("msgrcv", msqid, buffer, room, msgtyp, msgflg)
    return size, {"mtype": struct.unpack("@q", buffer.raw[:8])[0], "data": buffer.raw[8 : 8 + size]}


def msgctl(msqid: int, cmd: int, buf: dict[str, Any] | None = None) -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(256)
    if buf is not None:
        perm = buf["msg_perm"]
        packed = MSQID64.pack(
            0, perm["uid"], perm["gid"], 0, 0, perm["mode"], 0, 0, 0, 0, 0, 0, 0, 0, 0, buf["msg_qbytes"], 0, 0, 0, 0
        )
        ctypes.memmove(buffer, packed, len(packed))
    ret = call("msgctl", msqid, cmd, buffer)
    if cmd in (IPC_INFO, MSG_INFO):
        names = ("msgpool", "msgmap", "msgmax", "msgmnb", "msgmni", "msgssz", "msgtql", "msgseg")
        return ret, dict(zip(names, MSGINFO.unpack(buffer.raw[: MSGINFO.size]), strict=True))
    if cmd in (IPC_STAT, MSG_STAT, MSG_STAT_ANY):
        return ret, _msqid64(buffer.raw)
    return ret, None


def _msqid64(raw: bytes) -> dict[str, Any]:
    field = MSQID64.unpack(raw[: MSQID64.size])
    key, uid, gid, cuid, cgid, mode, seq = field[:7]
    times = dict(zip(("msg_stime", "msg_rtime", "msg_ctime"), field[10:13], strict=True))
    counts = dict(zip(("msg_cbytes", "msg_qnum", "msg_qbytes", "msg_lspid", "msg_lrpid"), field[13:18], strict=True))
    perm = {"key": key, "uid": uid, "gid": gid, "cuid": cuid, "cgid": cgid, "mode": mode, "seq": seq}
    return {"msg_perm": perm, **times, **counts}


def mq_open(name: str, oflag: int = 0, mode: int = 0, attr: dict[str, int] | None = None) -> tuple[int, Out]:
    packed = None
    if attr is not None:
        packed = ctypes.create_string_buffer(struct.pack("@8l", 0, attr["mq_maxmsg"], attr["mq_msgsize"], *[0] * 5), 64)
    return call("mq_open", ctypes.c_char_p(name.encode()), oflag, mode, packed), None


def mq_unlink(name: str) -> tuple[int, Out]:
    return call("mq_unlink", ctypes.c_char_p(name.encode())), None


def mq_timedsend(
    mqdes: int, data: bytes, msg_len: int | None = None, msg_prio: int = 0, abs_timeout: dict[str, int] | None = None
) -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(data, len(data) + 64)
    length = len(data) if msg_len is None else msg_len
    return call("mq_timedsend", mqdes, buffer, length, msg_prio, timespec(abs_timeout)), None


def mq_timedreceive(
    mqdes: int, msg_len: int | None = None, abs_timeout: dict[str, int] | None = None
) -> tuple[int, Out]:
    room = 8192 if msg_len is None else msg_len
    buffer = ctypes.create_string_buffer(max(0, min(room, 1 << 24)) + 8)
    priority = ctypes.c_uint(0)
    size = call("mq_timedreceive", mqdes, buffer, room, ctypes.byref(priority), timespec(abs_timeout))
    return size, {"priority": priority.value, "data": buffer.raw[:size]}


def mq_notify(mqdes: int, notification: dict[str, int] | None = None) -> tuple[int, Out]:
    if notification is None:
        return call("mq_notify", mqdes, None), None
    how, signo = notification["sigev_notify"], notification.get("sigev_signo", 0)
    event = struct.pack("@qii48x", notification.get("sigev_value", 0), signo, how)
    if how == SIGEV_THREAD:
        event = _netlink_event()
    return call("mq_notify", mqdes, ctypes.create_string_buffer(event, 64)), None


_COOKIE = ctypes.create_string_buffer(b"k" * 31, 32)


def _netlink_event() -> bytes:
    # The kernel wants a netlink socket, and a cookie of 32 bytes to send through it (mq_notify(3), C library notes).
    plain = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    high = fcntl.fcntl(plain.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    plain.close()
    return struct.pack("@Qii48x", ctypes.addressof(_COOKIE), high, SIGEV_THREAD)


def mq_getsetattr(mqdes: int, newattr: dict[str, int] | None = None) -> tuple[int, Out]:
    new = None
    if newattr is not None:
        new = ctypes.create_string_buffer(struct.pack("@8l", newattr["mq_flags"], *[0] * 7), 64)
    old = ctypes.create_string_buffer(64)
    ret = call("mq_getsetattr", mqdes, new, old)
    names = ("mq_flags", "mq_maxmsg", "mq_msgsize", "mq_curmsgs")
    return ret, dict(zip(names, struct.unpack("@4l", old.raw[:32]), strict=True))


def read(fd: int, count: int) -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(max(0, min(count, 1 << 20)) + 1)
    size = call("read", fd, buffer, count)
    return size, {"data": buffer.raw[:size]}


def close(fd: int) -> tuple[int, Out]:
    return call("close", fd), None


def dup(fd: int) -> tuple[int, Out]:
    return call("dup", fd), None


def fstat(fd: int) -> tuple[int, Out]:
    call("fstat", fd, ctypes.create_string_buffer(256))
    found = os.fstat(fd)
    names = ("st_ino", "st_mode", "st_uid", "st_gid", "st_size", "st_nlink", "st_atime", "st_mtime", "st_ctime")
    return 0, {name: int(getattr(found, name)) for name in names}


def poll(fds: list[dict[str, int]], timeout: int = -1) -> tuple[int, Out]:
    packed = b"".join(struct.pack("@ihh", item["fd"], item["events"], 0) for item in fds)
    buffer = ctypes.create_string_buffer(packed, len(packed) + 8)
    if NUMBERS is AARCH64:
        wait = None if timeout < 0 else timespec({"tv_sec": timeout // 1000, "tv_nsec": timeout % 1000 * 10**6})
        ret = call("poll", buffer, len(fds), wait, None, SIGSET_BYTES)
    else:
        ret = call("poll", buffer, len(fds), timeout)
    found = [struct.unpack_from("@ihh", buffer.raw, index * 8) for index in range(len(fds))]
    return ret, {"fds": [{"fd": fd, "events": events, "revents": revents} for fd, events, revents in found]}


class _Sigaction(ctypes.Structure):
    _fields_ = (
        ("sa_handler", ctypes.c_void_p),
        ("sa_mask", ctypes.c_ubyte * 128),
        ("sa_flags", ctypes.c_int),
        ("sa_restorer", ctypes.c_void_p),
    )


_HARMLESS = ctypes.cast(LIBC.abs, ctypes.c_void_p).value
_HANDLERS = {"SIG_DFL": 0, "SIG_IGN": 1, "SIG_CATCH": _HARMLESS}
_SA_RESTORER = 0x04000000


def rt_sigaction(signum: int, act: dict[str, Any] | None = None) -> tuple[int, Out]:
    # libc's sigaction(), for its restorer; the handler is abs(3), which takes an int and touches nothing.
    new = None
    if act is not None:
        new = _Sigaction(_HANDLERS[act["sa_handler"]], sa_flags=ctypes.c_int(act.get("sa_flags", 0)).value)
    old = _Sigaction()
    if LIBC.sigaction(signum, ctypes.byref(new) if new else None, ctypes.byref(old)):
        raise Refused(ctypes.get_errno())
    handler = {0: "SIG_DFL", 1: "SIG_IGN"}.get(old.sa_handler or 0, "SIG_CATCH")
    return 0, {"sa_handler": handler, "sa_flags": old.sa_flags & 0xFFFFFFFF & ~_SA_RESTORER}


def rt_sigprocmask(how: int, set: list[int] | None = None) -> tuple[int, Out]:  # noqa: A002 - the row's own name
    old = ctypes.create_string_buffer(SIGSET_BYTES)
    ret = call("rt_sigprocmask", how, None if set is None else sigset(set), old, SIGSET_BYTES)
    return ret, {"oldset": signals(old)}


def rt_sigpending() -> tuple[int, Out]:
    found = ctypes.create_string_buffer(SIGSET_BYTES)
    return call("rt_sigpending", found, SIGSET_BYTES), {"set": signals(found)}


def rt_sigtimedwait(set: list[int], timeout: dict[str, int] | None = None) -> tuple[int, Out]:  # noqa: A002
    info = ctypes.create_string_buffer(128)
    ret = call("rt_sigtimedwait", sigset(set), info, timespec(timeout, relative=True), SIGSET_BYTES)
    signo, _, code, pid, uid, value = struct.unpack_from("@iii4xiiq", info.raw)
    found = {"si_signo": signo, "si_code": code, "si_pid": pid, "si_uid": uid}
    of_a_child = CLD_EXITED <= code <= CLD_CONTINUED
    return ret, found | ({"si_status": value & 0xFFFFFFFF} if of_a_child else {"si_value": value})


def getpid() -> tuple[int, Out]:
    return call("getpid"), None


def getppid() -> tuple[int, Out]:
    return call("getppid"), None


def umask(mask: int) -> tuple[int, Out]:
    return call("umask", mask), None


def kill(pid: int, sig: int) -> tuple[int, Out]:
    return call("kill", pid, sig), None


def getpriority(which: int, who: int = 0) -> tuple[int, Out]:
    return call("getpriority", which, who), None


def setpriority(which: int, who: int, prio: int) -> tuple[int, Out]:
    return call("setpriority", which, who, prio), None


def prlimit64(resource: int, pid: int = 0, new_limit: dict[str, int] | None = None) -> tuple[int, Out]:
    new = None
    if new_limit is not None:
        new = ctypes.create_string_buffer(struct.pack("@QQ", new_limit["rlim_cur"], new_limit["rlim_max"]), 16)
    old = ctypes.create_string_buffer(16)
    ret = call("prlimit64", pid, resource, new, old)
    return ret, dict(zip(("rlim_cur", "rlim_max"), struct.unpack("@QQ", old.raw), strict=True))


def sysctl(name: str, value: int | None = None) -> tuple[int, Out]:
    path = "/proc/sys/" + name.replace(".", "/")
    if value is not None:
        file(path, os.O_WRONLY | os.O_TRUNC, str(value).encode())
    return 0, {"value": int(file(path, os.O_RDONLY))}


def proc_sysvipc_msg() -> tuple[int, Out]:
    text = file("/proc/sysvipc/msg", os.O_RDONLY).decode()
    return len(text), {"text": text}


def file(path: str, flags: int, data: bytes | None = None) -> bytes:
    # No pathlib and no codecs here: a task of another user could not load what these import on first use.
    try:
        descriptor = os.open(path, flags)
        try:
            if data is not None:
                os.write(descriptor, data)
                return data
            return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b""))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Refused(error.errno or 0) from None


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def capset(mask: int) -> None:
    """Let these be the permitted and effective capabilities of this process."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    words = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    if LIBC.capset(ctypes.byref(_CapHeader(0x20080522, 0)), words):
        raise Refused(ctypes.get_errno())


def capget() -> int:
    """The effective capabilities of this process."""
    words = (ctypes.c_uint32 * 6)()
    LIBC.capget(ctypes.byref(_CapHeader(0x20080522, 0)), words)
    return int(words[0] | words[3] << 32)


def keep_capabilities(*, wanted: bool) -> None:
    """Keep the permitted capabilities over changes of uid, or no more (PR_SET_KEEPCAPS)."""
    LIBC.prctl(8, int(wanted), 0, 0, 0)


def be_dumpable() -> None:
    """Be as a program that this user started: its files in /proc are its own (PR_SET_DUMPABLE)."""
    LIBC.prctl(4, 1, 0, 0, 0)


def be_called(comm: str) -> None:
    """Take a name, which until then is that of the interpreter's file (PR_SET_NAME)."""
    LIBC.prctl(15, comm.encode(), 0, 0, 0)


def mount_in_namespace(kind: str, where: str) -> None:
    """Mount a file system, after this mount namespace has been cut off from the others'."""
    if LIBC.mount(kind.encode(), where.encode(), kind.encode(), 0, None):
        raise Refused(ctypes.get_errno())


def cut_off_mounts() -> None:
    """Make every mount private (MS_REC | MS_PRIVATE)."""
    if LIBC.mount(None, b"/", None, 0x44000, None):
        raise Refused(ctypes.get_errno())


ROWS: dict[str, Callable[..., tuple[int, Out]]] = {
    function.__name__: function
    for function in (
        msgget, msgsnd, msgrcv, msgctl, mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr,
        read, close, dup, fstat, poll, rt_sigaction, rt_sigprocmask, rt_sigpending, rt_sigtimedwait, getpid, getppid,
        umask, kill, getpriority, setpriority, prlimit64, sysctl, proc_sysvipc_msg,
    )
}  # fmt: skip
