"""Linux's three system calls on rings, in the caller's own process: for programs that know the ABI.

A ring is a descriptor that is readable while there are completions, and writable. Entries hold real addresses:
of memory that the program has given before, by ``give``. What lies outside of it is EFAULT.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_ENTER_REGISTERED_RING,
    IORING_OFF_CQ_RING,
    IORING_OFF_SQ_RING,
    IORING_OFF_SQES,
    IORING_SETUP_ATTACH_WQ,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_REGISTERED_FD_ONLY,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQ_AFF,
    IORING_SETUP_SQPOLL,
    IORING_SQ_NEED_WAKEUP,
)
from usernel.abi.io_uring_struct import IO_URING_PARAMS
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.cancel import SyncCancel
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.enter import CqWait, check_flags, enter
from usernel.kernel.io_uring.opcodes import OPS
from usernel.kernel.io_uring.register import register, split_opcode
from usernel.kernel.io_uring.ringfd import find_ring
from usernel.kernel.io_uring.rings import SharedRings
from usernel.kernel.io_uring.setup import Params, prepare

from .alive import ALIVE, FORKED
from .memory import HostMemory
from .port import HostPort, bounded_workers
from .pump import Pump
from .wait import wait

PAGE: Final = 4096
CLOSE_S: Final = 5.0
"""How long closing waits for workers that sleep in a call."""


class RingFd:
    """One ring, and what its descriptor shows. It ends with the last reference, of which the descriptor is one."""

    def __init__(
        self, ctx: RingCtx, fd: int, rings: memoryview, sqes: memoryview, ended: Callable[[RingCtx], object]
    ) -> None:
        self.ctx = ctx
        self.fd = fd
        self._ended = ended
        self.rings = rings
        self.sqes = sqes
        self._refs = 1
        self._readable = False

    def get(self) -> RingFd:
        """Another reference."""
        self._refs += 1
        return self

    def put(self) -> None:
        """Give one up: with the last the ring ends."""
        self._refs -= 1
        if not self._refs:
            self.ctx.close()
            self.ctx.port.wake(self.ctx)
            self._ended(self.ctx)

    def show(self) -> None:
        """Let the descriptor be readable while there are completions."""
        there = bool(self.ctx.rings.cq_ready() or self.ctx.overflow or self.ctx.work_pending)
        if self.fd < 0:
            return
        if there and not self._readable:
            os.eventfd_write(self.fd, 1)
        elif self._readable and not there:
            os.eventfd_read(self.fd)
        self._readable = there


class Uring:
    """The rings of a program. Calls may come from any of its threads; each returns a number, or -errno."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.memory = HostMemory()
        self._rings: dict[int, RingFd] = {}
        self._by_ctx: dict[RingCtx, RingFd] = {}
        self._local = threading.local()
        """Whether a thread has used a ring: made one, submitted to one, registered something."""
        self._port: HostPort | None = None
        self._pump: Pump | None = None
        self._forked = False
        ALIVE.watch(self)

    @property
    def port(self) -> HostPort:
        """What the rings have in common, made with the first of them."""
        if self._forked:
            raise RuntimeError(FORKED)
        if self._port is None:
            self._port = HostPort(self.memory, self.lock, self._rings.get, bounded=bounded_workers(1 << 15))
            self._port.on_wake = self._show
            self._pump = Pump(self._port)
        return self._port

    def _show(self, ctx: RingCtx) -> None:
        ring = self._by_ctx.get(ctx)
        if ring is not None:
            ring.show()

    def give(self, address: int, buffer: Any) -> None:
        """Memory of the program: ``buffer`` is at this address, and stays there as long as there are rings."""
        with self.lock:
            self.memory.give(address, buffer)

    # ---------------------------------------------------------------------------------------------------------- setup

    def io_uring_setup(self, entries: int, params: bytearray | memoryview) -> int:
        """io_uring_setup(2): a ring's descriptor; ``params`` (struct io_uring_params) is read and filled in."""
        return _result(self._setup, entries, params)

    def _setup(self, entries: int, params: bytearray | memoryview) -> int:
        with self.lock:
            made = prepare(Params.unpack(params, entries))
            self._local.used = True
            rings, sqes = self._memory(made)
            self._check_wq(made)
            ctx = RingCtx(made, SharedRings(made, rings, sqes), self.port, OPS)
            if made.flags & IORING_SETUP_SINGLE_ISSUER and not made.flags & IORING_SETUP_R_DISABLED:
                ctx.submitter = self.port.task()
            if made.flags & IORING_SETUP_SQPOLL:
                ctx.sq_cred = self.port.cred()
                ctx.rings.sq_flags |= IORING_SQ_NEED_WAKEUP
            ring = RingFd(ctx, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), rings, sqes, self._by_ctx.pop)
            params[: IO_URING_PARAMS.size] = made.pack()
            self._rings[ring.fd] = self._by_ctx[ctx] = ring
            if made.flags & IORING_SETUP_REGISTERED_FD_ONLY:
                return self._only_registered(ring)
            return ring.fd

    def _memory(self, made: Params) -> tuple[memoryview, memoryview]:
        if not made.flags & IORING_SETUP_NO_MMAP:
            return memoryview(bytearray(made.rings_size)), memoryview(bytearray(made.sqes_size))
        return self._own(made.cq_addr, made.rings_size), self._own(made.sq_addr, made.sqes_size)

    def _own(self, address: int, size: int) -> memoryview:
        if not address:
            raise KernelError(Errno.EFAULT, "the ring is to lie in memory of the program's own")
        if address % PAGE:
            raise KernelError(Errno.EINVAL, "the ring is to begin with a page")
        return self.memory.view(address, size, write=True)

    def _check_wq(self, made: Params) -> None:
        if made.flags & IORING_SETUP_ATTACH_WQ:
            file = self.port.fget(made.wq_fd)
            if file is None:
                raise KernelError(Errno.ENXIO, "wq_fd is not open")
            ring = file.ring
            file.put()
            if ring is None or made.flags & ~ring.flags & IORING_SETUP_SQPOLL:
                raise KernelError(Errno.EINVAL, "wq_fd is no ring, or none with a thread that submits")
        if made.flags & IORING_SETUP_SQ_AFF and made.sq_thread_cpu >= (os.cpu_count() or 1):
            raise KernelError(Errno.EINVAL, f"there is no CPU {made.sq_thread_cpu}")

    def _only_registered(self, ring: RingFd) -> int:
        slots = self.port.registered_rings()
        free = next((slot for slot, file in enumerate(slots) if file is None), None)
        if free is None:
            self._close(ring)
            raise KernelError(Errno.EBUSY, "the thread has registered as many rings as it may")
        slots[free] = self.port.fget(ring.fd)
        return free

    def mmap(self, fd: int, offset: int) -> memoryview:
        """What mmap(2) of a ring maps: IORING_OFF_SQ_RING, IORING_OFF_SQES, a ring of buffers. EINVAL as an OSError."""
        with self.lock:
            ring = self._find(fd)
            if ring.ctx.flags & IORING_SETUP_NO_MMAP:
                raise KernelError(Errno.EINVAL, "the memory of the ring is the program's own")
            if offset in {IORING_OFF_SQ_RING, IORING_OFF_CQ_RING}:
                return ring.rings[:]
            if offset == IORING_OFF_SQES:
                return ring.sqes[:]
            region = self.port.region(ring.ctx, offset)
            if region is None:
                raise KernelError(Errno.EINVAL, f"there is nothing at {offset:#x}")
            return region

    # ---------------------------------------------------------------------------------------------- enter and register

    def io_uring_enter(
        self, fd: int, to_submit: int, min_complete: int, flags: int, argp: Any = 0, argsz: int = 0
    ) -> int:
        """io_uring_enter(2): how many entries were taken. The one call that sleeps."""
        return _result(self._enter, fd, to_submit, min_complete, flags, argp, argsz)

    def _enter(self, fd: int, to_submit: int, min_complete: int, flags: int, argp: Any, argsz: int) -> int:
        check_flags(flags)
        with self.lock:
            ring = self._find(fd, registered=bool(flags & IORING_ENTER_REGISTERED_RING))
            self.port.poller.process()
            if to_submit:
                self._local.used = True
            try:
                entered = enter(ring.ctx, to_submit, min_complete, flags, argp, argsz)
            finally:
                self._settle(ring)
        if not isinstance(entered, CqWait):
            return entered
        try:
            return wait(self.port, entered, interruptible=True)
        finally:
            with self.lock:
                ring.show()

    def _settle(self, ring: RingFd) -> None:
        if self.port.poller.behind:
            self.port.poller.process()
        ring.show()

    def io_uring_register(self, fd: int, opcode: int, arg: Any, nr_args: int) -> int:
        """io_uring_register(2): what the opcode says."""
        return _result(self._register, fd, opcode, arg, nr_args)

    def _register(self, fd: int, opcode: int, arg: Any, nr_args: int) -> int:
        with self.lock:
            opcode, registered = split_opcode(opcode, fd)
            ring = self._find(fd, registered=registered)
            self._local.used = True
            try:
                result = register(ring.ctx, opcode, arg, nr_args)
            finally:
                self._settle(ring)
        if not isinstance(result, SyncCancel):
            return result
        try:
            return wait(self.port, result, interruptible=True)
        finally:
            with self.lock:
                result.close()

    def _find(self, fd: int, *, registered: bool = False) -> RingFd:
        if registered and not getattr(self._local, "used", False):
            raise KernelError(Errno.EINVAL, "the thread has never used a ring")
        ring = None if registered else self._rings.get(fd)
        if ring is None:
            file = find_ring(self.port, fd, registered=registered)
            ring = self._by_ctx[file.ring]  # type: ignore[index]
            file.put()
        return ring

    # ------------------------------------------------------------------------------------------------------- the end

    def close_ring(self, fd: int) -> int:
        """Close a ring's descriptor (close(2)): the ring ends, what is in flight is cancelled."""
        return _result(self._close_fd, fd)

    def _close_fd(self, fd: int) -> int:
        with self.lock:
            self._close(self._find(fd))
            return 0

    def _close(self, ring: RingFd) -> None:
        del self._rings[ring.fd]
        os.close(ring.fd)
        ring.fd = -1
        ring.put()

    def forked(self) -> None:
        """This is a forked child: the rings are the parent's."""
        self._forked, self.lock = True, threading.RLock()
        if self._port is not None:
            self._port.abandon()
        for fd in self._rings:
            os.close(fd)

    def close(self) -> list[str]:
        """End all rings and their workers. Returns the names of threads that were left behind, asleep in a call."""
        ALIVE.forget(self)
        with self.lock:
            for ring in list(self._by_ctx.values()):
                ring.ctx.close()
                self.port.wake(ring.ctx)
            for fd in self._rings:
                os.close(fd)
            self._rings.clear()
            self._by_ctx.clear()
        if self._pump is not None:
            self._pump.close()
        return [] if self._port is None else self._port.close(CLOSE_S)


def _result(call: Callable[..., int], *args: Any) -> int:
    try:
        return call(*args)
    except KernelError as error:
        return -error.number
    except OSError as error:
        return -(error.errno or Errno.EIO)
