"""io_uring_register(2) with values: what each opcode takes, and what a ring of the service has of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from usernel.abi import io_uring as abi
from usernel.abi.errno import Errno
from usernel.abi.io_uring_op import CANCEL_FLAGS, IO_URING_OP, IORING_OP_LAST
from usernel.abi.io_uring_struct import IO_URING_RSRC_REGISTER, IO_URING_RSRC_UPDATE2
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.cancel import FOREVER, SyncCancel
from usernel.kernel.io_uring.ctx import RingCtx
from usernel.kernel.io_uring.register import register

from .kinds import INT, UINT, ULONG, BadArgument, Enumeration, Field, Flags, Kind, ListOf, Structure
from .timespec import TIMESPEC

NULL, SOME = 0, 1
"""Addresses: none, and any, which no opcode that takes nothing looks at."""
FDS: Final = ListOf(INT)
TAGS: Final = ListOf(ULONG)
FILES_UPDATE: Final = Structure("io_uring_files_update", (Field("offset", UINT, 0), Field("fds", FDS)))
RSRC_REGISTER: Final = Structure(
    "io_uring_rsrc_register",
    (
        Field("nr", UINT),
        Field("flags", Flags(abi.RSRC_REGISTER, UINT), 0),
        Field("data", FDS, None),
        Field("tags", TAGS, None),
    ),
)
RSRC_UPDATE2: Final = Structure(
    "io_uring_rsrc_update2",
    (Field("offset", UINT, 0), Field("data", FDS), Field("tags", TAGS, None), Field("nr", UINT, None)),
)
RESTRICTION: Final = Structure(
    "io_uring_restriction",
    (
        Field("opcode", Enumeration(abi.RESTRICTION)),
        Field("register_op", Enumeration(abi.REGISTER), None),
        Field("sqe_op", Enumeration(IO_URING_OP), None),
        Field("sqe_flags", Flags(abi.IOSQE), None),
    ),
)
SYNC_CANCEL: Final = Structure(
    "io_uring_sync_cancel_reg",
    (
        Field("addr", ULONG, 0),
        Field("fd", INT, -1),
        Field("flags", Flags(CANCEL_FLAGS, UINT), 0),
        Field("timeout", TIMESPEC, None),
        Field("opcode", Enumeration(IO_URING_OP), 0),
    ),
)
INDEX_RANGE: Final = Structure("io_uring_file_index_range", (Field("off", UINT), Field("len", UINT)))
CLOCK_REGISTER: Final = Structure("io_uring_clock_register", (Field("clockid", UINT),))


def _same(given: Any) -> Any:
    return given


@dataclass(frozen=True, slots=True)
class Argument:
    """What one opcode takes: its kind (None: nothing), the core's value of it, and as how many arguments it counts."""

    kind: Kind | None = None
    value: Callable[[Any], Any] = _same
    count: int | Callable[[Any], int] = 0

    def count_of(self, given: Any) -> int:
        """``nr_args``, where it was not said."""
        return self.count if isinstance(self.count, int) else self.count(given)


def _files_update(given: tuple[Any, ...]) -> tuple[Any, ...]:
    offset, fds = given
    return offset, 0, fds


def _rsrc_register(given: tuple[Any, ...]) -> tuple[Any, ...]:
    nr, flags, data, tags = given
    return nr, flags, 0, data, tags


def _restrictions(given: Any) -> list[tuple[int, int]]:
    return [_restriction(one) for one in given]


def _restriction(given: tuple[Any, ...]) -> tuple[int, int]:
    opcode, *values = given
    return opcode, next((value for value in values if value is not None), 0) & 0xFF


def _sync_cancel(given: tuple[Any, ...]) -> tuple[Any, ...]:
    addr, fd, flags, timeout, opcode = given
    return (addr, fd, flags, *(timeout or (FOREVER, FOREVER)), opcode & 0xFF, b"", 0)


def _rsrc_update2(given: tuple[Any, ...]) -> tuple[Any, ...]:
    offset, data, tags, nr = given
    return offset, 0, data, tags, len(data) if nr is None else nr


ARGUMENTS: Final[Mapping[int, Argument]] = {
    abi.IORING_REGISTER_FILES: Argument(FDS, count=len),
    abi.IORING_UNREGISTER_FILES: Argument(),
    abi.IORING_REGISTER_FILES_UPDATE: Argument(FILES_UPDATE, _files_update, lambda given: len(given[1])),
    abi.IORING_REGISTER_PROBE: Argument(),
    abi.IORING_REGISTER_PERSONALITY: Argument(),
    abi.IORING_UNREGISTER_PERSONALITY: Argument(),
    abi.IORING_REGISTER_RESTRICTIONS: Argument(ListOf(RESTRICTION), _restrictions, len),
    abi.IORING_REGISTER_ENABLE_RINGS: Argument(),
    abi.IORING_REGISTER_FILES2: Argument(RSRC_REGISTER, _rsrc_register, IO_URING_RSRC_REGISTER.size),
    abi.IORING_REGISTER_FILES_UPDATE2: Argument(RSRC_UPDATE2, _rsrc_update2, IO_URING_RSRC_UPDATE2.size),
    abi.IORING_REGISTER_SYNC_CANCEL: Argument(SYNC_CANCEL, _sync_cancel, 1),
    abi.IORING_REGISTER_FILE_ALLOC_RANGE: Argument(INDEX_RANGE),
    abi.IORING_REGISTER_CLOCK: Argument(CLOCK_REGISTER),
}
"""The opcodes of a ring of the service. Linux's others have to do with shared memory, eventfds or workers."""


def register_values(ctx: RingCtx, opcode: int, arg: Any, nr_args: int | None) -> tuple[int, dict[str, Any] | None]:
    """What an opcode returned, and what it handed back.

    EFAULT for an argument of another kind, EINVAL for opcodes that are not there; and what the opcode says.
    """
    takes = ARGUMENTS.get(opcode)
    if takes is None:
        raise KernelError(Errno.EINVAL, f"a ring of the service has no {abi.REGISTER.name(opcode)}")
    if opcode == abi.IORING_REGISTER_PROBE:
        return _probe(ctx, IORING_OP_LAST if nr_args is None else nr_args)
    if takes.kind is None or arg is None:
        return _number(register(ctx, opcode, NULL if arg is None else SOME, nr_args or 0)), None
    try:
        given = takes.kind.parse(arg)
    except BadArgument as error:
        raise KernelError(Errno.EFAULT, f"arg: {error}") from None
    count = takes.count_of(given) if nr_args is None else nr_args
    return _number(register(ctx, opcode, takes.value(given), count)), None


def _probe(ctx: RingCtx, count: int) -> tuple[int, dict[str, Any]]:
    found: list[Any] = []
    ret = _number(register(ctx, abi.IORING_REGISTER_PROBE, found, count))
    return ret, {"ops": [{"op": op, "flags": flags} for op, flags in found]}


def _number(ret: int | SyncCancel) -> int:
    if isinstance(ret, SyncCancel):
        raise TypeError("a ring without workers waits for one")
    return ret
