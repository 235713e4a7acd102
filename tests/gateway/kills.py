"""Targets, supervisors and services are killed at random moments: nothing hangs, nothing is left, the others go on.

``python -m tests.gateway.kills --rounds 200``. In each round three `usernel run` are under way, two of them with the
same queues of one service; one process of one of them is killed, or the service, which then comes back. Two more that
go on through all rounds are not to notice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from tests.cli.command import DEADLINE, POLL, USERNEL, environment
from usernel_client import KernelError, SyncClient

from .running import Running, program, state_of

KEY: Final = 0x7E70
QUEUE: Final = "kills"
VICTIMS: Final = ("target", "supervisor", "target", "front", "service")
LONGEST: Final = 0.6
"""Seconds from the start of a round's programs to its kill, at most: they have begun by then."""
BEATS: Final = 20
"""Bytes of a bystander's counting that show that it goes on."""


class BrokenError(AssertionError):
    """Something hangs, or is left."""


def wait_for(what: str, condition: Callable[[], object], seen: Callable[[], object] = lambda: "") -> None:
    """BrokenError where it does not happen in time."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise BrokenError(f"{what} within {DEADLINE:g} s: {seen()}")
        time.sleep(POLL)


def shown(tasks: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Who they are, and what they do."""
    return [(task["pid"], task["ppid"], task["comm"], [call["call"] for call in task["calls"]]) for task in tasks]


class Service:
    """``usernel serve`` on a data directory and a port; it can be killed, and comes back."""

    def __init__(self, data: Path, err: IO[str]) -> None:
        self._data = data
        self._err = err
        self._port = "0"
        self.start()

    def start(self) -> None:
        words = [*USERNEL, "serve", "--port", self._port, "--data-dir", str(self._data)]
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=self._err, text=True, env=environment()
        )  # fmt: skip
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]
        self._port = self.url.rsplit(":", 1)[1]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    @property
    def tasks(self) -> list[dict[str, Any]]:
        with SyncClient(self.url) as client:
            return list((client.call("task_list", after=0, limit=1000).out or {})["tasks"])

    @property
    def held(self) -> int:
        """Messages that somebody received and never took."""
        with SyncClient(self.url) as client:
            system_v = (client.call("msg_list", after=-1, limit=100).out or {})["queues"]
            posix = (client.call("mq_list", after="", limit=100).out or {})["queues"]
            return sum(int(queue["held"]) for queue in (*system_v, *posix))

    def remove(self) -> None:
        """Remove the round's queues, where they are."""
        with SyncClient(self.url) as client:
            with suppress(KernelError):
                client.msgget(KEY).remove()
            with suppress(KernelError):
                client.mq_unlink(QUEUE)


class Job:
    """One `usernel run` of a round."""

    def __init__(self, options: Sequence[str], err: IO[str]) -> None:
        words = ["run", *options, "--", *program("traffic", str(KEY), QUEUE)]
        with Path(os.devnull).open("r+b") as nothing:
            self._running = Running([nothing.fileno(), nothing.fileno(), err.fileno()], words)

    def members(self) -> dict[int, bytes]:
        """The processes of its session that live, with their command lines."""
        found = {}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal():
                with suppress(OSError):
                    state, _, _, session = (path / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[:4]
                    if session == str(self._running.pid) and state not in "ZX":
                        found[int(path.name)] = (path / "cmdline").read_bytes()
        return found

    def victim(self, kind: str, rng: random.Random) -> int:
        """Who is to be killed; who stands in front, where there is no other yet."""
        front = self._running.pid
        try:
            supervisor = self._running.supervisor
        except (ValueError, OSError):
            return front
        targets = [pid for pid in self.members() if pid not in {front, supervisor}]
        return {"front": front, "supervisor": supervisor, "target": rng.choice(targets or [supervisor])}[kind]

    def kill_targets(self) -> None:
        for pid, line in self.members().items():
            if b"traffic.py" in line:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Bury it; what is left of it too."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._running.end()


class Bystander:
    """One that is not to notice."""

    def __init__(self, name: str, options: Sequence[str], err: IO[str]) -> None:
        self._name = name
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with it
        words = ["run", *options, "--", *program("traffic", str(KEY + 1 + len(name)), f"{QUEUE}-{name}", "beat")]
        with Path(os.devnull).open("rb") as nothing:
            self._running = Running([nothing.fileno(), self._out.fileno(), err.fileno()], words)

    @property
    def beats(self) -> int:
        """The bytes that it has printed."""
        return os.fstat(self._out.fileno()).st_size

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._running.supervisor}/fd").iterdir()))

    def goes_on(self) -> None:
        """It beats, a few times from now on."""
        enough = self.beats + BEATS
        wait_for(f"{self._name} does not go on", lambda: self.beats > enough, lambda: state_of(self._running.pid))

    def end(self) -> None:
        self._running.end()
        self._out.close()


class Kills:
    """The rounds."""

    def __init__(self, place: Path, seed: int, err: IO[str], stage: ExitStack) -> None:
        self._rng = random.Random(seed)
        self._err = err
        self._temporary = place / "tmp"
        self._temporary.mkdir()
        self._service = Service(place / "data", err)
        stage.callback(self._service.kill)
        self._bystanders = [Bystander("near", (), err), Bystander("far", ("--url", self._service.url), err)]
        for bystander in self._bystanders:
            stage.callback(bystander.end)
            bystander.goes_on()
        self._tasks = len(self._service.tasks)
        self._kept = [bystander.descriptors for bystander in self._bystanders]

    def round(self, number: int) -> str:
        """One: kill, look, clear up, and look again. What was killed."""
        kind = VICTIMS[number % len(VICTIMS)]
        descriptors = self._service.descriptors
        with self._jobs() as (far, near):
            delay = self._rng.uniform(0, LONGEST)
            time.sleep(delay)
            if kind == "service":
                self._service.kill()
                self._service.start()
            else:
                with suppress(ProcessLookupError):
                    os.kill(self._rng.choice((*far, near)).victim(kind, self._rng), signal.SIGKILL)
            for bystander in self._bystanders:
                bystander.goes_on()
            self._clear(far, near)
        self._nothing_left(None if kind == "service" else descriptors)
        return f"{kind} after {delay:.3f} s"

    @contextmanager
    def _jobs(self) -> Iterator[tuple[list[Job], Job]]:
        url = ("--url", self._service.url)
        with ExitStack() as stage:
            jobs = [Job(options, self._err) for options in ((*url, "--proc"), url, ("--proc",))]
            for job in jobs:
                stage.callback(job.end)
            yield jobs[:2], jobs[2]

    def _clear(self, far: Sequence[Job], near: Job) -> None:
        """The far ones end when their queues are gone, or all are killed in whatever they do.

        Of the near one, whoever waits for the killed waits for ever.
        """
        abruptly = self._rng.random() < 0.5

        def ended() -> bool:
            for job in (*far, near) if abruptly else (near,):
                job.kill_targets()
            if not abruptly:
                self._service.remove()
            return not any(job.members() for job in (*far, near))

        wait_for("a program does not end", ended, lambda: [job.members() for job in (*far, near)])

    def _nothing_left(self, descriptors: int | None) -> None:
        service = self._service
        wait_for("a task stays", lambda: len(service.tasks) <= self._tasks, lambda: shown(service.tasks))
        wait_for("a message stays held", lambda: not service.held, lambda: service.held)
        service.remove()
        if descriptors is not None:
            wait_for("a descriptor stays", lambda: service.descriptors <= descriptors, lambda: service.descriptors)
        wait_for("a file stays", lambda: not list(self._temporary.iterdir()), lambda: list(self._temporary.iterdir()))
        if "usernel-proc" in Path("/proc/self/mountinfo").read_text("utf-8"):
            raise BrokenError("a mount stays")
        for bystander, kept in zip(self._bystanders, self._kept, strict=True):
            wait_for("a bystander's descriptor stays", lambda b=bystander, k=kept: b.descriptors <= k)  # type: ignore[misc]


def run(rounds: int, seed: int, say: Callable[[str], None]) -> None:
    """So many rounds. BrokenError."""
    with ExitStack() as stage:
        place = Path(stage.enter_context(tempfile.TemporaryDirectory(prefix="usernel-kills-")))
        err = stage.enter_context(tempfile.TemporaryFile("w+"))
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(place / "tmp")  # of what is run, so that what is left there is found
        try:
            kills = Kills(place, seed, err, stage)
            for number in range(rounds):
                say(f"{number + 1}: {kills.round(number)}")
        except AssertionError as error:
            err.seek(0)
            raise BrokenError(f"{error}\n{err.read()}") from error
        finally:
            os.environ.pop("TMPDIR")
            if before is not None:
                os.environ["TMPDIR"] = before


def main() -> None:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    started = time.monotonic()
    try:
        run(options.rounds, options.seed, lambda line: print(line, flush=True))
    except BrokenError as broken:
        sys.exit(f"BROKEN: {broken}")
    print(f"clean, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
