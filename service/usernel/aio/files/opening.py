"""Opening a file: ``await usernel.open(...)``, or ``async with usernel.open(...)``."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import warnings
from collections.abc import Callable, Generator
from functools import partial
from os import PathLike
from stat import S_ISDIR, S_ISREG
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Final, Generic, Literal, TypeVar, cast, overload

from usernel.abi.fcntl import AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY
from usernel.abi.openat2 import RESOLVE_CACHED
from usernel.kernel.io_uring.port import Again

from .. import inline
from ..cached_path import PATHS
from ..host_unsafe import opener as opener_of
from ..loop import attach
from ..loop_ring import LoopRing
from .buffer import Buffer
from .buffered import BufferedFile
from .configured import Text
from .descriptor import Descriptor, Plain
from .file import File
from .opener import Opener, by_worker, or_there
from .raw import RawFile
from .text import TextFile

Path = str | bytes | PathLike[str] | PathLike[bytes] | int
OfBytes = Literal[
    "rb", "wb", "ab", "xb", "rb+", "wb+", "ab+", "xb+", "r+b", "w+b", "a+b", "x+b", "br", "bw", "ba", "bx"
]
OfText = Literal["r", "w", "a", "x", "r+", "w+", "a+", "x+", "rt", "wt", "at", "xt", "rt+", "wt+", "at+", "xt+"]
F = TypeVar("F", bound=File)
Opened = tuple[io.FileIO, Callable[[Buffer], Any]]
"""What was opened, and what makes a file of it."""


READS: Final = O_RDONLY | O_CLOEXEC | O_NONBLOCK
"""Without the last, a FIFO would wait for a writer, and a file for a lease to be given up."""


class NotAtOnce(Exception):  # noqa: N818 - it is caught here
    """To open it may sleep."""


class Opening(Generic[F]):
    """A file that is opened when it is awaited, or entered, and closed when it is left."""

    __slots__ = ("_at_once", "_file", "_kind", "_open", "_opener", "_path")

    def __init__(
        self,
        opens: Callable[[Opener | None], Opened] | None,
        opener: Opener | None = None,
        *,
        at_once: bool = True,
        plain: tuple[Any, Callable[[Buffer], F] | None] = (None, None),
    ) -> None:
        """``plain``: a path whose bytes are only read, and what makes a file of it; it needs no ``opens``."""
        self._open = opens
        self._opener = opener
        self._at_once = at_once
        self._path, self._kind = plain
        self._file: F | None = None

    def __await__(self) -> Generator[Any, None, F]:
        return self._opened().__await__()

    async def __aenter__(self) -> F:
        self._file = await self._opened()
        return self._file

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._file is not None:
            await self._file.close()

    async def _opened(self) -> F:
        loop = asyncio.get_running_loop()
        ring = attach(loop)
        if perf_counter_ns() >= ring.hits.until:
            await ring.hits.pause()
        waiting: list[int] = []
        if self._kind is not None and (raw := plainly(self._path, waiting)) is not None:
            return self._kind(Buffer(Descriptor(raw, ring, loop)))
        return await self._opened_anyhow(ring, loop, waiting)

    async def _opened_anyhow(self, ring: LoopRing, loop: asyncio.AbstractEventLoop, waiting: list[int]) -> F:
        opened: list[Opened] = []
        try:
            if self._at_once:
                self._try(opened, waiting)
            if not opened:
                open_by = partial(self._opened_by, opened)
                if waiting:
                    await or_there(ring, open_by, opened, waiting[0])
                else:
                    await by_worker(ring, open_by, bound=True)
            raw, make = opened[0]
            return cast("F", make(Buffer(Descriptor(raw, ring, loop))))
        except BaseException:
            for raw, _make in opened:
                raw.close()  # nobody gets it
            raise
        finally:
            for fd in waiting:
                os.close(fd)

    def _opened_by(self, opened: list[Opened], opener: Opener) -> None:
        opened.append(self._open_by(self._opener or opener))

    def _open_by(self, opener: Opener | None) -> Opened:
        if self._open is not None:
            return self._open(opener)
        return io.FileIO(os.fspath(self._path), "rb", opener=opener), cast("Callable[[Buffer], Any]", self._kind)

    def _try(self, opened: list[Opened], waiting: list[int]) -> None:
        """Open it if the dentry cache knows it. What is no file or directory is held until a worker has it, too.

        Otherwise somebody who waited for a FIFO's other end would find it and lose it again.
        """

        def cached(path: Any, flags: int) -> int:
            fd = inline.openat2(AT_FDCWD, os.fsencode(path), flags, 0, 0)
            if isinstance(fd, Again) or fd < 0:
                raise NotAtOnce
            mode = os.fstat(fd).st_mode
            if S_ISREG(mode) or S_ISDIR(mode):
                return fd
            waiting.append(fd)
            raise NotAtOnce

        try:
            opened.append(self._open_by(cached))
        except NotAtOnce:
            pass


def plainly(path: Any, waiting: list[int]) -> Plain | None:
    """Open a regular file to be read, where the dentry cache knows it; else None: it is to be looked at more closely.

    What waits for somebody when it is opened is put into ``waiting``, as by ``Opening``.
    """
    encoded = os.fsencode(path)
    if b"\0" in encoded or (fd := opener_of(READS, RESOLVE_CACHED)(encoded)) < 0:
        return None
    status = os.fstat(fd)
    if not S_ISREG(status.st_mode):
        (os.close if S_ISDIR(status.st_mode) else waiting.append)(fd)
        return None
    name = os.fspath(path)
    sys.audit("open", name, "rb", READS)
    return fd, name, status.st_size


def _text(
    file: Any, mode: str, buffering: int, how: tuple[str | None, ...], closefd: bool, opener: Opener | None
) -> Opened:
    """Let Python open it and say what text is, then take its descriptor out."""
    encoding, errors, newline = how
    opened: Any = io.open(file, mode, buffering, encoding, errors, newline, closefd, opener)  # noqa: SIM115, UP020
    text = text_of(opened, newline)
    kind = partial(TextFile, text=text)
    return opened.detach().detach(), kind if buffering <= 1 else partial(sized, kind, buffering)


def sized(kind: Callable[[Buffer], Any], size: int, buffer: Buffer) -> Any:
    """A file whose buffer's size was chosen."""
    return kind(buffer.sized(size))


def text_of(opened: Any, newline: str | None) -> Text:
    """What Python makes of the arguments for text."""
    return Text(opened.encoding, opened.errors or "strict", newline, opened.line_buffering, opened.mode)


@overload
def open(  # noqa: A001 - it is Python's
    file: Path,
    mode: OfBytes,
    buffering: Literal[0],
    *,
    closefd: bool = ...,
    opener: Opener | None = ...,
    loop: Any = ...,
    executor: Any = ...,
) -> Opening[RawFile]: ...
@overload
def open(  # noqa: A001 - it is Python's
    file: Path,
    mode: OfBytes,
    buffering: Literal[-1] = ...,
    *,
    closefd: bool = ...,
    opener: Opener | None = ...,
    loop: Any = ...,
    executor: Any = ...,
) -> Opening[BufferedFile]: ...
@overload
def open(  # noqa: A001 - it is Python's
    file: Path,
    mode: OfText = ...,
    buffering: int = ...,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    closefd: bool = ...,
    opener: Opener | None = ...,
    *,
    loop: Any = ...,
    executor: Any = ...,
) -> Opening[TextFile]: ...
@overload
def open(  # noqa: A001 - it is Python's
    file: Path,
    mode: str,
    buffering: int = ...,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    closefd: bool = ...,
    opener: Opener | None = ...,
    *,
    loop: Any = ...,
    executor: Any = ...,
) -> Opening[Any]: ...
def open(  # noqa: A001 - it is Python's
    file: Path,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Opener | None = None,
    *,
    loop: Any = None,  # noqa: ARG001 - aiofiles.open takes it
    executor: Any = None,  # noqa: ARG001
) -> Opening[Any]:
    """Open a file as Python's ``open`` does, whose arguments these are. ``loop`` and ``executor`` are not used.

    A buffer's size is what is read ahead, and what is gathered before it is written. OSError, when it is awaited.
    ValueError for what is no mode, or for what only text has.
    """
    for_text = encoding is not None or errors is not None or newline is not None
    if mode == "rb" and -1 <= buffering <= 0 and type(file) in PATHS and closefd and opener is None and not for_text:
        return Opening(None, at_once=False, plain=(file, RawFile if buffering == 0 else BufferedFile))
    if len(set(mode)) != len(mode) or set(mode) - set("rwaxbt+") or {"b", "t"} <= set(mode):
        raise ValueError(f"invalid mode: {mode!r}")
    if buffering < -1:
        raise ValueError("invalid buffering size")
    at_once = "r" in mode and opener is None and not isinstance(file, int)
    if "b" not in mode:
        how = (encoding, errors, newline)
        return Opening(lambda by: _text(file, mode, buffering, how, closefd, by), opener, at_once=at_once)
    for name, given in (("encoding", encoding), ("errors", errors), ("newline", newline)):
        if given is not None:
            raise ValueError(f"binary mode doesn't take {'an' if name[0] == 'e' else 'a'} {name} argument")
    kind: Callable[[Buffer], Any] = RawFile if buffering == 0 else BufferedFile
    if buffering == 1:
        wrong = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"
        warnings.warn(wrong, RuntimeWarning, stacklevel=2)
    elif buffering > 1:
        kind = partial(sized, BufferedFile, buffering)
    return Opening(lambda by: (io.FileIO(_named(file), mode, closefd, by), kind), opener, at_once=at_once)


def _named(file: Any) -> Any:
    """What a file is named: its path as a string or bytes, as Python's ``open`` has it."""
    return file if isinstance(file, int) else os.fspath(file)
