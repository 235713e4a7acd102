"""Starting the program: a child that puts itself under the filter, sends us the listener, and becomes the program."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from typing import Final, NoReturn

from .notify_unsafe import install

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
NOT_TRAPPED: Final = 125
RESTORED: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT)
"""What Python ignores or handles and a program expects as it was."""


class LaunchError(Exception):
    """The program cannot be started: a sentence."""


def launch(program: bytes, command: Sequence[str]) -> tuple[int, int]:
    """Start a command under a filter; its pid, and the listener's descriptor. LaunchError where the host refuses."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            ours.close()
            _become(theirs, program, command)
        theirs.close()
        data, fds, _, _ = socket.recv_fds(ours, 256, 1)
        if not fds:
            os.waitpid(pid, 0)
            raise LaunchError(f"the host does not let a program be trapped: {data.decode() or 'it ended at once'}")
        return pid, fds[0]


def _become(to_parent: socket.socket, program: bytes, command: Sequence[str]) -> NoReturn:
    """Never return into what was forked, whatever happens."""
    try:
        for signo in RESTORED:
            signal.signal(signo, signal.SIG_DFL)
        listener = install(program)
        socket.send_fds(to_parent, [b"listener"], [listener])
        os.close(listener)
        to_parent.close()
    except OSError as error:
        to_parent.send(str(error.strerror or error).encode())
        os._exit(NOT_TRAPPED)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - the user's own command
    except FileNotFoundError:
        os.write(2, f"usernel: {command[0]}: command not found\n".encode())
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"usernel: {command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_EXECUTABLE)
