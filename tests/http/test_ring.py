"""WebSocket ``/v1/io_uring/{ring}/ring``: submissions in, completions out."""

from __future__ import annotations

import asyncio
import json
import socket

import aiohttp
import pytest

from usernel.compose import Service
from usernel.http import ring as ring_door
from usernel.http.limits import Limits

from ..clients.embedded import eventually, sleepers
from .asking import Ask
from .test_notify import refused

ETIME = 62
NOP = {"opcode": "IORING_OP_NOP"}
MS = 10**6


@pytest.fixture
async def ring(ask: Ask) -> str:
    made = await ask.done("POST /v1/io_uring", {"entries": 8})
    return f"/v1/io_uring/{made['ring']}"


async def test_a_frame_is_answered_with_how_many_were_taken_and_their_completions(ask: Ask, ring: str):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        for number in (1, 2):
            await ws.send_json({"sqes": [{**NOP, "user_data": number}, {**NOP, "user_data": 9}]})
            assert await ws.receive_json() == {"submitted": 2}
            cqes = (await ws.receive_json())["cqes"]
            assert cqes == [{"user_data": user_data, "res": 0, "flags": []} for user_data in (number, 9)]


async def test_completions_come_as_they_happen(ask: Ask, ring: str):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        timeouts = [{"opcode": "IORING_OP_TIMEOUT", "ts_ns": ms * MS, "user_data": ms} for ms in (30, 5, 15)]
        await ws.send_json({"sqes": timeouts})
        assert await ws.receive_json() == {"submitted": 3}
        came: list = []
        while len(came) < 3:
            came += (await ws.receive_json())["cqes"]
    assert [(cqe["user_data"], cqe["res"]) for cqe in came] == [(5, -ETIME), (15, -ETIME), (30, -ETIME)]


async def test_what_was_submitted_by_others_comes_too(ask: Ask, ring: str):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        timeout = {"opcode": "IORING_OP_TIMEOUT", "ts_ns": 5 * MS, "user_data": 3}
        await ask.done(f"POST {ring}/enter", {"sqes": [timeout]})
        assert (await ws.receive_json())["cqes"][0]["user_data"] == 3


async def test_closing_it_leaves_the_ring_and_what_is_in_flight(running: Service, ask: Ask, ring: str):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        await ws.send_json({"sqes": [{"opcode": "IORING_OP_TIMEOUT", "ts_ns": 50 * MS, "user_data": 4}]})
        assert await ws.receive_json() == {"submitted": 1}
    await eventually(lambda: sleepers(running) == 0)
    assert (await ask.done(f"GET {ring}"))["timeouts"] == 1
    entered = await ask.done(f"POST {ring}/enter", {"wait": 20})
    assert entered["cqes"] == [{"user_data": 4, "res": -ETIME, "flags": []}]


@pytest.mark.parametrize(
    "frame",
    [{}, [], 1, {"sqes": 1}, {"sqes": [NOP], "wait": 1}, {"sqes": [{"opcode": "IORING_OP_NOPE"}]}, {"sqes": [{}]},
     {"sqes": [NOP, {**NOP, "colour": 1}]}],
)  # fmt: skip
async def test_what_is_no_such_frame_is_said_and_the_next_counts(ask: Ask, ring: str, frame):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        await ws.send_json(frame)
        said = await ws.receive_json()
        assert (set(said), said["status"]) == ({"status", "detail"}, 400)
        await ws.send_json({"sqes": [NOP]})
        assert await ws.receive_json() == {"submitted": 1}


async def test_what_the_kernel_refuses_has_its_errno(ask: Ask, ring: str):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        await ws.send_json({"sqes": [NOP] * 9})
        said = await ws.receive_json()
        assert (said["errno"], said["errno_name"]) == (16, "EBUSY")
        await ws.send_json({"sqes": [NOP]})
        assert await ws.receive_json() == {"submitted": 1}


@pytest.mark.parametrize(("send", "code"), [("send_str", 1007), ("send_bytes", 1003)])
async def test_what_is_not_json_text_ends_it(running: Service, ask: Ask, ring: str, send: str, code: int):
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        await getattr(ws, send)("{" if send == "send_str" else b"{}")
        await ws.receive(timeout=10)
        assert ws.close_code == code
    await eventually(lambda: sleepers(running) == 0)


class TestFrame:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(frame_bytes=1000)

    async def test_a_frame_too_long_ends_it(self, ask: Ask, ring: str):
        async with ask.session.ws_connect(f"{ring}/ring") as ws:
            await ws.send_str(json.dumps({"sqes": [NOP]}).ljust(1000))
            assert await ws.receive_json() == {"submitted": 1}
            assert "cqes" in await ws.receive_json()
            await ws.send_str(json.dumps({"sqes": [NOP]}).ljust(1001))
            await ws.receive(timeout=10)
            assert ws.close_code == 1009


async def test_it_ends_with_its_ring_and_not_with_another_of_the_same_number(
    ask: Ask, ring: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ring_door, "LOOK_S", 0.02)
    async with ask.session.ws_connect(f"{ring}/ring") as ws:
        await ws.send_json({"sqes": [NOP]})
        assert await ws.receive_json() == {"submitted": 1}
        await ws.receive_json()
        await ask.done(f"DELETE {ring}")
        assert (await ask.done("POST /v1/io_uring", {"entries": 8}))["ring"] == 0
        await ws.receive(timeout=10)
        assert ws.close_code == 1001


async def test_it_ends_with_its_task(running: Service, ask: Ask):
    pid = (await ask.done("POST /v1/tasks", {}))["pid"]
    await ask.done("POST /v1/io_uring", {"entries": 8}, task=pid)
    async with ask.session.ws_connect("/v1/io_uring/0/ring", headers={"Usernel-Task": str(pid)}) as ws:
        await eventually(lambda: sleepers(running) == 1)
        await ask.done(f"DELETE /v1/tasks/{pid}")
        while (await ws.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert ws.close_code == 1001


async def test_what_cannot_be_opened(ask: Ask, jobs: str, ring: str):
    assert await refused(ask, "/v1/io_uring/9/ring") == 422
    assert await refused(ask, "/v1/io_uring/x/ring") == 400
    await ask.syscall("mq_open", name="jobs", oflag="O_RDWR")
    assert await refused(ask, "/v1/io_uring/1/ring") == 501
    assert await refused(ask, f"{ring}/ring", **{"Usernel-Task": "9999"}) == 404
    async with ask.session.get(f"{ring}/ring") as response:
        assert (response.status, response.headers["Upgrade"]) == (426, "websocket")


class TestSlowReader:
    """A client that does not read: nothing more is taken from it, and what completes stays in the ring."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(heartbeat=0.2)

    async def test_it_is_not_read_from_either_and_in_the_end_it_is_gone(self, running: Service, ask: Ask):
        made = await ask.done("POST /v1/io_uring", {"entries": 1024})
        frame = json.dumps({"sqes": [{"opcode": 0, "user_data": 2**63}] * 1024})
        sockets = running.app[ring_door.SOCKETS]
        async with ask.session.ws_connect(f"/v1/io_uring/{made['ring']}/ring", autoping=False) as ws:
            (theirs,) = sockets._open
            theirs.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

            async def flood() -> None:
                while True:
                    await ws.send_str(frame)

            with pytest.raises(ConnectionError):  # at first it is not read from, then it is gone
                await asyncio.wait_for(flood(), 20)
            await eventually(lambda: sleepers(running) == len(sockets) == 0)
        assert await ask.done(f"GET /v1/io_uring/{made['ring']}") is not None
