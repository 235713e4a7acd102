"""Opening a file: ``await usernel.open(...)``, or ``async with usernel.open(...)``.

Files of bytes only, so far: a mode without ``b`` is refused, and there is no ``encoding``, ``errors`` or ``newline``.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Generator
from os import PathLike
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, overload

from ..loop import attach
from .buffer import Buffer
from .buffered import BufferedFile
from .descriptor import Descriptor
from .raw import RawFile

Path = str | bytes | PathLike[str] | PathLike[bytes] | int
Opener = Callable[[str, int], int]
F = TypeVar("F", bound=BufferedFile | RawFile)


class Opening(Generic[F]):
    """A file that is opened when it is awaited, or entered, and closed when it is left."""

    __slots__ = ("_file", "_kind", "_open")

    def __init__(self, kind: type[F], opens: Callable[[], io.FileIO]) -> None:
        self._kind = kind
        self._open = opens
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
        opened: list[io.FileIO] = []
        try:
            await ring.call(lambda: opened.append(self._open()))
            return self._kind(Buffer(Descriptor(opened[0], ring, loop)))
        except BaseException:
            for raw in opened:
                raw.close()  # nobody gets it
            raise


@overload
def open(  # noqa: A001 - it is Python's
    file: Path, mode: str = ..., buffering: Literal[-1] = ..., *, closefd: bool = ..., opener: Opener | None = ...
) -> Opening[BufferedFile]: ...
@overload
def open(  # noqa: A001 - it is Python's
    file: Path, mode: str, buffering: Literal[0], *, closefd: bool = ..., opener: Opener | None = ...
) -> Opening[RawFile]: ...
@overload
def open(  # noqa: A001 - it is Python's
    file: Path, mode: str = ..., buffering: int = ..., *, closefd: bool = ..., opener: Opener | None = ...
) -> Opening[BufferedFile] | Opening[RawFile]: ...
def open(  # noqa: A001 - it is Python's
    file: Path, mode: str = "r", buffering: int = -1, *, closefd: bool = True, opener: Opener | None = None
) -> Opening[BufferedFile] | Opening[RawFile]:
    """Open a file as Python's ``open`` does; ``buffering`` 0 has each read and write be one of the system's.

    OSError, when it is awaited. ValueError for what is no mode, NotImplementedError for one without ``b``.
    """
    if len(set(mode)) != len(mode) or set(mode) - set("rwaxbt+") or {"b", "t"} <= set(mode):
        raise ValueError(f"invalid mode: {mode!r}")
    if "b" not in mode:
        raise NotImplementedError("text files are not there yet: open it with 'b' in its mode")
    if buffering < -1:
        raise ValueError("invalid buffering size")

    def opens() -> io.FileIO:
        # What it takes for a path is wider than what its stub says.
        path: Any = file
        return io.FileIO(path, mode, closefd=closefd, opener=opener)

    return Opening(RawFile, opens) if buffering == 0 else Opening(BufferedFile, opens)
