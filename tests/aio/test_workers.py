"""Threads that do what may sleep."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.aio import host_unsafe, workers
from usernel.aio.workers import Workers

Job = Callable[[], Any]
DEADLINE_S = 20.0


def eventually(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.001)


class Crew:
    """Workers that call what they are given, and what came of it."""

    def __init__(self, bounded: int = 4, unbounded: int = 4) -> None:
        self.results: dict[Any, Any] = {}
        self.order: list[Any] = []
        self.workers = Workers(lambda job: job(), self._done, bounded=bounded, unbounded=unbounded)

    def _done(self, owner: Any, result: Any) -> None:
        self.order.append(owner)
        self.results[owner] = result

    def wait(self, count: int) -> None:
        eventually(lambda: len(self.results) >= count, f"{self.results} of {count}")


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew()
    yield made
    assert made.workers.close(DEADLINE_S) == []


def test_each_job_is_done_once(crew: Crew) -> None:
    for number in range(200):
        crew.workers.queue(number, lambda number=number: number * 2, bound=bool(number % 2))
    crew.wait(200)
    assert crew.results == {number: number * 2 for number in range(200)}


def test_there_are_as_many_workers_as_may_be_and_no_more(crew: Crew) -> None:
    go = threading.Event()
    for number in range(10):
        crew.workers.queue(number, go.wait, bound=True)
    eventually(lambda: crew.workers.stat()["bounded"]["workers"] == 4, "four are at it")
    assert crew.workers.stat()["bounded"] == {"limit": 4, "workers": 4, "unfinished": 10}
    assert crew.workers.stat()["unbounded"]["workers"] == 0
    assert crew.workers.limit(6, 0) == (4, 4)
    assert crew.workers.stat()["bounded"]["workers"] == 6
    assert {thread.name.rpartition("-")[0] for thread in threading.enumerate()} >= {"usernel-wrk"}
    go.set()
    crew.wait(10)


def test_what_waits_without_end_does_not_hold_up_regular_files(crew: Crew) -> None:
    go = threading.Event()
    for number in range(8):
        crew.workers.queue(number, go.wait, bound=False)
    crew.workers.queue("file", lambda: "read", bound=True)
    crew.wait(1)
    assert crew.results == {"file": "read"}
    go.set()
    crew.wait(9)


def test_work_on_one_file_is_done_in_its_order(crew: Crew) -> None:
    at_once: list[int] = []
    most = 0

    def write(number: int) -> int:
        nonlocal most
        at_once.append(number)
        most = max(most, len(at_once))
        os.sched_yield()
        at_once.remove(number)
        return number

    for number in range(100):
        crew.workers.queue(number, lambda number=number: write(number), bound=True, hash_key="inode")
    crew.wait(100)
    assert crew.order == list(range(100))
    assert most == 1


def test_files_do_not_wait_for_one_another(crew: Crew) -> None:
    go = threading.Event()
    crew.workers.queue("first", go.wait, bound=True, hash_key=1)
    crew.workers.queue("second", lambda: 2, bound=True, hash_key=1)
    crew.workers.queue("other", lambda: 3, bound=True, hash_key=2)
    crew.wait(1)
    assert crew.results == {"other": 3}
    go.set()
    crew.wait(3)


def test_what_has_not_begun_is_taken_back() -> None:
    crew, go = Crew(bounded=1), threading.Event()
    crew.workers.queue("runs", go.wait, bound=True)
    eventually(lambda: crew.workers._work["runs"].thread, "it runs")
    assert not crew.workers.cancel("runs")
    crew.workers.queue("waits", lambda: pytest.fail("it was taken back"), bound=True)
    crew.workers.queue("hashed", lambda: pytest.fail("it was taken back"), bound=True, hash_key=1)
    crew.workers.queue("behind it", lambda: "done", bound=True, hash_key=1)
    assert crew.workers.cancel("waits")
    assert crew.workers.cancel("hashed")
    assert not crew.workers.cancel("waits")
    assert not crew.workers.cancel("nobody's")
    go.set()
    crew.wait(2)
    assert crew.results == {"runs": True, "behind it": "done"}
    assert crew.workers.close(DEADLINE_S) == []


def test_idle_workers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_S", 0.02)
    crew = Crew()
    for number in range(4):
        crew.workers.queue(number, lambda: 0, bound=True)
    crew.wait(4)
    eventually(lambda: crew.workers.stat()["bounded"]["workers"] == 0, "they end")
    crew.workers.queue("again", lambda: 1, bound=True)
    crew.wait(5)
    assert crew.workers.close(DEADLINE_S) == []


def test_a_bug_is_told_and_nobody_waits_for_ever(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    nothing: list[int] = []
    crew.workers.queue("bug", lambda: nothing[0], bound=True)
    crew.wait(1)
    assert crew.results == {"bug": -Errno.EIO}
    assert [each.exc_type for each in told] == [IndexError]
    crew.workers.queue("next", lambda: 0, bound=True)
    crew.wait(2)


def test_without_threads_a_job_fails_with_eagain(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        crew.workers.queue("none", lambda: 0, bound=True)
    assert crew.results == {"none": -Errno.EAGAIN}
    crew.workers.queue("one", lambda: 1, bound=True)
    crew.wait(2)


def test_a_call_that_sleeps_is_interrupted(crew: Crew) -> None:
    if signal.getsignal(signal.SIGURG) is not signal.SIG_DFL:
        pytest.skip("somebody handles SIGURG")
    (r1, w1), (r2, w2) = os.pipe(), os.pipe()
    crew.workers.queue("splice", lambda: host_unsafe.splice(r1, -1, w2, -1, 10, 0), bound=False)
    eventually(lambda: crew.workers._work["splice"].thread, "it runs")
    crew.workers.interrupt("splice")
    crew.wait(1)
    assert crew.results == {"splice": -Errno.EINTR}
    for fd in (r1, w1, r2, w2):
        os.close(fd)


def test_a_worker_that_cannot_be_interrupted_is_left_behind() -> None:
    crew, go = Crew(), threading.Event()
    crew.workers.queue("sleeps", go.wait, bound=False)
    eventually(lambda: crew.workers._work["sleeps"].thread, "it runs")
    [name] = crew.workers.close(0.05)
    assert name.startswith("usernel-wrk-unbound-")
    assert crew.workers.stat()["left_behind"] == [name]
    with pytest.raises(RuntimeError, match="closed"):
        crew.workers.queue("more", lambda: 0, bound=True)
    go.set()
    crew.wait(1)
    eventually(lambda: name not in {thread.name for thread in threading.enumerate()}, "it ends all the same")


def test_workers_are_bound_to_cpus(crew: Crew) -> None:
    [cpu] = list(os.sched_getaffinity(0))[:1]
    everywhere = os.sched_getaffinity(0)
    crew.workers.bind(frozenset({cpu}))
    crew.workers.queue("where", lambda: os.sched_getaffinity(0), bound=True)
    crew.wait(1)
    assert crew.results["where"] == {cpu}
    crew.workers.bind(None)
    crew.workers.queue("anywhere", lambda: os.sched_getaffinity(0), bound=True)
    crew.wait(2)
    assert crew.results["anywhere"] == everywhere
