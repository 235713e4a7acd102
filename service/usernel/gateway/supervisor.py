"""The loop: take a notification, let the kernel serve the call, answer it; what sleeps is looked after."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from usernel.abi.errno import Errno
from usernel.abi.seccomp import ERESTARTNOHAND, ERESTARTSYS, SeccompNotif
from usernel.kernel.call import Restart
from usernel.kernel.error import KernelError

from .backend import Backend, Served
from .msg import Trapped
from .notify_unsafe import Listener
from .process import Process, Processes, signal_pending
from .trace import Trace

WATCH_SECONDS: Final = 0.01
"""How often the signals of those are looked at whose calls sleep: nothing else tells of them."""

REAP_SECONDS: Final = 0.02
"""How often what a program left behind is looked for, once it has ended itself."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One notification that is being served."""

    notif: SeccompNotif
    process: Process
    trapped: Trapped


class Supervisor:
    """Serves the trapped calls of every process under one filter.

    A receive is held until its caller has it: written into its memory, and the answer taken. A caller that is gone by
    then lets the message go back to its place.
    """

    def __init__(
        self,
        listener: Listener,
        backend: Backend,
        calls: Mapping[int, Trapped],
        handed_on: Mapping[int, str],
        trace: Trace,
    ) -> None:
        self._listener = listener
        self._backend = backend
        self._calls = calls
        self._handed_on = handed_on
        self._trace = trace
        self.processes = Processes(backend)
        self._blocked: dict[Served, Trap] = {}
        self._watching: asyncio.TimerHandle | None = None

    async def last_one_gone(self) -> None:
        """Wait until nobody is under the filter any more."""
        poll = select.poll()
        poll.register(self._listener.fd, 0)
        while not poll.poll(0):
            _reap()
            await asyncio.sleep(REAP_SECONDS)

    def on_readable(self) -> None:
        """Serve the notification that waits."""
        notif = self._listener.receive()
        if notif is None:
            return
        process = self.processes.of(notif.pid)
        if process is None:
            return  # it ended before it was looked at, and nobody waits for an answer
        trapped = self._calls.get(notif.nr)
        if trapped is None:
            process.stale = True
            self._trace.passed(process.pid, self._handed_on[notif.nr])
            self._listener.go_on(notif.id)
            return
        self._serve(Trap(notif, process, trapped))

    def _serve(self, trap: Trap) -> None:
        try:
            args = trap.trapped.parse(trap.process, trap.notif.args)
        except KernelError as error:
            self._answer(trap, 0, error)
            return
        call = self._backend.submit(trap.process.actor, trap.trapped.name, args, partial(self._finished, trap))
        if not call.done:
            self._blocked[call] = trap
            self._watch()

    def _finished(self, trap: Trap, call: Served) -> None:
        self._blocked.pop(call, None)
        if call.error is not None:
            self._answer(trap, 0, call.error, restart=call.restart)
            return
        try:
            assert call.result is not None  # noqa: S101 - it is done and has not failed
            value = trap.trapped.deliver(trap.process, trap.notif.args, call.result)
        except KernelError as error:
            # As Linux does: what could not be copied out has left its queue all the same.
            self._backend.commit(call)
            self._answer(trap, 0, error)
            return
        if self._answer(trap, value, None):
            self._backend.commit(call)
        else:
            self._backend.abort(call)

    def _answer(self, trap: Trap, value: int, error: KernelError | None, restart: Restart = Restart.NOHAND) -> bool:
        self._trace.served(trap.process.pid, trap.trapped.name, trap.notif.args, value, error)
        if error is None:
            return self._listener.answer(trap.notif.id, value)
        if error.number is Errno.EINTR:
            # The host's kernel makes EINTR of it, or starts the call again, as the signal's handler says.
            return self._listener.answer(trap.notif.id, 0, ERESTARTSYS if restart is Restart.SYS else ERESTARTNOHAND)
        return self._listener.answer(trap.notif.id, 0, int(error.number))

    # ---------------------------------------------------------------------------------------------------- what sleeps

    def _watch(self) -> None:
        if self._watching is None and self._blocked:
            self._watching = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._look)

    def _look(self) -> None:
        self._watching = None
        for call, trap in list(self._blocked.items()):
            try:
                interrupted = signal_pending(trap.notif.pid)
            except (FileNotFoundError, ProcessLookupError):
                self._blocked.pop(call, None)
                self._backend.give_up(call)
                continue
            if interrupted:
                self._backend.interrupt(call)
        self._watch()


def _reap() -> None:
    """Bury what was left to us, so that it does not keep the filter."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
