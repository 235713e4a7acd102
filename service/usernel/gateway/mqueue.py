"""The POSIX calls of a program: out of registers and memory, and back (``ipc/mqueue.c``, x86_64 and aarch64)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_NONBLOCK
from usernel.abi.mqueue import HARD_MSGSIZEMAX, MQ_ATTR, PRIORITY, SIGEV_THREAD, SIGEVENT, TIMESPEC64
from usernel.abi.stat import PATH_MAX
from usernel.kernel.call import Return
from usernel.kernel.error import KernelError

from .backend import Backend, Handle
from .descriptors import Descriptors, Queue
from .helper_unsafe import COOKIE, Helpers
from .msg import Regs, Request, Trapped, int32, int64, number, read, write
from .process import Process

NO_HANDLE: Final = Handle(-1, nonblock=True)
CHUNK: Final = 256
"""Names are read in pieces of so many bytes: what lies behind one may not be there."""


class MqCalls:
    """The calls, on queues that are open in programs."""

    def __init__(self, descriptors: Descriptors, helpers: Helpers, backend: Backend) -> None:
        self._descriptors = descriptors
        self._helpers = helpers
        self._backend = backend

    def table(self) -> tuple[Trapped, ...]:
        """Each call."""
        return (
            Trapped("mq_open", self._open, number, opens=True),
            Trapped("mq_unlink", self._unlink, number),
            Trapped("mq_timedsend", self._send, number),
            Trapped("mq_timedreceive", self._receive, self._received),
            Trapped("mq_notify", self._notify, self._notified),
            Trapped("mq_getsetattr", self._attr, self._attr_shown),
        )

    def _open(self, process: Process, regs: Regs) -> Request:
        attr = None
        if regs[3]:
            _, maxmsg, msgsize, _ = MQ_ATTR.unpack(read(process, regs[3], MQ_ATTR.size))
            attr = (maxmsg, msgsize)
        return Request((_name(process, regs[0]), int32(regs[1]), regs[2] & 0xFFFF, attr, None))

    def _unlink(self, process: Process, regs: Regs) -> Request:
        return Request((_name(process, regs[0]),))

    def _send(self, process: Process, regs: Regs) -> Request:
        until = _timeout(process, regs[4])
        handle, queue = self._ready(process, regs)
        size = int64(regs[2])
        data = process.memory.read(regs[1], size) if 0 < size <= HARD_MSGSIZEMAX else b""
        return Request((handle, data, size, regs[3] & 0xFFFFFFFF, until), queue)

    def _receive(self, process: Process, regs: Regs) -> Request:
        until = _timeout(process, regs[4])
        handle, queue = self._ready(process, regs)
        return Request((handle, int64(regs[2]), until), queue)

    def _ready(self, process: Process, regs: Regs) -> tuple[Handle, Queue | None]:
        """The queue of a descriptor; the kernel's own has the same O_NONBLOCK when this returns.

        What is no queue's is none of the kernel's: EBADF is for it to say, in its order of checks.
        """
        try:
            opened = self._descriptors.find(process, int32(regs[0]))
        except KernelError:
            return NO_HANDLE, None
        handle, nonblock = opened.handle, bool(opened.flags & O_NONBLOCK)
        if handle.nonblock is not nonblock:
            handle.nonblock = nonblock
            flags = (O_NONBLOCK if nonblock else 0,)
            self._backend.submit(process.actor, "mq_getsetattr", (handle, flags), _unheard)
        return handle, opened.queue

    def _received(self, process: Process, regs: Regs, result: Return, request: Request) -> int:
        out = result.out or {}
        if regs[3]:
            write(process, regs[3], PRIORITY.pack(out["priority"]))
        write(process, regs[1], out["data"])
        return result.ret

    def _notify(self, process: Process, regs: Regs) -> Request:
        notification = None
        if regs[1]:
            value, signo, kind = SIGEVENT.unpack(read(process, regs[1], SIGEVENT.size))
            if kind == SIGEV_THREAD:
                value = self._helpers.register(process, signo, read(process, value, COOKIE))
            notification = (kind, signo, int64(value))
        handle, queue = self._ready(process, regs)
        if queue is not None:
            self._descriptors.forget_registrant(queue)
        return Request((handle, notification), queue)

    def _notified(self, process: Process, regs: Regs, result: Return, request: Request) -> int:
        if request.queue is not None and (regs[1] or request.queue.registrant is process):
            self._descriptors.register(request.queue, process if regs[1] else None)
        return result.ret

    def _attr(self, process: Process, regs: Regs) -> Request:
        """The flags are those of the program's own open file; the rest the kernel knows."""
        flags = None
        if regs[1]:
            flags, _, _, _ = MQ_ATTR.unpack(read(process, regs[1], MQ_ATTR.size))
            if flags & ~O_NONBLOCK:
                raise KernelError(Errno.EINVAL, "O_NONBLOCK is the only flag that can be set")
        opened = self._descriptors.find(process, int32(regs[0]))
        if flags is not None:
            self._descriptors.set_nonblock(process, int32(regs[0]), opened, flags)
        return Request((opened.handle, None), opened.queue, opened.flags)

    def _attr_shown(self, process: Process, regs: Regs, result: Return, request: Request) -> int:
        out = result.out or {}
        if regs[2]:
            shape = (out["mq_maxmsg"], out["mq_msgsize"], out["mq_curmsgs"])
            write(process, regs[2], MQ_ATTR.pack(request.flags & O_NONBLOCK, *shape))
        return result.ret


def _name(process: Process, address: int) -> str:
    """A name in the caller's memory (``getname``). EFAULT; ENAMETOOLONG; EINVAL, where Linux takes any bytes."""
    found = b""
    while b"\0" not in found:
        if len(found) >= PATH_MAX:
            raise KernelError(Errno.ENAMETOOLONG, f"a name of more than {PATH_MAX} bytes")
        piece = process.memory.read(address + len(found), CHUNK - (address + len(found)) % CHUNK)
        if not piece:
            raise KernelError(Errno.EFAULT, f"{address:#x} is not in the caller's memory")
        found += piece
    name = found.split(b"\0", 1)[0]
    if len(name) >= PATH_MAX:
        raise KernelError(Errno.ENAMETOOLONG, f"a name of more than {PATH_MAX} bytes")
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise KernelError(Errno.EINVAL, f"the name {name!r} is no UTF-8") from None


def _timeout(process: Process, address: int) -> tuple[int, int] | None:
    """An absolute time in the caller's memory. EFAULT; EINVAL for one that cannot be."""
    if not address:
        return None
    seconds, nanoseconds = TIMESPEC64.unpack(read(process, address, TIMESPEC64.size))
    if seconds < 0 or not 0 <= nanoseconds < 1_000_000_000:
        raise KernelError(Errno.EINVAL, f"{seconds} s and {nanoseconds} ns are no time")
    return seconds, nanoseconds


def _unheard(served: Any) -> None:
    """Nobody waits for this answer."""


__all__: Sequence[str] = ("MqCalls",)
