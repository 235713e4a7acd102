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


@dataclass(slots=True)
class _Fence:
    """A mark behind what was sent before it."""

    passed: threading.Event


class Listener:
    """The requests of one connection. When it is lost, all are told: better once too often than never."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._tokens = count(1)
        self._waiting: dict[int, Told | _Fence] = {}
        self._link.client.call("rt_sigprocmask", how="SIG_BLOCK", set=[CARRIER])

    def request(self, mqdes: int, told: Told) -> int:
        """Register; returns the request's token. KernelError (EBUSY, EBADF), ConnectionLost."""
        token = self._expect(told)
        event = {"sigev_notify": "SIGEV_SIGNAL", "sigev_signo": CARRIER, "sigev_value": token}
        try:
            self._link.client.call("mq_notify", mqdes=mqdes, notification=event)
        except BaseException:
            self._take(token)
            raise
        return token

    def cancel(self, mqdes: int, token: int | None) -> None:
        """Take a request back, if there is one. ConnectionLost."""
        if token is not None:
            self._take(token)
        try:
            self._link.client.call("mq_notify", mqdes=mqdes, notification=None)
        except KernelError:
            return  # the descriptor is closed, and with it the request gone

    def settle(self) -> None:
        """Wait until the signals that this process's calls brought about are here, as on return from a system call."""
        with self._lock:
            signals = any(isinstance(told, int) for told in self._waiting.values())
        if signals:
            fence = _Fence(threading.Event())
            if self._mark(self._expect(fence)):
                fence.passed.wait()

    def _mark(self, token: int) -> bool:
        """Queue a signal behind those that are under way; whether there was room for it."""
        try:
            info = {"si_code": "SI_QUEUE", "si_value": token}
            self._link.client.call("rt_sigqueueinfo", pid=self._link.pid, sig=CARRIER, info=info)
        except (KernelError, ConnectionLost):
            self._take(token)
            return False
        return True

    def run(self) -> None:
        """Tell this process of what comes, until the connection is lost."""
        try:
            while True:
                self._tell(self._next())
        except ConnectionLost:
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

    def _expect(self, told: Told | _Fence) -> int:
        with self._lock:
            token = next(self._tokens)
            self._waiting[token] = told
        return token

    def _take(self, token: int) -> Told | _Fence | None:
        with self._lock:
            return self._waiting.pop(token, None)

    def _tell(self, token: int) -> None:
        told = self._take(token)
        if isinstance(told, _Fence):
            told.passed.set()
        elif isinstance(told, int):
            os.kill(os.getpid(), told)
        elif told is not None:
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
