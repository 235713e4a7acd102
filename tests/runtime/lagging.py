"""A journal whose disk is as slow as the test says."""

from __future__ import annotations

from collections.abc import Callable

from usernel.journal.port import Chunk, JournalError
from usernel.runtime.codec import decode


class LaggingJournal:
    """Keeps every record, and is durable up to where it was released."""

    def __init__(self) -> None:
        self.records: list[tuple[int, bytes]] = []
        self._durable = 0
        self.failure: JournalError | None = None
        self._listener: Callable[[], None] = lambda: None

    @property
    def durable(self) -> int:
        return self._durable

    @property
    def ephemeral(self) -> bool:
        return False

    @property
    def last(self) -> int:
        return self.records[-1][0] if self.records else 0

    def append(self, position: int, chunk: Chunk) -> None:
        self.records.append((position, chunk()))

    def listen(self, listener: Callable[[], None]) -> None:
        self._listener = listener

    def release(self, position: int | None = None) -> None:
        """Everything up to there is on disk now; None: everything."""
        self._durable = self.last if position is None else position
        self._listener()

    def fail(self, failure: JournalError | None) -> None:
        """Nothing more is kept, for now or for good; None: again it is."""
        self.failure = failure
        self._listener()

    def facts(self) -> list[str]:
        """The names of all facts, in order."""
        return [type(fact).__name__ for _, record in self.records for fact in decode(record)]

    def stat(self) -> dict[str, int | bool]:
        return {"durable": self._durable, "ephemeral": False}
