"""Running a program, under ``usernel run`` and as the host runs it."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.cli.command import DEADLINE, USERNEL, environment

PROGRAMS = Path(__file__).parent / "programs"
PEER = 100


def program(name: str, *args: str) -> tuple[str, ...]:
    """A program of this folder, as a command."""
    return (sys.executable, str(PROGRAMS / f"{name}.py"), *args)


def on_host(command: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """As the host runs it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **how)


def on_host_apart(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """As the host runs it in an IPC namespace of its own, where that is allowed: what it leaves goes with it."""
    apart = shutil.which("unshare") is not None and on_host(["unshare", "--ipc", "true"]).returncode == 0
    return on_host(["unshare", "--ipc", *command] if apart else command)


def commanded(command: Sequence[str], *options: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """As ``usernel run`` runs it, which is started as a user starts it."""
    return on_host([*USERNEL, "run", *options, "--", *command], env=environment(), **how)


class Nursery:
    """A process that has loaded everything already, and forks ``usernel run``."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(DEADLINE)
        with theirs:
            command = [sys.executable, "-m", "tests.gateway.nursery_unsafe", str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=environment(), pass_fds=[theirs.fileno()])

    def fork(self, request: dict[str, Any], fds: Sequence[int]) -> int:
        """Start one with these as its streams; its pid."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], list(fds))
        return int(self._socket.recv(PEER))

    def status(self, pid: int) -> int:
        """How one that is dead ended, as ``Popen.returncode`` tells it."""
        self._socket.send(json.dumps({"reap": pid}).encode())
        return int(self._socket.recv(PEER))

    def close(self) -> None:
        self._socket.close()
        self._process.wait(DEADLINE)


@functools.cache
def nursery() -> Nursery:
    """The one of this process."""
    made = Nursery()
    atexit.register(made.close)
    return made


class Running:
    """One ``usernel run``, in a session of its own."""

    def __init__(
        self,
        fds: Sequence[int],
        words: Sequence[str],
        cwd: Path | None = None,
        uid: int | None = None,
        *,
        no_getfd: bool = False,
    ) -> None:
        request = {"words": words, "cwd": str(cwd or Path.cwd()), "env": environment(), "uid": uid}
        self.pid = nursery().fork({**request, "no_getfd": no_getfd}, fds)
        self._pidfd = os.pidfd_open(self.pid)
        self._status: int | None = None

    @property
    def supervisor(self) -> int:
        """The pid of its only child."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii"))

    @property
    def state(self) -> str:
        """As ps(1) has it: ``T`` where it is stopped."""
        return state_of(self.pid)

    def ended(self, seconds: float) -> bool:
        """Whether it ends within some time."""
        return bool(select.select([self._pidfd], [], [], seconds)[0])

    def wait(self, seconds: float = DEADLINE) -> int:
        """How it ended, as ``Popen.returncode`` tells it."""
        if self._status is None:
            assert self.ended(seconds), f"it did not end within {seconds:g} s"
            self._status = nursery().status(self.pid)
        return self._status

    def send_signal(self, signo: int) -> None:
        os.kill(self.pid, signo)

    def end(self) -> None:
        """Kill it, and all of its process group, where it was not waited for: else that is its daemons'."""
        try:
            if self._status is None:
                os.killpg(self.pid, signal.SIGKILL)
                self.wait()
        finally:
            os.close(self._pidfd)


class Piped(Running):
    """One with pipes to and from it."""

    def __init__(self, words: Sequence[str], **how: Any) -> None:
        (stdin, to), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        try:
            super().__init__((stdin, stdout, stderr), words, **how)
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
        self.stdin: IO[str] = os.fdopen(to, "w")
        self.stdout: IO[str] = os.fdopen(out)
        self.stderr: IO[str] = os.fdopen(err)

    def line(self) -> str:
        """The next line that it prints; its complaint where it prints none."""
        line = self.stdout.readline()
        assert line, self.stderr.read()
        return line.removesuffix("\n")

    def say(self, line: str) -> None:
        """Write a line to it."""
        self.stdin.write(f"{line}\n")
        self.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()
        self.stderr.close()


def start(command: Sequence[str], *options: str, **how: Any) -> Piped:
    """As ``usernel run`` runs it, and not waited for."""
    return Piped(["run", *options, "--", *command], **how)


def trapped(
    command: Sequence[str], *options: str, typed: str = "", seconds: float = DEADLINE, **how: Any
) -> subprocess.CompletedProcess[str]:
    """As ``usernel run`` runs it, to its end; ``typed`` is its standard input."""
    words = ["run", *options, "--", *command]
    with (
        tempfile.TemporaryFile("w+") as stdin,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        stdin.write(typed)
        stdin.seek(0)
        running = Running([stream.fileno() for stream in (stdin, out, err)], words, **how)
        try:
            status = running.wait(seconds)
        finally:
            running.end()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, status, out.read(), err.read())


def state_of(pid: int) -> str:
    """What a process does, in a letter; none where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
