"""The packages' own message queue tests, unmodified, against our modules and a service.

    python -m tests.clients.compat.suites [sysv_ipc] [posix_ipc]

fetches the source distributions with pip and prints how many tests passed, and of the others why not. It fails where a
test failed that is not about semaphores or shared memory, which usernel does not serve.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from usernel.config import Settings

from ..embedded import threaded

INJECTED = Path(__file__).with_name("injected.py")
MODULES = ("tests.test_message_queues", "tests.test_module")
DEADLINE = 300.0
UNSERVED = "NotSupportedError: usernel has no "


@dataclass(frozen=True)
class Sdist:
    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


SDISTS = (
    Sdist("sysv_ipc", "1.2.0", "ef96ab33bb62e4d14142f0be0524dcc0c3c70c96442df2fc773c67b7c7514199"),
    Sdist("posix_ipc", "1.3.2", "6923232111329954a8349f7d99f212b6e96b5206e77fbd39aaf1b3cb4a5e9260"),
)


@dataclass
class Outcome:
    run: int
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def unserved(self) -> set[str]:
        """Failed, for want of semaphores or shared memory."""
        return {name for name, why in self.failed.items() if UNSERVED in why}

    @property
    def wrong(self) -> dict[str, str]:
        return {name: why for name, why in self.failed.items() if name not in self.unserved}

    @property
    def passed(self) -> int:
        return self.run - len(self.failed) - len(self.skipped)

    def __str__(self) -> str:
        return (
            f"{self.passed} of {self.run} passed, {len(self.wrong)} failed, "
            f"{len(self.unserved)} are about semaphores and shared memory, {len(self.skipped)} skip themselves"
        )


def fetched(sdist: Sdist, into: Path) -> Path:
    """The source distribution, unpacked: of the version and with the hash that is written here."""
    wanted = into / f"{sdist.name}.txt"
    wanted.write_text(sdist.requirement, "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    # Nothing is built; but posix_ipc asks a compiler about the host before it tells its name, and there may be none.
    environ = {**os.environ, "CC": "true"}
    subprocess.run([*command, "--require-hashes", "-r", wanted, "-d", into], env=environ, check=True, timeout=DEADLINE)
    with tarfile.open(into / f"{sdist.name}-{sdist.version}.tar.gz") as archive:
        archive.extractall(into, filter="data")
    return into / f"{sdist.name}-{sdist.version}"


def outcome(sdist: Sdist, unpacked: Path, url: str) -> Outcome:
    """Its tests, run in a process of their own with our module in place of the package."""
    command = [sys.executable, INJECTED, sdist.name, unpacked, *MODULES]
    environ = {**os.environ, "USERNEL_URL": url}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environ, cwd=unpacked, timeout=DEADLINE, check=True)
    return Outcome(**json.loads(done.stdout))


def outcomes(names: list[str]) -> dict[str, Outcome]:
    """By package. Over a Unix socket, where a process has in the service the ids that it has here."""
    with tempfile.TemporaryDirectory(prefix="usernel-suites-") as made:
        place = Path(made)
        with threaded(Settings(host=None, uds=str(place / "socket"))) as service:
            chosen = [sdist for sdist in SDISTS if not names or sdist.name in names]
            return {sdist.name: outcome(sdist, fetched(sdist, place), service.url) for sdist in chosen}


def main(names: list[str]) -> int:
    found = outcomes(names)
    for name, told in found.items():
        print(f"{name}: {told}")
        for test, why in {**told.wrong, **told.skipped}.items():
            print(f"  {test}: {why}")
    return 1 if any(told.wrong for told in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
