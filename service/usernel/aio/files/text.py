"""Text files, as ``io.TextIOWrapper``: encodings, universal newlines, positions."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from .buffer import LINES, Buffer
from .buffered import BufferedFile
from .configured import NewLine, Text, changed
from .cookie import Cookie, find
from .file import File, index, lines_of
from .writer import PIECE

CHUNK: Final = 8 << 10
"""What is decoded at once of a file that is also written: as much as Python's files, for it decides where a write goes
that follows a read."""
STATELESS: Final = frozenset({"utf-8", "ascii", "iso8859-1"})
"""Encodings of which each string is encoded for itself."""


class Mark(NamedTuple):
    """A state to which a read goes back that did not come to its end."""

    decoded: str
    used: int
    snapshot: tuple[int, bytes] | None
    begun: bool
    state: tuple[bytes, int]
    position: int


class TextFile(File):
    """A file of text. ``decoded[used:]`` is what was decoded and not yet asked for.

    ``begun`` tells whether that is of the last chunk, be it empty: as long as it is, what bytes mean is settled.
    """

    __slots__ = (
        "_begun", "_binary", "_chunk", "_decoded", "_decoder", "_encoder", "_nl", "_plain", "_ratio", "_snapshot",
        "_text", "_used",
    )  # fmt: skip

    def __init__(self, buffer: Buffer, text: Text) -> None:
        super().__init__(buffer)
        self._binary = BufferedFile(buffer)
        self._decoded = ""
        self._used = 0
        self._snapshot: tuple[int, bytes] | None = None
        self._begun = False
        self._chunk = CHUNK if self._descriptor.writable else buffer.size or LINES
        self._set_text(text)
        self._recode()

    def _set_text(self, text: Text) -> None:
        self._text = text
        self._ratio = 0.0
        self._nl = "\n" if text.newline is None else text.newline
        self._plain = (
            codecs.lookup(text.encoding).name in STATELESS
            and text.newline in {None, "", "\n"}
            and not text.line_buffering
        )

    def _recode(self) -> None:
        """Begin to decode and to encode."""
        self._decoder: Any = None
        self._encoder: Any = None
        position = self._buffer.position
        if self._descriptor.readable:
            self._make_decoder()
        if self._descriptor.writable and self._descriptor.seekable and position:
            self._start_encoding(position)  # no BOM in the middle

    @property
    def mode(self) -> str:
        """The mode that it was opened with."""
        return self._text.mode

    @property
    def encoding(self) -> str:
        """Its encoding."""
        return self._text.encoding

    @property
    def errors(self) -> str:
        """What is done with what cannot be encoded or decoded."""
        return self._text.errors

    @property
    def line_buffering(self) -> bool:
        """Whether each line that is written is flushed."""
        return self._text.line_buffering

    @property
    def newlines(self) -> Any:
        """The newlines that were seen (``io.TextIOBase.newlines``)."""
        return getattr(self._decoder, "newlines", None)

    @property
    def write_through(self) -> bool:
        """What it was told of that. It changes nothing: text becomes bytes at once, and those are gathered."""
        return self._text.write_through

    async def reconfigure(
        self,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: NewLine = ...,
        line_buffering: bool | None = None,
        write_through: bool | None = None,
    ) -> None:
        """Change how bytes are text, and flush before, as ``io.TextIOWrapper.reconfigure``. OSError, LookupError.

        UnsupportedOperation where some text was decoded: only ``line_buffering`` and ``write_through`` can change then.
        """
        told = {
            "encoding": encoding, "errors": errors, "line_buffering": line_buffering, "write_through": write_through,
        }  # fmt: skip
        if self.closed and (error := changed(self._text, told, newline, begun=self._begun).error) is not None:
            raise error
        await self._buffer.enter()
        try:
            change = changed(self._text, told, newline, begun=self._begun)
            if change.text is not None:
                await self._buffer.flush()
                self._set_text(change.text)
            if change.recoded:
                self._recode()
        finally:
            self._buffer.leave()
        try:
            if change.error is not None:
                raise change.error
        finally:
            del change  # the error's traceback has this frame

    def detach(self) -> BufferedFile:
        """Its bytes, as a file of their own; this one is of no use any more. What was read ahead is not in it."""
        self._buffer.check_open()
        binary, self._buffer = self._binary, self._buffer.detached()
        self._set_decoded("", None)
        return binary

    @property
    def buffer(self) -> BufferedFile:
        """Its bytes."""
        return self._binary

    async def readable(self) -> bool:
        """Whether it can be read."""
        self._buffer.check_open()
        return self._descriptor.readable

    # ------------------------------------------------------------------------------------------------------- decoding

    def _make_decoder(self) -> Any:
        if self._decoder is None:
            decoder: Any = codecs.getincrementaldecoder(self._text.encoding)(self._text.errors)
            if not self._text.newline:
                decoder = io.IncrementalNewlineDecoder(decoder, translate=self._text.newline is None)
            self._decoder = decoder
        return self._decoder

    def _set_decoded(self, decoded: str, snapshot: tuple[int, bytes] | None, *, begun: bool = False) -> None:
        self._decoded, self._used, self._snapshot, self._begun = decoded, 0, snapshot, begun

    def _take(self, size: int) -> str:
        taken = self._decoded[self._used : self._used + size]
        self._used += len(taken)
        return taken

    async def _read_chunk(self) -> bool:
        """Decode some more in place of what there was, which is used up. False at the end."""
        buffer, decoder = self._buffer, self._make_decoder()
        held, flags = decoder.getstate() if self._descriptor.seekable else (b"", 0)
        if buffer.at == buffer.have:
            await buffer.fill(0)
        chunk = buffer.take(self._chunk)
        decoded = decoder.decode(chunk, not chunk)
        self._set_decoded(decoded, (flags, held + chunk) if self._descriptor.seekable else None, begun=True)
        self._ratio = len(chunk) / len(decoded) if decoded else 0.0
        return bool(chunk or decoded)

    def _mark(self) -> Mark:
        decoder = self._make_decoder()
        state = decoder.getstate() if self._descriptor.seekable else (b"", 0)
        return Mark(self._decoded, self._used, self._snapshot, self._begun, state, self._buffer.position)

    def _go_back(self, mark: Mark, taken: str) -> None:
        """A read did not come to its end: all is as it was, and a stream's text that was taken is there to be read."""
        if self._descriptor.seekable:
            self._decoded, self._used, self._snapshot, self._begun = mark[:4]
            self._decoder.setstate(mark.state)
            self._buffer.move(mark.position)
        else:
            self._set_decoded(taken + self._decoded[self._used :], None, begun=True)

    # -------------------------------------------------------------------------------------------------------- reading

    async def _enter_reading(self) -> None:
        await self._buffer.enter()
        try:
            if not self._descriptor.readable:
                raise io.UnsupportedOperation("not readable")
            await self._buffer.begin_reading()
        except BaseException:
            self._buffer.leave()
            raise

    async def read(self, size: int | None = -1) -> str:
        """Read up to ``size`` characters, fewer only at the end; all without one. OSError, UnicodeDecodeError."""
        buffer = self._buffer
        if buffer.credit and size is not None and size >= 0:
            at = self._used
            end = at + size
            if end <= len(self._decoded):
                buffer.credit -= 1
                self._used = end
                return self._decoded[at:end]
        wanted = index(size)
        await self._enter_reading()
        try:
            return await (self._read(wanted) if wanted >= 0 else self._read_all())
        finally:
            buffer.leave()

    async def _read_all(self) -> str:
        decoder = self._make_decoder()
        data = await self._buffer.read_all()
        text = str(decoder.decode(data or b"", True))
        text = self._take(len(self._decoded)) + text
        self._set_decoded("", None)
        return text

    async def _read(self, size: int) -> str:
        mark, more = self._mark(), True
        text = self._take(size)
        try:
            while more and len(text) < size:
                more = await self._read_chunk()
                text += self._take(size - len(text))
        except UnicodeError:
            raise
        except BaseException:
            self._go_back(mark, text)
            raise
        return text

    async def readline(self, size: int | None = -1) -> str:
        """Read up to the next newline, or ``size`` characters. OSError, UnicodeDecodeError."""
        buffer, nl = self._buffer, self._nl
        if buffer.credit and nl and size == -1:
            at = self._used
            end = self._decoded.find(nl, at)
            if end >= 0:
                buffer.credit -= 1
                self._used = end = end + len(nl)
                return self._decoded[at:end]
        limit = index(size)
        await self._enter_reading()
        try:
            buffer.block = max(buffer.block, buffer.size or self._chunk)
            return await self._read_line(limit)
        finally:
            buffer.leave()

    async def _read_line(self, limit: int) -> str:
        mark, line = self._mark(), ""
        try:
            while True:
                while not self._decoded:
                    if not await self._read_chunk():
                        self._set_decoded("", None)
                        return line
                line += self._take(len(self._decoded))
                end = _line_end(line, self._nl)
                if end >= 0 or 0 <= limit <= len(line):
                    break
                self._set_decoded("", self._snapshot)
        except UnicodeError:
            raise
        except BaseException:
            self._go_back(mark, line)
            raise
        if end < 0 or 0 <= limit < end:
            end = limit
        self._used -= len(line) - end
        return line[:end]

    async def readlines(self, hint: int | None = -1) -> list[str]:
        """Read lines, until they have more than ``hint`` characters where that is above 0. OSError."""
        return await lines_of(self.readline, hint)

    def __aiter__(self) -> TextFile:
        return self

    async def __anext__(self) -> str:
        buffer, nl = self._buffer, self._nl
        if buffer.credit and nl:
            at = self._used
            end = self._decoded.find(nl, at)
            if end >= 0:
                buffer.credit -= 1
                self._used = end = end + len(nl)
                return self._decoded[at:end]
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    # -------------------------------------------------------------------------------------------------------- writing

    def _make_encoder(self) -> Any:
        if self._encoder is None:
            self._encoder = codecs.getincrementalencoder(self._text.encoding)(self._text.errors)
        return self._encoder

    def _start_encoding(self, position: int) -> None:
        """At the start of a file a BOM may be due, elsewhere none."""
        try:
            encoder = self._make_encoder()
        except LookupError:
            return
        if position:
            encoder.setstate(0)
        else:
            encoder.reset()

    async def write(self, s: str) -> int:
        """Take some text to be written, and say how many characters. OSError: of what was written before."""
        writer = self._buffer.writer
        if writer.room and self._plain and type(s) is str and not self._decoded:
            data = s.encode(self._text.encoding, self._text.errors)
            room = writer.room - len(data) - PIECE
            if room > 0:
                writer.room = room
                writer.add(data)
                return len(s)
        if not isinstance(s, str):
            raise TypeError(f"write() argument must be str, not {type(s).__name__}")
        await self._buffer.enter()
        try:
            await self._write(s)
        finally:
            self._buffer.leave()
        return len(s)

    async def _write(self, s: str) -> None:
        buffer, text = self._buffer, self._text
        if not self._descriptor.writable:
            raise io.UnsupportedOperation("not writable")
        encoded = s.replace("\n", text.newline) if text.newline in {"\r", "\r\n"} and "\n" in s else s
        encoder = self._make_encoder()
        state = encoder.getstate()
        try:
            await buffer.write(encoder.encode(encoded))
        except BaseException:
            encoder.setstate(state)  # nothing was taken
            raise
        self._set_decoded("", None)
        if self._decoder is not None:
            self._decoder.reset()
        if text.line_buffering and ("\n" in s or "\r" in s):
            await buffer.flush()
        else:
            buffer.may_be_quick()

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of some pieces. OSError."""
        self._buffer.check_open()
        for line in lines:
            await self.write(line)

    # ------------------------------------------------------------------------------------------------------- position

    async def tell(self) -> int:
        """The position, a number that only ``seek`` understands. OSError."""
        await self._buffer.enter()
        try:
            return await self._tell()
        finally:
            self._buffer.leave()

    async def _tell(self) -> int:
        if not self._descriptor.seekable:
            raise io.UnsupportedOperation("underlying stream is not seekable")
        await self._buffer.flush()
        position = self._buffer.position
        if self._decoder is None or self._snapshot is None:
            return position
        flags, fed = self._snapshot
        start = Cookie(position - len(fed), flags, 0, self._used)
        return find(self._decoder, start, fed, self._ratio).pack()

    async def seek(self, cookie: int, whence: int = 0) -> int:
        """Go to a position that ``tell`` gave, to the end or the start. OSError, ValueError."""
        await self._buffer.enter()
        try:
            if not self._descriptor.seekable:
                raise io.UnsupportedOperation("underlying stream is not seekable")
            if whence == os.SEEK_END:
                return await self._seek_end(cookie)
            if whence == os.SEEK_CUR:
                if cookie != 0:
                    raise io.UnsupportedOperation("can't do nonzero cur-relative seeks")
                cookie = await self._tell()
            elif whence:
                raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
            if cookie < 0:
                raise ValueError(f"negative seek position {cookie}")
            return await self._seek(cookie)
        finally:
            self._buffer.leave()

    async def _seek_end(self, cookie: int) -> int:
        if cookie != 0:
            raise io.UnsupportedOperation("can't do nonzero end-relative seeks")
        position = await self._buffer.seek(0, os.SEEK_END)
        self._set_decoded("", None)
        if self._decoder is not None:
            self._decoder.reset()
        self._start_encoding(position)
        return position

    async def _seek(self, cookie: int) -> int:
        at = Cookie.unpack(cookie)
        await self._buffer.seek(at.position, os.SEEK_SET)
        self._set_decoded("", None)
        if cookie == 0 and self._decoder is not None:
            self._decoder.reset()
        elif self._decoder is not None or at.dec_flags or at.chars_to_skip:
            self._make_decoder().setstate((b"", at.dec_flags))
            self._snapshot = (at.dec_flags, b"")
        if at.chars_to_skip:
            fed = await self._buffer.read(at.bytes_to_feed) or b""
            self._set_decoded(self._decoder.decode(fed, at.need_eof), (at.dec_flags, fed), begun=True)
            if len(self._decoded) < at.chars_to_skip:
                raise OSError("can't restore logical file position")
            self._used = at.chars_to_skip
        self._start_encoding(cookie)
        return cookie

    async def truncate(self, pos: int | None = None) -> int:
        """Make it so long in bytes, or up to where its bytes were read ahead (ftruncate(2)). OSError."""
        await self._buffer.enter()
        try:
            return await self._buffer.truncate(pos)
        finally:
            self._buffer.leave()


def _line_end(line: str, nl: str) -> int:
    """Behind the first newline; below 0 where there is none. Without ``nl`` any will do."""
    if nl:
        at = line.find(nl)
        return at + len(nl) if at >= 0 else -1
    at, cr = line.find("\n"), line.find("\r")
    if cr < 0 or 0 <= at < cr:
        return at + 1 if at >= 0 else -1
    return cr + 2 if at == cr + 1 else cr + 1
