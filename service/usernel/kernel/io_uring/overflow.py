"""Completions that had no room in the ring: kept until it has, none lost (IORING_FEAT_NODROP)."""

from __future__ import annotations

from collections import deque

from .sqe import Cqe


class Overflow:
    """The backlog (``cq_overflow_list``), oldest first."""

    __slots__ = ("_backlog",)

    def __init__(self) -> None:
        self._backlog: deque[Cqe] = deque()

    def __len__(self) -> int:
        return len(self._backlog)

    @property
    def first(self) -> Cqe:
        """The oldest."""
        return self._backlog[0]

    def append(self, cqe: Cqe) -> None:
        """Put one behind the others."""
        self._backlog.append(cqe)

    def pop(self) -> Cqe:
        """Take the oldest out."""
        return self._backlog.popleft()

    def clear(self) -> None:
        """Drop them all: the ring is gone."""
        self._backlog.clear()
