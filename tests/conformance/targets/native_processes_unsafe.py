"""Raw system calls of the host about processes: credentials, capabilities, groups, signals with values, waiting."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Any

from tests.conformance import linux
from tests.conformance.targets.native_numbers import AARCH64, NUMBERS
from tests.conformance.targets.native_syscalls_unsafe import Out, call

SIGINFO_BYTES = 128
CAPABILITY_VERSION = 0x20080522
CAP_HEADER = struct.Struct("@Ii")
CAP_DATA = struct.Struct("@6I")


def plain(name: str, *arguments: str) -> Callable[..., tuple[int, Out]]:
    """A row whose arguments and answer are numbers."""

    def row(*values: int, **named: int) -> tuple[int, Out]:
        given = dict(zip(arguments, values, strict=False)) | named
        return call(name, *(given.get(argument, 0) for argument in arguments)), None

    row.__name__ = name
    return row


def _three(name: str, fields: tuple[str, str, str]) -> tuple[int, Out]:
    found = (ctypes.c_uint32 * 3)()
    size = ctypes.sizeof(ctypes.c_uint32)
    ret = call(name, *(ctypes.c_void_p(ctypes.addressof(found) + index * size) for index in range(3)))
    return ret, dict(zip(fields, found, strict=True))


def getresuid() -> tuple[int, Out]:
    return _three("getresuid", ("ruid", "euid", "suid"))


def getresgid() -> tuple[int, Out]:
    return _three("getresgid", ("rgid", "egid", "sgid"))


def getgroups() -> tuple[int, Out]:
    found = (ctypes.c_uint32 * 65536)()
    count = call("getgroups", 65536, found)
    return count, {"groups": list(found[:count])}


def setgroups(groups: list[int]) -> tuple[int, Out]:
    return call("setgroups", len(groups), (ctypes.c_uint32 * len(groups))(*groups)), None


def capget(pid: int = 0) -> tuple[int, Out]:
    data = ctypes.create_string_buffer(CAP_DATA.size)
    ret = call("capget", ctypes.create_string_buffer(CAP_HEADER.pack(CAPABILITY_VERSION, pid)), data)
    word = CAP_DATA.unpack(data.raw)
    sets = [word[index] | word[index + 3] << 32 for index in range(3)]
    return ret, dict(zip(("effective", "permitted", "inheritable"), sets, strict=True))


def capset(effective: int = 0, permitted: int = 0, inheritable: int = 0) -> tuple[int, Out]:
    sets = (effective, permitted, inheritable)
    data = CAP_DATA.pack(*(item & 0xFFFFFFFF for item in sets), *(item >> 32 for item in sets))
    header = ctypes.create_string_buffer(CAP_HEADER.pack(CAPABILITY_VERSION, 0))
    return call("capset", header, ctypes.create_string_buffer(data)), None


def prctl(option: int, arg2: int | str = 0, arg3: int = 0) -> tuple[int, Out]:
    if option in (linux.PR_GET_PDEATHSIG, linux.PR_GET_CHILD_SUBREAPER):
        value = ctypes.c_int(-1)
        return call("prctl", option, ctypes.byref(value), 0, 0, 0), {"value": value.value}
    if option == linux.PR_GET_NAME:
        name = ctypes.create_string_buffer(16)
        return call("prctl", option, name, 0, 0, 0), {"name": name.value.decode("latin-1")}
    passed = ctypes.create_string_buffer(arg2.encode("latin-1")) if isinstance(arg2, str) else arg2
    return call("prctl", option, passed, arg3, 0, 0), None


def getpgrp() -> tuple[int, Out]:
    return (call("getpgid", 0) if NUMBERS is AARCH64 else call("getpgrp")), None


def siginfo(sig: int, info: dict[str, int] | None) -> Any:
    """``siginfo_t`` as a process may send it."""
    if info is None:
        return None
    who = (info.get("si_pid", 0), info.get("si_uid", 0))
    packed = struct.pack("@iii4xiIq", sig, 0, info["si_code"], *who, info.get("si_value", 0))
    return ctypes.create_string_buffer(packed, SIGINFO_BYTES)


def rt_sigqueueinfo(pid: int, sig: int, info: dict[str, int]) -> tuple[int, Out]:
    return call("rt_sigqueueinfo", pid, sig, siginfo(sig, info)), None


def pidfd_send_signal(pidfd: int, sig: int, info: dict[str, int] | None = None, flags: int = 0) -> tuple[int, Out]:
    return call("pidfd_send_signal", pidfd, sig, siginfo(sig, info), flags), None


def wait4(pid: int = -1, options: int = 0) -> tuple[int, Out]:
    status = ctypes.c_int(0)
    return call("wait4", pid, ctypes.byref(status), options, None), {"status": status.value}


def waitid(idtype: int, id: int = 0, options: int = 0) -> tuple[int, Out]:  # noqa: A002 - the row's own name
    info = ctypes.create_string_buffer(SIGINFO_BYTES)
    ret = call("waitid", idtype, id, info, options, None)
    signo, _, code, pid, uid, status = struct.unpack_from("@iii4xiIi", info.raw)
    return ret, {"si_pid": pid, "si_uid": uid, "si_signo": signo, "si_status": status, "si_code": code}


def execve(path: str, arguments: list[str]) -> None:
    """Become another program. The arguments are this program's own, not the row's: it is to go on with its case."""
    environment = [b"%s=%s" % pair for pair in os.environb.items()]
    vectors = [
        (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
        for strings in ([argument.encode() for argument in arguments], environment)
    ]
    call("execve", ctypes.c_char_p(path.encode()), *vectors)


_PLAIN = """
getuid, geteuid, getgid, getegid, setuid uid, setgid gid, setreuid ruid euid, setregid rgid egid,
setresuid ruid euid suid, setresgid rgid egid sgid, setfsuid uid, setfsgid gid,
gettid, getpgid pid, setpgid pid pgid, setsid, getsid pid, tgkill tgid tid sig, exit status,
pidfd_open pid flags, pidfd_getfd pidfd targetfd flags
"""
ROWS: dict[str, Callable[..., tuple[int, Out]]] = {
    **{name: plain(name, *arguments) for name, *arguments in map(str.split, _PLAIN.split(","))},
    **{
        function.__name__: function
        for function in (
            getresuid, getresgid, getgroups, setgroups, capget, capset, prctl, getpgrp, rt_sigqueueinfo,
            pidfd_send_signal, wait4, waitid,
        )
    },
}  # fmt: skip
