"""Runs a kernel on an event loop: calls in, outcomes out when they are durable."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from usernel.abi.errno import Errno
from usernel.journal.port import Journal
from usernel.kernel.call import Call
from usernel.kernel.kernel import Kernel
from usernel.kernel.outputs import Output
from usernel.kernel.task import Task
from usernel.syscalls.row import Row

from .codec import encode
from .isolated import isolated
from .streams import Streams

OnDone = Callable[[Call], None]
NSEC_PER_SEC = 1_000_000_000
LONGEST_SLEEP_NS = NSEC_PER_SEC
"""The timer fires this often while anything is due, so that a clock that is set is noticed."""


class Runtime:
    """The owner of one kernel on one event loop.

    Every outcome (also of calls that only read, or failed) and every output carries the log position at its execution
    and leaves when the journal has kept that position; with nothing pending, at once.
    """

    def __init__(self, kernel: Kernel, journal: Journal) -> None:
        self.kernel = kernel
        self.journal = journal
        self.streams = Streams()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        journal.listen(self._on_durable)
        self._tell_time()
        self._pump()

    # ----------------------------------------------------------------------------------------------------------- calls

    def submit(self, task: Task, row: Row, args: Sequence[Any], on_done: OnDone, *, hold: bool = False) -> Call:
        """Let a call of ``task`` in; ``on_done`` is called with it when it is done and its position is durable.

        That may be before this returns. With ``hold`` what it received is still held: ``commit`` or ``abort`` it.
        """
        call = Call(task, row.name, row.act, args, hold=hold, restart=row.restart)
        call.whose = on_done
        self._tell_time()
        self.kernel.submit(call)
        self._pump()
        return call

    async def call(
        self, task: Task, row: Row, args: Sequence[Any], *, hold: bool = False, timeout: float | None = None
    ) -> Call:
        """As ``submit``, and wait until it is done.

        After ``timeout`` seconds in vain it is interrupted, and that is a TimeoutError. Cancelled, it interrupts the
        call and gives back what it holds.
        """
        done: asyncio.Future[Call] = self._loop.create_future()
        call = self.submit(task, row, args, lambda call: None if done.done() else done.set_result(call), hold=hold)
        if done.done():
            return done.result()
        try:
            return await self._wait(call, done, timeout)
        except asyncio.CancelledError:
            self.give_up(call)
            raise

    async def _wait(self, call: Call, done: asyncio.Future[Call], timeout: float | None) -> Call:
        await asyncio.wait([done], timeout=timeout)
        if done.done():
            return done.result()
        self.interrupt(call)
        await done
        # What reached the call at the last moment, or a batch that had begun, counts; only waiting in vain does not.
        if call.error is not None and call.error.number is Errno.EINTR:
            raise TimeoutError(f"{call.name} waited {timeout:g} s in vain")
        return call

    def interrupt(self, call: Call) -> None:
        """End a sleeping call with EINTR; one that is done returns its result as it would have."""
        self._tell_time()
        self.kernel.interrupt(call)
        self._pump()

    def give_up(self, call: Call) -> None:
        """Nobody waits for this call any more: interrupt it, and give back what it holds."""
        call.whose = None
        self.interrupt(call)
        self.abort(call)

    def commit(self, call: Call) -> bool:
        """The outcome of a call with ``hold`` is about to be written: what it received leaves its queue.

        False where it was given back before (its task was killed): the call has an ``error`` then. The outcome may
        leave ``when_durable(call.position)``.
        """
        self._tell_time()
        committed = self.kernel.commit(call)
        self._pump()
        return committed

    def abort(self, call: Call) -> None:
        """The outcome cannot be written: what the call holds goes back to its place."""
        if call.held is not None:
            self._tell_time()
            self.kernel.abort(call)
            self._pump()

    def exit(self, task: Task, *, status: int = 0, signo: int = 0) -> None:
        """End a task."""
        self._tell_time()
        self.kernel.exit(task, status=status, signo=signo)
        self._pump()

    # ------------------------------------------------------------------------------------------------------ durability

    def when_durable(self, position: int, then: Callable[[], None]) -> None:
        """Call ``then`` when the journal has kept this position, at once where it has, else in the order of asking."""
        if position <= self.journal.durable and not self._waiting:
            isolated(then)
        else:
            self._waiting.append((max(position, self._waiting[-1][0] if self._waiting else 0), then))
            self._on_durable()

    async def durable(self, position: int) -> None:
        """Wait until the journal has kept this position."""
        if position <= self.journal.durable and not self._waiting:
            return
        kept: asyncio.Future[None] = self._loop.create_future()
        self.when_durable(position, lambda: None if kept.cancelled() else kept.set_result(None))
        await kept

    def _on_durable(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.journal.durable:
            isolated(self._waiting.popleft()[1])

    def _pump(self) -> None:
        """Hand on everything that the kernel has decided: facts to the journal, then what may leave because of them."""
        kernel = self.kernel
        if facts := kernel.take_facts():
            self.journal.append(kernel.position, lambda: encode(facts))
        for position, output in kernel.take_outputs():
            self._leave(position, self.streams.publish, output)
        for call in kernel.take_finished():
            if call.whose is not None:
                self._leave(call.position, _report, call)
        self._set_timer()

    def _leave(self, position: int, then: Callable[[Any], None], what: Call | Output) -> None:
        if not self._waiting and position <= self.journal.durable:
            isolated(then, what)
        else:
            self.when_durable(position, lambda: then(what))

    # ------------------------------------------------------------------------------------------------------------ time

    def _tell_time(self) -> None:
        self.kernel.set_clocks(time.time_ns(), time.monotonic_ns())

    def _set_timer(self) -> None:
        left = self.kernel.next_deadline_in()
        if left is None:
            return
        at = self.kernel.monotonic_ns + min(left, LONGEST_SLEEP_NS)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(min(left, LONGEST_SLEEP_NS) / NSEC_PER_SEC, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.kernel.tick(time.time_ns(), time.monotonic_ns())
        self._pump()

    def close(self) -> None:
        """Stop the timer. What sleeps is interrupted, so that whoever waits is told."""
        for task in list(self.kernel.tasks.values()):
            for call in list(task.parked):
                self.interrupt(call)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stat(self) -> dict[str, Any]:
        """The kernel's counts, the journal's positions, and what waits for them."""
        return {**self.kernel.stat(), "journal": self.journal.stat(), "waiting": len(self._waiting)}


def _report(call: Call) -> None:
    if call.whose is not None:
        call.whose(call)
