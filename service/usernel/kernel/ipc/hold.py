"""Receiving in two steps: hold, then commit or abort. One mechanism for both families.

A held message is invisible to receivers, keeps its place, and still counts in its queue. At commit it leaves the queue
(the fact, the times and the room); at abort it is visible again where it was. In process both are one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ..facts import Body

if TYPE_CHECKING:
    from ..kernel import Kernel


Message = tuple[int, Body]
"""A message in its queue: its place (``seq``), and what was sent. Places only grow.

Plain tuples, and what was sent as it came: many at once is where the speed is, and no line of Python runs for each.
"""
SEQ: Final = itemgetter(0)
BODY: Final = itemgetter(1)
DATA: Final = itemgetter(1)
"""Of a body: its bytes."""


def place(seq: int, bodies: Sequence[Body]) -> Iterator[Message]:
    """Messages out of what was sent, in places from ``seq`` on."""
    return zip(range(seq, seq + len(bodies)), bodies, strict=True)


def size_of(bodies: Iterable[Body]) -> int:
    """How many bytes they have."""
    return sum(map(len, map(DATA, bodies)))


Q = TypeVar("Q")


class Hold(Generic[Q]):
    """Messages of one queue in the hands of one receiver; it ends once, by ``commit`` or ``abort``."""

    __slots__ = ("_abort", "_commit", "messages", "queue", "settled")

    def __init__(
        self,
        queue: Q,
        messages: list[Message],
        commit: Callable[[Kernel, Q, list[Message], int], None],
        abort: Callable[[Kernel, Q, list[Message]], None],
    ) -> None:
        self.queue = queue
        self.messages = messages
        self.settled = False
        self._commit = commit
        self._abort = abort

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return size_of(map(BODY, self.messages))

    def commit(self, kernel: Kernel, pid: int) -> None:
        """The receiver has them: they leave the queue, received by task ``pid``."""
        if not self.settled:
            self.settled = True
            self._commit(kernel, self.queue, self.messages, pid)

    def abort(self, kernel: Kernel) -> None:
        """The receiver vanished: they are back in their places, and the next receiver gets them."""
        if not self.settled:
            self.settled = True
            self._abort(kernel, self.queue, self.messages)
