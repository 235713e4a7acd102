"""Rings: a tree is copied by chains of requests, in this process; and a ring of the service waits for a queue."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from errno import errorcode
from pathlib import Path
from typing import Final

import usernel
from usernel.abi.io_uring import IOSQE_FIXED_FILE
from usernel.kernel.io_uring.sqe import Cqe
from usernel_client import Client

from .tour import Tour

AT_ONCE: Final = 8
"""Files that are on their way at the same time, each with two slots of the registered files."""
STEPS: Final = ("openat", "openat", "read", "write", "close", "close")
"""One chain: each request begins when the one before has ended well."""


async def chapter(tour: Tour) -> None:
    """Show a ring in process and one of the service."""
    tour.chapter("Rings: usernel.Ring in this process, on its files; and a ring of the service")
    with tempfile.TemporaryDirectory(prefix="usernel-demo-") as directory, usernel.Ring(128) as ring:
        ring.register_files_sparse(2 * AT_ONCE)
        _tree(tour, ring, Path(usernel.__file__).parent, Path(directory, "copy"))
        _broken(tour, ring, Path(directory))
        _late(tour, ring)
    async with Client(tour.url) as client:
        await _service(tour, client)


class Copy:
    """Files that are copied by a ring, some at a time."""

    def __init__(self, ring: usernel.Ring, pairs: Iterable[tuple[Path, Path]]) -> None:
        self._ring = ring
        self._left = iter(pairs)
        self.requests = 0
        self.failed: list[str] = []

    def run(self) -> None:
        """Copy all of them."""
        for lane in range(AT_ONCE):
            self._next(lane)
        for cqe in self._ring:
            lane, step = divmod(cqe.user_data, len(STEPS))
            self.requests += 1
            if cqe.res < 0:
                self.failed.append(name_of(cqe))
            if step == len(STEPS) - 1:
                self._next(lane)

    def _next(self, lane: int) -> None:
        pair = next(self._left, None)
        if pair is not None:
            append(self._ring, lane, *pair)


def append(ring: usernel.Ring, lane: int, source: Path, target: Path) -> None:
    """The chain that copies one file. A read of fewer bytes than the file had would break it."""
    data, here, there = bytearray(source.stat().st_size if source.exists() else 1), 2 * lane, 2 * lane + 1
    first = lane * len(STEPS)
    with ring.chain() as chain:
        chain.open_direct(source, os.O_RDONLY, 0, here, user_data=first)
        chain.open_direct(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, there, user_data=first + 1)
        chain.read(here, data, flags=IOSQE_FIXED_FILE, user_data=first + 2)
        chain.write(there, data, flags=IOSQE_FIXED_FILE, user_data=first + 3)
        chain.close_direct(here, user_data=first + 4)
        chain.close_direct(there, user_data=first + 5)


def name_of(cqe: Cqe) -> str:
    """The errno of a completion; a number where it is none."""
    return errorcode.get(-cqe.res, str(cqe.res)) if cqe.res < 0 else str(cqe.res)


def _tree(tour: Tour, ring: usernel.Ring, source: Path, target: Path) -> None:
    files = sorted(source.rglob("*.py"))
    for directory in sorted({file.parent for file in files}):
        ring.mkdir(target / directory.relative_to(source))
        ring.submit_and_wait()
    copy = Copy(ring, ((file, target / file.relative_to(source)) for file in files))
    copy.run()
    same = sum(file.read_bytes() == (target / file.relative_to(source)).read_bytes() for file in files)
    tour.show(f"the {len(files)} files of usernel itself, each by a chain: {' -> '.join(STEPS)}; requests that ended",
              [copy.requests, copy.failed], [len(STEPS) * len(files), []])  # fmt: skip
    tour.show("... compared with what they were copied from, byte by byte: the same", same, len(files))


def _broken(tour: Tour, ring: usernel.Ring, directory: Path) -> None:
    append(ring, 0, directory / "missing", directory / "never")
    ended = [name_of(cqe) for cqe in sorted(ring, key=lambda cqe: cqe.user_data)]
    tour.show("a chain whose first file is missing", ended, ["ENOENT", *["ECANCELED"] * 5])


def _late(tour: Tour, ring: usernel.Ring) -> None:
    reader, writer = os.pipe()
    try:
        with ring.chain() as chain:
            chain.read(reader, bytearray(1), user_data=1)
            chain.link_timeout(0.02, user_data=2)
        ended = {cqe.user_data: name_of(cqe) for cqe in ring}
        tour.show("a read from a pipe into which nobody writes, and its time limit, 20 ms", [ended[1], ended[2]],
                  ["ECANCELED", "ETIME"])  # fmt: skip
    finally:
        os.close(reader)
        os.close(writer)


async def _service(tour: Tour, client: Client) -> None:
    queue = await client.mq_open("events", "O_CREAT | O_RDWR")
    async with await client.io_uring(8) as ring:
        poll = {"opcode": "IORING_OP_POLL_ADD", "fd": queue.mqdes, "poll32_events": "POLLIN", "user_data": 5}
        limit = {"opcode": "IORING_OP_LINK_TIMEOUT", "ts_ns": 5_000_000_000, "user_data": 6}
        await ring.enter([{**poll, "flags": "IOSQE_IO_LINK"}, limit])
        await queue.send(b"here")
        entered = await ring.enter(min_complete=2, wait=5)
        tour.show("a ring of the service polls a queue for 5 s; a message comes",
                  {cqe.user_data: cqe.res if cqe.res >= 0 else errorcode[-cqe.res] for cqe in entered.cqes},
                  {5: 1, 6: "ECANCELED"})  # fmt: skip
    await queue.unlink()
