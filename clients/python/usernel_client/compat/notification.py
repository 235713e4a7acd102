"""mq_notify(3) for a process whose kernel is elsewhere: a thread that is told, and tells this process.

The task of the connection blocks one signal of its own, which carries a token per request and is waited for; a request
by signal or by function of the program is served from there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from ..errors import ConnectionLost, KernelError
from .link import Link, keep, release

CARRIER: Final = 64
"""The signal between the service and this module; the last of the real-time ones, which queue in order."""

Told = int | tuple[Callable[[Any], object], Any]
"""How the program wants to be told: a signal, or a function and its argument."""


@dataclass(frozen=True, slots=True)
class _Request:
    """How the program wants to be told, and of which queue: its inode."""

    told: Told
    inode: int


class Listener:
    """The requests of one connection. When it is lost, all are told: better once too often than never."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._tokens = count(1)
        self._waiting: dict[int, _Request | threading.Event] = {}
        self._link.client.call("rt_sigprocmask", how="SIG_BLOCK", set=[CARRIER])

    def request(self, mqdes: int, told: Told) -> None:
        """Register, in place of what this process registered before. KernelError (EBUSY, EBADF), ConnectionLost."""
        self.cancel(mqdes)
        token = self._expect(_Request(told, self._inode(mqdes)))
        event = {"sigev_notify": "SIGEV_SIGNAL", "sigev_signo": CARRIER, "sigev_value": token}
        try:
            self._link.client.call("mq_notify", mqdes=mqdes, notification=event)
        except BaseException:
            self._take(token)
            raise

    def cancel(self, mqdes: int) -> None:
        """Take back what this process registered for a queue, by whichever descriptor. KernelError, ConnectionLost."""
        self.forget(mqdes)
        self._link.client.call("mq_notify", mqdes=mqdes, notification=None)

    def forget(self, mqdes: int) -> None:
        """A queue's request is over, as it is when the process closes a descriptor. KernelError, ConnectionLost."""
        if not self._requests():
            return
        inode = self._inode(mqdes)
        for token, request in self._requests().items():
            if request.inode == inode:
                self._take(token)

    def settle(self) -> None:
        """Wait until the signals that this process's calls brought about are here, as on return from a system call."""
        if any(isinstance(request.told, int) for request in self._requests().values()):
            passed = threading.Event()
            if self._mark(self._expect(passed)):
                passed.wait()

    def _mark(self, token: int) -> bool:
        """Queue a signal behind those that are under way; whether there was room for it."""
        try:
            info = {"si_code": "SI_QUEUE", "si_value": token}
            self._link.client.call("rt_sigqueueinfo", pid=self._link.pid, sig=CARRIER, info=info)
        except (KernelError, ConnectionLost):
            self._take(token)
            return False
        return True

    def _inode(self, mqdes: int) -> int:
        status = self._link.client.call("fstat", fd=mqdes).out or {}
        return int(status["st_ino"])

    def run(self) -> None:
        """Tell this process of what comes, until the connection is lost or the task killed."""
        try:
            while True:
                self._tell(self._next())
        except (ConnectionLost, KernelError):
            self._link.lost = True
        finally:
            for token in list(self._waiting):
                self._tell(token)
            release(self._link)

    def _next(self) -> int:
        while True:
            try:
                siginfo = self._link.client.call("rt_sigtimedwait", set=[CARRIER]).out or {}
            except KernelError as error:
                if error.name != "EINTR":
                    raise
            else:
                return int(siginfo["si_value"])

    def _expect(self, what: _Request | threading.Event) -> int:
        with self._lock:
            token = next(self._tokens)
            self._waiting[token] = what
        return token

    def _take(self, token: int) -> _Request | threading.Event | None:
        with self._lock:
            return self._waiting.pop(token, None)

    def _requests(self) -> dict[int, _Request]:
        with self._lock:
            return {token: what for token, what in self._waiting.items() if isinstance(what, _Request)}

    def _tell(self, token: int) -> None:
        what = self._take(token)
        if isinstance(what, threading.Event):
            what.set()
        elif what is not None:
            _tell_program(what.told)


def _tell_program(told: Told) -> None:
    if isinstance(told, int):
        os.kill(os.getpid(), told)
    else:
        function, argument = told
        threading.Thread(target=function, args=(argument,), name="mq_notify", daemon=True).start()


def listener(link: Link) -> Listener:
    """The listener of a link; it starts with the first request."""
    with link.starting:
        if link.listener is None:
            link.listener = Listener(link)
            keep(link)
            threading.Thread(target=link.listener.run, name="usernel_notify", daemon=True).start()
        return link.listener
