"""``usernel serve --data-dir`` in a process of its own, which a bench may kill and start again; where its disk is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.ports import free_port

DIRECTORY = "/var/tmp"
"""Kept across reboots by convention, and so on a disk; the usual directory for temporary files may be memory."""
NO_DISK = frozenset({"tmpfs", "ramfs"})
ROOM = 2**31 - 1
"""Bytes that fit in a queue of a bench: nobody waits for room."""
NEVER = 2**62
"""Bytes of journal that bring about no snapshot."""


@dataclass(frozen=True, slots=True)
class Served:
    """A service that runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether it may be asked, and what ``/readyz`` says; nothing where nobody listens yet."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=60) as response:
                return True, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return False, json.load(error)
        except OSError:
            return False, {}

    def journal(self) -> dict[str, Any]:
        """Its journal's positions and sizes."""
        shown: dict[str, Any] = self.readiness()[1]["journal"]
        return shown

    def wait(self, seconds: float) -> None:
        """Until it may be asked; TimeoutError past so many seconds, RuntimeError where it has ended."""
        ends = time.monotonic() + seconds
        while not self.readiness()[0]:
            if self.process.poll() is not None:
                told = self.log.read_text("utf-8")[-1000:]
                raise RuntimeError(f"usernel serve ended with {self.process.returncode}: {told}")
            if time.monotonic() > ends:
                raise TimeoutError(f"{self.url} was not ready within {seconds:.0f} s")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def rss(self) -> int:
        """Bytes of memory that it has."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def start(directory: Path, snapshot_bytes: int = 0) -> Served:
    """Start a service on the journal in ``directory``; ``wait`` for it. 0: its own default of snapshots."""
    port = free_port()
    command = [sys.executable, "-m", "usernel.cli", "serve", "--port", str(port), "--data-dir", str(directory / "data")]
    if snapshot_bytes:
        config = directory / "settings.toml"
        config.write_text(f"snapshot_bytes = {snapshot_bytes}\n", "utf-8")
        command += ["--config", str(config)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("USERNEL_")}
    log = directory / "log"
    with log.open("ab") as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told, env=environ)
    return Served(f"http://127.0.0.1:{port}", process, log)


@contextmanager
def serving(directory: Path, snapshot_bytes: int = 0, seconds: float = 30) -> Iterator[Served]:
    """A service that may be asked, stopped in the end as SIGTERM stops it."""
    served = start(directory, snapshot_bytes)
    try:
        served.wait(seconds)
        yield served
    finally:
        served.process.terminate()
        served.process.wait(60)


@contextmanager
def workplace(parent: str) -> Iterator[Path]:
    """A fresh directory on a disk; OSError where it would be in memory."""
    if (kind := filesystem(parent)) in NO_DISK:
        raise OSError(f"{parent} is a {kind}: nothing there survives; --directory names a place on a disk")
    with tempfile.TemporaryDirectory(prefix="usernel-bench-", dir=parent) as directory:
        yield Path(directory)


def filesystem(path: str) -> str:
    """The kind of file system that a directory is on."""
    device = Path(path).stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        fields = line.split()
        if fields[2] == number:
            return fields[fields.index("-") + 1]
    return "unknown"
