"""The loop: take a notification, let the kernel serve the call, answer it; what sleeps is looked after."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from usernel.abi.errno import Errno
from usernel.abi.fcntl import O_ACCMODE, O_NONBLOCK
from usernel.abi.mqueue import SIGEV_THREAD
from usernel.abi.seccomp import ERESTARTNOHAND, ERESTARTSYS, SeccompNotif
from usernel.kernel.call import Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.outputs import MqNotified, Output, SignalDelivered

from .backend import Backend, Served
from .descriptors import Descriptors
from .helper_unsafe import Helpers
from .msg import Request, Trapped
from .notify_unsafe import Listener, queue_signal
from .proc import ProcFiles
from .process import Process, Processes, is_dying, is_full, signal_pending
from .trace import Trace

NOTHING: Final = Request(())
IN_TURN: Final = frozenset({"mq_timedsend", "mq_timedreceive"})
"""Calls in which who is more urgent is served first."""
WATCH_SECONDS: Final = 0.01
"""How often the signals of those are looked at whose calls sleep: nothing else tells of them."""

REAP_SECONDS: Final = 0.02
"""How often what a program left behind is looked for, once it has ended itself."""


class Trap(NamedTuple):
    """One notification that is being served."""

    notif: SeccompNotif
    process: Process
    trapped: Trapped
    request: Request


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
        descriptors: Descriptors,
        helpers: Helpers,
        handed_on: Mapping[int, str],
        trace: Trace,
        proc: ProcFiles | None,
    ) -> None:
        self._listener = listener
        self._backend = backend
        self._calls = calls
        self._descriptors = descriptors
        self._helpers = helpers
        self._handed_on = handed_on
        self._trace = trace
        self._proc = proc
        self.processes = Processes(backend, self._ended)
        backend.on_output = self._output
        self._blocked: dict[Served, Trap] = {}
        self._watching: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()

    async def last_one_gone(self) -> None:
        """Wait until nobody is under the filter any more."""
        poll = select.poll()
        poll.register(self._listener.fd, 0)
        while not poll.poll(0):
            _reap()
            await asyncio.sleep(REAP_SECONDS)

    def close(self) -> None:
        """Nobody is left to be served."""
        self._descriptors.close()
        if self._watching is not None:
            self._watching.cancel()

    def on_readable(self) -> None:
        """Serve the notification that waits."""
        notif = self._listener.receive()
        if notif is None:
            return
        try:
            self._take(notif)
        except Exception:
            self._listener.answer(notif.id, 0, Errno.EIO)  # a bug of ours: nobody is to wait for ever because of it
            raise

    def _take(self, notif: SeccompNotif) -> None:
        trapped = self._calls.get(notif.nr)
        process = self.processes.of(notif.pid, afresh=trapped is not None and trapped.opens)
        if process is None:
            return  # it ended before it was looked at, and nobody waits for an answer
        if trapped is None:
            process.stale = True
            self._trace.passed(process.pid, self._handed_on[notif.nr])
            self._listener.go_on(notif.id)
            return
        if self._proc is not None:
            self._proc.take_written()
            self._proc.touched()
        process.asking = notif.id
        try:
            request = trapped.parse(process, notif.args)
        except KernelError as error:
            self._answer(Trap(notif, process, trapped, NOTHING), 0, error)
        else:
            self._serve(Trap(notif, process, trapped, request))

    def _serve(self, trap: Trap) -> None:
        trapped, request = trap.trapped, trap.request
        if trapped.opens:
            self._descriptors.on_close()  # what was closed before this call is told by another descriptor
            task = asyncio.create_task(self._open(trap))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            return
        if request.queue is not None:
            self._prepare(trap)
        call = self._backend.submit(trap.process.actor, trapped.name, request.args, partial(self._finished, trap))
        if not call.done:
            self._blocked[call] = trap
            self._watch()

    def _prepare(self, trap: Trap) -> None:
        """What is to be known of a POSIX queue before a call on it."""
        if trap.trapped.name == "mq_notify":
            self._descriptors.on_close()  # as above
        elif trap.trapped.name in IN_TURN and (self._blocked or self._backend.shared):
            self._renice(trap)

    def _renice(self, trap: Trap) -> None:
        """Who sleeps on a queue is served by its nice value: as it is when another comes to sleep there."""
        for other in (trap, *self._blocked.values()):
            if other.request.queue is trap.request.queue:
                with suppress(ProcessLookupError):
                    self._backend.renice(other.process.actor, os.getpriority(os.PRIO_PROCESS, other.notif.pid))

    def _finished(self, trap: Trap, call: Served) -> None:
        slept = self._blocked.pop(call, None) is not None
        if slept and call.held and is_dying(trap.notif.pid):
            # It would still take the answer, and never return with it.
            self._settle(trap, call, answered=False)
            return
        if trap.request.queue is not None:
            self._descriptors.learn(trap.request.queue, trap.trapped.name, call)
        if call.error is not None:
            self._asked(trap, taken=False)
            self._answer(trap, 0, call.error, restart=call.restart)
            return
        try:
            assert call.result is not None  # noqa: S101 - it is done and has not failed
            value = trap.trapped.deliver(trap.process, trap.notif.args, call.result, trap.request)
        except KernelError as error:
            # As Linux does: what could not be copied out has left its queue all the same.
            self._settle(trap, call, answered=self._answer(trap, 0, error))
            return
        self._asked(trap, taken=True)
        answered = self._answer(trap, value, None)
        if call.held:
            self._settle(trap, call, answered=answered)

    def _settle(self, trap: Trap, call: Served, *, answered: bool) -> None:
        """What a call received is its caller's, if that took the answer; else it was gone, and nobody has it."""
        if not call.held:
            return
        if answered:
            self._backend.commit(call)
        else:
            self._backend.abort(call)
        if trap.request.queue is not None and (self._backend.shared or not answered):
            self._descriptors.refresh(trap.request.queue)

    def _asked(self, trap: Trap, *, taken: bool) -> None:
        """An mq_notify with SIGEV_THREAD has come to its end: its helper hears from us from now on, or does not."""
        how = trap.request.args[1] if trap.trapped.name == "mq_notify" else None
        if how is None or how[0] != SIGEV_THREAD:
            return
        if taken:
            self._helpers.connect(trap.notif.id, how[2])
        else:
            self._helpers.refuse(how[2])

    def _output(self, actor: Any, output: Output) -> None:
        """The kernel signals a program, and so does its host; or it has something for a helper thread of glibc's."""
        process = self.processes.of_actor(actor)
        if isinstance(output, MqNotified):
            self._helpers.tell(output.sigev_value, removed=output.removed)
        elif isinstance(output, SignalDelivered) and process is not None:
            queue_signal(process.pid, output.info)

    def _ended(self, process: Process) -> None:
        """A program has ended, and is told of nothing any more."""
        self._descriptors.ended(process)
        self._helpers.forget(process.pid)

    async def _open(self, trap: Trap) -> None:
        try:
            await self._opened(trap)
        except Exception:
            self._listener.answer(trap.notif.id, 0, Errno.EIO)  # as above
            raise

    async def _opened(self, trap: Trap) -> None:
        """Open a queue in the kernel, and give the caller a pipe that stands for it."""
        actor, (name, oflag, *_) = trap.process.actor, trap.request.args
        try:
            if name and is_full(trap.process.pid):
                raise KernelError(Errno.EMFILE, "the program has no descriptor left")
            mqdes = (await self._call(actor, "mq_open", trap.request.args)).ret
            out = (await self._call(actor, "fstat", (mqdes,))).out or {}
        except KernelError as error:
            self._answer(trap, 0, error)
            return
        if oflag & O_ACCMODE == O_ACCMODE:
            self._backend.close_fd(mqdes)
            self._answer(trap, 0, KernelError(Errno.EINVAL, "no pipe is open for neither reading nor writing"))
            return
        queue, kept = self._descriptors.adopt(out["st_ino"], name, mqdes, oflag)
        if not kept:
            self._backend.close_fd(mqdes)
        self._descriptors.refresh(queue)
        self._hand_over(trap, queue.pipe.open(oflag & (O_ACCMODE | O_NONBLOCK)))

    def _hand_over(self, trap: Trap, fd: int) -> None:
        try:
            given = self._listener.answer_fd(trap.notif.id, fd, os.O_CLOEXEC)
            shown = -1 if given is None else given
            self._trace.served(trap.process.pid, trap.trapped.name, trap.notif.args, shown, None)
        except OSError as error:
            self._answer(trap, 0, KernelError(Errno(error.errno or Errno.EMFILE), "the program has no descriptor left"))
        finally:
            os.close(fd)

    async def _call(self, actor: Any, name: str, args: Sequence[Any]) -> Return:
        done: asyncio.Future[Served] = asyncio.get_running_loop().create_future()
        self._backend.submit(actor, name, args, done.set_result)
        served = await done
        if served.error is not None:
            raise served.error
        assert served.result is not None  # noqa: S101 - it is done and has not failed
        return served.result

    def _answer(self, trap: Trap, value: int, error: KernelError | None, restart: Restart = Restart.NOHAND) -> bool:
        self._trace.served(trap.process.pid, trap.trapped.name, trap.notif.args, value, error)
        if self._proc is not None:
            self._proc.settle()
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
