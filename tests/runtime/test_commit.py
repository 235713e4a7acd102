"""Group commit: what is acknowledged, what is not while the disk is full, and what never when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.clients.embedded import eventually
from tests.journal.faulty import Disk, Fault, disk
from tests.journal.storing import opened
from usernel.journal.port import JournalError, JournalFullError, Record, split
from usernel.kernel.call import Call
from usernel.kernel.kernel import Kernel
from usernel.runtime import Runtime, commit
from usernel.runtime.codec import decode
from usernel.runtime.commit import GroupCommit
from usernel.syscalls.table import TABLE

FOREVER = float("inf")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is so soon."""
    monkeypatch.setattr(commit, "RETRY_SECONDS", 0.001)


class Scripted:
    """A storage whose appends end when, and as, the test says."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.steps: list[str] = []
        self.closed = False
        self.answers: SimpleQueue[Exception | None] = SimpleQueue()

    @property
    def position(self) -> int:
        return self.records[-1].position if self.records else 0

    def append(self, record: Record) -> None:
        self.steps.append(f"begin {record.position}")
        answer = self.answers.get(timeout=10)
        if answer is not None:
            raise answer
        self.records.append(record)
        self.steps.append(f"keep {record.position}")

    def close(self) -> None:
        self.closed = True

    def stat(self) -> dict[str, Any]:
        return {}

    def answer(self, *answers: Exception | None) -> None:
        for one in answers:
            self.answers.put(one)


class Watched(GroupCommit):
    """A journal, with what its listener was told and when."""

    def __init__(self, storage: Scripted) -> None:
        super().__init__(storage)
        self.told: list[tuple[int, str | None]] = []
        self.listen(lambda: self.told.append((self.durable, self.failure and str(self.failure))))

    def put(self, *positions: int, size: int = 1) -> None:
        for position in positions:
            self.append(position, lambda position=position: bytes([position]) * size)


@pytest.fixture
def storage() -> Scripted:
    return Scripted()


@pytest.fixture
async def journal(storage: Scripted) -> AsyncIterator[Watched]:
    made = Watched(storage)
    yield made
    storage.answer(*[None] * 9)
    await made.close()
    assert storage.closed


def kept(storage: Scripted) -> list[tuple[int, int, list[int]]]:
    """The records: where each ends, how many facts it has, and its chunks."""
    return [(record.position, record.facts, [chunk[0] for chunk in split(record.data)]) for record in storage.records]


# ----------------------------------------------------------------------------------------------------------- groups


async def test_what_comes_during_a_commit_goes_into_the_next(storage: Scripted, journal: Watched):
    journal.put(1)
    await eventually(lambda: storage.steps == ["begin 1"])
    journal.put(3, 4, 8)
    assert (journal.durable, journal.idle) == (0, False)
    storage.answer(None, None)
    await journal.settled()
    assert kept(storage) == [(1, 1, [1]), (8, 7, [3, 4, 8])]
    assert journal.told == [(1, None), (8, None)]
    assert (journal.stat()["commits"], journal.stat()["committed_facts"], journal.stat()["appended"]) == (2, 8, 8)


async def test_what_comes_in_one_turn_is_one_group(storage: Scripted, journal: Watched):
    journal.put(1, 2, 3)
    storage.answer(None)
    await journal.settled()
    assert kept(storage) == [(3, 3, [1, 2, 3])]


@pytest.mark.parametrize(("limit", "groups"), [
    (19, [[1, 2], [3, 4], [5]]),
    (20, [[1, 2], [3, 4], [5]]),
    (21, [[1, 2, 3], [4, 5]]),
    (1, [[1], [2], [3], [4], [5]]),
])  # fmt: skip
async def test_a_group_is_bounded(
    storage: Scripted, journal: Watched, monkeypatch: pytest.MonkeyPatch, limit: int, groups: list[list[int]]
):
    """It ends with the chunk that reaches the bound."""
    monkeypatch.setattr(commit, "GROUP_BYTES", limit)
    storage.answer(*[None] * len(groups))
    journal.put(1, 2, 3, 4, 5, size=10)
    await journal.settled()
    assert [chunks for _, _, chunks in kept(storage)] == groups


async def test_observers_hear_of_each_commit_whatever_they_do(
    storage: Scripted, journal: Watched, caplog: pytest.LogCaptureFixture
):
    heard: list[int] = []
    journal.commits.observers.append(lambda _seconds, _facts: 1 / 0)
    journal.commits.observers.append(lambda _seconds, facts: heard.append(facts))
    storage.answer(None)
    journal.put(2)
    await journal.settled()
    assert (heard, journal.durable, journal.failure) == ([2], 2, None)
    assert "ZeroDivisionError" in caplog.text


# ------------------------------------------------------------------------------------------------------------ steps


def naming(storage: Scripted, count: int, error: Exception | None = None) -> Iterator[None]:
    for number in range(count):
        storage.steps.append(f"step {number}")
        yield
    if error is not None:
        raise error


async def test_steps_and_commits_take_turns(storage: Scripted, journal: Watched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commit, "GROUP_BYTES", 1)
    storage.answer(*[None] * 3)
    journal.put(1, 2, 3)
    journal.work(naming(storage, 2))
    await journal.settled()
    steps = [step for step in storage.steps if not step.startswith("begin")]
    assert steps == ["keep 1", "step 0", "keep 2", "step 1", "keep 3"]
    assert not journal.working


async def test_steps_are_taken_where_nothing_is_committed(storage: Scripted, journal: Watched):
    journal.work(naming(storage, 3))
    assert journal.working
    await journal.settled()
    assert storage.steps == ["step 0", "step 1", "step 2"]


async def test_a_record_ends_where_a_snapshot_stands(storage: Scripted, journal: Watched):
    journal.put(1)
    await eventually(lambda: storage.steps == ["begin 1"])
    journal.put(2, 3)
    journal.work(naming(storage, 1))
    journal.put(4, 5)
    storage.answer(None, None, None)
    await journal.settled()
    assert [position for position, *_ in kept(storage)] == [1, 3, 5]


async def test_a_step_without_room_is_given_up_and_commits_go_on(
    storage: Scripted, journal: Watched, caplog: pytest.LogCaptureFixture
):
    journal.work(naming(storage, 1, JournalFullError("the disk is full")))
    await eventually(lambda: not journal.working)
    assert journal.failure is None
    assert "given up: the disk is full" in caplog.text
    storage.answer(None)
    journal.put(1)
    await journal.settled()
    assert journal.durable == 1


async def test_a_step_that_fails_for_good_ends_all(storage: Scripted, journal: Watched):
    journal.work(naming(storage, 1, JournalError("the journal cannot be written: EIO")))
    await eventually(lambda: journal.failure is not None)
    journal.put(1)
    await asyncio.sleep(0)
    assert (storage.records, journal.durable, journal.working) == ([], 0, False)


# ---------------------------------------------------------------------------------------------------------- failing


async def test_a_full_disk_is_tried_again_until_there_is_room(
    storage: Scripted, journal: Watched, caplog: pytest.LogCaptureFixture
):
    full = JournalFullError("the disk is full")
    journal.put(1, 2)
    storage.answer(full, full, full)
    await eventually(lambda: len(storage.steps) == 4)
    journal.put(3)
    assert (journal.durable, str(journal.failure), storage.records) == (0, "the disk is full", [])
    storage.answer(None, None)
    await eventually(lambda: journal.durable == 3)
    assert [chunk for _, _, chunks in kept(storage) for chunk in chunks] == [1, 2, 3]
    assert journal.failure is None
    assert caplog.text.count("nothing is acknowledged: the disk is full") == 1, "once, however often it is tried"
    assert "can be written again" in caplog.text


@pytest.mark.parametrize(("error", "told"), [
    (JournalError("the journal cannot be written: EIO"), "the journal cannot be written: EIO"),
    (ZeroDivisionError("oops"), "a bug in usernel: ZeroDivisionError('oops')"),
])  # fmt: skip
async def test_any_other_failure_is_final(storage: Scripted, journal: Watched, error: Exception, told: str):
    journal.put(1)
    storage.answer(error)
    await eventually(lambda: journal.failure is not None)
    journal.put(2)
    journal.work(naming(storage, 1))
    await asyncio.sleep(0)
    assert (storage.steps, journal.durable, str(journal.failure)) == (["begin 1"], 0, told)
    assert journal.told == [(0, told)]
    async with asyncio.timeout(1):
        await journal.settled()


async def test_it_closes_while_it_waits_for_room(storage: Scripted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commit, "RETRY_SECONDS", 3600)
    journal = Watched(storage)
    journal.put(1)
    storage.answer(JournalFullError("the disk is full"))
    await eventually(lambda: journal.failure is not None)
    await journal.close()
    assert (storage.closed, storage.steps) == (True, ["begin 1"])


async def test_it_closes_when_the_commit_under_way_has_ended(storage: Scripted):
    journal = Watched(storage)
    journal.put(1)
    await eventually(lambda: storage.steps == ["begin 1"])
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    assert not storage.closed
    storage.answer(None)
    await closing
    assert storage.closed
    assert kept(storage) == [(1, 1, [1])]


# ------------------------------------------------------------------------------------------- over a disk that fails


class Service:
    """A runtime on a journal on a disk, and what left it: a call's name, ``withheld`` where nobody may know."""

    def __init__(self, under: Disk, directory: Path) -> None:
        self.disk = under
        self.journal = GroupCommit(opened(directory, under.name))
        self.runtime = Runtime(Kernel(), self.journal)
        self.left: list[str] = []

    def submit(self, name: str, *args: Any) -> Call:
        row = TABLE[name]
        return self.runtime.submit(self.runtime.kernel.default_task, row, row.bind(args, {}), self._done)

    def _done(self, call: Call) -> None:
        self.left.append(f"{call.name} withheld" if call.withheld else call.name)

    def fail(self, kind: str, *kinds: str) -> None:
        """From now on every operation of these kinds fails."""
        self.disk.kinds = frozenset(kinds)
        self.disk.operations.clear()
        self.disk.fault = Fault(kind, 1, FOREVER)

    def facts(self) -> list[str]:
        """Every fact in the journal, in order."""
        records = list(self.journal.storage.read())
        return [type(fact).__name__ for record in records for chunk in split(record.data) for fact in decode(chunk)]

    async def aclose(self) -> None:
        self.runtime.close()
        self.disk.fault = None
        await self.journal.close()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """One that has a queue already."""
    with disk() as under:
        async with aclosing(Service(under, tmp_path)) as made:
            made.submit("msgget", 1, ["IPC_CREAT", 0o600])
            await made.journal.settled()
            assert made.left == ["msgget"]
            made.left.clear()
            yield made


async def test_with_a_full_disk_nothing_is_acknowledged_and_with_room_everything(service: Service):
    runtime, journal = service.runtime, service.journal
    durable = journal.durable
    service.fail("full", "write")
    for number in range(20):
        service.submit("msgsnd", 0, number + 1, b"x" * 100)
        await asyncio.sleep(0)
    service.submit("getpid")
    await eventually(lambda: len(service.disk.operations) > 5)
    assert isinstance(journal.failure, JournalFullError)
    assert (service.left, journal.durable, runtime.lost) == ([], durable, False)
    assert runtime.unavailable == "nothing is acknowledged: the disk is full"
    service.disk.fault = None
    await eventually(lambda: len(service.left) == 21)
    assert service.left == ["msgsnd"] * 20 + ["getpid"]
    assert (runtime.unavailable, journal.failure) == (None, None)
    assert service.facts() == ["QueueCreated"] + ["MessagesSent"] * 20


async def test_who_waits_for_room_may_go(service: Service):
    service.fail("full", "write")
    call = service.submit("msgsnd", 0, 1, b"x")
    waiting = asyncio.create_task(service.runtime.durable(call.position))
    await eventually(lambda: service.journal.failure is not None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    service.disk.fault = None
    await eventually(lambda: service.left == ["msgsnd"])


@pytest.mark.parametrize("kind", ["sync", "write"])
async def test_after_a_failed_write_nobody_is_ever_told(service: Service, kind: str):
    runtime, journal = service.runtime, service.journal
    service.fail("error", kind)
    calls = [service.submit("msgsnd", 0, 1, b"x"), service.submit("getpid")]
    with pytest.raises(JournalError, match="cannot be written"):
        await runtime.durable(calls[0].position)
    assert (runtime.lost, service.left) == (True, ["msgsnd withheld", "getpid withheld"])
    assert not isinstance(journal.failure, JournalFullError)
    assert runtime.unavailable.startswith("nothing is acknowledged: the journal cannot be written")
    service.disk.fault = None
    operations = len(service.disk.operations)
    calls.append(service.submit("msgsnd", 0, 1, b"y"))
    await asyncio.sleep(0)
    assert service.left[2:] == ["msgsnd withheld"]
    assert len(service.disk.operations) == operations, "a journal that failed was written to"
    with pytest.raises(JournalError):
        await runtime.durable(calls[-1].position)
    assert [call.withheld is journal.failure for call in calls] == [True] * 3


async def test_what_was_durable_before_it_failed_is_still_told(service: Service):
    service.fail("error", "sync")
    durable = service.journal.durable
    service.submit("msgsnd", 0, 1, b"x")
    await eventually(lambda: service.runtime.lost)
    await service.runtime.durable(durable)
    await service.runtime.durable(0)


async def test_after_a_failed_sync_the_next_life_has_what_was_acknowledged(tmp_path: Path):
    with disk() as under:
        async with aclosing(Service(under, tmp_path)) as first:
            first.submit("msgget", 1, ["IPC_CREAT", 0o600])
            await first.journal.settled()
            first.fail("error", "sync")
            first.submit("msgsnd", 0, 1, b"x")
            await eventually(lambda: first.runtime.lost)
    storage = opened(tmp_path)
    found = [type(fact).__name__ for record in storage.read() for chunk in split(record.data) for fact in decode(chunk)]
    storage.close()
    assert found[0] == "QueueCreated"
    assert found in (["QueueCreated"], ["QueueCreated", "MessagesSent"]), "not acknowledged: it may be there, or not"
