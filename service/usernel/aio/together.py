"""Calls that few workers make: those of one turn of the loop go to one, and another comes where that one sleeps.

A worker for each call costs more than the call does: the threads fight for the interpreter, and each wakes the loop by
itself. But calls that wait behind one another would wait for one that sleeps, too. So after ``LATE_S`` the loop looks:
what is done is told, and what is left goes on with one worker more.

A busy loop first tries once more itself what was tried in vain, so that the kernel has begun to read it. All else that
is not cached is asked for at once, by ``posix_fadvise(POSIX_FADV_WILLNEED)``, which waits for nothing: one thread keeps
as much in flight at the disk as many would.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Final

from usernel.abi.errno import Errno

from .called import Called, Maker, Part
from .hits import Hits

MOST: Final = 32
"""Calls that begin with one worker."""
AT_ONCE: Final = 2
"""As long as so many groups are under way, what comes waits, so that more goes together: for ``LATE_S`` at most."""
LATE_S: Final = 0.002
BUSY_S: Final = 2 * LATE_S
"""A loop that comes to its calls no sooner has much else to do. A worker would have to fight it for the interpreter
when it comes back from a call, and the disk has long since read what it was asked for."""
SMALL: Final = 64 << 10
"""Of larger reads the kernel reads ahead by itself."""


class Group:
    """Calls that belong together. Whoever makes one, or gives it up, takes it out of ``left``, in one step."""

    __slots__ = ("coming", "done", "left", "made", "parts", "timer", "workers")

    def __init__(self) -> None:
        self.left: deque[Called] = deque()
        self.made = perf_counter()
        self.parts: list[Part] = []
        """What of them can be asked for beforehand."""
        self.done: deque[Called] = deque()
        """Those that were made and not yet told."""
        self.workers = 0
        self.coming: Share | None = None
        """What a worker was sent for last, until it is told that it ended."""
        self.timer: asyncio.TimerHandle | None = None

    def refuse(self, result: int) -> None:
        """On the loop: what has not begun never will; whoever waits for it is told why, by an errno below 0."""
        while self.left:
            self.left.popleft().ended(result)

    def cancel_timer(self) -> None:
        """Nobody looks after it any more."""
        if self.timer is not None:
            self.timer.cancel()

    def tell(self) -> None:
        """On the loop: tell of those that are done."""
        while self.done:
            self.done.popleft().ended(0)


class Share(Called):
    """What one worker makes of a group."""

    __slots__ = ("begun", "group")

    def __init__(self, ctx: Maker, group: Group) -> None:
        super().__init__(ctx, tuple)  # ``run`` is what makes them; a method of its own would keep it for ever
        self.group = group
        self.begun = False
        group.workers += 1
        group.coming = self

    def run(self) -> int:
        """On a worker: make what nobody has taken out."""
        group = self.group
        self.begun = True
        parts, group.parts = group.parts, []
        ask_for(parts)
        while True:
            try:
                called = group.left.popleft()
            except IndexError:
                return 0
            called.run()
            group.done.append(called)


class Together:
    """The groups of one loop's ring. ``start`` has a worker make a share."""

    def __init__(
        self, ctx: Maker, loop: asyncio.AbstractEventLoop, hits: Hits, start: Callable[[Share], object]
    ) -> None:
        self._ctx = ctx
        self._hits = hits
        self._loop = loop
        self._start = start
        self._next: Group | None = None
        self._under_way: set[Group] = set()

    def add(self, called: Called, part: Part | None) -> None:
        """Have a call made; ``part`` says what it reads, if it does only that and nobody has begun to read it."""
        group = self._next
        if group is None:
            group = self._next = Group()
            if len(self._under_way) < AT_ONCE:
                self._loop.call_soon(self._hand_over)
            else:
                self._loop.call_later(LATE_S, self._hand_over)
        called.among = group.left
        group.left.append(called)
        part = part or called.part
        if part is not None and part[2] <= SMALL:
            group.parts.append(part)
        if len(group.left) >= MOST:
            self._hand_over()

    def ended(self, share: Share) -> None:
        """On the loop: a worker has nothing more to do for a group, or none could be had."""
        group = share.group
        group.workers -= 1
        if group.coming is share:
            group.coming = None
        if not group.workers:
            group.refuse(-Errno.EAGAIN)
        group.tell()
        if not (group.workers or group.left) and group in self._under_way:
            self._under_way.discard(group)
            group.cancel_timer()
            if self._next is not None:
                self._loop.call_soon(self._hand_over)  # behind those who have got something, and may want more

    def stat(self) -> dict[str, int]:
        """How many calls wait, and how many groups are under way."""
        return {"waiting": len(self._next.left) if self._next is not None else 0, "under_way": len(self._under_way)}

    def close(self) -> None:
        """Nothing more is begun: whoever waits for what has not begun is told of ECANCELED."""
        waiting, self._next = self._next, None
        for group in (*self._under_way, *((waiting,) if waiting is not None else ())):
            group.cancel_timer()
            group.refuse(-Errno.ECANCELED)

    def tell(self) -> None:
        """Tell of what was done until now."""
        for group in self._under_way:
            group.tell()

    def _hand_over(self) -> None:
        group, self._next = self._next, None
        if group is not None and perf_counter() - group.made > BUSY_S:
            self._make(group)
        if group is not None and group.left:
            self._under_way.add(group)
            self._go_on(group)

    def _make(self, group: Group) -> None:
        """On the loop: make those whose bytes have come since the kernel began to read them."""
        for called in tuple(group.left):
            part = called.part
            if part is not None and part[2] <= SMALL and self._hits.there(*part):
                group.left.remove(called)
                group.parts.remove(part)
                called.run()
                called.ended(0)

    def _go_on(self, group: Group) -> None:
        group.timer = self._loop.call_later(LATE_S, self._look, group)
        self._start(Share(self._ctx, group))

    def _look(self, group: Group) -> None:
        group.tell()
        if group.left and (group.coming is None or group.coming.begun):
            self._go_on(group)
        elif group.workers:
            group.timer = self._loop.call_later(LATE_S, self._look, group)


def ask_for(parts: Iterable[Part]) -> None:
    """Have the disk read all of some parts of files, without waiting for it; unless there is only one."""
    wanted = list(parts)
    for fd, offset, size in wanted if len(wanted) > 1 else ():
        try:
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)
        except (OSError, OverflowError):
            pass  # whoever reads it is told what is wrong with it
