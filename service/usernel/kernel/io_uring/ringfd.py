"""Rings that a thread has registered, and finds by their index instead of a descriptor (``io_uring/tctx.c``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.errno import Errno
from usernel.abi.io_uring import IO_RINGFD_REG_MAX
from usernel.abi.io_uring_struct import IO_URING_RSRC_UPDATE

from ..error import KernelError
from .rsrc import UINT_MAX, keep
from .user_array import UserArray, reserved

if TYPE_CHECKING:
    from .ctx import RingCtx
    from .port import Port, RingFile

ANY_SLOT: Final = UINT_MAX


def find_ring(port: Port, fd: int, *, registered: bool) -> RingFile:
    """A reference to a ring, by its descriptor or its index (``io_uring_register_get_file``).

    EBADF where there is none, EINVAL for an index out of range, EOPNOTSUPP for another kind of file.
    """
    if registered:
        if not 0 <= fd < IO_RINGFD_REG_MAX:
            raise KernelError(Errno.EINVAL, f"no index {fd} of a registered ring")
        found = port.registered_rings()[fd]
        file = None if found is None else found.get()
    else:
        file = port.fget(fd)
    if file is None:
        raise KernelError(Errno.EBADF, f"no ring {fd}")
    if file.ring is None:
        file.put()
        raise KernelError(Errno.EOPNOTSUPP, f"descriptor {fd} is no ring")
    return file


def register_ring_fds(ctx: RingCtx, arg: Any, count: int) -> int:
    """IORING_REGISTER_RING_FDS: how many were registered, before an error (``io_ringfd_register``).

    The indices take the place of -1 in the array. EINVAL, EFAULT, EBADF, EOPNOTSUPP; EBUSY for a slot that is taken.
    """
    return _each(ctx, arg, count, _register)


def unregister_ring_fds(ctx: RingCtx, arg: Any, count: int) -> int:
    """IORING_UNREGISTER_RING_FDS: how many slots were emptied, or were empty (``io_ringfd_unregister``)."""
    return _each(ctx, arg, count, _unregister)


def _each(ctx: RingCtx, arg: Any, count: int, act: Callable[[Port, UserArray, int], None]) -> int:
    if not 0 < count <= IO_RINGFD_REG_MAX:
        raise KernelError(Errno.EINVAL, f"{count} rings: 1 to {IO_RINGFD_REG_MAX}")
    array = UserArray(ctx.port.memory, arg, IO_URING_RSRC_UPDATE)
    for done in range(count):
        try:
            act(ctx.port, array, done)
        except KernelError:
            if done:
                return done
            raise
    return count


def _register(port: Port, array: UserArray, at: int) -> None:
    offset, resv, fd = array.get(at)
    reserved(resv)
    if offset != ANY_SLOT and offset >= IO_RINGFD_REG_MAX:
        raise KernelError(Errno.EINVAL, f"no index {offset} of a registered ring")
    file = keep(find_ring(port, fd & UINT_MAX, registered=False))
    slots = port.registered_rings()
    wanted = range(IO_RINGFD_REG_MAX) if offset == ANY_SLOT else (offset,)
    slot = next((slot for slot in wanted if slots[slot] is None), None)
    if slot is None:
        file.put()
        raise KernelError(Errno.EBUSY, "no slot of the registered rings is free")
    slots[slot] = file
    try:
        array.put(at, (slot, 0, fd))
    except KernelError:
        slots[slot] = None
        file.put()
        raise


def _unregister(port: Port, array: UserArray, at: int) -> None:
    offset, resv, data = array.get(at)
    reserved(resv, data)
    if offset >= IO_RINGFD_REG_MAX:
        raise KernelError(Errno.EINVAL, f"no index {offset} of a registered ring")
    slots = port.registered_rings()
    file, slots[offset] = slots[offset], None
    if file is not None:
        file.put()
