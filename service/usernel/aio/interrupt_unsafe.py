"""Interrupting system calls that worker threads sleep in: by a signal that nobody else uses.

SIGURG is ignored unless a program asks for it, which Go's runtime makes use of too. While the program has not, its
handler becomes a function of libc that does nothing, without SA_RESTART: the call comes back with EINTR. A program
that handles SIGURG keeps its handler, and calls sleep on.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .workers import Work

AGAIN_S: Final = 0.005
"""After how long a signal is sent again: a call that was just about to begin has missed the one before."""
TGKILL: Final = {"x86_64": 234, "aarch64": 131}


class _Sigaction(ctypes.Structure):
    """``struct sigaction`` of the libc, as far as its handler, with room for the rest."""

    _fields_ = (("handler", ctypes.c_void_p), ("rest", ctypes.c_char * 256))


@lru_cache(1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _armed() -> bool:
    """Whether a signal interrupts, after making it so where nobody handles it."""
    libc, old = _libc(), _Sigaction()
    if platform.machine() not in TGKILL:
        return False
    nothing = ctypes.cast(libc.abs, ctypes.c_void_p).value
    if libc.sigaction(int(signal.SIGURG), None, ctypes.byref(old)):
        return False
    if not old.handler:
        new = _Sigaction(handler=nothing)
        return bool(libc.sigaction(int(signal.SIGURG), ctypes.byref(new), None) == 0)
    return bool(old.handler == nothing)


def _tgkill(tid: int) -> None:
    # By its number in the kernel: a thread that has ended meanwhile is none then, and nothing happens.
    number = ctypes.c_long(TGKILL[platform.machine()])
    _libc().syscall(number, ctypes.c_int(os.getpid()), ctypes.c_int(tid), ctypes.c_int(signal.SIGURG))


class Interrupts:
    """Who is to be interrupted: each is sent signals until its job has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: list[Work] = []
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def add(self, work: Work) -> None:
        """Interrupt this job."""
        with self._lock:
            if work in self._work or self._ended.is_set() or not _armed():
                return
            self._work.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._interrupt, name="usernel-wrk-interrupts", daemon=True)
                self._thread.start()

    def _interrupt(self) -> None:
        while True:
            with self._lock:
                self._work = [work for work in self._work if not work.ended]
                if not self._work:
                    self._thread = None
                    return
                for work in self._work:
                    if work.thread is not None:
                        _tgkill(work.thread)
            self._ended.wait(AGAIN_S)
            if self._ended.is_set():
                return

    def close(self) -> None:
        """Interrupt nobody any more."""
        self._ended.set()
