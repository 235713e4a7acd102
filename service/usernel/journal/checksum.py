"""What tells that a record is the one that was written."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from .port import Record

HEAD: Final = struct.Struct(">QQQ")
ACKED: Final = struct.Struct(">QI")
"""A position and its checksum, as the file ``acked`` holds them."""


def checksum(record: Record) -> int:
    """CRC-32 over a record's position, facts and time, and then its data."""
    return zlib.crc32(record.data, zlib.crc32(HEAD.pack(record.position, record.facts, record.time_ns)))


def pack_acked(position: int) -> bytes:
    """A position as the file ``acked`` holds it."""
    return ACKED.pack(position, zlib.crc32(position.to_bytes(8, "big")))


def unpack_acked(data: bytes) -> int:
    """The position in a file ``acked``, 0 for what is none: it is written without a sync, and may be torn."""
    if len(data) != ACKED.size:
        return 0
    position, found = ACKED.unpack(data)
    return int(position) if found == zlib.crc32(position.to_bytes(8, "big")) else 0
