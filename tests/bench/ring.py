"""``python -m tests.bench.ring [--rounds N] [--json]``.

Requests a second through a ring: NOPs, and 4 KiB reads of a cached file, in batches, beside a loop of ``os.pread``. The
rings are ``usernel.Ring`` with cached reads past the core and through it, the three system calls in process, and the
host's io_uring by ctypes. All take turns, a batch of batches each; a row is its best turn, which nobody disturbed.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from struct import Struct
from time import perf_counter
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.conformance.uring.syscalls import Syscalls
from tests.conformance.uring.targets import native, process
from usernel.abi.io_uring_op import IORING_OP_NOP, IORING_OP_READ
from usernel.abi.io_uring_struct import IO_URING_CQE, IO_URING_PARAMS, IO_URING_SQE
from usernel.aio.ring import Ring

PAGE: Final = 4096
PAGES: Final = 1024
BATCHES: Final = (1, 32, 256)
SLICE: Final = 512
"""Requests in a turn."""
U32: Final = Struct("=I")

Turn = Callable[[], float]


@contextmanager
def cached_file() -> Iterator[int]:
    """A file that is read before, so that all of it is cached."""
    with tempfile.TemporaryFile(dir=".") as file:
        file.write(os.urandom(PAGES * PAGE))
        file.flush()
        for at in range(PAGES):
            os.pread(file.fileno(), PAGE, at * PAGE)
        yield file.fileno()


def preads(fd: int) -> float:
    """Seconds for a turn of plain reads."""
    started = perf_counter()
    for at in range(SLICE):
        os.pread(fd, PAGE, at * PAGE)
    return perf_counter() - started


def values(ring: Ring, fd: int, batch: int, *, read: bool) -> float:
    """The same by ``usernel.Ring``."""
    buffers = [bytearray(PAGE) for _ in range(batch)]
    started = perf_counter()
    for first in range(0, SLICE, batch):
        for at, buffer in enumerate(buffers, first):
            if read:
                ring.read(fd, buffer, at * PAGE)
            else:
                ring.nop()
        for cqe in ring.submit_and_wait(batch):
            if cqe.res != (PAGE if read else 0):
                raise AssertionError(f"{cqe}")
    return perf_counter() - started


class AbiRing:
    """A ring in shared memory, used as a C program would, though by Python."""

    def __init__(self, syscalls: Syscalls) -> None:
        self._syscalls = syscalls
        self._memory = mmap.mmap(-1, BATCHES[-1] * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        syscalls.memory(self._address, memoryview(self._memory))
        params = bytearray(IO_URING_PARAMS.size)
        self._fd = syscalls.io_uring_setup(BATCHES[-1], params)
        fields = IO_URING_PARAMS.unpack(params)
        self._entries, self._cq_entries = fields[0], fields[1]
        self._rings, self._sqes = syscalls.rings(self._fd, params)
        array = fields[16]
        for at in range(self._entries):
            U32.pack_into(self._rings, array + 4 * at, at)
        self._tail = self._head = 0

    def turn(self, fd: int, batch: int, *, read: bool) -> float:
        """Seconds for a turn."""
        opcode, length = (IORING_OP_READ, PAGE) if read else (IORING_OP_NOP, 0)
        started = perf_counter()
        for first in range(0, SLICE, batch):
            for at in range(batch):
                slot, address = self._tail % self._entries * 64, self._address + at * PAGE
                self._tail += 1
                off = (first + at) * PAGE if read else 0
                sqe = (opcode, 0, 0, fd, off, address if read else 0, length, 0, at, 0, 0, 0, 0, 0)
                IO_URING_SQE.pack_into(self._sqes, slot, *sqe)
            U32.pack_into(self._rings, 4, self._tail & 0xFFFFFFFF)
            self._syscalls.io_uring_enter(self._fd, batch, batch, 1, 0, 0)
            for _ in range(batch):
                at = 64 + self._head % self._cq_entries * 16
                self._head += 1
                if IO_URING_CQE.unpack_from(self._rings, at)[1] != length:
                    raise AssertionError("a request failed")
            U32.pack_into(self._rings, 8, self._head & 0xFFFFFFFF)
        return perf_counter() - started

    def close(self) -> None:
        """Close it."""
        self._rings.release()
        self._sqes.release()
        self._syscalls.close(self._fd)


def turns(fd: int, stack: ExitStack) -> dict[tuple[str, str, int], Turn]:
    """Who takes turns: by what is done, by whom, in batches of how many."""
    found: dict[tuple[str, str, int], Turn] = {}
    rings = {name: stack.enter_context(Ring(BATCHES[-1], bypass=name == "Ring")) for name in ("Ring", "Ring, core")}
    abis = {"system calls in process": AbiRing(process.syscalls())}
    if not native.unable():
        abis["the host's io_uring"] = AbiRing(native.syscalls())
    for abi in abis.values():
        stack.callback(abi.close)
    for what, read in (("NOP", False), ("read of 4 KiB", True)):
        for batch in BATCHES:
            for name, ring in rings.items():
                if read or name == "Ring":
                    found[what, name, batch] = lambda r=ring, b=batch, w=read: values(r, fd, b, read=w)  # type: ignore[misc]
            for name, abi in abis.items():
                found[what, name, batch] = lambda a=abi, b=batch, w=read: a.turn(fd, b, read=w)  # type: ignore[misc]
    return found


def measure(rounds: int) -> tuple[float, dict[tuple[str, str, int], float]]:
    """Requests a second: of os.pread, and of each row."""
    with ExitStack() as stack:
        fd = stack.enter_context(cached_file())
        contenders = turns(fd, stack)
        floor, best = preads(fd), dict.fromkeys(contenders, float("inf"))
        for _ in range(rounds):
            floor = min(floor, preads(fd))
            for key, turn in contenders.items():
                best[key] = min(best[key], turn())
    return SLICE / floor, {key: SLICE / seconds for key, seconds in best.items()}


def show(floor: float, rates: dict[tuple[str, str, int], float], console: Console) -> None:
    """One table: requests a second, and times os.pread."""
    table = Table(title=f"requests a second (times os.pread of 4 KiB: {floor:,.0f}/s)")
    for heading in ("request", "ring", *(f"batches of {batch}" for batch in BATCHES)):
        table.add_column(heading, justify="left" if heading in {"request", "ring"} else "right")
    for what, name in dict.fromkeys((what, name) for what, name, _batch in rates):
        cells = [f"{rates[what, name, batch]:,.0f} ({rates[what, name, batch] / floor:.2f} x)" for batch in BATCHES]
        table.add_row(what, name, *cells)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ring", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="turns of each row")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    floor, rates = measure(options.rounds)
    if options.json:
        print(json.dumps({"os.pread": floor, **{" / ".join(map(str, key)): rate for key, rate in rates.items()}}))
    else:
        show(floor, rates, Console(width=120))


if __name__ == "__main__":
    main()
