"""The memory of a program: one anonymous mapping whose real address is known."""

from __future__ import annotations

import ctypes
import mmap

ARENA_SIZE = 4 << 20


class Arena:
    """The mapping, private to the program."""

    def __init__(self, size: int = ARENA_SIZE) -> None:
        self._mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._first = ctypes.c_char.from_buffer(self._mapping)
        self.address = ctypes.addressof(self._first)
        self.view = memoryview(self._mapping)
