"""Running ``usernel`` as a user does: in a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from usernel_client import SyncClient

USERNEL = (sys.executable, "-m", "usernel.cli")
DEADLINE = 60.0
POLL = 0.005


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, what it printed, and its complaint."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """The test's environment, without what would change the command; plus these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("USERNEL_")}
    colours = {"FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    return {name: value for name, value in kept.items() if name not in colours} | more


def start(*words: str, env: dict[str, str] | None = None, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*USERNEL, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment() if env is None else env, **how,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for its end."""
    try:
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait()
    return Ended(process.returncode, out, err)


def usernel(*words: str, env: dict[str, str] | None = None, stdin: bytes | None = None) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*USERNEL, *words],
        input=stdin, capture_output=True, timeout=DEADLINE, check=False, env=environment() if env is None else env,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL)


class Cli:
    """The command, told by its environment where the service is; and a client that looks at what it did."""

    def __init__(self, url: str, client: SyncClient) -> None:
        self.url = url
        self.client = client
        self._env = environment(USERNEL_URL=url)

    def __call__(self, *words: str, stdin: bytes | None = None) -> Ended:
        return usernel(*words, env=self._env, stdin=stdin)

    def does(self, *words: str, stdin: bytes | None = None) -> str:
        """Run a command that succeeds and complains of nothing; what it printed."""
        done = self(*words, stdin=stdin)
        assert (done.status, done.err) == (0, "")
        return done.out

    def fails(self, *words: str) -> str:
        """Run a command that fails with one sentence; the sentence."""
        done = self(*words)
        assert (done.status, done.out) == (1, "")
        sentence = done.err.removesuffix("\n")
        assert "\n" not in sentence
        return sentence

    @contextmanager
    def running(self, *words: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on while the context lasts."""
        process = start(*words, env=self._env, **how)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def sleeping(self, who: str, *, mq: str | None = None, msqid: int | None = None) -> Callable[[], bool]:
        """Whether somebody sleeps on a queue: ``senders`` or ``receivers``."""
        name, args = ("mq_stat", {"name": mq}) if mq is not None else ("msg_stat", {"msqid": msqid})
        return lambda: bool((self.client.call(name, **args).out or {})[who])


@contextmanager
def serving(*words: str, env: dict[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``usernel serve`` in a process of its own, and what it says when it accepts connections."""
    process = start("serve", "--port", "0", *words, env=env)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        ended(process)
