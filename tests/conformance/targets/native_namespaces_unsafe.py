"""The host's calls about namespaces, and about descriptors of any kind, by the rows' names and arguments."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Any

from tests.conformance import linux
from tests.conformance.targets.native_numbers import NUMBERS
from tests.conformance.targets.native_syscalls_unsafe import Out, Refused, call, file

HOLDING_THE_LOCK = ctypes.PyDLL(None, use_errno=True)
HOLDING_THE_LOCK.syscall.restype = ctypes.c_long
CLONE_ARGS = struct.Struct("@11Q")
MNT_NS_INFO = struct.Struct("@IIQ")
PIDFD_INFO = struct.Struct("@QQ11Ii")
PIDFD_INFO_FIELDS = (
    (linux.PIDFD_INFO_CGROUPID, ("cgroupid",)),
    (linux.PIDFD_INFO_PID, ("pid", "tgid", "ppid")),
    (linux.PIDFD_INFO_CREDS, ("ruid", "rgid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid")),
    (linux.PIDFD_INFO_EXIT, ("exit_code",)),
)


def clone(flags: int) -> tuple[int, Out]:
    """The raw call, with no stack: 0 in the child. One thread can do without what libc does around a fork."""
    pidfd = ctypes.c_int(-1)
    return _born("clone", flags, pidfd, flags, None, ctypes.byref(pidfd), None, None)


def clone3(args: dict[str, Any]) -> tuple[int, Out]:
    pidfd = ctypes.c_int(-1)
    flags, tids = args.get("flags", 0), args.get("set_tid", [])
    wanted = (ctypes.c_int * max(1, len(tids)))(*tids)
    address = ctypes.addressof(wanted) if tids else 0
    fields = (flags, ctypes.addressof(pidfd), 0, 0, args.get("exit_signal", 0), 0, 0, 0, address, len(tids), 0)
    packed = ctypes.create_string_buffer(CLONE_ARGS.pack(*(field & (1 << 64) - 1 for field in fields)))
    return _born("clone3", flags, pidfd, packed, CLONE_ARGS.size)


def _born(name: str, flags: int, pidfd: ctypes.c_int, *args: Any) -> tuple[int, Out]:
    passed = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    ret = int(HOLDING_THE_LOCK.syscall(ctypes.c_long(NUMBERS[name]), *passed))
    if ret < 0:
        raise Refused(ctypes.get_errno())
    return ret, {"pidfd": pidfd.value} if flags & linux.CLONE_PIDFD and ret else None


def unshare(flags: int) -> tuple[int, Out]:
    return call("unshare", flags), None


def setns(fd: int, nstype: int) -> tuple[int, Out]:
    return call("setns", fd, nstype), None


def ioctl(fd: int, cmd: int | str, arg: int = 0) -> tuple[int, Out]:
    number = linux.IOCTLS.get(cmd, -1) if isinstance(cmd, str) else cmd
    name = next((name for name, known in linux.IOCTLS.items() if known == number), "")
    if name == "NS_GET_OWNER_UID":
        uid = ctypes.c_uint32()
        return call("ioctl", fd, number, ctypes.byref(uid)), {"uid": uid.value}
    if name in ("NS_GET_ID", "NS_GET_MNTNS_ID"):
        ident = ctypes.c_uint64()
        return call("ioctl", fd, number, ctypes.byref(ident)), {"ns_id": ident.value}
    if name.startswith("NS_MNT_GET_"):
        buffer = ctypes.create_string_buffer(MNT_NS_INFO.size)
        ret = call("ioctl", fd, number, buffer)
        names = ("size", "nr_mounts", "mnt_ns_id")
        return ret, {"mnt_ns_info": dict(zip(names, MNT_NS_INFO.unpack(buffer.raw[:16]), strict=True))}
    if name == "PIDFD_GET_INFO":
        buffer = ctypes.create_string_buffer(struct.pack("@Q", arg), PIDFD_INFO.size)
        return call("ioctl", fd, number, buffer), {"pidfd_info": _pidfd_info(buffer.raw[: PIDFD_INFO.size])}
    return call("ioctl", fd, number, arg), None


def _pidfd_info(raw: bytes) -> dict[str, int]:
    names = ("mask", *(name for _, group in PIDFD_INFO_FIELDS for name in group))
    fields = dict(zip(names, PIDFD_INFO.unpack(raw), strict=True))
    known = {name for bit, group in PIDFD_INFO_FIELDS if fields["mask"] & bit for name in group}
    return {name: value for name, value in fields.items() if name == "mask" or name in known}


def _proc(pid: int, name: str) -> str:
    return f"/proc/{pid or 'self'}/{name}"


def proc_ns_open(pid: int, name: str) -> tuple[int, Out]:
    try:
        return os.open(_proc(pid, f"ns/{name}"), os.O_RDONLY | os.O_CLOEXEC), None
    except OSError as error:
        raise Refused(error.errno or 0) from None


def proc_pid_read(pid: int, name: str) -> tuple[int, Out]:
    if name.startswith("ns/"):
        try:
            text = os.readlink(_proc(pid, name)).encode()  # noqa: PTH115 - pathlib loads more on first use
        except OSError as error:
            raise Refused(error.errno or 0) from None
    else:
        text = file(_proc(pid, name), os.O_RDONLY)
    return len(text), {"text": text.decode()}


def proc_pid_write(pid: int, name: str, text: str) -> tuple[int, Out]:
    try:
        descriptor = os.open(_proc(pid, name), os.O_WRONLY | os.O_CLOEXEC)
        try:
            return os.write(descriptor, text.encode()), None
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Refused(error.errno or 0) from None


def sethostname(name: str) -> tuple[int, Out]:
    raw = name.encode()
    return call("sethostname", raw, len(raw)), None


def setdomainname(name: str) -> tuple[int, Out]:
    raw = name.encode()
    return call("setdomainname", raw, len(raw)), None


def uname() -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(6 * 65)
    ret = call("uname", buffer)
    names = ("sysname", "nodename", "release", "version", "machine", "domainname")
    return ret, {name: buffer.raw[at * 65 :].partition(b"\0")[0].decode() for at, name in enumerate(names)}


def clock_gettime(clockid: int) -> tuple[int, Out]:
    buffer = ctypes.create_string_buffer(16)
    ret = call("clock_gettime", clockid, buffer)
    return ret, dict(zip(("tv_sec", "tv_nsec"), struct.unpack("@ll", buffer.raw[:16]), strict=True))


def fcntl(fd: int, cmd: int, arg: int = 0) -> tuple[int, Out]:
    return call("fcntl", fd, cmd, arg), None


def dup2(oldfd: int, newfd: int) -> tuple[int, Out]:
    if "dup2" in NUMBERS:
        return call("dup2", oldfd, newfd), None
    if oldfd != newfd:  # as libc does it where there is no such call
        return dup3(oldfd, newfd, 0)
    fcntl(oldfd, linux.F_GETFD)
    return newfd, None


def dup3(oldfd: int, newfd: int, flags: int) -> tuple[int, Out]:
    return call("dup3", oldfd, newfd, flags), None


ROWS: dict[str, Callable[..., tuple[int, Out]]] = {
    function.__name__: function
    for function in (
        unshare, setns, ioctl, proc_ns_open, proc_pid_read, proc_pid_write, sethostname, setdomainname, uname,
        clock_gettime, fcntl, dup2, dup3,
    )
}  # fmt: skip
