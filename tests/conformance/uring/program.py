"""A program that uses rings: its memory, its files and the trace of what it did."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, SupportsIndex

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_struct import IO_URING_PARAMS, SQE128_SIZE

from . import spelling
from .memory_unsafe import Arena
from .syscalls import RingMemory, Syscalls
from .userland import PARAMS, Ring

Trace = Callable[[dict[str, Any]], None]
IOVEC = Struct("=QQ")
TIMESPEC = Struct("=qq")
PAGE = 4096
LONGEST_SHOWN = 64
NOWHERE = 16
"""An address that is nobody's."""


@dataclass(frozen=True)
class Block:
    """A piece of the program's memory; stands for its address where one is wanted (``addr=block``)."""

    addr: int
    view: memoryview

    def __index__(self) -> int:
        return self.addr

    def __int__(self) -> int:
        return self.addr

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, part: slice) -> Block:
        start = range(len(self.view))[part.start or 0] if part.start else 0
        return Block(self.addr + start, self.view[part])

    def bytes(self) -> bytes:
        """What it holds."""
        return bytes(self.view)

    def write(self, data: bytes, at: int = 0) -> None:
        """Write into it."""
        self.view[at : at + len(data)] = data

    def unpack(self, struct: Struct, at: int = 0) -> tuple[Any, ...]:
        """A struct that it holds."""
        return struct.unpack_from(self.view, at)


def shown(data: bytes) -> str:
    """Bytes as a trace shows them."""
    if len(data) <= LONGEST_SHOWN:
        return data.decode("latin-1")
    return f"{data[:16].decode('latin-1')}... {len(data)} bytes, crc32 {zlib.crc32(data):08x}"


class Program:
    """One program on one target, in an empty directory of its own (which it is in)."""

    def __init__(self, syscalls: Syscalls, trace: Trace) -> None:
        self.syscalls = syscalls
        self.trace = trace
        self._arena = Arena()
        syscalls.memory(self._arena.address, self._arena.view)
        self._used = 0

    def note(self, **facts: Any) -> None:
        """Leave in the trace what the case looked at."""
        self.trace({name: shown(fact) if isinstance(fact, bytes) else fact for name, fact in facts.items()})

    # memory

    def alloc(self, size: int, align: int = 16) -> Block:
        """Zeroed memory. What is allocated next does not touch it, unless both are multiples of ``align``."""
        start = -(-self._used // align) * align
        self._used = start + size
        assert self._used <= len(self._arena.view), "the program's memory is used up"
        return Block(self._arena.address + start, self._arena.view[start : start + size])

    def pages(self, count: int = 1) -> Block:
        """Whole pages."""
        return self.alloc(count * PAGE, PAGE)

    def put(self, data: bytes, align: int = 16) -> Block:
        """Memory that holds this."""
        block = self.alloc(len(data), align)
        block.write(data)
        return block

    def struct(self, layout: Struct, *values: Any) -> Block:
        """A struct."""
        return self.put(layout.pack(*(value.addr if isinstance(value, Block) else value for value in values)))

    def path(self, name: str | Path) -> Block:
        """A path, with its NUL."""
        return self.put(os.fsencode(name) + b"\0")

    def iovec(self, *blocks: Block) -> Block:
        """An array of struct iovec."""
        return self.put(b"".join(IOVEC.pack(block.addr, len(block)) for block in blocks))

    def numbers(self, code: str, *values: int) -> Block:
        """An array of numbers, of a code of ``struct``: ``i`` for descriptors, ``Q`` for tags."""
        return self.put(Struct(f"={len(values)}{code}").pack(*values))

    def timespec(self, seconds: float) -> Block:
        """A struct __kernel_timespec."""
        return self.put(TIMESPEC.pack(*divmod(round(seconds * 10**9), 10**9)))

    # files

    def file(self, name: str, content: bytes = b"", flags: int = os.O_RDWR, mode: int = 0o644) -> int:
        """A descriptor of a regular file that holds this."""
        if not Path(name).exists() or content:
            Path(name).write_bytes(content)
            Path(name).chmod(mode)
        return os.open(name, flags)

    def pipe(self, flags: int = 0) -> tuple[int, int]:
        """A pipe's two ends."""
        return os.pipe2(flags)

    def show(self, name: str) -> None:
        """Note what a file holds."""
        path = Path(name)
        self.note(file=name, holds=shown(path.read_bytes()) if path.exists() else None)

    # rings

    def params(self, flags: int = 0, **params: SupportsIndex) -> bytearray:
        """A struct io_uring_params, its fields by the names of ``setup``."""
        given = dict.fromkeys(PARAMS, 0) | {"flags": flags}
        for name, value in params.items():
            given[name.replace("_user_addr", "_off.user_addr")] = value.__index__()
        return bytearray(IO_URING_PARAMS.pack(*given.values()))

    def setup(
        self, entries: int, flags: int = 0, show: tuple[str, ...] = (), **params: SupportsIndex
    ) -> tuple[int, bytearray]:
        """io_uring_setup(2): a descriptor or a negative errno, and the parameters as they came back.

        Parameters by their names in ``userland.PARAMS`` (``sq_off.user_addr`` as ``sq_user_addr``, likewise cq).
        ``show`` names those that the trace tells of, in addition to the sizes of the queues.
        """
        packed = self.params(flags, **params)
        fd = self.syscalls.io_uring_setup(entries, packed)
        step: dict[str, Any] = {"setup": entries, "flags": spelling.setup_flags(flags)}
        step |= {name: value for name, value in params.items() if not name.endswith(("_user_addr", "wq_fd"))}
        if fd < 0:
            self.trace(step | {"ret": spelling.result(fd)})
            return fd, packed
        step["ret"] = fd if flags & abi.IORING_SETUP_REGISTERED_FD_ONLY else "ring"
        found = dict(zip(PARAMS, IO_URING_PARAMS.unpack(packed), strict=True))
        step |= {"got": {name: found[name] for name in ("sq_entries", "cq_entries", *show)}}
        if "flags" in show:
            step["got"]["flags"] = spelling.setup_flags(found["flags"])
        if "features" in show:
            step["got"]["features"] = spelling.features(found["features"])
        self.trace(step)
        return fd, packed

    def ring(self, entries: int = 8, flags: int = 0, **params: Any) -> Ring:
        """A ring, whose setup has to succeed. With IORING_SETUP_NO_MMAP its memory is of the program's own."""
        own: RingMemory | None = None
        if flags & abi.IORING_SETUP_NO_MMAP:
            rings, sqes = self.pages(8), self.pages(-(-entries * SQE128_SIZE // PAGE))
            params |= {"cq_user_addr": rings, "sq_user_addr": sqes}
            own = RingMemory(rings.view, sqes.view)
        fd, packed = self.setup(entries, flags, **params)
        assert fd >= 0, f"a ring could not be set up: {spelling.result(fd)}"
        return Ring(self, fd, packed, own or self.syscalls.rings(fd, packed))

    def thread(self, function: Callable[[], object]) -> None:
        """Do something in another thread, to its end."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                function()
            except BaseException as error:  # noqa: BLE001 - it is raised in the program's own thread
                failed.append(error)

        other = threading.Thread(target=run)
        other.start()
        other.join()
        if failed:
            raise failed[0]
