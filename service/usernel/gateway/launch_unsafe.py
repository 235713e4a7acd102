"""Starting the program: a child that puts itself under the filter, sends us the listener, and becomes the program."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from .mount_unsafe import mount_new
from .notify_unsafe import install

GO: Final = b"go"
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
NOT_TRAPPED: Final = 125
REFUSALS: Final = {
    errno.EBUSY: "this is run by another `usernel run` already, and a tree of processes has one at most",
    errno.EPERM: "an outer seccomp filter or security module forbids it",
    errno.ENOSYS: "the host knows no seccomp(2)",
    errno.EINVAL: "the host is older than Linux 5.19, or its seccomp(2) has no user notification",
}
"""Why seccomp(2) may refuse, for people."""
RESTORED: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What Python or we ignore or handle and a program expects as it was."""


class LaunchError(Exception):
    """The program cannot be started: a sentence."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A process under the filter that becomes the program when it is told to ``go``; else it ends."""

    pid: int
    listener: int
    files: Sequence[int]
    _waiting: socket.socket

    def go(self) -> None:
        """Let it become the program, unless it was killed already."""
        with suppress(BrokenPipeError):
            self._waiting.send(GO)
        self._waiting.close()

    def give_up(self) -> None:
        """Let it end."""
        self._waiting.close()
        os.waitpid(self.pid, 0)


def launch(
    program: bytes, command: Sequence[str], mounts: Sequence[tuple[Path, int]], ignored: Collection[int] = ()
) -> Launched:
    """Put a process under a filter, ready to become a command. LaunchError where the host refuses.

    ``mounts`` are paths at which it finds new files, of these modes: ``files`` are their descriptors. ``ignored`` are
    the signals that it is to ignore.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        pid = os.fork()
        if pid == 0:
            ours.close()
            _become(theirs, program, command, mounts, ignored)
        theirs.close()
        data, fds, _, _ = socket.recv_fds(ours, 256, 1 + len(mounts))
        if not fds:
            ours.close()
            os.waitpid(pid, 0)
            raise LaunchError(f"the host does not let a program be run so: {data.decode() or 'it ended at once'}")
        return Launched(pid, fds[0], fds[1:], ours)


def _become(
    to_parent: socket.socket,
    program: bytes,
    command: Sequence[str],
    mounts: Sequence[tuple[Path, int]],
    ignored: Collection[int],
) -> NoReturn:
    """Never return into what was forked, whatever happens."""
    try:
        for signo in RESTORED:
            signal.signal(signo, signal.SIG_IGN if signo in ignored else signal.SIG_DFL)
        files = mount_new(mounts) if mounts else []
        listener = install(program)
        socket.send_fds(to_parent, [b"listener"], [listener, *files])
        for fd in (listener, *files):
            os.close(fd)
        if to_parent.recv(len(GO)) != GO:
            os._exit(NOT_TRAPPED)
        to_parent.close()
    except OSError as error:
        to_parent.send(REFUSALS.get(error.errno or 0, str(error.strerror or error)).encode())
        os._exit(NOT_TRAPPED)
    except BaseException as error:  # noqa: BLE001 - what was forked must not go on as its parent
        to_parent.send(f"a bug in usernel: {error!r}".encode()[:256])
        os._exit(NOT_TRAPPED)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - the user's own command
    except FileNotFoundError:
        os.write(2, f"usernel: {command[0]}: command not found\n".encode())
        os._exit(NOT_FOUND)
    except OSError as error:
        os.write(2, f"usernel: {command[0]}: {error.strerror}\n".encode())
        os._exit(NOT_EXECUTABLE)
