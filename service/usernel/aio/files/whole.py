"""Whole files in one go: ``read_file``, ``write_file``, ``copy_file``.

A small file that is cached is opened, read and closed at once, inside the loop. All else is one chain: open, read to
the end, close; or open, write, fsync, close. One worker goes from link to link, each when the one before has ended
well: a chain that came back to the loop behind each link would take twice as long. What is no regular file is waited
for as ``usernel.open`` waits for it.
"""

from __future__ import annotations

import io
import os
import sys
from enum import Enum, auto
from functools import partial
from stat import S_ISREG
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_CLOEXEC, O_CREAT, O_TRUNC, O_WRONLY
from usernel.abi.openat2 import RESOLVE_CACHED

from ..cached_path import SAID_BY_PATHS
from ..hits import MOST, TURNS, Hits
from ..host_unsafe import opener
from ..loop import attach
from ..os.by_worker import Stop, in_steps
from ..os.copying import copyfile
from ..resident_unsafe import is_all
from . import opening
from .opening import READS

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath
    from typing_extensions import Buffer as Bytes

Target = TypeVar("Target", bound="StrOrBytesPath")
WRITES: Final = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
STEP: Final = 8 << 20
"""Bytes that are written before a worker looks whether it is to stop."""
ANY: Final = -1
"""In place of a descriptor: whether whole files were cached of late."""


class Coming(Enum):
    """What a file is that is not cached, and that the kernel has begun to read."""

    ASKED_FOR = auto()


ASKED_FOR: Final = Coming.ASKED_FOR


async def read_file(path: StrOrBytesPath) -> bytes:
    """Read a whole file, of whatever size it says that it is, as ``Path.read_bytes``. OSError with the path.

    What is not cached, or larger than 256 KiB, is read by a worker, in a call that a cancelled task waits for.
    """
    name = os.fspath(path)
    encoded = os.fsencode(name)
    hits = attach().hits
    if perf_counter_ns() >= hits.until:
        await hits.pause()
    waiting: list[int] = []
    data = _at_once(hits, name, encoded, waiting)
    for _ in range(TURNS):
        if data is not ASKED_FOR:
            break
        await hits.come()
        data = _at_once(hits, name, encoded, waiting)
    if data is ASKED_FOR:
        hits.miss(ANY)
    return data if isinstance(data, bytes) else await _read_later(name, waiting)


async def write_file(path: StrOrBytesPath, data: Bytes, *, mode: int = 0o666, fsync: bool = False) -> int:
    """Write a whole file in place of what it had, made with ``mode`` where there is none, as ``Path.write_bytes``.

    With ``fsync`` it is on the disk at the end. Returns how many bytes. OSError with the path. A task that is cancelled
    before a worker has begun changes nothing; what has begun is ended, but for what is longer than 8 MiB: of that no
    more is written.
    """
    name = os.fspath(path)
    view = memoryview(data).cast("B")
    if not await in_steps(partial(_write, name, view, mode, fsync)):
        await _write_stream(name, view, fsync=fsync)
    return len(view)


async def copy_file(src: StrOrBytesPath, dst: Target, *, follow_symlinks: bool = True) -> Target:
    """Copy a file's bytes, as ``shutil.copyfile``: by the host's kernel, in steps of 8 MiB. OSError.

    A task that is cancelled stops between two of them; what was copied stays.
    """
    return await copyfile(src, dst, follow_symlinks=follow_symlinks)


# ------------------------------------------------------------------------------------------------------------- at once


def _at_once(
    hits: Hits, name: str | bytes, path: bytes, waiting: list[int]
) -> bytes | Literal[Coming.ASKED_FOR] | None:
    """The file, where the dentry cache knows it and all of it is cached; else None, or ASKED_FOR where it may soon be.

    What turns out to be a stream is put into ``waiting``: whoever waits for its other end is not to lose it again.
    OSError of the path.
    """
    if b"\0" in path:
        raise ValueError("embedded null byte")
    if hits.cold(ANY):
        return None
    fd = opener(READS, RESOLVE_CACHED)(path)
    if fd < 0:
        if -fd in SAID_BY_PATHS:
            raise OSError(-fd, os.strerror(-fd), name)
        return None
    try:
        got = hits.now(fd, (hits.view,), 0)
        if got < MOST and is_all(fd, got):
            sys.audit("open", name, "rb", READS)
            hits.hit(ANY)
            hits.inline += 1
            return hits.view[:got].tobytes()
        if got < MOST:
            hits.missed += 1
            return ASKED_FOR  # the rest of it
    except OSError as error:
        if error.errno == Errno.ESPIPE:
            waiting.append(fd)
            fd = -1
        elif error.errno == Errno.EAGAIN:
            hits.missed += 1
            return ASKED_FOR
    finally:
        if fd >= 0:
            os.close(fd)
    return None


# --------------------------------------------------------------------------------------------------------- by a worker


def _read(name: str | bytes, stop: Stop) -> bytes | None:
    """All of a regular file; None for another, which nobody knows how long to wait for. OSError."""
    if not S_ISREG(os.stat(name).st_mode):  # noqa: PTH116 - its path may be bytes
        return None
    stop.check()
    with io.FileIO(name, "rb") as file:
        stop.check()
        try:
            return file.readall()
        except OSError as error:
            error.filename = name
            raise


def _write(name: str | bytes, view: memoryview, mode: int, fsync: bool, stop: Stop) -> bool:
    """Write all of a regular file. False for another, which is not opened. OSError."""
    try:
        if not S_ISREG(os.stat(name).st_mode):  # noqa: PTH116 - its path may be bytes
            return False
    except FileNotFoundError:
        pass  # it is made, unless the path is at fault
    stop.check()
    sys.audit("open", name, "wb", WRITES)
    fd = os.open(name, WRITES, mode)
    try:
        try:
            _write_all(fd, view, stop)
            if fsync:
                os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        error.filename = name
        raise
    return True


def _write_all(fd: int, view: memoryview, stop: Stop) -> None:
    done = 0
    while done < len(view):
        if done:
            stop.check()
        done += os.write(fd, view[done : done + STEP])


# ------------------------------------------------------------------------------------------------------------- streams


async def _read_later(name: Any, waiting: list[int]) -> bytes:
    if not waiting:
        data = await in_steps(partial(_read, name))
        return data if data is not None else await _read_stream(name)
    try:
        os.set_blocking(waiting[0], True)
        return await _read_stream(waiting[0])  # whoever is at its other end has found that
    finally:
        os.close(waiting[0])


async def _read_stream(file: Any) -> bytes:
    async with opening.open(file, "rb", 0, closefd=not isinstance(file, int)) as stream:
        return await stream.readall() or b""


async def _write_stream(name: Any, view: memoryview, *, fsync: bool) -> None:
    async with opening.open(name, "wb", 0) as file:
        try:
            done = 0
            while done < len(view):
                done += await file.write(view[done:]) or 0
            if fsync:
                await file.fsync()
        except OSError as error:
            error.filename = name
            raise
