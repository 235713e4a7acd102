"""A service that can keep nothing now, or never again, or not yet: what it answers to whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from tests.clients.embedded import eventually
from tests.journal.faulty import Disk, Fault, disk
from tests.journal.histories import live
from tests.journal.storing import opened
from usernel import compose
from usernel.compose import Service, service
from usernel.config import Settings
from usernel.journal.sqlite import SqliteStorage
from usernel.runtime import commit, recovery

from .asking import Ask
from .socketing import BOTH, Frames

FOREVER = float("inf")
SEND = ("POST /v1/msg/0/messages", {"mtype": 1, "text": "x"})


@pytest.fixture
def under(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk that a service of this test keeps its journal on."""
    monkeypatch.setattr(commit, "RETRY_SECONDS", 0.001)
    with disk() as made:
        monkeypatch.setattr(compose, "SqliteStorage", partial(SqliteStorage, vfs=made.name))
        yield made


def fail(under: Disk, kind: str, *kinds: str) -> None:
    """From now on every operation of these kinds fails."""
    under.kinds = frozenset(kinds)
    under.operations.clear()
    under.fault = Fault(kind, 1, FOREVER)


@pytest.fixture
async def running(under: Disk, tmp_path: Path) -> AsyncIterator[Service]:
    """A service with a queue, which is kept."""
    async with service(Settings(port=0, data_dir=str(tmp_path / "data"))) as made:
        async with aiohttp.ClientSession(made.url) as session:
            await Ask(session).done("POST /v1/msg", {"key": 1, "flags": ["IPC_CREAT"], "mode": "0600"})
        yield made
        under.fault = None


@pytest.fixture
async def ask(running: Service) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(running.url) as session:
        yield Ask(session)


@asynccontextmanager
async def connected(running: Service, protocol: str) -> AsyncIterator[Frames]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(running.url))
        yield Frames(await stack.enter_async_context(session.ws_connect("/v1/syscalls", protocols=[protocol])))


def sending(ask: Ask, count: int) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(ask(*SEND)) for _ in range(count)]


async def failed(running: Service, waiting: int = 1) -> None:
    """Until the journal has failed, and so many outcomes wait for it or were withheld."""
    runtime = running.runtime
    await eventually(lambda: runtime.unavailable and (runtime.lost or len(runtime._waiting) >= waiting))


async def watched(ask: Ask, path: str) -> tuple[int, dict[str, Any]]:
    """What those are told who watch over the service."""
    async with ask.session.get(path) as response:
        return response.status, await response.json()


async def headers(ask: Ask, path: str) -> tuple[int, str | None, str]:
    """The status, the header Retry-After and the sentence of an answer."""
    async with ask.session.get(path) as response:
        shown = await response.json(content_type=None)
        return response.status, response.headers.get("Retry-After"), shown["detail"]


# ------------------------------------------------------------------------------------------------------- a full disk


async def test_while_the_disk_is_full_no_new_call_is_let_in(under: Disk, running: Service, ask: Ask):
    fail(under, "full", "write")
    waiting = sending(ask, 1)
    await failed(running)
    sentence = "nothing is acknowledged: the disk is full"
    for path in ("/v1/msg", "/v1/mq", "/v1/msg/0", "/v1/namespaces"):
        assert await headers(ask, path) == (503, "1", sentence)
    status, shown = await watched(ask, "/readyz")
    assert (status, shown["status"], shown["reason"]) == (503, "unavailable", sentence)
    assert shown["journal"]["failure"] == "the disk is full"
    assert await watched(ask, "/livez") == (200, {"status": "live"})
    assert not waiting[0].done()
    under.fault = None
    assert (await waiting[0])[0] < 300


async def test_calls_under_way_are_answered_when_there_is_room(under: Disk, running: Service, ask: Ask):
    fail(under, "full", "write")
    waiting = sending(ask, 5)
    await failed(running, 5)
    under.fault = None
    assert [status for status, _ in await asyncio.gather(*waiting)] == [(await waiting[0])[0]] * 5
    assert (await waiting[0])[0] < 300
    assert (await watched(ask, "/readyz"))[0] == 200
    assert (await ask.done("GET /v1/msg/0"))["msg_qnum"] == 5


async def test_a_client_that_waits_no_longer_takes_nothing_back(under: Disk, running: Service, ask: Ask):
    """What it sent was sent; only nobody hears of it."""
    fail(under, "full", "write")
    (waiting,) = sending(ask, 1)
    await failed(running)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    under.fault = None
    await eventually(lambda: running.runtime.unavailable is None)
    assert (await ask.done("GET /v1/msg/0"))["msg_qnum"] == 1


@pytest.mark.parametrize("protocol", BOTH)
async def test_a_websocket_says_so_and_goes_on(under: Disk, running: Service, protocol: str):
    async with connected(running, protocol) as frames:
        fail(under, "full", "write")
        await frames.send({"id": 1, "call": "msgsnd", "args": {"msqid": 0, "mtype": 1, "text": "x"}})
        await failed(running)
        refused = await frames.reply({"id": 2, "call": "getpid"})
        assert (refused["id"], refused["status"]) == (2, 503)
        assert "the disk is full" in refused["detail"]
        under.fault = None
        assert (await frames.replies(1))[0]["id"] == 1
        assert isinstance(await frames.call("getpid"), int)


async def test_a_full_disk_lets_no_websocket_in(under: Disk, running: Service, ask: Ask):
    fail(under, "full", "write")
    waiting = sending(ask, 1)
    await failed(running)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await ask.session.ws_connect("/v1/syscalls")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    under.fault = None
    await asyncio.gather(*waiting)


# ----------------------------------------------------------------------------------------------------- a failed sync


async def test_after_a_failed_sync_nobody_is_told_what_happened(under: Disk, running: Service, ask: Ask):
    fail(under, "error", "sync")
    for status, shown in await asyncio.gather(*sending(ask, 3)):
        assert status == 503
        assert "the journal cannot be written" in shown["detail"]
    assert running.runtime.lost
    status, shown = await watched(ask, "/livez")
    assert (status, shown["status"]) == (503, "lost")
    assert shown["reason"].startswith("nothing is acknowledged: the journal cannot be written")
    assert (await watched(ask, "/readyz"))[0] == 503
    assert (await headers(ask, "/v1/msg"))[0] == 503
    under.fault = None
    assert (await watched(ask, "/livez"))[0] == 503, "only a new start helps"


async def test_who_only_reads_behind_it_is_not_told_either(under: Disk, running: Service):
    """It would tell of what may not have happened."""
    async with connected(running, BOTH[0]) as frames:
        fail(under, "error", "sync")
        calls = [("msgsnd", {"msqid": 0, "mtype": 1, "text": "x"}), ("msg_stat", {"msqid": 0}), ("getpid", {})]
        await frames.send([{"id": name, "call": name, "args": args} for name, args in calls])
        assert {reply["id"]: reply["status"] for reply in await frames.replies(3)} == dict.fromkeys(dict(calls), 503)


@pytest.mark.parametrize("protocol", BOTH)
async def test_a_websocket_is_told_of_each_call_under_way(under: Disk, running: Service, protocol: str):
    async with connected(running, protocol) as frames:
        fail(under, "error", "sync")
        await frames.send(*[
            {"id": number, "call": "msgsnd", "args": {"msqid": 0, "mtype": 1, "text": "x"}} for number in (1, 2)
        ])  # fmt: skip
        replies = await frames.replies(2)
        assert [(reply["id"], reply["status"]) for reply in replies] == [(1, 503), (2, 503)]
        assert all("cannot be written" in reply["detail"] for reply in replies)
        refused = await frames.reply({"id": 3, "call": "getpid"})
        assert refused["status"] == 503


async def test_what_a_receiver_was_not_told_is_in_the_queue_of_the_next_life(
    under: Disk, running: Service, ask: Ask, tmp_path: Path
):
    await ask.done(*SEND)
    fail(under, "error", "write")
    status, shown = await ask("POST /v1/msg/0/receive", {})
    assert (status, "text" in shown) == (503, False)
    under.fault = None
    left = tmp_path / "left"
    left.mkdir()
    for path in (tmp_path / "data").glob("journal.db*"):
        if not path.name.endswith("-shm"):
            (left / path.name).write_bytes(path.read_bytes())
    async with (
        service(Settings(port=0, data_dir=str(left))) as again,
        aiohttp.ClientSession(again.url) as session,
    ):
        assert (await Ask(session).done("GET /v1/msg/0"))["msg_qnum"] == 1


# ---------------------------------------------------------------------------------------------------------- replaying


class Gate:
    """What a replay waits at, between two records."""

    def __init__(self) -> None:
        self.waiting = 0
        self.open = asyncio.Event()

    async def sleep(self, _seconds: float) -> None:
        self.waiting += 1
        await self.open.wait()


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(recovery, "TURN", -1)
    monkeypatch.setattr(recovery, "asyncio", SimpleNamespace(sleep=made.sleep))
    return made


async def serving(settings: Settings, ended: asyncio.Event) -> None:
    async with service(settings):
        await ended.wait()


async def test_while_it_replays_it_says_how_far_it_is(gate: Gate, tmp_path: Path):
    history = live(12)
    storage = opened(tmp_path / "data")
    for record in history.records:
        storage.append(record)
    storage.close()
    ended = asyncio.Event()
    settings = Settings(host=None, uds=str(tmp_path / "socket"), data_dir=str(tmp_path / "data"))
    task = asyncio.create_task(serving(settings, ended))
    await eventually(lambda: gate.waiting == 1)
    async with aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(settings.uds)) as session:
        ask = Ask(session)
        status, shown = await watched(ask, "/readyz")
        assert (status, shown["status"]) == (503, "replaying")
        assert 0 < shown["replay"]["bytes"] < shown["replay"]["of_bytes"]
        assert shown["replay"]["share"] < 1
        assert shown["reason"] == f"the journal is being replayed: {shown['replay']['share']:.0%} done"
        assert await watched(ask, "/livez") == (200, {"status": "live"})
        assert await headers(ask, "/v1/msg") == (503, "1", shown["reason"])
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await session.ws_connect("/v1/syscalls")
        gate.open.set()
        await eventually(lambda: gate.waiting == len(history.records))
        async with asyncio.timeout(5):
            while (await watched(ask, "/readyz"))[0] != 200:
                pass
        assert (await ask.done("GET /v1/msg/0"))["msg_qnum"] > 0
    ended.set()
    await task


async def test_a_replay_ends_with_the_service(gate: Gate, tmp_path: Path):
    storage = opened(tmp_path / "data")
    storage.append(live(1).records[0])
    storage.close()
    settings = Settings(host=None, uds=str(tmp_path / "socket"), data_dir=str(tmp_path / "data"))
    task = asyncio.create_task(serving(settings, asyncio.Event()))
    await eventually(lambda: gate.waiting == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opened(tmp_path / "data").close()
