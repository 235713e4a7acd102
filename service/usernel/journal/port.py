"""What the runtime needs of a journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Record = Callable[[], bytes]
"""Makes a record's bytes when a journal asks for them; one that keeps nothing never does."""


class Journal(Protocol):
    """An ordered log. Positions count facts from 1; a record ends at the position of its last fact.

    ``append`` never blocks. ``durable`` is the position up to which everything is kept for good; when it grows, the
    listener is called, on the event loop's thread.
    """

    @property
    def durable(self) -> int:
        """The position up to which records are kept."""

    @property
    def ephemeral(self) -> bool:
        """Whether all of it is gone with the process."""

    def append(self, position: int, record: Record) -> None:
        """Keep a record behind all others."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Call this whenever ``durable`` has grown."""

    def stat(self) -> dict[str, int | bool]:
        """Its positions."""
