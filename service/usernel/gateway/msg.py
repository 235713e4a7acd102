"""The System V calls of a program: out of registers and memory, and back (``ipc/msg.c``, x86_64 and aarch64)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from usernel.abi.errno import Errno
from usernel.abi.ipc import IPC_INFO, IPC_SET, IPC_STAT
from usernel.abi.msg import MSG_INFO, MSG_STAT, MSG_STAT_ANY, MSGINFO, MSQID64_DS, MTYPE
from usernel.kernel.call import Return
from usernel.kernel.error import KernelError

from .descriptors import Queue
from .process import Process


class Request(NamedTuple):
    """A call as the kernel takes it; ``queue`` is the POSIX queue that it is about, ``flags`` its open file's."""

    args: Sequence[Any]
    queue: Queue | None = None
    flags: int = 0


Regs = Sequence[int]
Parse = Callable[[Process, Regs], Request]
Deliver = Callable[[Process, Regs, Return, Request], int]
MSGSZ_MAX: Final = 16 * 1024 * 1024
"""Most bytes that are read of a message before the kernel has said that its ``msgmax`` allows them."""


class Trapped(NamedTuple):
    """A trapped call: its arguments out of the caller, and its result back into it. Both raise EFAULT.

    One that ``opens`` returns a descriptor of the kernel's, for which the caller gets one of its own.
    """

    name: str
    parse: Parse
    deliver: Deliver
    opens: bool = False


def int32(register: int) -> int:
    """A register as a C int."""
    value = register & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def int64(register: int) -> int:
    """A register as a C long."""
    return register - (1 << 64) if register >> 63 else register


def read(process: Process, address: int, size: int) -> bytes:
    """So many bytes of the caller's memory. EFAULT."""
    data = process.memory.read(address, size)
    if len(data) < size:
        raise fault(address)
    return data


def write(process: Process, address: int, data: bytes) -> None:
    """Put bytes into the caller's memory. EFAULT."""
    if not process.memory.write(address, data):
        raise fault(address)


def fault(address: int) -> KernelError:
    """EFAULT."""
    return KernelError(Errno.EFAULT, f"{address:#x} is not in the caller's memory")


def number(process: Process, regs: Regs, result: Return, request: Request) -> int:
    """A call that writes nothing."""
    return result.ret


def _msgget(process: Process, regs: Regs) -> Request:
    return Request((int32(regs[0]), int32(regs[1]), None))


def _msgsnd(process: Process, regs: Regs) -> Request:
    """What can be read of the message; the kernel finds EFAULT where that is too little, after its other checks."""
    size = int64(regs[2])
    message = process.memory.read(regs[1], MTYPE.size + (size if 0 < size <= MSGSZ_MAX else 0))
    if len(message) < MTYPE.size:
        raise fault(regs[1])
    (mtype,) = MTYPE.unpack_from(message)
    return Request((int32(regs[0]), mtype, message[MTYPE.size :], size, int32(regs[3])))


def _msgrcv(process: Process, regs: Regs) -> Request:
    return Request((int32(regs[0]), int64(regs[2]), int64(regs[3]), int32(regs[4])))


def _received(process: Process, regs: Regs, result: Return, request: Request) -> int:
    out = result.out or {}
    write(process, regs[1], MTYPE.pack(out["mtype"]) + out["data"])
    return result.ret


def _msgctl(process: Process, regs: Regs) -> Request:
    msqid, command = int32(regs[0]), int32(regs[1])
    if command != IPC_SET or msqid < 0:
        return Request((msqid, command, None))
    ds = MSQID64_DS.unpack(read(process, regs[2], MSQID64_DS.size))
    _, uid, gid, _, _, mode, _, _, _, _, _, _, _, qbytes, _, _ = ds
    return Request((msqid, command, ((uid, gid, mode), qbytes)))


def _shown(process: Process, regs: Regs, result: Return, request: Request) -> int:
    command, out = int32(regs[1]), result.out or {}
    if command in {IPC_STAT, MSG_STAT, MSG_STAT_ANY}:
        write(process, regs[2], pack_msqid(out))
    elif command in {IPC_INFO, MSG_INFO}:
        write(process, regs[2], pack_msginfo(out))
    return result.ret


def pack_msqid(out: Mapping[str, Any]) -> bytes:
    """``struct msqid64_ds``."""
    perm = out["msg_perm"]
    ids = (perm[name] for name in ("key", "uid", "gid", "cuid", "cgid", "mode", "seq"))
    rest = (out[f"msg_{name}"] for name in ("stime", "rtime", "ctime", "cbytes", "qnum", "qbytes", "lspid", "lrpid"))
    return MSQID64_DS.pack(*ids, 0, *rest)


def pack_msginfo(out: Mapping[str, Any]) -> bytes:
    """``struct msginfo``."""
    return MSGINFO.pack(*(out[f"msg{name}"] for name in ("pool", "map", "max", "mnb", "mni", "ssz", "tql", "seg")))


CALLS: Final = (
    Trapped("msgget", _msgget, number),
    Trapped("msgsnd", _msgsnd, number),
    Trapped("msgrcv", _msgrcv, _received),
    Trapped("msgctl", _msgctl, _shown),
)
