"""The gateway as a target: the host's processes, whose queue calls are trapped and served by a kernel of ours.

A world is one of ``native``'s under the filter of ``usernel run``, with a supervisor of its own. That can be asked who
sleeps, and holds its kernel to our invariants whenever nothing moves.
"""

from __future__ import annotations

import errno
import functools
import os
import platform
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from usernel.abi.seccomp import AUDIT_ARCH
from usernel.gateway import run
from usernel.gateway.filter import program
from usernel.gateway.launch_unsafe import REFUSALS
from usernel.gateway.notify_unsafe import install
from usernel.gateway.proc import TARGETS
from usernel.gateway.process import signal_pending

from ..linux import F_GETFL
from . import native
from .gateway_supervisor import be_supervisor
from .wire import receive, send

O_LARGEFILE = 0o100000
"""What every open(2) of a 64-bit host sets, also that of the pipe that stands for a queue, and mq_open(2) does not."""
TRAPPED = (*run.SERVED, *run.HANDED_ON, *run.ON_THE_HOST)


class Gateway:
    """The driver's end of a supervisor, which is a process of its own."""

    def __init__(self, listener: int, files: Sequence[int]) -> None:
        self.sleeping: set[int] = set()
        self._control, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._control.close()
            be_supervisor(listener, theirs, files)
        theirs.close()
        for fd in (listener, *files):
            os.close(fd)

    def rest(self) -> None:
        """Let it hear of all that has happened; whose calls sleep then is in ``sleeping``."""
        send(self._control, None)
        sleeping, broken = receive(self._control)
        assert not broken, f"the supervisor failed:\n{broken}"
        self.sleeping = set(sleeping)

    def stat(self, pid: int, fd: int) -> dict[str, Any] | None:
        """What its kernel says of the queue of a descriptor; None where that is none."""
        send(self._control, (pid, fd))
        found: dict[str, Any] | None = receive(self._control)
        return found

    def close(self) -> None:
        """End it: nobody is under its filter any more."""
        self._control.close()
        os.waitpid(self._pid, 0)


class Process(native.Process):
    """A worker whose queue calls sleep in the supervisor."""

    def __init__(self, gateway: Gateway, stream: socket.socket) -> None:
        super().__init__(stream)
        self._gateway = gateway

    def _sleeps(self) -> bool:
        self._gateway.rest()
        if self.answer is not None or self.call not in TRAPPED:
            return super()._sleeps()
        try:
            return self._stopped() or (self.host_pid in self._gateway.sleeping and not signal_pending(self.host_pid))
        except (FileNotFoundError, ProcessLookupError):
            return False

    def _stopped(self) -> bool:
        return os.pread(self._stat, 256, 0).rpartition(b") ")[2].startswith(b"T")


class GatewayWorld(native.NativeWorld):
    """The driver of one world."""

    def __init__(self, hub: native.Hub) -> None:
        try:
            super().__init__(hub)
        except BaseException:
            self._gateway.close()
            raise

    def _begun(self, init: socket.socket) -> None:
        _, (listener, *files), _, _ = socket.recv_fds(init, 64, 1 + len(TARGETS))
        self._gateway = Gateway(listener, files)

    def _accepted(self) -> native.Process:
        return self._hub.accept("task", functools.partial(Process, self._gateway))

    def begin(self, key: int, name: str, args: dict[str, Any]) -> None:
        """Start a call. What fstat(2) finds is the host's pipe; the case is told what our kernel has instead."""
        super().begin(key, name, args)
        answer = self._processes[key].answer or {}
        if name == "fstat" and "ret" in answer:
            answer["out"] = self._gateway.stat(key, args["fd"]) or answer["out"]
        if name == "fcntl" and args["cmd"] == F_GETFL and "ret" in answer:
            answer["ret"] &= ~O_LARGEFILE

    def close(self) -> None:
        """End the world, then the supervisor."""
        try:
            super().close()
        finally:
            self._gateway.close()


def trapping() -> bytes:
    """The filter of ``usernel run``."""
    machine = platform.machine()
    return program(AUDIT_ARCH[machine], [run._number(name, machine) for name in TRAPPED])


@contextmanager
def world(made: native.Hub, *, in_order: bool = True, proc: bool = False) -> Iterator[GatewayWorld]:
    """A fresh world; ``in_order`` as for ``native.world``, ``proc`` as ``usernel run`` has it."""
    mounts = [(str(path), mode) for path, mode in TARGETS] if proc else []
    made.order(in_order=in_order, trapped=trapping(), mounts=mounts)
    driver = GatewayWorld(made)
    try:
        yield driver
    finally:
        driver.close()


@functools.cache
def refusal() -> str:
    """Why no program of this machine can be served; empty where it can."""
    if platform.machine() not in AUDIT_ARCH:
        return f"the system calls of {platform.machine()} are not known"
    pid = os.fork()
    if pid == 0:
        os._exit(_installs())
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return REFUSALS.get(number, os.strerror(number)) if number else ""


def _installs() -> int:
    """The errno with which the host refuses the filter; 0 where it takes it."""
    try:
        install(trapping())
    except OSError as error:
        return error.errno or errno.EIO
    return 0
