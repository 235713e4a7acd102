"""The supervisor of one world, as ``usernel run`` has one, in a process that also tells the driver who sleeps."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from usernel.gateway import run
from usernel.gateway.embedded import Embedded
from usernel.gateway.notify_unsafe import Listener
from usernel.gateway.proc import SETTLE_SECONDS, ProcFiles
from usernel.gateway.supervisor import Supervisor
from usernel.gateway.trace import Trace
from usernel.kernel.error import KernelError

from .invariants import check
from .wire import receive, send

TURNS = 3
"""Of the loop: in one it hears of what happened, in the next it does what it then decided."""


class Attendant:
    """Answers the driver: the threads whose calls sleep, or what went wrong; or what is known of a descriptor."""

    def __init__(
        self, control: socket.socket, backend: Embedded, supervisor: Supervisor, proc: ProcFiles | None
    ) -> None:
        self._control = control
        self._backend = backend
        self._supervisor = supervisor
        self._proc = proc
        self._broken: list[str] = []
        self._loop = asyncio.get_running_loop()
        self.left = asyncio.Event()
        self._loop.set_exception_handler(self._failed)
        self._loop.add_reader(control.fileno(), self._asked)

    def _failed(self, _: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        lines = traceback.format_exception(error) if error is not None else [str(context)]
        self._broken.append("".join(lines))

    def _asked(self) -> None:
        try:
            question = receive(self._control)
        except EOFError:
            self._loop.remove_reader(self._control.fileno())
            self.left.set()
        else:
            self._loop.call_soon(self._turn, TURNS, question)

    def _turn(self, left: int, question: tuple[int, int] | None) -> None:
        if self._proc is not None and self._proc._due:
            self._loop.call_later(SETTLE_SECONDS, self._turn, left, question)
        elif left:
            self._loop.call_soon(self._turn, left - 1, question)
        else:
            send(self._control, self._rest() if question is None else self._stat(*question))

    def _stat(self, pid: int, fd: int) -> dict[str, Any] | None:
        """What our kernel says of the queue of a descriptor; None where that is none."""
        process = self._supervisor.processes.of(pid)
        try:
            mqdes = self._supervisor._descriptors.find(process, fd).handle.mqdes if process is not None else -1
            call = self._backend.submit(None, "fstat", (mqdes,), lambda _: None)
        except KernelError:
            return None
        return dict(call.result.out) if call.result is not None else None

    def _rest(self) -> tuple[list[int], str]:
        try:
            check(self._backend.kernel, self._backend._spaces.values())
        except AssertionError:
            self._broken.append(traceback.format_exc())
        return [trap.notif.pid for trap in self._supervisor._blocked.values()], "\n".join(self._broken)


async def serve(listener: int, control: socket.socket, files: Sequence[int]) -> None:
    """Serve what is trapped until the driver goes away."""
    backend = Embedded.begin()
    proc = ProcFiles(files, backend) if files else None
    job = run.Job((), None, None, Trace(), proc=proc is not None, summary=lambda trace, processes: None)
    supervisor = run._supervisor(Listener(listener), backend, platform.machine(), job, proc)
    await Attendant(control, backend, supervisor, proc).left.wait()


def be_supervisor(listener: int, control: socket.socket, files: Sequence[int]) -> NoReturn:
    """In a child of the tests: nothing else of them goes on in here."""
    try:
        asyncio.run(serve(listener, control, files))
    except BaseException:  # noqa: BLE001 - see above
        traceback.print_exc()
    finally:
        os._exit(0)
