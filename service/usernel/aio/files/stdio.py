"""``usernel.stdin``, ``stdout``, ``stderr`` and the same as bytes: Python's own, whatever ``sys`` has for them then.

What is written goes through ``sys.stdout`` and ``sys.stderr``, by a worker, and so keeps its order with what ``print``
writes. What is read of a pipe or a terminal is read ahead here, for it must be possible to stop waiting for it: nothing
of that is lost for the next reader, in another loop too, but ``input`` and ``sys.stdin`` do not see it, nor is seen
here what those have read ahead. To close one leaves its descriptor open.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import sys
from collections.abc import Iterable
from functools import partial
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final

from usernel.abi.io_uring_op import IORING_OP_POLL_ADD
from usernel.abi.poll import POLLOUT
from usernel.kernel.io_uring.sqe import Sqe

from ..loop import attach
from .buffer import Buffer
from .descriptor import Descriptor
from .opening import text_of
from .text import TextFile

if TYPE_CHECKING:
    from typing_extensions import Buffer as Bytes

    from ..loop_ring import LoopRing


class Ahead:
    """The file by which standard input is read, as long as it is the same."""

    __slots__ = ("_file", "_stream")

    def __init__(self) -> None:
        self._stream: Any = None
        self._file: TextFile | None = None

    def file(self, stream: Any, ring: LoopRing) -> TextFile | None:
        """The file for a stream; None where that is not Python's own for a pipe, a terminal or the like."""
        if stream is not self._stream:
            self._file, self._stream = _file_of(stream, ring), stream
        if self._file is not None and self._file.closed:
            return None
        if self._file is not None:
            descriptor = self._file._descriptor  # noqa: SLF001 - one loop ends, and the next goes on
            descriptor.ring, descriptor.hits, descriptor.loop = ring, ring.hits, asyncio.get_running_loop()
        return self._file


def _file_of(stream: Any, ring: LoopRing) -> TextFile | None:
    if type(stream) is not io.TextIOWrapper or stream.closed or not stream.readable():
        return None
    try:
        fd = stream.fileno()
        if S_ISREG(os.fstat(fd).st_mode):
            return None  # never waited for, and read together with whoever else reads it
        raw = io.FileIO(fd, "rb", closefd=False)
    except OSError:
        return None
    raw.name = stream.name
    newline = None  # as sys.stdin has it
    return TextFile(Buffer(Descriptor(raw, ring, asyncio.get_running_loop())), text_of(stream, newline))


AHEAD: Final = Ahead()
"""Standard input is the process's, and so is what was read ahead of it."""


class Standard:
    """What is told to one of the standard streams, as a worker may do it."""

    __slots__ = ("_binary", "_name")

    def __init__(self, name: str, *, binary: bool) -> None:
        self._name = name
        self._binary = binary

    def __repr__(self) -> str:
        return f"<usernel.{self._name}{'_bytes' if self._binary else ''}>"

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        return stream.buffer if self._binary else stream

    async def _do(self, method: str, *given: Any) -> Any:
        ring = attach()
        file: Any = AHEAD.file(sys.stdin, ring) if self._name == "stdin" else None
        if file is not None and method != "close":
            found = getattr(file.buffer if self._binary else file, method)(*given)
            return await found if inspect.isawaitable(found) else found
        stream = self._stream
        if self._name != "stdin":
            await _writable(ring, stream)
        return await ring.call(partial(getattr(stream, method), *given), hash_key=self._name, bound=False)

    # ------------------------------------------------------------------------------------------- what is known at once

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self._stream.closed)

    @property
    def name(self) -> Any:
        """Its name, as ``<stdin>``."""
        return self._stream.name

    @property
    def mode(self) -> Any:
        """Its mode."""
        return self._stream.mode

    def fileno(self) -> int:
        """Its descriptor. OSError where it has none."""
        return int(self._stream.fileno())

    def detach(self) -> Any:
        """Take what is below it out of Python's own stream, which is of no use any more."""
        return self._stream.detach()

    # ----------------------------------------------------------------------------------------------------- what is done

    async def close(self) -> None:
        """Close Python's own stream, as ``sys.stdout.close()``; its descriptor stays open. OSError."""
        await self._do("close")

    async def flush(self) -> None:
        """Have all that was written out. OSError."""
        await self._do("flush")

    async def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(await self._do("isatty"))

    async def seekable(self) -> bool:
        """Whether it has a position."""
        return bool(await self._do("seekable"))

    async def writable(self) -> bool:
        """Whether it can be written."""
        return bool(await self._do("writable"))

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position. OSError."""
        return int(await self._do("seek", offset, whence))

    async def tell(self) -> int:
        """The position. OSError."""
        return int(await self._do("tell"))

    async def truncate(self, size: int | None = None) -> int:
        """Make it so long. OSError."""
        return int(await self._do("truncate", size))


async def _writable(ring: LoopRing, stream: Any) -> None:
    """Wait where nobody takes what is written: a task that waits here can be cancelled, a worker's call cannot."""
    try:
        fd = stream.fileno()
        if S_ISREG(os.fstat(fd).st_mode):
            return
    except (AttributeError, OSError, ValueError):
        return
    await ring.request(Sqe(IORING_OP_POLL_ADD, fd=fd, rw_flags=POLLOUT))


class StandardText(Standard):
    """A standard stream of text."""

    __slots__ = ()

    @property
    def buffer(self) -> Any:
        """Its bytes, as Python's own stream has them."""
        return self._stream.buffer

    @property
    def encoding(self) -> str:
        """Its encoding."""
        return str(self._stream.encoding)

    @property
    def errors(self) -> Any:
        """What is done with what cannot be encoded or decoded."""
        return self._stream.errors

    @property
    def line_buffering(self) -> bool:
        """Whether each line that is written is flushed."""
        return bool(self._stream.line_buffering)

    @property
    def newlines(self) -> Any:
        """The newlines that were seen."""
        return self._stream.newlines

    async def readable(self) -> bool:
        """Whether it can be read."""
        return bool(await self._do("readable"))

    async def read(self, size: int | None = -1) -> str:
        """Read so many characters, fewer only at the end; all without a size. OSError, UnicodeDecodeError."""
        return str(await self._do("read", size))

    async def readline(self, size: int = -1) -> str:
        """Read a line. OSError, UnicodeDecodeError."""
        return str(await self._do("readline", size))

    async def readlines(self, hint: int = -1) -> list[str]:
        """Read lines, until they have more characters than ``hint`` where that is above 0. OSError."""
        return list(await self._do("readlines", hint))

    def __aiter__(self) -> StandardText:
        return self

    async def __anext__(self) -> str:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    async def write(self, s: str) -> int:
        """Write text, and say how many characters. OSError."""
        return int(await self._do("write", s))

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of some pieces. OSError."""
        await self._do("writelines", lines)


class StandardBytes(Standard):
    """A standard stream as bytes."""

    __slots__ = ()

    @property
    def raw(self) -> Any:
        """Python's own object for the descriptor."""
        return self._stream.raw

    def readable(self) -> bool:
        """Whether it can be read."""
        return bool(self._stream.readable())

    async def read(self, size: int | None = -1) -> Any:
        """Read so many bytes, fewer only at the end; all without a size. OSError."""
        return await self._do("read", size)

    async def read1(self, size: int = -1) -> bytes:
        """Read up to so many bytes, with at most one look at the stream. OSError."""
        return bytes(await self._do("read1", size))

    async def peek(self, size: int = 0) -> bytes:
        """What was read ahead, at least a byte but at the end. OSError."""
        return bytes(await self._do("peek", size))

    async def readinto(self, target: Any) -> Any:
        """Read into a buffer until it is full, or the end. OSError."""
        return await self._do("readinto", target)

    async def readline(self, size: int = -1) -> bytes:
        """Read a line. OSError."""
        return bytes(await self._do("readline", size))

    async def readlines(self, hint: int = -1) -> list[bytes]:
        """Read lines, until they have more bytes than ``hint`` where that is above 0. OSError."""
        return list(await self._do("readlines", hint))

    def __aiter__(self) -> StandardBytes:
        return self

    async def __anext__(self) -> bytes:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    async def write(self, data: Bytes) -> int:
        """Write bytes, and say how many. OSError."""
        return int(await self._do("write", data))

    async def writelines(self, lines: Iterable[Bytes]) -> None:
        """Write each of some pieces. OSError."""
        await self._do("writelines", lines)


stdin: Final = StandardText("stdin", binary=False)
stdout: Final = StandardText("stdout", binary=False)
stderr: Final = StandardText("stderr", binary=False)
stdin_bytes: Final = StandardBytes("stdin", binary=True)
stdout_bytes: Final = StandardBytes("stdout", binary=True)
stderr_bytes: Final = StandardBytes("stderr", binary=True)
