"""``usernel.tempfile``: temporary files and directories, as ``tempfile`` makes them, to be awaited or entered.

The arguments are those of aiofiles; ``loop`` and ``executor`` are taken and not used. A task that is cancelled leaves
neither a file nor a descriptor behind.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar, cast

from ..loop import attach
from .buffer import Buffer
from .buffered import BufferedFile
from .file import File
from .opening import Opened, Opening, sized, text_of
from .raw import RawFile
from .spooled import SpooledFile
from .text import TextFile

T = TypeVar("T")
Part = str | bytes | os.PathLike[str] | os.PathLike[bytes] | None
"""A suffix, a prefix or a directory."""


class Named(io.FileIO):
    """The descriptor of a file that is removed when it is closed, or later, and at the latest when it is forgotten.

    As long as nobody has been given it, nobody can keep it, either: then it is removed whatever was asked for.
    """

    def __init__(self, fd: int, mode: str, path: Any) -> None:
        super().__init__(fd, mode)
        self.name = path
        self.delete = self._on_close = self._left = True

    def given(self, *, delete: bool, on_close: bool) -> None:
        """Somebody has it, who asked for this."""
        self.delete = self._left = delete
        self._on_close = on_close

    def close(self) -> None:
        """Close it, and remove it if that is due. OSError."""
        try:
            super().close()
        finally:
            if self._on_close:
                self.remove()

    def remove(self) -> None:
        """Remove it, once. OSError."""
        if self._left:
            self._left = False
            os.unlink(self.name)  # noqa: PTH108 - its name may be bytes

    def __del__(self) -> None:
        self.close()
        self.remove()


class Temporary(File):
    """What temporary files have more than others."""

    __slots__ = ()

    @property
    def delete(self) -> bool:
        """Whether the file is removed at the end."""
        return bool(getattr(self._descriptor.raw, "delete", True))

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        raw = self._descriptor.raw
        try:
            await self.close()
        finally:
            if isinstance(raw, Named):
                await to_its_end(raw.remove)


class TemporaryRaw(Temporary, RawFile):
    """A temporary binary file without a buffer."""

    __slots__ = ()


class TemporaryBuffered(Temporary, BufferedFile):
    """A temporary binary file."""

    __slots__ = ()


class TemporaryText(Temporary, TextFile):
    """A temporary text file."""

    __slots__ = ()


class OpeningTemporary(Opening[Any]):
    """A temporary file that is made when it is awaited or entered, and closed and removed when it is left."""

    __slots__ = ()

    def __init__(self, opens: Callable[[], Opened]) -> None:
        super().__init__(lambda _opener: opens(), at_once=False)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._file is not None:
            await self._file.__aexit__(exc_type, exc, tb)


class Closes(Protocol):
    """What has an end."""

    async def close(self) -> None:
        """Its end."""


C = TypeVar("C", bound=Closes)


class Making(Generic[C]):
    """Something temporary that is made when it is awaited or entered, and ends when it is left."""

    __slots__ = ("_made", "_makes")

    def __init__(self, makes: Callable[[], Coroutine[Any, Any, C]]) -> None:
        self._makes = makes
        self._made: C | None = None

    def __await__(self) -> Generator[Any, None, C]:
        return self._makes().__await__()

    async def __aenter__(self) -> Any:
        self._made = await self._makes()
        return self._made

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._made is not None:
            await self._made.close()


async def to_its_end(func: Callable[[], T]) -> T:
    """Have a worker call what is to be done even for a task that is cancelled, which waits for it."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    attach().call_soon(func, future)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    future.exception()
    try:
        raise cancelled
    finally:
        del cancelled  # its traceback has this frame


# --------------------------------------------------------------------------------------------------------------- files


def NamedTemporaryFile(  # noqa: N802 - it is tempfile's
    mode: str = "w+b",
    buffering: int = -1,
    encoding: str | None = None,
    newline: str | None = None,
    suffix: Part = None,
    prefix: Part = None,
    dir: Part = None,  # noqa: A002
    delete: bool = True,
    delete_on_close: bool = True,
    loop: Any = None,  # noqa: ARG001
    executor: Any = None,  # noqa: ARG001
    *,
    errors: str | None = None,
) -> OpeningTemporary:
    """A file with a ``name``, as ``tempfile.NamedTemporaryFile``. OSError, ValueError.

    With ``delete`` it is removed when it is closed; without ``delete_on_close`` only when it is left.
    """
    how = (mode, buffering, encoding, errors, newline)
    return OpeningTemporary(partial(_named, how, (suffix, prefix, dir), delete=delete, on_close=delete_on_close))


def TemporaryFile(  # noqa: N802 - it is tempfile's
    mode: str = "w+b",
    buffering: int = -1,
    encoding: str | None = None,
    newline: str | None = None,
    suffix: Part = None,
    prefix: Part = None,
    dir: Part = None,  # noqa: A002
    loop: Any = None,  # noqa: ARG001
    executor: Any = None,  # noqa: ARG001
    *,
    errors: str | None = None,
) -> OpeningTemporary:
    """A file without a name, as ``tempfile.TemporaryFile``. OSError, ValueError."""
    how = (mode, buffering, encoding, errors, newline)
    return OpeningTemporary(partial(_unnamed, how, (suffix, prefix, dir)))


def SpooledTemporaryFile(  # noqa: N802 - it is tempfile's
    max_size: int = 0,
    mode: str = "w+b",
    buffering: int = -1,
    encoding: str | None = None,
    newline: str | None = None,
    suffix: Part = None,
    prefix: Part = None,
    dir: Part = None,  # noqa: A002
    loop: Any = None,  # noqa: ARG001
    executor: Any = None,  # noqa: ARG001
    *,
    errors: str | None = None,
) -> Making[SpooledFile]:
    """A file in memory, which becomes a temporary file when it is longer, as ``tempfile.SpooledTemporaryFile``."""
    rolled = partial(TemporaryFile, mode, buffering, encoding, newline, suffix, prefix, dir, errors=errors)

    async def made() -> SpooledFile:
        return SpooledFile(max_size, mode, (encoding, errors, newline), rolled)

    return Making(made)


def _named(how: tuple[Any, ...], where: tuple[Any, ...], *, delete: bool, on_close: bool) -> Opened:
    fd, path = tempfile.mkstemp(*where)
    try:
        make = _looked_at(fd, how)
        raw = Named(fd, how[0].replace("t", ""), path)
    except BaseException:
        os.close(fd)
        os.unlink(path)  # noqa: PTH108 - it may be bytes
        raise

    def given(buffer: Buffer) -> Any:
        file = make(buffer)
        raw.given(delete=delete, on_close=on_close)
        return file

    return raw, given


def _looked_at(fd: int, how: tuple[Any, ...]) -> Callable[[Buffer], Any]:
    """What Python's open would make of a descriptor, which it leaves as it is."""
    return _taken(cast("Any", io.open)(fd, *how, closefd=False), how[-1], how[1])[1]


def _unnamed(how: tuple[Any, ...], where: tuple[Any, ...]) -> Opened:
    mode, buffering, encoding, errors, newline = how
    made: Any = tempfile.TemporaryFile(mode, buffering, encoding, newline, *where, errors=errors)  # noqa: SIM115
    return _taken(made, newline, buffering)


def _taken(opened: Any, newline: str | None, buffering: int) -> Opened:
    """Python's file for what was opened, without its buffers, and what makes ours of it."""
    if isinstance(opened, io.FileIO):
        return opened, TemporaryRaw
    kind: Callable[[Buffer], Any] = TemporaryBuffered
    binary = opened
    if isinstance(opened, io.TextIOWrapper):
        kind = partial(TemporaryText, text=text_of(opened, newline))
        binary = opened.detach()
    return binary.detach(), kind if buffering <= 1 else partial(sized, kind, buffering)


# --------------------------------------------------------------------------------------------------------- directories


class Directory:
    """A temporary directory: its ``name``, and its end."""

    __slots__ = ("_directory",)

    def __init__(self, directory: tempfile.TemporaryDirectory[Any]) -> None:
        self._directory = directory

    @property
    def name(self) -> Any:
        """Its path."""
        return self._directory.name

    async def cleanup(self) -> None:
        """Remove it with all that is in it. OSError. A task that is cancelled meanwhile has removed it all the same."""
        await to_its_end(self._directory.cleanup)

    async def close(self) -> None:
        """The same."""
        await self.cleanup()


async def _directory(where: tuple[Any, ...]) -> Directory:
    made: list[tempfile.TemporaryDirectory[Any]] = []
    try:
        await attach().call(lambda: made.append(tempfile.TemporaryDirectory(*where)))
    except BaseException:
        for directory in made:
            directory.cleanup()  # it is empty, and nobody gets it
        raise
    return Directory(made[0])


class MakingDirectory(Making[Directory]):
    """One that is made when it is awaited; who enters it gets its path."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        return (await super().__aenter__()).name


def TemporaryDirectory(  # noqa: N802 - it is tempfile's
    suffix: Part = None,
    prefix: Part = None,
    dir: Part = None,  # noqa: A002
    loop: Any = None,  # noqa: ARG001
    executor: Any = None,  # noqa: ARG001
) -> MakingDirectory:
    """A directory, as ``tempfile.TemporaryDirectory``: who enters it gets its path. OSError."""
    return MakingDirectory(partial(_directory, (suffix, prefix, dir)))
