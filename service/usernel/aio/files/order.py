"""One after the other: tasks that use one file in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque


class Order:
    """A lock that is handed from task to task; nobody overtakes who waits."""

    __slots__ = ("_waiting", "held")

    def __init__(self) -> None:
        self.held = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._waiting)

    async def acquire(self) -> None:
        """Wait until it is ours."""
        if not self.held:
            self.held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self.release()  # it was ours already
            raise

    def release(self) -> None:
        """Hand it to the next."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.held = False
