"""A file in memory, until it is longer than was said; then it is a temporary file."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from .file import index
from .order import Order


class SpooledFile:
    """As ``tempfile.SpooledTemporaryFile``, to be awaited. In memory nothing suspends."""

    __slots__ = ("_file", "_how", "_max_size", "_mode", "_order", "_roll", "_rolled")

    def __init__(self, max_size: int, mode: str, how: tuple[str | None, ...], roll: Callable[[], Any]) -> None:
        """``roll`` makes the temporary file; ``how``: encoding, errors and newline, where it is text."""
        self._max_size = max_size
        self._mode = mode
        self._how = how
        self._roll = roll
        self._rolled = False
        self._order = Order()
        memory = io.BytesIO()
        encoding, errors, newline = how
        self._file: Any = memory if "b" in mode else io.TextIOWrapper(memory, encoding, errors, newline)

    async def _do(self, name: str, *given: Any) -> Any:
        await self._order.acquire()
        try:
            return await self._call(name, *given)
        finally:
            self._order.release()

    async def _call(self, name: str, *given: Any) -> Any:
        found = getattr(self._file, name)(*given)
        return await found if inspect.isawaitable(found) else found

    # --------------------------------------------------------------------------------------------------- what it is

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self._file.closed)

    @property
    def encoding(self) -> Any:
        """Its encoding. AttributeError where it is binary."""
        return self._file.encoding

    @property
    def errors(self) -> Any:
        """What is done with what cannot be encoded or decoded. AttributeError where it is binary."""
        return self._file.errors

    @property
    def newlines(self) -> Any:
        """The newlines that were seen. AttributeError where it is binary."""
        return self._file.newlines

    @property
    def mode(self) -> str:
        """Its mode; once it is a file, as that says it."""
        return self._file.mode if self._rolled else self._mode

    @property
    def name(self) -> Any:
        """What the file is named; None as long as there is none."""
        return self._file.name if self._rolled else None

    async def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(await self._do("isatty"))

    async def readable(self) -> bool:
        """Whether it can be read."""
        return bool(await self._do("readable"))

    async def writable(self) -> bool:
        """Whether it can be written."""
        return bool(await self._do("writable"))

    async def seekable(self) -> bool:
        """Whether it has a position."""
        return bool(await self._do("seekable"))

    # -------------------------------------------------------------------------------------------------- as a file has

    async def read(self, size: int | None = -1) -> Any:
        """Read up to so much; all without a size."""
        return await self._do("read", size)

    async def readline(self, size: int = -1) -> Any:
        """Read a line, or up to so much of it."""
        return await self._do("readline", size)

    async def readlines(self, hint: int = -1) -> list[Any]:
        """Read lines, until they have more than ``hint`` where that is above 0."""
        return list(await self._do("readlines", hint))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position."""
        return int(await self._do("seek", offset, whence))

    async def tell(self) -> int:
        """The position."""
        return int(await self._do("tell"))

    async def flush(self) -> None:
        """Wait until all that was written is in the file. OSError."""
        await self._do("flush")

    async def close(self) -> None:
        """Close it, and have the file no more."""
        await self._call("close")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    # ------------------------------------------------------------------------------------------------- what it becomes

    async def write(self, data: Any) -> int:
        """Write something; a file that is too long for memory becomes one. OSError."""
        return int(await self._grow("write", data))

    async def writelines(self, lines: Iterable[Any]) -> None:
        """Write each of some pieces. OSError."""
        await self._grow("writelines", lines)

    async def _grow(self, name: str, data: Any) -> Any:
        await self._order.acquire()
        try:
            answer = await self._call(name, data)
            if not self._rolled and self._max_size and self._file.tell() > self._max_size:
                await self._rollover()
        finally:
            self._order.release()
        return answer

    async def truncate(self, size: int | None = None) -> int:
        """Make it so long, or as long as the position. OSError."""
        await self._order.acquire()
        try:
            if size is not None and index(size) > self._max_size:
                await self._rollover()
            return int(await self._call("truncate", size))
        finally:
            self._order.release()

    async def rollover(self) -> None:
        """Become a file now. OSError, and it is in memory still; so it is where the task is cancelled."""
        await self._order.acquire()
        try:
            await self._rollover()
        finally:
            self._order.release()

    async def fileno(self) -> int:
        """Its descriptor, for which it becomes a file. OSError."""
        await self.rollover()
        return int(self._file.fileno())

    async def _rollover(self) -> None:
        if self._rolled:
            return
        memory: Any = self._file
        binary = memory if "b" in self._mode else memory.buffer
        position = memory.tell()  # of text that flushes it, too
        file = await self._roll()
        try:
            await (file if binary is memory else file.buffer).write(binary.getvalue())
            await file.seek(position)
        except BaseException:
            await file.close()
            raise
        self._file, self._rolled = file, True
