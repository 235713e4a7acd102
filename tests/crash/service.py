"""The service in a process of its own: started, asked whether it is ready, killed, and what was left of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.cli.command import USERNEL, environment

from .doom import Doom

DEADLINE = 30.0
NEWS = re.compile(r"^\S+ (DEBUG|INFO) ")
PEER = 1_000_000
"""Bytes of a message to or from the nursery, at most."""


class ServiceError(AssertionError):
    """A service that did not start, or complained."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where a life happens: the journal, the settings, and what services said."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def words(self) -> list[str]:
        """The command that serves it."""
        config = str(self.path / "usernel.toml")
        return ["serve", "--port", "0", "--data-dir", str(self.data), "--config", config]

    def make(self, snapshot_bytes: int) -> None:
        self.path.mkdir(parents=True)
        (self.path / "usernel.toml").write_text(f"snapshot_bytes = {snapshot_bytes}\n")


class Nursery:
    """A process that has loaded everything already, and forks services: each starts in no time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(DEADLINE)
        command = [sys.executable, "-m", "tests.crash.doomed", str(theirs.fileno())]
        self._process = subprocess.Popen(command, env=environment(), pass_fds=[theirs.fileno()])
        theirs.close()

    def fork(self, doom: Doom | None, words: list[str], out: int, err: int) -> int:
        """Start a service, doomed or not; its pid."""
        asked = json.dumps({"doom": doom and str(doom), "words": words}).encode()
        socket.send_fds(self._socket, [asked], [out, err])
        return int(self._socket.recv(PEER))

    def status(self, pid: int) -> int:
        """How a service that is dead ended, as ``Popen.returncode`` tells it."""
        self._socket.send(json.dumps({"reap": pid}).encode())
        return int(self._socket.recv(PEER))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.wait(DEADLINE)


class Service:
    """A running service; ``url`` is None where it died before it said where it is."""

    def __init__(self, directory: Directory, nursery: Nursery | None, doom: Doom | None = None) -> None:
        self._nursery = nursery
        self._popen: subprocess.Popen[bytes] | None = None
        self._errors = directory.path / "stderr"
        out, theirs = os.pipe()
        with self._errors.open("wb") as err, os.fdopen(out, "rb") as said:
            try:
                self.pid = self._start(directory.words, doom, theirs, err.fileno())
            finally:
                os.close(theirs)
            self.pidfd = os.pidfd_open(self.pid)
            self.url = self._announced(said)

    def _start(self, words: list[str], doom: Doom | None, out: int, err: int) -> int:
        if self._nursery is not None:
            return self._nursery.fork(doom, words, out, err)
        self._popen = subprocess.Popen([*USERNEL, *words], stdout=out, stderr=err, env=environment())
        return self._popen.pid

    def _announced(self, said: Any) -> str | None:
        ready, _, _ = select.select([said], [], [], DEADLINE)
        if not ready:
            self.kill()
            raise ServiceError(f"the service said nothing in {DEADLINE:g} s")
        line = said.readline().decode()
        return line.split()[-1] if line else None

    @property
    def dead(self) -> bool:
        return self.died(0)

    def died(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        return bool(select.select([self.pidfd], [], [], seconds)[0])

    @property
    def complaint(self) -> str:
        """What it wrote to stderr that is worse than news."""
        lines = self._errors.read_text("utf-8", "replace").splitlines()
        return "\n".join(line for line in lines if not NEWS.search(line))

    def readyz(self) -> tuple[int, dict[str, Any]]:
        """``GET /readyz``: the status, and what it shows."""
        where = urlsplit(self.url or "")
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        if not self.dead:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def terminate(self) -> None:
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM; how it ended."""
        self.terminate()
        return self.ended()

    def ended(self) -> int:
        """Wait for its end: as ``Popen.returncode`` tells it."""
        if not self.died(DEADLINE):
            self.kill()
            raise ServiceError(f"the service did not end in {DEADLINE:g} s")
        os.close(self.pidfd)
        if self._popen is not None:
            return self._popen.wait()
        assert self._nursery is not None
        return self._nursery.status(self.pid)
