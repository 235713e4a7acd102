"""A client and a server in C, in two directories, a durable queue between them: each is killed, and the service too."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.command import serving, until
from usernel_client import SyncClient

from .running import PROGRAMS, Piped, start

pytestmark = [
    pytest.mark.timeout(90),
    pytest.mark.skipif(shutil.which("cc") is None, reason="the programs are in C"),
]
KEY, CLIENT = 0x1995, 7


class Play:
    """The stage: two directories with a program each, and the service, which is killed and comes back."""

    def __init__(self, place: Path, stage: ExitStack) -> None:
        self.here, self.there, self._data, self._stage = place / "here", place / "there", place / "data", stage
        for directory in (self.here, self.there):
            directory.mkdir()
            subprocess.run(["cc", "-O1", "-o", directory / "nineties", PROGRAMS / "nineties.c", "-lrt"], check=True)
        self._port = "0"
        self.open()

    def open(self) -> None:
        """Start the service where it was."""
        self.process, line = self._stage.enter_context(serving("--data-dir", str(self._data), "--port", self._port))
        self.url = line.split()[-1]
        self._port = self.url.rsplit(":", 1)[1]

    def kill_service(self) -> None:
        self.process.kill()
        self.process.wait()

    def run(self, where: Path, *words: object) -> Piped:
        return self._stage.enter_context(start(["./nineties", *map(str, words)], "--url", self.url, cwd=where))

    def serve(self) -> Piped:
        return self.run(self.here, "serve", KEY, 100000)

    def ask(self, first: int, last: int) -> Piped:
        return self.run(self.there, "ask", KEY, first, last, CLIENT)

    def widen(self) -> None:
        with SyncClient(self.url) as client:
            client.msgget(KEY).set(msg_qbytes=1 << 16)

    def idle(self) -> int:
        """Wait until the server sleeps in an empty lane; how many answers wait."""
        with SyncClient(self.url) as client:
            queue = client.msgget(KEY)
            until(lambda: queue.stat()["receivers"])
            return int(queue.stat()["msg_qnum"])

    def output(self, where: Path, *words: object) -> list[str]:
        """What a program prints that runs to its end."""
        running = self.run(where, *words)
        assert running.wait() == 0, running.stderr.read()
        return running.stdout.read().splitlines()


def numbers(lines: list[str]) -> list[int]:
    return [int(line.split()[1]) for line in lines]


def up_to(running: Piped, count: int) -> list[str]:
    """The next lines that it prints."""
    return [running.line() for _ in range(count)]


def kill(running: Piped) -> list[str]:
    """Kill the program itself; what it had printed by then."""
    (program,) = Path(f"/proc/{running.supervisor}/task/{running.supervisor}/children").read_text("ascii").split()
    os.kill(int(program), signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    return running.stdout.read().splitlines()


def test_every_request_is_answered_once_or_is_in_doubt(tmp_path: Path) -> None:
    with ExitStack() as stage:
        play = Play(tmp_path, stage)
        server, client = play.serve(), play.ask(0, 60)
        served, asked = up_to(server, 5), up_to(client, 10)
        play.kill_service()  # in doubt: what the client was sending, and what the server had in its hands
        play.open()
        assert client.wait() == 0
        asked += client.stdout.read().splitlines()
        assert numbers(asked) == list(range(60))
        play.idle()
        audit = play.output(play.there, "audit")
        assert audit == sorted(audit, key=lambda line: -int(line[0])), "the important first"

        second = play.ask(60, 100000)
        asked = up_to(second, 5)
        served += kill(server)  # in doubt: the request that it had in its hands
        asked += up_to(second, 10)
        asked += kill(second)  # in doubt: the one behind those that it told of
        doubted = numbers(asked)[-1] + 1
        assert numbers(asked) == list(range(60, doubted))

        play.widen()  # it is full, perhaps: nothing more could be answered
        server, last = play.serve(), doubted + 20
        assert play.ask(doubted + 1, last).wait() == 0
        waiting = play.idle()
        served += kill(server)

        answers = play.output(play.there, "collect", KEY, waiting, CLIENT)
        audit += play.output(play.there, "audit")
    judge(answers, numbers(served), doubted, last)
    told = Counter(int(line.split()[2]) for line in audit)
    assert {number for number in numbers(served) if number % 25 == 0} <= set(told) <= set(range(0, last, 25))
    assert told.total() - len(told) <= 1


def judge(answers: list[str], served: list[int], doubted: int, last: int) -> None:
    """Each request has one answer, but for those that a kill put in doubt: one of the client, two of the programs."""
    assert all(answer.split(" ", 1)[1] == f"answer to request {answer.split()[0]} of {CLIENT}" for answer in answers)
    count = Counter(int(answer.split()[0]) for answer in answers)
    unanswered = {number for number in range(last) if not count[number]}
    assert len(unanswered - {doubted}) <= 1
    assert unanswered.isdisjoint(served)
    assert set(count) <= set(range(last))
    assert count.total() - len(count) <= 2, count.most_common(4)
    twice = [number for number, times in count.items() if times > 1]
    assert all(number < 60 for number in twice), "the service was killed in the first sixty"
