"""The calls on rings: parse, check, act. Submissions come and completions go as values; no memory is shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    ENTER,
    FEATURES,
    IO_RINGFD_REG_MAX,
    IORING_ENTER_EXT_ARG,
    IORING_ENTER_REGISTERED_RING,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQPOLL,
    IORING_SQ_NEED_WAKEUP,
    PROBE_OP,
    REGISTER,
    SETUP,
)
from usernel.abi.io_uring_op import IO_URING_OP
from usernel.kernel.call import Block, Call, Return, Wake
from usernel.kernel.error import KernelError
from usernel.kernel.fdtable import open_fd
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.enter import CqWait, ExtArg, check_flags, enter
from usernel.kernel.io_uring.file import UringFile, uring_file
from usernel.kernel.io_uring.reap import HeldCqes, reap
from usernel.kernel.io_uring.register import split_opcode
from usernel.kernel.io_uring.rings import PlainRings
from usernel.kernel.io_uring.setup import Params, prepare
from usernel.kernel.io_uring.task_ops import TASK_OPS
from usernel.kernel.io_uring.task_port import TaskPort
from usernel.kernel.kernel import Kernel

from .io_uring_register import register_values
from .kinds import ANYTHING, INT, UINT, Enumeration, Field, Flags, ListOf, Structure
from .msg import check_limit
from .row import Row, errnos
from .sqe import CQE, SQE, sqe_of
from .timespec import TIMESPEC, nanoseconds

VALUES_ONLY: Final = (
    "a ring of the service shares no memory: submissions and completions are values, and opcodes on files wait for the "
    "virtual file system"
)
NO_MEMORY: Final = (
    "a ring of the service shares no memory and has neither workers nor eventfds: FILES, FILES_UPDATE, FILES2, "
    "FILES_UPDATE2, FILE_ALLOC_RANGE, PROBE, PERSONALITY, RESTRICTIONS, ENABLE_RINGS, SYNC_CANCEL, CLOCK"
)


def sys_io_uring_setup(kernel: Kernel, call: Call, entries: int, params: tuple[Any, ...] | None) -> Return:
    """io_uring_setup(2)."""
    flags, cq_entries = params or (0, 0)
    made = prepare(Params(entries, cq_entries, flags))
    if flags & IORING_SETUP_NO_MMAP:
        raise KernelError(Errno.EFAULT, "a ring of the service shares no memory with its program")
    port = TaskPort(kernel, call.task)
    rings = PlainRings(made)
    ctx = RingCtx(made, rings, port, TASK_OPS)
    if flags & IORING_SETUP_SINGLE_ISSUER and not flags & IORING_SETUP_R_DISABLED:
        ctx.submitter = call.task
    if flags & IORING_SETUP_SQPOLL:
        rings.sq_flags |= IORING_SQ_NEED_WAKEUP
    fd = open_fd(call.task, UringFile(ctx, rings, port))
    return Return(fd, {"sq_entries": made.sq_entries, "cq_entries": made.cq_entries, "features": made.features})


def sys_io_uring_enter(
    kernel: Kernel,
    call: Call,
    fd: int,
    to_submit: int | None,
    min_complete: int,
    flags: int,
    sqes: Sequence[tuple[Any, ...]],
    timeout: tuple[int, int] | None,
) -> Return | Block:
    """io_uring_enter(2)."""
    check_flags(flags)
    uring = _ring(call, fd, registered=bool(flags & IORING_ENTER_REGISTERED_RING))
    queued = uring.rings.sq_ready()
    if queued + len(sqes) > uring.ctx.sq_entries:
        raise KernelError(
            Errno.EBUSY, f"{queued + len(sqes)} submissions, and the queue has {uring.ctx.sq_entries} entries"
        )
    ext = ExtArg(nanoseconds(timeout))
    uring.rings.sq.extend(sqe_of(fields) for fields in sqes)
    count = uring.rings.sq_ready() if to_submit is None else to_submit
    try:
        entered = enter(uring.ctx, count, min_complete, flags | IORING_ENTER_EXT_ARG, ext)
    except KernelError:
        # Nothing was done: what came with the call is not in the queue either, for it may come again.
        while uring.rings.sq_ready() > queued:
            uring.rings.sq.pop()
        raise
    if not isinstance(entered, CqWait):
        return _reaped(call, uring, entered)
    return _wait(kernel, call, (uring, entered), Wake.WOKEN)


def _wait(kernel: Kernel, call: Call, entry: tuple[UringFile, CqWait], outcome: Wake) -> Return | Block:
    uring, wait = entry
    uring.port.caller = call.task
    ret = wait.check(interrupted=outcome is Wake.INTERRUPTED)
    if ret is not None:
        return _reaped(call, uring, ret)
    return Block(on=(uring.pollers,), stage=_wait, entry=entry, until=wait.until, clock=wait.clock, files=(uring,))


def _reaped(call: Call, uring: UringFile, submitted: int) -> Return:
    cqes = reap(uring)
    if call.hold and cqes:
        call.held = HeldCqes(uring, cqes)
    shown = [{"user_data": cqe.user_data, "res": cqe.res, "flags": cqe.flags} for cqe in cqes]
    return Return(submitted, {"cqes": shown})


def sys_io_uring_register(kernel: Kernel, call: Call, fd: int, opcode: int, arg: Any, nr_args: int | None) -> Return:
    """io_uring_register(2)."""
    opcode, registered = split_opcode(opcode, fd)
    uring = _ring(call, fd, registered=registered)
    ret, out = register_values(uring.ctx, opcode, arg, nr_args)
    return Return(ret, out)


def _ring(call: Call, fd: int, *, registered: bool) -> UringFile:
    """The ring of a descriptor, which acts on the descriptors of the caller from now on. EBADF, EINVAL, EOPNOTSUPP."""
    if registered:
        named = f"no ring is registered as {fd}"
        raise KernelError(Errno.EBADF if 0 <= fd < IO_RINGFD_REG_MAX else Errno.EINVAL, named)
    uring = uring_file(call.task, fd)
    uring.port.caller = call.task
    return uring


def sys_io_uring_list(kernel: Kernel, call: Call, after: int, limit: int) -> Return:
    """The rings of a task, by descriptor."""
    check_limit(limit)
    rings = [(fd, file) for fd, file in call.task.fds if isinstance(file, UringFile) and fd > after]
    items = [_shown(fd, file) for fd, file in rings[:limit]]
    return Return(len(items), {"rings": items, "next": rings[limit - 1][0] if len(rings) > limit else None})


def sys_io_uring_stat(kernel: Kernel, call: Call, fd: int) -> Return:
    """One ring, as /proc/[pid]/fdinfo shows it."""
    return Return(0, _shown(fd, uring_file(call.task, fd)))


def _shown(fd: int, uring: UringFile) -> dict[str, Any]:
    return {"ring": fd, **{name: value for name, value in uring.ctx.stat().items() if name != "inflight"}}


RING: Final = Structure(
    "io_uring",
    (
        Field("ring", INT, ..., "its descriptor"),
        Field("flags", Flags(SETUP)),
        Field("sq_entries", UINT),
        Field("cq_entries", UINT),
        Field("sq_ready", UINT),
        Field("cq_ready", UINT),
        Field("overflow", UINT),
        Field("dropped", UINT),
        Field("user_files", UINT),
        Field("user_bufs", UINT),
        Field("requests", UINT, ..., "how many are in flight"),
        Field("timeouts", UINT),
        Field("deferred", UINT),
        Field("personalities", UINT),
        Field("buffer_groups", ListOf(UINT)),
    ),
)
PARAMS_OUT: Final = Structure(
    "io_uring_params_out",
    (Field("sq_entries", UINT), Field("cq_entries", UINT), Field("features", Flags(FEATURES))),
)
PARAMS: Final = Structure("io_uring_params", (Field("flags", Flags(SETUP), 0), Field("cq_entries", UINT, 0)))
ENTERED: Final = Structure("io_uring_entered", (Field("cqes", ListOf(CQE)),))
PROBE_OPS: Final = Structure(
    "io_uring_probe_op", (Field("op", Enumeration(IO_URING_OP)), Field("flags", Flags(PROBE_OP)))
)
REGISTERED: Final = Structure(
    "io_uring_registered", (Field("ops", ListOf(PROBE_OPS), None, "of IORING_REGISTER_PROBE"),)
)
FD: Final = Field("fd", INT)

ROWS: Final = (
    Row(
        "io_uring_setup",
        "Make a ring; returns its descriptor.",
        "io_uring_setup(2)",
        (Field("entries", UINT), Field("params", PARAMS, None)),
        errnos("EFAULT EINVAL EMFILE EOVERFLOW"),
        sys_io_uring_setup,
        PARAMS_OUT,
        partial=VALUES_ONLY,
    ),
    Row(
        "io_uring_enter",
        "Submit to a ring and wait for completions, which are taken; returns how many submissions were taken.",
        "io_uring_enter(2)",
        (
            FD,
            Field("to_submit", UINT, None, "all that are there"),
            Field("min_complete", UINT, 0),
            Field("flags", Flags(ENTER), 0),
            Field("sqes", ListOf(SQE), ()),
            Field("timeout", TIMESPEC, None, "how long to wait at most"),
        ),
        errnos("EAGAIN EBADF EBADFD EBUSY EEXIST EFAULT EINTR EINVAL EOPNOTSUPP ETIME"),
        sys_io_uring_enter,
        ENTERED,
        partial=VALUES_ONLY,
    ),
    Row(
        "io_uring_register",
        "Register something with a ring, or ask what it can do.",
        "io_uring_register(2)",
        (
            FD,
            Field("opcode", Enumeration(REGISTER)),
            Field("arg", ANYTHING, None, "what the opcode takes: descriptors as a list, structures as objects"),
            Field("nr_args", UINT, None, "as many as arg has"),
        ),
        errnos(
            "EACCES EALREADY EBADF EBADFD EBUSY EEXIST EFAULT EINTR EINVAL EMFILE ENOENT ENOMEM ENXIO EOPNOTSUPP "
            "EOVERFLOW ETIME"
        ),
        sys_io_uring_register,
        REGISTERED,
        partial=NO_MEMORY,
    ),
    Row(
        "io_uring_list",
        "The rings of the task.",
        "io_uring(7)",
        (Field("after", INT, -1), Field("limit", INT, 100)),
        errnos("EINVAL"),
        sys_io_uring_list,
        Structure("io_urings", (Field("rings", ListOf(RING)), Field("next", INT, None))),
    ),
    Row("io_uring_stat", "A ring.", "io_uring(7)", (FD,), errnos("EBADF EOPNOTSUPP"), sys_io_uring_stat, RING),
)
