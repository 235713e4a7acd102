"""The journal that keeps nothing: everything is durable at once, and gone with the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .port import Chunk


class MemoryJournal:
    """A journal for services that are started with ``--ephemeral``."""

    __slots__ = ("_durable",)

    def __init__(self) -> None:
        self._durable = 0

    @property
    def durable(self) -> int:
        """The last position appended."""
        return self._durable

    @property
    def ephemeral(self) -> bool:
        """Yes."""
        return True

    @property
    def failure(self) -> None:
        """It never fails."""

    def append(self, position: int, chunk: Chunk) -> None:  # noqa: ARG002 - it keeps nothing
        """Forget facts at once."""
        self._durable = position

    def listen(self, listener: Callable[[], None]) -> None:
        """Nothing is ever waited for."""

    def stat(self) -> dict[str, Any]:
        """Its position."""
        return {"durable": self._durable, "ephemeral": True}
