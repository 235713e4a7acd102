"""I/O that is done at once, inside the event loop, because it cannot sleep: and how much of it a turn may have.

A hit costs a tenth of what suspending costs, so a task that reads what is cached never suspends; but then nobody else
runs. Time spent is therefore counted: when a turn of the loop has used up its budget, whoever has just had a hit waits
in a queue. What is counted is time, not operations: a miss costs as much as thirty hits. Each turn goes on with as many
of those that wait as the last ones left time for: two hundred readers that each do "only one more" would be a turn of
their own.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from os import preadv
from time import perf_counter_ns
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.fs import RWF_NOWAIT

from .resident_unsafe import Told, told_by

BUDGET_NS: Final = 300_000
"""How long the I/O of one turn of the loop may take before others run."""
EACH: Final = 8
"""How many of the smallest operations are done between two looks at the clock."""
OWN: Final = 4
"""Operations that a task has all the same, once the budget is used up, before it has to wait. One that did no more in
its step, as a web handler that reads a file, held up nobody; it was the steps of the others that took the time."""
MOST: Final = 256 << 10
"""Bytes that are moved at once: 256 KiB cost 40 us of the loop's time."""
MISSES: Final = 3
"""After so many misses in a row on a file its reads go to a worker at once, but each ``RETRY``-th."""
RETRY: Final = 16
SKEW: Final = 2032
"""Where in its memory ``Hits.view`` begins. What malloc(3) maps begins 16 bytes behind a page, and to copy pages there
takes eight times as long as anywhere else: each store is taken for one to what the next load reads (4K aliasing)."""
TURNS: Final = 5
"""Of the loop, in which a read that the kernel has begun is tried again before a worker waits for it."""
ASKED: Final = 4
"""Reads of what is not cached that the kernel is asked for in a turn before others wait: one costs the loop 15 to 55
us."""
KNOWN: Final = 4096
"""Files whose misses are remembered."""
NOT_NOW: Final = frozenset({Errno.EAGAIN, Errno.EOPNOTSUPP, Errno.EINVAL})


Writable = bytearray | memoryview
"""What is read into."""


class Hits:
    """What one loop does at once. After each operation its caller asks ``used_up``, and if so awaits ``turn``."""

    __slots__ = (
        "_again", "_asked", "_begun", "_crowded", "_in_memory", "_loop", "_misses", "_own", "_share", "_task",
        "_waiting", "came", "inline", "look", "missed", "scratch", "turns", "until", "view",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.until = 0
        """When the budget of this turn ends (``perf_counter_ns``); 0 where it has not begun."""
        self._begun = self._begin
        self._again = False
        """Whether the next turn begins a budget of its own."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._share = 1
        """How many of those that wait go on in one turn."""
        self._crowded = False
        """Whether somebody has had to wait since this turn's budget began."""
        self._asked = 0
        """For how many reads the kernel was asked in this turn."""
        self._misses: dict[int, int] = {}
        self._in_memory: dict[int, tuple[int, int]] = {}
        """Descriptors of files of a tmpfs, and which these are."""
        self._task: int | None = None
        self._own = 0
        """How often this task has looked since the budget was used up."""
        self.scratch = bytearray(SKEW + MOST)
        self.view = memoryview(self.scratch)[SKEW:]
        """Where bytes are read to that are copied, or only looked at."""
        self.inline = 0
        """Operations that were done at once."""
        self.look = 0
        """How many will have been done at the next look at the clock, where that is not one for each."""
        self.missed = 0
        """Those that were tried at once, in vain."""
        self.came = 0
        """Those that were there when they were tried again."""
        self.turns = 0
        """How often a task had to wait for the next turn."""

    @property
    def used_up(self) -> bool:
        """Whether this turn of the loop has no time left for this task, counted from its first operation on."""
        return self._looks_up(OWN)

    def _looks_up(self, own: int) -> bool:
        if not self.until:
            self.until = perf_counter_ns() + BUDGET_NS
            self._look_again()
            return False
        if perf_counter_ns() < self.until:
            return False
        task = id(asyncio.current_task(self._loop))
        if task != self._task:
            self._task, self._own = task, 0
        self._own += 1
        return self._own > own

    def _look_again(self) -> None:
        if not self._again:
            self._again = True
            self._loop.call_soon(self._begun)

    def _begin(self) -> None:
        """At the beginning of a turn: a new budget, and the next of those that wait, for the turn after this."""
        self.until = 0
        self._task = None
        self._asked = 0
        self._again = False
        if not self._waiting:
            return
        self._look_again()  # before those that go on
        self._share = max(self._share // 2, 1) if self._crowded else min(self._share * 2, KNOWN)
        self._crowded = False
        for _ in range(min(self._share, len(self._waiting))):
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def pause(self) -> None:
        """What a hot path awaits once ``perf_counter_ns() >= until``: begin a budget, or wait for the next turn."""
        if self.used_up:
            await self.turn()

    def used_up_by_each(self) -> bool:
        """What the hottest ask once ``inline >= look``, before they await ``turn``: a look costs each a fraction."""
        self.look = self.inline + EACH
        return self._looks_up(1)

    async def pause_after_many(self) -> None:
        """The same after operations enough to be a task's own."""
        if self.until or self.used_up:
            await self.turn()

    async def come(self) -> None:
        """What a read awaits that the kernel was asked for: the next turn; where many were in this one, its own."""
        self._asked += 1
        self._look_again()
        if self._asked > ASKED:
            await self.turn()
        else:
            await asyncio.sleep(0)

    async def turn(self) -> None:
        """Let the others run: wait until it is our turn again."""
        self.turns += 1
        self._crowded = True
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        self._look_again()
        await waiter

    def now(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        """preadv(2), where it does not sleep. OSError: one of ``NOT_NOW`` where it might."""
        if self._in_memory and self._is_in_memory(fd):
            return preadv(fd, buffers, offset)
        try:
            return preadv(fd, buffers, offset, RWF_NOWAIT)
        except OSError as error:
            if error.errno != Errno.EOPNOTSUPP or told_by(fd) is not Told.TMPFS:
                raise
        if len(self._in_memory) >= KNOWN:
            self._in_memory.clear()
        self._in_memory[fd] = _identity(fd)
        return preadv(fd, buffers, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes | None:
        """Bytes of a file that are cached, as os.pread(fd, size, offset); None where that might sleep. OSError."""
        if size > MOST or (self._misses and self.cold(fd)):
            return None
        view = self.view[:size]
        try:
            got = self.now(fd, (view,), offset)
        except OSError as error:
            self._failed(fd, error)
            return None
        if got < size and got and not self.at_end(fd, offset + got):
            self.miss(fd)
            return None
        if self._misses:
            self._misses.pop(fd, None)
        self.inline += 1
        return bytes(view) if got == size else bytes(view[:got])

    def preadv(self, fd: int, buffers: Sequence[Writable], size: int, offset: int) -> int | None:
        """The same into buffers of ``size`` bytes together, as os.preadv(fd, buffers, offset)."""
        if size > MOST or (self._misses and self.cold(fd)):
            return None
        try:
            got = self.now(fd, buffers, offset)
        except OSError as error:
            self._failed(fd, error)
            return None
        if 0 < got < size and not self.at_end(fd, offset + got):
            self.miss(fd)
            return None
        if self._misses:
            self._misses.pop(fd, None)
        self.inline += 1
        return got

    def there(self, fd: int, offset: int, size: int) -> bool:
        """Whether all of what was missing is cached now. Not asked of a file that mostly is not."""
        if self._misses.get(fd, 0) >= MISSES or size > MOST:
            return False
        try:
            there = self.now(fd, (self.view[:size],), offset) == size
        except OSError:
            return False
        if there:
            self.came += 1
            self.hit(fd)
        return there

    def at_end(self, fd: int, offset: int) -> bool:
        """Whether a short read was the file's end, not the end of what is cached."""
        try:
            return self.now(fd, (bytearray(1),), offset) == 0
        except OSError:
            return False

    def _failed(self, fd: int, error: OSError) -> None:
        if error.errno not in NOT_NOW:
            raise error
        self.miss(fd)

    def _is_in_memory(self, fd: int) -> bool:
        """Whether it is yet the file of a tmpfs that it was."""
        known = self._in_memory.get(fd)
        if known is None:
            return False
        if known == _identity(fd):
            return True
        del self._in_memory[fd]
        return False

    def miss(self, fd: int) -> None:
        """Something of a file was not cached."""
        self.missed += 1
        if len(self._misses) >= KNOWN:
            self._misses.clear()
        self._misses[fd] = self._misses.get(fd, 0) + 1

    def hit(self, fd: int) -> None:
        """Something of it was."""
        if self._misses:
            self._misses.pop(fd, None)

    def cold(self, fd: int) -> bool:
        """Whether it was not, so often that trying costs more than it gains."""
        if not self._misses:
            return False
        misses = self._misses.get(fd, 0)
        if misses < MISSES:
            return False
        self._misses[fd] = misses + 1
        return bool(misses % RETRY)

    def forget(self, fd: int) -> None:
        """A descriptor is closed: what is known of it says nothing of the next file of that number."""
        self._misses.pop(fd, None)
        self._in_memory.pop(fd, None)

    def stat(self) -> dict[str, int]:
        """How it went."""
        return {"inline": self.inline, "missed": self.missed, "came": self.came, "turns": self.turns}


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
