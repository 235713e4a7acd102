"""What clients asked for and what they were told, in one order: the ticks of a clock that all of them share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from usernel_client import ConnectionLost, KernelError

Item = tuple[int, bytes]
"""A message: its type (System V) or priority (POSIX), and its bytes."""
EXPECTED = frozenset({"EAGAIN", "EEXIST", "EIDRM", "EINTR", "EINVAL", "ENOENT", "ENOMSG", "ETIMEDOUT"})
"""How a call of the load may end without having done anything."""


class Kind(StrEnum):
    OPEN = "open"
    SEND = "send"
    RECEIVE = "receive"
    DRAINED = "drained"
    SET = "set"
    STAT = "stat"
    REMOVE = "remove"


class End(StrEnum):
    ACKED = "acked"
    REFUSED = "refused"
    CUT = "cut"
    """The connection ended first: it was executed or not, but not after that."""


@dataclass(slots=True, eq=False)
class Operation:
    """One call of one client. ``key`` finds a queue and ``queue`` is one: another has that key when it was removed.

    ``messages`` of a send are those that should go, of which ``went`` did, from the first on; of a receive those that
    came, ``asked`` at most. ``value`` is what was set or seen: ``msg_qbytes`` and ``mode``.
    """

    kind: Kind
    key: str
    queue: str | None = None
    messages: tuple[Item, ...] = ()
    went: int = 0
    asked: int = 0
    mtype: int = 0
    value: tuple[int, int] | None = None
    began: int = 0
    ended: int = 0
    end: End = End.CUT
    errno: str = ""

    @property
    def acked(self) -> bool:
        return self.end is End.ACKED

    @property
    def cut(self) -> bool:
        return self.end is End.CUT

    def __str__(self) -> str:
        return f"{self.kind} of {self.queue or self.key} at {self.began}-{self.ended} ({self.errno or self.end})"


class History:
    """Everything that clients did to one data directory."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._now = 0

    def tick(self) -> int:
        self._now += 1
        return self._now

    @contextmanager
    def recorded(self, kind: Kind, key: str, queue: str | None = None, **known: Any) -> Iterator[Operation]:
        """One operation. An errno that may be is an end as others are; the loss of the connection is passed on."""
        operation = Operation(kind, key, queue, began=self.tick(), **known)
        self.operations.append(operation)
        try:
            yield operation
            operation.end = End.ACKED
        except (KernelError, TimeoutError) as error:
            operation.end, operation.errno = End.REFUSED, getattr(error, "name", "ETIMEDOUT")
            if operation.errno not in EXPECTED:
                raise
        except ConnectionLost:
            operation.end = End.CUT
            raise
        finally:
            operation.ended = self.tick()

    def drained(self, receive: Operation) -> None:
        """A receive that did not wait found nothing, and nobody else was receiving."""
        self.operations.append(replace(receive, kind=Kind.DRAINED, end=End.ACKED, errno=""))

    def write(self, path: Path) -> None:
        """One JSON object a line, for whoever has to find out."""
        with path.open("w", encoding="utf-8") as file:
            for operation in self.operations:
                print(json.dumps(asdict(operation), default=lambda data: data.decode("latin-1")), file=file)
