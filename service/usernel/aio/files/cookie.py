"""Positions in text: a number that says where in the bytes to begin, and how to come from there to the character.

The same numbers as ``io.TextIOWrapper`` gives, found in the same way.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple


class Cookie(NamedTuple):
    """Go to ``position``, set the decoder's flags, feed it some bytes, skip some of its characters."""

    position: int
    dec_flags: int = 0
    bytes_to_feed: int = 0
    chars_to_skip: int = 0
    need_eof: bool = False

    def pack(self) -> int:
        """As one number; that of a position alone is the position."""
        return (
            self.position
            | self.dec_flags << 64
            | self.bytes_to_feed << 96
            | self.chars_to_skip << 128
            | self.need_eof << 160
        )

    @classmethod
    def unpack(cls, number: int) -> Cookie:
        """Out of one number."""
        flags, feed, skip = (number >> at & 0xFFFFFFFF for at in (64, 96, 128))
        return cls(number & 0xFFFFFFFFFFFFFFFF, flags, feed, skip, need_eof=bool(number >> 160))


def find(decoder: codecs.IncrementalDecoder, start: Cookie, fed: bytes, ratio: float) -> Cookie:
    """Where the character is that comes ``start.chars_to_skip`` behind ``start``, from where ``fed`` was decoded.

    The decoder is left as it was. ``ratio`` is how many bytes of it made a character. OSError where there is no such.
    """
    if not start.chars_to_skip:
        return start
    saved = decoder.getstate()
    try:
        skipped, flags, chars = _near(decoder, start, fed, ratio)
        near = Cookie(start.position + skipped, flags, 0, chars)
        return _exactly(decoder, near, fed[skipped:]) if chars else near
    finally:
        decoder.setstate(saved)


def _near(decoder: codecs.IncrementalDecoder, start: Cookie, fed: bytes, ratio: float) -> tuple[int, int, int]:
    """A place close before it at which the decoder holds nothing: bytes skipped, flags, characters that remain.

    Each call of a decoder costs much, whatever it decodes: a guess by the ratio is right at once for most encodings.
    """
    skip, back = int(ratio * start.chars_to_skip), 1
    while skip > 0:
        decoder.setstate((b"", start.dec_flags))
        chars = len(decoder.decode(fed[:skip]))
        if chars > start.chars_to_skip:
            skip -= back
            back *= 2
            continue
        held, flags = decoder.getstate()
        if not held:
            return skip, flags, start.chars_to_skip - chars
        skip -= len(held)
        back = 1
    decoder.setstate((b"", start.dec_flags))
    return 0, start.dec_flags, start.chars_to_skip


def _exactly(decoder: codecs.IncrementalDecoder, near: Cookie, fed: bytes) -> Cookie:
    """From there byte by byte, beginning anew wherever the decoder holds nothing."""
    position, flags, count, chars, wanted = near.position, near.dec_flags, 0, 0, near.chars_to_skip
    for at in range(len(fed)):
        count += 1
        chars += len(decoder.decode(fed[at : at + 1]))
        held, now = decoder.getstate()
        if not held and chars <= wanted:
            position, flags, wanted, count, chars = position + count, now, wanted - chars, 0, 0
        if chars >= wanted:
            return Cookie(position, flags, count, wanted)
    chars += len(decoder.decode(b"", final=True))
    if chars < wanted:
        raise OSError("can't reconstruct logical file position")
    return Cookie(position, flags, count, wanted, need_eof=True)
