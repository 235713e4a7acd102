"""The thread that tells rings what has come while nobody is in a call on them: as the kernel would, from outside."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from .file import dup_high
from .poller_unsafe import Wait

if TYPE_CHECKING:
    from .port import HostPort


class Pump:
    """Runs until it is closed."""

    def __init__(self, port: HostPort) -> None:
        self._port = port
        fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._stop = dup_high(fd)
        os.close(fd)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="usernel-ring", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # The program's signals are for its own threads, which may wait for them with a mask of their own.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        sleep = Wait(self._port.poller.fileno(), self._stop)
        while not self._stopped:
            sleep(None)
            with self._port.lock:
                if not self._stopped:
                    self._port.poller.process()

    def close(self) -> None:
        """End it, and wait for its end."""
        self._stopped = True
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        os.close(self._stop)
