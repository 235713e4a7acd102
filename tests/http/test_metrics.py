"""What Prometheus is told: the kernel's counts, the journal, the deepest queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

import usernel
from usernel.compose import Service
from usernel.config import Settings
from usernel.http.queue_metrics import LABEL_MAX, QUEUE_SERIES_MAX, queue_metrics
from usernel.journal.port import JournalError, JournalFullError
from usernel.runtime import GroupCommit, Progress
from usernel.sim import Task

from ..clients.embedded import eventually
from .asking import Ask
from .conftest import at

OTHER = {"ipc": "other", "name": "other"}
SMALL = {"mq_maxmsg": 3, "mq_msgsize": 8}


def durable(directory: Path, **more: Any) -> Settings:
    return Settings(port=0, data_dir=str(directory / "data"), **more)


async def scraped(ask: Ask, **headers: str) -> list[Metric]:
    async with ask.session.get("/metrics", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(await response.text()))
    assert all(family.documentation for family in families)
    return families


async def numbers(ask: Ask) -> dict[str, float]:
    """The samples that have no labels."""
    return {
        sample.name: sample.value for family in await scraped(ask) for sample in family.samples if not sample.labels
    }


def series(families: Iterable[Metric], name: str) -> list[tuple[Mapping[str, str], float]]:
    return [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]


def journal_of(running: Service) -> GroupCommit:
    assert isinstance(running.runtime.journal, GroupCommit)
    return running.runtime.journal


# ------------------------------------------------------------------------------------------------------ the kernel's


async def test_every_count_of_the_kernel_is_a_gauge(running: Service, ask: Ask):
    counted = {f"usernel_{name}" for name, value in running.runtime.stat().items() if isinstance(value, int)}
    gauges = {family.name for family in await scraped(ask) if family.type == "gauge"}
    assert counted | {"usernel_websockets"} <= gauges
    assert {"usernel_tasks", "usernel_waiting", "usernel_position"} <= counted


async def test_they_move(ask: Ask, msqid: int):
    before = await numbers(ask)
    async with ask.session.ws_connect("/v1/syscalls") as ws:
        await ask.done("POST /v1/tasks", {})
        during = await numbers(ask)
        await ws.close()
    assert during["usernel_websockets"] - before["usernel_websockets"] == 1
    assert during["usernel_tasks"] - before["usernel_tasks"] == 2


async def test_a_closed_websocket_is_counted_no_more(running: Service, ask: Ask):
    async with ask.session.ws_connect("/v1/syscalls"):
        assert (await numbers(ask))["usernel_websockets"] == 1
    await eventually(lambda: len(running.runtime.kernel.tasks) == 2)
    assert (await numbers(ask))["usernel_websockets"] == 0


# ------------------------------------------------------------------------------------------------------- the journal


async def test_a_service_that_keeps_nothing_says_so_and_has_no_commits(ask: Ask, msqid: int):
    shown = {family.name for family in await scraped(ask) if family.name.startswith("usernel_journal")}
    told = {"ephemeral", "durable_position", "failed", "replay_share"}
    assert shown == {f"usernel_journal_{name}" for name in told}
    counted = await numbers(ask)
    assert [counted[f"usernel_journal_{name}"] for name in ("ephemeral", "failed", "replay_share")] == [1, 0, 1]
    assert counted["usernel_journal_durable_position"] == counted["usernel_position"] > 0


async def test_commits_are_counted_and_observed(tmp_path: Path):
    async with at(durable(tmp_path)) as (running, ask):
        for key in range(5):
            await ask.done("POST /v1/msg", {"key": key + 1, "flags": ["IPC_CREAT"]})
        await journal_of(running).settled()
        shown, counted = running.runtime.journal.stat(), await numbers(ask)
        assert counted["usernel_journal_commit_seconds_count"] == counted["usernel_journal_commit_facts_count"] == 5
        assert counted["usernel_journal_commit_facts_sum"] == shown["committed_facts"] == 5
        assert 0 < counted["usernel_journal_commit_seconds_sum"] < 60
        for name in ("commits", "committed_facts", "committed_bytes", "snapshots"):
            assert counted[f"usernel_journal_{name}_total"] == shown[name]
        for name in ("records", "record_bytes", "tail_bytes", "snapshot_bytes", "snapshot_position", "file_bytes"):
            assert counted[f"usernel_journal_{name}"] == shown[name]
        for name in ("durable", "appended"):
            assert counted[f"usernel_journal_{name}_position"] == shown[name] == 5
        assert [counted[f"usernel_journal_{name}"] for name in ("ephemeral", "failed", "replay_share")] == [0, 0, 1]
        assert "usernel_journal_snapshot_age_seconds" not in counted


async def test_the_group_size_is_in_buckets(tmp_path: Path):
    async with at(durable(tmp_path)) as (_, ask):
        for key in range(3):
            await ask.done("POST /v1/msg", {"key": key + 1, "flags": ["IPC_CREAT"]})
        buckets = series(await scraped(ask), "usernel_journal_commit_facts_bucket")
        assert [value for labels, value in buckets if labels["le"] in {"1.0", "10000.0", "+Inf"}] == [3, 3, 3]


async def test_a_snapshot_has_an_age(tmp_path: Path):
    async with at(durable(tmp_path, snapshot_bytes=1)) as (running, ask):
        await ask.done("POST /v1/msg", {"key": 1, "flags": ["IPC_CREAT"]})
        await journal_of(running).settled()
        counted = await numbers(ask)
        assert (counted["usernel_journal_snapshots_total"], counted["usernel_journal_tail_bytes"]) == (1, 0)
        assert counted["usernel_journal_snapshot_bytes"] > 0
        assert 0 < counted["usernel_journal_snapshot_duration_seconds"] < 60
        assert 0 <= counted["usernel_journal_snapshot_age_seconds"] < 60


async def test_two_services_in_one_process_measure_each_its_own(tmp_path: Path):
    async with at(durable(tmp_path / "one")) as (_, one), at(durable(tmp_path / "two")) as (_, two):
        await one.done("POST /v1/msg", {"key": 1, "flags": ["IPC_CREAT"]})
        counts = [(await numbers(ask))["usernel_journal_commit_facts_count"] for ask in (one, two)]
        assert counts == [1, 0]


@pytest.mark.parametrize("failure", [JournalFullError("the disk is full"), JournalError("it cannot be written")])
async def test_they_tell_of_a_failure_while_no_call_is_let_in(tmp_path: Path, failure: JournalError):
    async with at(durable(tmp_path)) as (running, ask):
        journal_of(running)._fail(failure)
        assert await ask.refused("GET /v1/msg") == (503, None)
        assert (await numbers(ask))["usernel_journal_failed"] == 1


async def test_they_tell_how_far_a_replay_is_while_no_call_is_let_in(running: Service, ask: Ask):
    running.runtime.recovery = Progress(total=200, done=50)
    assert await ask.refused("GET /v1/msg") == (503, None)
    assert (await numbers(ask))["usernel_journal_replay_share"] == 0.25
    running.runtime.recovery = None
    assert (await numbers(ask))["usernel_journal_replay_share"] == 1


async def test_they_want_the_token_also_then():
    async with at(Settings(port=0, token="right")) as (running, ask):
        running.runtime.recovery = Progress(total=200, done=50)
        assert await ask.refused("GET /metrics") == (401, None)
        assert await scraped(ask, Authorization="Bearer right")


# -------------------------------------------------------------------------------------------------------- the queues


async def test_each_queue_of_a_namespace_has_its_depth_bytes_and_age(ask: Ask, msqid: int, jobs: str):
    await ask.done(f"POST /v1/msg/{msqid}/messages", [{"mtype": 1, "text": "abc"}, {"mtype": 1, "text": "d"}])
    await ask.done(f"POST {jobs}/messages", {"text": "12345"})
    tenant = await ask.done("POST /v1/tasks", {"unshare": ["ipc"]})
    await ask.done("POST /v1/msg", {"key": 0x4D2, "flags": ["IPC_CREAT"]}, task=tenant["pid"])
    families = await scraped(ask)
    ours = {"ipc": "4026531839", "key": "0x4d2", "msqid": str(msqid)}
    theirs = {"ipc": tenant["ns"]["ipc"][5:-1], "key": "0x4d2", "msqid": "0"}
    assert series(families, "usernel_msg_queue_messages") == [(ours, 2), (theirs, 0)]
    assert series(families, "usernel_msg_queue_bytes") == [(ours, 4), (theirs, 0)]
    assert all(0 <= age < 60 for _, age in series(families, "usernel_msg_queue_oldest_seconds"))
    named = {"ipc": "4026531839", "name": "jobs"}
    assert series(families, "usernel_mq_messages") == [(named, 1)]
    assert series(families, "usernel_mq_bytes") == [(named, 5)]
    assert [labels for labels, _ in series(families, "usernel_mq_oldest_seconds")] == [named]


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


@pytest.fixture
def task(kernel: usernel.Kernel) -> Task:
    return kernel.fork()


def shown(kernel: usernel.Kernel, name: str) -> list[tuple[Mapping[str, str], float]]:
    """The series of one metric, out of the text that it is written as."""

    class Queues:
        def collect(self) -> Iterable[Metric]:
            return queue_metrics(kernel.model, kernel.model.seconds)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Queues())  # type: ignore[arg-type]
    return series(text_string_to_metric_families(generate_latest(registry).decode()), name)


def test_the_age_is_that_of_the_oldest_and_an_empty_queue_has_none(kernel: usernel.Kernel, task: Task):
    msqid = task.msgget(1, "IPC_CREAT | 0600")
    for _ in range(2):
        task.msgsnd(msqid, 1, b"x")
        kernel.advance(5 * 10**9)
    ages = [shown(kernel, "usernel_msg_queue_oldest_seconds")[0][1]]
    for _ in range(2):
        task.msgrcv(msqid)
        ages.append(shown(kernel, "usernel_msg_queue_oldest_seconds")[0][1])
    assert ages == [10, 5, 0]


def test_a_clock_that_was_set_back_makes_no_age_negative(kernel: usernel.Kernel, task: Task):
    task.msgsnd(task.msgget(1, "IPC_CREAT | 0600"), 1, b"x")
    kernel.set_realtime(0)
    assert shown(kernel, "usernel_msg_queue_oldest_seconds")[0][1] == 0


@pytest.mark.parametrize("more", [0, 1, 2])
def test_so_many_queues_have_series_of_their_own_and_the_rest_one_together(kernel, task: Task, more: int):
    for number in range(QUEUE_SERIES_MAX + more):
        msqid = task.msgget(number + 1, "IPC_CREAT | 0600")
        task.msgsnd_batch(msqid, [(1, b"xy")] * (1 if number < more else 2))
    counts = shown(kernel, "usernel_msg_queue_messages")
    own, rest = counts[:QUEUE_SERIES_MAX], counts[QUEUE_SERIES_MAX:]
    assert {value for _, value in own} == {2}
    assert len({labels["key"] for labels, _ in own}) == QUEUE_SERIES_MAX
    assert rest == ([({"ipc": "other", "key": "other", "msqid": "other"}, more)] if more else [])
    assert [value for _, value in shown(kernel, "usernel_msg_queue_bytes")][QUEUE_SERIES_MAX:] == [2 * more] * bool(
        more
    )


@pytest.mark.parametrize("more", [0, 1, 2])
def test_so_many_posix_queues_too(kernel, task: Task, more: int):
    kernel.advance(10**9)
    for number in range(QUEUE_SERIES_MAX + more):
        mqdes = task.mq_open(f"q{number}", "O_CREAT | O_RDWR", 0o600, SMALL)
        task.mq_timedsend_batch(mqdes, [(0, b"xy")] * (1 if number < more else 2))
        task.close(mqdes)
    kernel.advance(3 * 10**9)
    counts = shown(kernel, "usernel_mq_messages")
    assert {value for _, value in counts[:QUEUE_SERIES_MAX]} == {2}
    assert counts[QUEUE_SERIES_MAX:] == ([(OTHER, more)] if more else [])
    ages = shown(kernel, "usernel_mq_oldest_seconds")
    assert (len(ages), {value for _, value in ages}) == (len(counts), {3})


def test_the_rest_may_be_empty(kernel: usernel.Kernel, task: Task):
    for number in range(QUEUE_SERIES_MAX + 1):
        task.close(task.mq_open(f"q{number}", "O_CREAT", 0o600, SMALL))
    for name in ("messages", "bytes", "oldest_seconds"):
        assert shown(kernel, f"usernel_mq_{name}")[-1] == (OTHER, 0)


NAMES = ['"', "\\", "\n", 'a{b="c"} 1\n# HELP x', "\\n", " ", "ü☃", "other", "\r", "\x01\x1b[31m", "x" * LABEL_MAX]


def test_any_name_is_a_label_that_reads_as_it_was_given(kernel: usernel.Kernel, task: Task):
    for name in NAMES:
        task.close(task.mq_open(name, "O_CREAT", 0o600, SMALL))
    assert [labels["name"] for labels, _ in shown(kernel, "usernel_mq_messages")] == NAMES


def test_long_names_are_cut_and_stay_different(kernel: usernel.Kernel, task: Task):
    for last in "ab":
        task.close(task.mq_open("x" * LABEL_MAX + last, "O_CREAT", 0o600, SMALL))
    names = [labels["name"] for labels, _ in shown(kernel, "usernel_mq_messages")]
    assert [name.partition("/")[0] for name in names] == ["x" * LABEL_MAX] * 2
    assert len(set(names)) == 2


def test_queues_without_a_name_are_told_apart(kernel: usernel.Kernel, task: Task):
    for _ in range(2):
        task.mq_open("gone", "O_CREAT", 0o600, SMALL)
        task.mq_unlink("gone")
    names = [labels["name"] for labels, _ in shown(kernel, "usernel_mq_messages")]
    assert len(set(names)) == 2
    assert all(name.startswith("/") for name in names)
