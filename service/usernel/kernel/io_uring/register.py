"""io_uring_register(2): one table of its opcodes (``io_uring/register.c``).

``arg`` is an address, or a value in its place: a list of descriptors, of buffers or of structs as tuples, a tuple of a
struct's fields. Where Linux writes through it, the value is a list, which is written into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.io_uring import IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_R_DISABLED, IORING_SETUP_SINGLE_ISSUER
from usernel.abi.io_uring_struct import IO_URING_CLOCK_REGISTER, IO_URING_SYNC_CANCEL_REG
from usernel.abi.time_types import CLOCK_BOOTTIME, CLOCK_MONOTONIC

from ..call import Clock
from ..error import KernelError
from .cancel import SyncCancel, sync_cancel
from .eventfd import register_eventfd, unregister_eventfd
from .filetable import register_file_alloc_range, register_files_update
from .pbuf_ring import pbuf_status, register_pbuf_ring, unregister_pbuf_ring
from .personality import register_personality, unregister_personality
from .probe import register_probe
from .restrictions import register_restrictions
from .ringfd import register_ring_fds, unregister_ring_fds
from .rsrc import UINT_MAX, RsrcTable, register_rsrc, register_rsrc_update
from .sqpoll import sq_thread
from .user_array import UserArray, copy_struct, given, reserved

if TYPE_CHECKING:
    from .ctx import RingCtx

U32: Final = Struct("=I")
INT_MAX: Final = 0x7FFFFFFF
PROBE_MAX: Final = 256
CPUMASK_SIZE: Final = 1024
"""Bytes of a set of CPUs that are looked at: as many CPUs as Linux is ever built for."""
CLOCKS: Final[Mapping[int, Clock]] = {CLOCK_MONOTONIC: Clock.MONOTONIC, CLOCK_BOOTTIME: Clock.BOOTTIME}

Result = int | SyncCancel


def split_opcode(opcode: int, fd: int = 0) -> tuple[int, bool]:
    """The opcode, and whether ``fd`` is the index of a registered ring (IORING_REGISTER_USE_REGISTERED_RING).

    Asked before the ring is looked up. EINVAL for an opcode out of range, and for descriptor -1: what Linux does
    without a ring is not there.
    """
    registered = bool(opcode & abi.IORING_REGISTER_USE_REGISTERED_RING)
    opcode &= ~abi.IORING_REGISTER_USE_REGISTERED_RING
    if not 0 <= opcode < abi.IORING_REGISTER_LAST or fd & UINT_MAX == UINT_MAX:
        raise KernelError(Errno.EINVAL, f"no opcode {opcode} of io_uring_register, or none without a ring")
    return opcode, registered


def register(ctx: RingCtx, opcode: int, arg: Any = None, nr_args: int = 0) -> Result:
    """Do what an opcode says (``__io_uring_register``), and run task work as a call does on its way back.

    A number, or a ``SyncCancel`` that waits. EINVAL for opcodes that are not there and wrong arguments, EEXIST for
    another task than the only issuer, EACCES by the ring's restrictions; and what the opcode says.
    """
    if ctx.submitter is not None and ctx.submitter != ctx.port.task():
        raise KernelError(Errno.EEXIST, "another task issues for this ring")
    enabled = not ctx.flags & IORING_SETUP_R_DISABLED
    if ctx.restrictions is not None and enabled and not ctx.restrictions.allows_register(opcode):
        raise KernelError(Errno.EACCES, "the ring's restrictions do not allow it")
    row = REGISTER_OPS.get(opcode)
    if row is None:
        raise KernelError(Errno.EINVAL, f"{abi.REGISTER.name(opcode)} is not there")
    nr_args &= UINT_MAX
    try:
        row.check(given(ctx.port.memory, arg), nr_args)
        return row.call(ctx, arg, nr_args)
    finally:
        if not ctx.flags & IORING_SETUP_DEFER_TASKRUN:
            ctx.run_task_work()


@dataclass(frozen=True, slots=True)
class Row:
    """An opcode: what it does, and which arguments are right (None: any)."""

    call: Callable[[RingCtx, Any, int], Result]
    arg: bool | None = None
    nr_args: range | None = None

    def check(self, has_arg: bool, nr_args: int) -> None:
        """EINVAL for other arguments."""
        if self.arg not in {None, has_arg} or not (self.nr_args is None or nr_args in self.nr_args):
            raise KernelError(Errno.EINVAL, f"{nr_args} arguments at {'some' if has_arg else 'no'} address")


# ------------------------------------------------------------------------------------------------ buffers and files


def _register_table(ctx: RingCtx, arg: Any, count: int, *, table: Callable[[RingCtx], RsrcTable]) -> int:
    if not given(ctx.port.memory, arg):
        raise KernelError(Errno.EFAULT, "an array at no address")
    table(ctx).register(arg, count)
    return 0


def _unregister_table(ctx: RingCtx, arg: Any, count: int, *, table: Callable[[RingCtx], RsrcTable]) -> int:
    if not len(table(ctx)):
        raise KernelError(Errno.ENXIO, "there is no such table")
    table(ctx).unregister()
    return 0


def _register_rsrc(ctx: RingCtx, arg: Any, size: int, *, table: Callable[[RingCtx], RsrcTable]) -> int:
    return register_rsrc(ctx, table(ctx), arg, size)


def _update_rsrc(ctx: RingCtx, arg: Any, size: int, *, table: Callable[[RingCtx], RsrcTable]) -> int:
    return register_rsrc_update(ctx, table(ctx), arg, size)


def _buffers(ctx: RingCtx) -> RsrcTable:
    return ctx.buf_table


def _files(ctx: RingCtx) -> RsrcTable:
    return ctx.file_table


# ----------------------------------------------------------------------------------------------------- the ring itself


def _enable_rings(ctx: RingCtx, arg: Any, count: int) -> int:
    """Let the ring be used from now on (``io_register_enable_rings``). EBADFD where it is already."""
    if not ctx.flags & IORING_SETUP_R_DISABLED:
        raise KernelError(Errno.EBADFD, "the ring is enabled already")
    if ctx.flags & IORING_SETUP_SINGLE_ISSUER and ctx.submitter is None:
        ctx.submitter = ctx.port.task()
    ctx.flags &= ~IORING_SETUP_R_DISABLED
    sq_thread(ctx)
    return 0


def _clock(ctx: RingCtx, arg: Any, count: int) -> int:
    """Which clock the times of waits are on (``io_register_clock``). EFAULT, EINVAL for others than two."""
    clockid, *resv = copy_struct(ctx.port.memory, arg, IO_URING_CLOCK_REGISTER)
    reserved(*resv)
    if clockid not in CLOCKS:
        raise KernelError(Errno.EINVAL, f"clock {clockid}")
    ctx.clock = CLOCKS[clockid]
    return 0


def _iowq_max_workers(ctx: RingCtx, arg: Any, count: int) -> int:
    """How many workers there may be; tells how many there might (``io_register_iowq_max_workers``). EFAULT, EINVAL."""
    array = UserArray(ctx.port.memory, arg, U32)
    bound, unbound = array.get(abi.IO_WQ_BOUND), array.get(abi.IO_WQ_UNBOUND)
    if max(bound, unbound) > INT_MAX:
        raise KernelError(Errno.EINVAL, f"{max(bound, unbound)} workers")
    for index, before in enumerate(ctx.port.iowq_max_workers(ctx, bound, unbound)):
        array.put(index, before)
    return 0


def _iowq_aff(ctx: RingCtx, arg: Any, size: int) -> int:
    """Bind workers to CPUs (``io_register_iowq_aff``). EFAULT, EINVAL."""
    ctx.port.iowq_affinity(ctx, bytes(ctx.port.memory.view(arg, min(size, CPUMASK_SIZE))))
    return 0


def _sync_cancel(ctx: RingCtx, arg: Any) -> Result:
    """Cancel requests, and wait for them. EFAULT, and the errors of ``sync_cancel``."""
    fields = copy_struct(ctx.port.memory, arg, IO_URING_SYNC_CANCEL_REG)
    if not isinstance(fields[0], int):
        raise KernelError(Errno.EFAULT, f"{type(fields[0]).__name__} is no user_data")
    return sync_cancel(ctx, fields)


def _unregister_iowq_aff(ctx: RingCtx, arg: Any, count: int) -> int:
    ctx.port.iowq_affinity(ctx, None)
    return 0


# ------------------------------------------------------------------------------------------------------------- table

NONE: Final = range(1)
ONE: Final = range(1, 2)
TWO: Final = range(2, 3)


def _without(call: Callable[[RingCtx], Result]) -> Callable[[RingCtx, Any, int], Result]:
    return lambda ctx, _arg, _nr_args: call(ctx)


def _with(call: Callable[[RingCtx, Any], Result]) -> Callable[[RingCtx, Any, int], Result]:
    return lambda ctx, arg, _nr_args: call(ctx, arg)


REGISTER_OPS: Final[Mapping[int, Row]] = {
    abi.IORING_REGISTER_BUFFERS: Row(partial(_register_table, table=_buffers)),
    abi.IORING_UNREGISTER_BUFFERS: Row(partial(_unregister_table, table=_buffers), arg=False, nr_args=NONE),
    abi.IORING_REGISTER_FILES: Row(partial(_register_table, table=_files)),
    abi.IORING_UNREGISTER_FILES: Row(partial(_unregister_table, table=_files), arg=False, nr_args=NONE),
    abi.IORING_REGISTER_EVENTFD: Row(_with(partial(register_eventfd, only_async=False)), nr_args=ONE),
    abi.IORING_UNREGISTER_EVENTFD: Row(_without(unregister_eventfd), arg=False, nr_args=NONE),
    abi.IORING_REGISTER_FILES_UPDATE: Row(register_files_update),
    abi.IORING_REGISTER_EVENTFD_ASYNC: Row(_with(partial(register_eventfd, only_async=True)), nr_args=ONE),
    abi.IORING_REGISTER_PROBE: Row(register_probe, arg=True, nr_args=range(PROBE_MAX + 1)),
    abi.IORING_REGISTER_PERSONALITY: Row(_without(register_personality), arg=False, nr_args=NONE),
    abi.IORING_UNREGISTER_PERSONALITY: Row(lambda ctx, _arg, number: unregister_personality(ctx, number), arg=False),
    abi.IORING_REGISTER_RESTRICTIONS: Row(register_restrictions),
    abi.IORING_REGISTER_ENABLE_RINGS: Row(_enable_rings, arg=False, nr_args=NONE),
    abi.IORING_REGISTER_FILES2: Row(partial(_register_rsrc, table=_files)),
    abi.IORING_REGISTER_FILES_UPDATE2: Row(partial(_update_rsrc, table=_files)),
    abi.IORING_REGISTER_BUFFERS2: Row(partial(_register_rsrc, table=_buffers)),
    abi.IORING_REGISTER_BUFFERS_UPDATE: Row(partial(_update_rsrc, table=_buffers)),
    abi.IORING_REGISTER_IOWQ_AFF: Row(_iowq_aff, arg=True, nr_args=range(1, 1 << 32)),
    abi.IORING_UNREGISTER_IOWQ_AFF: Row(_unregister_iowq_aff, arg=False, nr_args=NONE),
    abi.IORING_REGISTER_IOWQ_MAX_WORKERS: Row(_iowq_max_workers, arg=True, nr_args=TWO),
    abi.IORING_REGISTER_RING_FDS: Row(register_ring_fds),
    abi.IORING_UNREGISTER_RING_FDS: Row(unregister_ring_fds),
    abi.IORING_REGISTER_PBUF_RING: Row(_with(register_pbuf_ring), arg=True, nr_args=ONE),
    abi.IORING_UNREGISTER_PBUF_RING: Row(_with(unregister_pbuf_ring), arg=True, nr_args=ONE),
    abi.IORING_REGISTER_SYNC_CANCEL: Row(_with(_sync_cancel), arg=True, nr_args=ONE),
    abi.IORING_REGISTER_FILE_ALLOC_RANGE: Row(_with(register_file_alloc_range), arg=True, nr_args=NONE),
    abi.IORING_REGISTER_PBUF_STATUS: Row(_with(pbuf_status), arg=True, nr_args=ONE),
    abi.IORING_REGISTER_CLOCK: Row(_clock, arg=True, nr_args=NONE),
}
"""Linux's others are not there: busy polling of sockets (NAPI), buffers and memory of other rings (CLONE_BUFFERS,
MEM_REGION), messages without a ring of one's own (SEND_MSG_RING), ZCRX_IFQ, RESIZE_RINGS and QUERY."""
