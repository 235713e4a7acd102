"""On a terminal: what is typed reaches the program, and ``usernel run`` stops, goes on and ends as it does."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.cli.command import DEADLINE, USERNEL, environment

from .running import Running

pytestmark = pytest.mark.timeout(60)
HANDLED = """
import signal, sys, sysv_ipc
queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
signal.signal(signal.SIGINT, lambda number, frame: None)
print("on", flush=True)
try: queue.receive()
except sysv_ipc.Error: signal.signal(signal.SIGINT, signal.SIG_IGN); sys.exit(7)
"""
AGAIN = """
import os, sysv_ipc
queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX)
print("on", flush=True)
if os.fork(): print("got", queue.receive()[0].decode(), flush=True); os.wait(); os._exit(5)
queue.send(input().encode())
"""


class Screen:
    """The other end of a terminal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.printed = ""

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def shows(self, text: str) -> None:
        """Wait until it does, behind what was waited for before."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.printed:
            assert time.monotonic() < deadline, f"no {text!r} in {self.printed!r}"
            if select.select([self._fd], [], [], 0.1)[0]:
                self.printed += os.read(self._fd, 4096).decode()
        self.printed = self.printed.partition(text)[2]


@contextmanager
def on_terminal(command: Sequence[str]) -> Iterator[tuple[Running, Screen]]:
    ours, theirs = pty.openpty()
    running = Running([theirs, theirs, theirs], ["run", "--", *command])
    os.close(theirs)
    try:
        yield running, Screen(ours)
    finally:
        running.end()
        os.close(ours)


def test_ctrl_c_reaches_a_program_that_sleeps_in_a_queue():
    with on_terminal([sys.executable, "-c", HANDLED]) as (running, screen):
        screen.shows("on\r\n")
        deadline = time.monotonic() + DEADLINE
        while not running.ended(0.5):  # Python's handler may run just before the program sleeps, and wakes nobody then
            assert time.monotonic() < deadline
            screen.type("\x03")
        assert running.wait() == 7


def test_ctrl_c_ends_what_does_not_handle_it_and_ctrl_backslash_too():
    for key, signo in (("\x03", 2), ("\x1c", 3)):
        with on_terminal(["sh", "-c", "ulimit -c 0; echo on; exec sleep 100"]) as (running, screen):
            screen.shows("on\r\n")
            screen.type(key)
            assert running.wait() == -signo


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_job_control():
    """Ctrl-Z stops it in its sleep, ``fg`` lets it go on, and the shell sees how it ends."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment(PS1="> ", TERM="dumb"))
    try:
        screen = Screen(fd)
        screen.shows("> ")
        screen.type(shlex.join([*USERNEL, "run", "--", sys.executable, "-c", AGAIN]) + "\n")
        screen.shows("\r\non\r\n")
        screen.type("\x1a")
        screen.shows("Stopped")
        screen.type("jobs -l; echo and\n")
        screen.shows("\nand\r\n")
        screen.type("fg\n")
        screen.shows("usernel.cli run")
        screen.type("hello\n")
        screen.shows("got hello")
        screen.type("echo status $?\n")
        screen.shows("\nstatus 5\r\n")
        screen.type("exit\n")
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
