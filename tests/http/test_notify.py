"""WebSocket ``/v1/mq/{name}/notify``."""

from __future__ import annotations

from datetime import datetime

import aiohttp
import pytest

from usernel.compose import Service

from ..clients.embedded import eventually
from .asking import Ask

RECORD_FIELDS = {"specversion", "id", "source", "type", "time", "seq", "kind", "data"}


async def test_records_are_numbered_and_say_what_happened(ask: Ask, jobs: str):
    async with ask.session.ws_connect(f"{jobs}/notify?sigev_value=7") as ws:
        records = [await ws.receive_json()]
        for _ in range(2):  # registered anew after each
            await ask.done(f"POST {jobs}/messages", {"text": "x"})
            records.append(await ws.receive_json())
            await ask.done(f"POST {jobs}/receive")
    assert [(record["kind"], record["seq"]) for record in records] == [("ready", 0), ("event", 1), ("event", 2)]
    assert records[0]["data"] == {}
    assert records[1]["data"] == {"sigev_notify": "SIGEV_THREAD", "sigev_value": 7, "name": "jobs"}
    for record in records:
        assert set(record) == RECORD_FIELDS
        assert (record["specversion"], record["source"]) == ("1.0", jobs)
        assert record["type"] == f"usernel.mq.{record['kind']}"
        assert datetime.fromisoformat(record["time"]).utcoffset().total_seconds() == 0
    assert len({record["id"] for record in records}) == 3


async def test_only_a_message_into_the_empty_queue_is_one(ask: Ask, jobs: str):
    await ask.done(f"POST {jobs}/messages", {"text": "first"})
    async with ask.session.ws_connect(f"{jobs}/notify") as ws:
        assert (await ws.receive_json())["kind"] == "ready"
        await ask.done(f"POST {jobs}/messages", {"text": "second"})
        await ask.done(f"POST {jobs}/receive", {"max": 5})
        await ask.done(f"POST {jobs}/messages", {"text": "third"})
        assert (await ws.receive_json())["seq"] == 1
        assert (await ask.done(f"GET {jobs}"))["mq_curmsgs"] == 1


async def test_a_signal_is_an_event_with_its_siginfo(ask: Ask, jobs: str):
    how = "sigev_notify=SIGEV_SIGNAL&sigev_signo=SIGUSR1&sigev_value=5"
    async with ask.session.ws_connect(f"{jobs}/notify?{how}") as ws:
        assert (await ws.receive_json())["kind"] == "ready"
        await ask.done(f"POST {jobs}/messages", {"text": "x"})
        event = await ws.receive_json()
    assert event["data"]["sigev_notify"] == "SIGEV_SIGNAL"
    assert (event["data"]["siginfo"]["si_signo"], event["data"]["siginfo"]["si_value"]) == ("SIGUSR1", 5)


async def test_one_registrant_at_a_time_and_the_next_when_it_ends(running: Service, ask: Ask, jobs: str):
    async with ask.session.ws_connect(f"{jobs}/notify") as ws:
        assert (await ws.receive_json())["kind"] == "ready"
        assert await refused(ask, f"{jobs}/notify") == 409
        await ws.close()
    await eventually(lambda: len(running.runtime.kernel.tasks) == 2)
    assert (await ask.done(f"GET {jobs}"))["files"] == 0
    async with ask.session.ws_connect(f"{jobs}/notify") as ws:
        assert (await ws.receive_json())["kind"] == "ready"


async def refused(ask: Ask, path: str, **headers: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await ask.session.ws_connect(path, headers=headers)
    return caught.value.status


async def test_what_cannot_be_registered_is_refused_and_leaves_no_task(running: Service, ask: Ask, jobs: str):
    assert await refused(ask, "/v1/mq/none/notify") == 404
    assert await refused(ask, f"{jobs}/notify?sigev_notify=99") == 422
    assert await refused(ask, f"{jobs}/notify?sigev_notify=SIGEV_NOPE") == 400
    assert await refused(ask, f"{jobs}/notify?sigev_nope=1") == 400
    assert await refused(ask, f"{jobs}/notify?sigev_value={'9' * 5000}") == 400
    assert await refused(ask, f"{jobs}/notify?sigev_value={'9' * 30}") == 400
    assert await refused(ask, f"{jobs}/notify", **{"Usernel-Task": "9999"}) == 404
    stranger = (await ask.done("POST /v1/tasks", {"uid": 1000}))["pid"]
    assert await refused(ask, f"{jobs}/notify", **{"Usernel-Task": str(stranger)}) == 403
    assert len(running.runtime.kernel.tasks) == 3


async def test_without_an_upgrade_it_says_what_it_is(ask: Ask, jobs: str):
    async with ask.session.get(f"{jobs}/notify") as response:
        assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
        assert response.content_type == "application/problem+json"


async def test_a_frame_too_long_ends_the_stream(ask: Ask, jobs: str):
    async with ask.session.ws_connect(f"{jobs}/notify") as ws:
        assert (await ws.receive_json())["kind"] == "ready"
        await ws.send_str("x" * 1025)
        await ws.receive(timeout=10)
        assert ws.close_code == 1009
