"""Runs a kernel on an event loop: calls in, outcomes out when they are durable."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from usernel.abi.errno import Errno
from usernel.journal.port import Journal, JournalError, JournalFullError
from usernel.kernel.call import Call
from usernel.kernel.kernel import Kernel
from usernel.kernel.outputs import Output
from usernel.kernel.task import Task
from usernel.syscalls.row import Row

from .codec import encode
from .isolated import isolated
from .recovery import Progress
from .streams import Streams

OnDone = Callable[[Call], None]
OnFailed = Callable[[JournalError], None]
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
        self.recovery: Progress | None = None
        """How far the recovery is that the runtime's maker is at; until it is done nobody else may act."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._waiting: deque[tuple[int, Callable[[], None], OnFailed]] = deque()
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

    @property
    def unavailable(self) -> str | None:
        """Why no call is let in now: a sentence; None where calls are."""
        if self.recovery is not None:
            return f"the journal is being replayed: {self.recovery.stat()['share']:.0%} done"
        failure = self.journal.failure
        return None if failure is None else f"nothing is acknowledged: {failure}"

    @property
    def lost(self) -> bool:
        """Whether nothing will ever be acknowledged again: the process has to be started anew."""
        failure = self.journal.failure
        return failure is not None and not isinstance(failure, JournalFullError)

    def when_durable(self, position: int, then: Callable[[], None], failed: OnFailed | None = None) -> None:
        """Call ``then`` when the journal has kept this position, at once where it has, else in the order of asking.

        Position 0 has nothing to wait for. ``failed`` is called instead where the journal never will.
        """
        if self.kept(position):
            isolated(then)
        else:
            behind = self._waiting[-1][0] if self._waiting else 0
            self._waiting.append((max(position, behind), then, failed or _unheard))
            self._on_durable()

    async def durable(self, position: int) -> None:
        """Wait until the journal has kept this position. JournalError where it never will."""
        if self.kept(position):
            return
        kept: asyncio.Future[None] = self._loop.create_future()
        self.when_durable(
            position,
            lambda: None if kept.done() else kept.set_result(None),
            lambda error: None if kept.done() else kept.set_exception(error),
        )
        await kept

    def kept(self, position: int) -> bool:
        """Whether what was executed at a position may leave now: it is durable, or nothing depends on it (0)."""
        return not position or (position <= self.journal.durable and not self._waiting)

    def _on_durable(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.journal.durable:
            isolated(self._waiting.popleft()[1])
        failure = self.journal.failure
        while self._waiting and failure is not None and self.lost:
            isolated(self._waiting.popleft()[2], failure)

    def _pump(self) -> None:
        """Hand on everything that the kernel has decided: facts to the journal, then what may leave because of them."""
        kernel = self.kernel
        if facts := kernel.take_facts():
            self.journal.append(kernel.position, lambda: encode(facts))
        for position, output in kernel.take_outputs():
            self._leave(position, self.streams.publish, _withhold_output, output)
        for call in kernel.take_finished():
            if call.whose is not None:
                self._leave(call.position, _report, _withhold, call)
        self._set_timer()

    def _leave(
        self,
        position: int,
        then: Callable[[Any], None],
        failed: Callable[[Any, JournalError], None],
        what: Call | Output,
    ) -> None:
        if self.kept(position):
            isolated(then, what)
        else:
            self.when_durable(position, lambda: then(what), lambda error: failed(what, error))

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

    def recovered(self) -> None:
        """The kernel is where its journal ends: what that brought about is handed on, and calls are let in."""
        self.recovery = None
        self._tell_time()
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


def _unheard(error: JournalError) -> None:
    """Nobody asked to be told."""


def _withhold(call: Call, error: JournalError) -> None:
    call.withheld = error
    _report(call)


def _withhold_output(output: Output, error: JournalError) -> None:
    """Nobody may hear of it: after a restart it may not have happened."""
