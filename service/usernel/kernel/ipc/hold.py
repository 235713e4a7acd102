"""Receiving in two steps: hold, then commit or abort. One mechanism for both families.

A held message is invisible to receivers, keeps its place, and still counts in its queue. At commit it leaves the queue
(the fact, the times and the room); at abort it is visible again where it was. In process both are one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ..facts import Body

if TYPE_CHECKING:
    from ..kernel import Kernel


class Message(NamedTuple):
    """A message in its queue: its place, its type or priority, its bytes. Places only grow."""

    seq: int
    kind: int
    data: bytes


_NEW = partial(tuple.__new__, Message)


def place(seq: int, bodies: Sequence[Body]) -> Iterator[Message]:
    """Messages out of what was sent, in places from ``seq`` on."""
    # Many at once is where the speed is: no line of Python runs for each of them.
    kinds, data = map(itemgetter(0), bodies), map(itemgetter(1), bodies)
    return map(_NEW, zip(range(seq, seq + len(bodies)), kinds, data, strict=True))


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
        return sum(map(len, map(itemgetter(2), self.messages)))

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
