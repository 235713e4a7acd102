"""The memory of the program that uses a ring in its own process.

Python buffers stand where the ABI has addresses. A program that uses real addresses says first which memory is its
own: nothing outside of that is touched.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Any, NamedTuple

from usernel.abi.errno import Errno
from usernel.kernel.error import KernelError


class Region(NamedTuple):
    """Bytes from an address on."""

    start: int
    view: memoryview


class HostMemory:
    """Buffers in place of addresses, and the regions that were given."""

    def __init__(self) -> None:
        self._regions: list[Region] = []

    def give(self, address: int, buffer: Any) -> None:
        """A program's own memory at its address. ValueError where it overlaps what was given before."""
        view = memoryview(buffer).cast("B")
        at = bisect_right(self._regions, address, key=_start)
        before, behind = self._regions[max(at - 1, 0) : at], self._regions[at : at + 1]
        if any(_end(region) > address for region in before) or any(
            region.start < address + len(view) for region in behind
        ):
            raise ValueError(f"{len(view)} bytes at {address:#x} overlap a region that was given before")
        insort(self._regions, Region(address, view), key=_start)

    def take_back(self, address: int) -> None:
        """Forget the region that starts there. KeyError where none does."""
        at = bisect_right(self._regions, address, key=_start) - 1
        if at < 0 or self._regions[at].start != address:
            raise KeyError(f"no region was given at {address:#x}")
        del self._regions[at]

    def owns(self, addr: Any) -> bool:
        """Whether this is an address."""
        return type(addr) is int

    def view(self, addr: Any, size: int, *, write: bool = False) -> memoryview:
        """``size`` bytes. EFAULT outside of a region or behind a buffer's end, and to write what is read-only."""
        found = self._at(addr, size) if type(addr) is int else _of(addr)
        if size > len(found) or size < 0:
            raise KernelError(Errno.EFAULT, f"{size} bytes are wanted where {len(found)} are")
        if write and found.readonly:
            raise KernelError(Errno.EFAULT, f"{type(found.obj).__name__} is read-only")
        return found if size == len(found) else found[:size]

    def _at(self, addr: int, size: int) -> memoryview:
        at = bisect_right(self._regions, addr, key=_start) - 1
        if at < 0 or addr + size > _end(self._regions[at]):
            raise KernelError(Errno.EFAULT, f"{size} bytes at {addr:#x} are outside of the memory that was given")
        start, view = self._regions[at]
        return view[addr - start : addr - start + size]


def _start(region: Region) -> int:
    return region.start


def _end(region: Region) -> int:
    return region.start + len(region.view)


def _of(buffer: Any) -> memoryview:
    try:
        view = memoryview(buffer)
        return view if view.format == "B" and view.ndim == 1 and view.contiguous else view.cast("B")
    except (TypeError, ValueError) as error:
        raise KernelError(Errno.EFAULT, str(error)) from None
