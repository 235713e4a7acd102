"""What the runtime needs of a journal, and what a journal needs of its storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

Chunk = Callable[[], bytes]
"""Makes the bytes of some facts when a journal asks for them; one that keeps nothing never does."""


class JournalError(Exception):
    """A journal cannot be opened, or can keep no more: a sentence for whoever runs the service."""


class JournalFullError(JournalError):
    """What was to be kept was not, and nothing is harmed: the same may be tried again when there is room."""


class JournalDamagedError(JournalError):
    """What is in a journal is not what was written. ``position`` is the last that is known to be good."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"the journal is damaged behind position {position}: {why}")
        self.position = position
        self.why = why


class Journal(Protocol):
    """An ordered log, as the runtime sees it. Positions count facts from 1.

    ``append`` never blocks. ``durable`` is the position up to which everything is kept for good; when it grows, the
    listener is called, on the event loop's thread. ``failure`` says why it has stopped growing.
    """

    @property
    def durable(self) -> int:
        """The position up to which facts are kept."""

    @property
    def ephemeral(self) -> bool:
        """Whether all of it is gone with the process."""

    @property
    def failure(self) -> JournalError | None:
        """Why nothing more can be kept: for now (JournalFullError), or for good; None where it can."""

    def append(self, position: int, chunk: Chunk) -> None:
        """Keep the facts up to ``position`` behind all others."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever ``durable`` has grown, and when a failure has come or gone."""

    def stat(self) -> dict[str, Any]:
        """Its positions and sizes."""


class Record(NamedTuple):
    """What one group commit keeps: so many ``facts``, the last of which has ``position``, as chunks of opaque bytes."""

    position: int
    facts: int
    time_ns: int
    data: bytes


class Storage(Protocol):
    """An ordered log of records that survives the process. Synchronous; one thread at a time uses it.

    A snapshot stands for every record up to its position. It is made in parts and counts once it is finished; the one
    before it, and the records behind that, are kept until the next, so that damage to the newest loses nothing.
    """

    @property
    def position(self) -> int:
        """That of the last fact that is durable."""

    @property
    def base_bytes(self) -> int:
        """Bytes of the newest snapshot."""

    @property
    def tail_bytes(self) -> int:
        """Bytes of the records behind it."""

    def read(self) -> Iterator[Record]:
        """The parts of the newest snapshot, then every record behind it. JournalDamagedError."""

    def append(self, record: Record) -> None:
        """Keep a record; it is durable when this returns. JournalFullError; any other JournalError is final."""

    def add_part(self, part: int, record: Record) -> None:
        """Keep a part of the snapshot at ``record.position``."""

    def finish_snapshot(self, position: int, parts: int, time_ns: int) -> None:
        """A snapshot has all its parts, and counts from now on."""

    def reclaim(self) -> bool:
        """Give back some of the space of what is not needed any more; False where there is nothing left to give."""

    def stat(self) -> dict[str, Any]:
        """Its positions and sizes."""

    def close(self) -> None:
        """Let go of it."""


CHUNK_LENGTH = 4
"""Bytes of the length in front of each chunk of a record."""


def join(chunks: list[bytes]) -> bytes:
    """Chunks as the data of a record: each with its length (big-endian) in front."""
    return b"".join(part for chunk in chunks for part in (len(chunk).to_bytes(CHUNK_LENGTH, "big"), chunk))


def split(data: bytes) -> Iterator[bytes]:
    """The chunks of a record's data. ValueError for what is none."""
    at = 0
    while at < len(data):
        start = at + CHUNK_LENGTH
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise ValueError(f"a record of {len(data)} bytes ends inside a chunk")
        yield data[start:at]
