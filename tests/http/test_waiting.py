"""``wait``: for a message, for room, in vain."""

from __future__ import annotations

import asyncio

import pytest

from usernel.compose import Service

from ..clients.embedded import eventually, sleepers
from .asking import Ask

QUEUES = ("/v1/msg/0", "/v1/mq/jobs")
MESSAGE = {"/v1/msg/0": {"mtype": 1, "text": "x"}, "/v1/mq/jobs": {"text": "x"}}
EMPTY = {"/v1/msg/0": (409, "ENOMSG"), "/v1/mq/jobs": (409, "EAGAIN")}


@pytest.fixture(params=QUEUES)
async def queue(request: pytest.FixtureRequest, ask: Ask) -> str:
    """A queue with room for one message."""
    await ask.done("POST /v1/msg", {"key": 1, "flags": "IPC_CREAT"})
    await ask.done("PATCH /v1/msg/0", {"msg_qbytes": 1})
    await ask.done("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": 1, "mq_msgsize": 1}})
    return request.param


@pytest.mark.parametrize("how", [{}, {"wait": 0}, {"wait": None}, {"wait": 0.0}])
async def test_nothing_waits_unless_asked_to(ask: Ask, queue: str, how):
    assert await ask.refused(f"POST {queue}/receive", how) == EMPTY[queue]
    assert await ask.refused(f"POST {queue}/receive", {**how, "max": 2}) == EMPTY[queue]
    await ask.done(f"POST {queue}/messages", {**MESSAGE[queue], **how})
    assert await ask.refused(f"POST {queue}/messages", {**MESSAGE[queue], **how}) == (409, "EAGAIN")


async def test_waiting_in_vain_is_408(ask: Ask, queue: str):
    assert await ask.refused(f"POST {queue}/receive", {"wait": 0.001}) == (408, "ETIMEDOUT")
    assert await ask.refused(f"POST {queue}/receive", {"wait": 0.001, "max": 2}) == (408, "ETIMEDOUT")
    await ask.done(f"POST {queue}/messages", MESSAGE[queue])
    full = {**MESSAGE[queue], "wait": 0.001}
    assert await ask.refused(f"POST {queue}/messages", full) == (408, "ETIMEDOUT")
    assert await ask.refused(f"POST {queue}/messages", [full]) == (408, "ETIMEDOUT")


@pytest.mark.parametrize("most", [None, 5])
async def test_a_receiver_waits_for_a_message(running: Service, ask: Ask, queue: str, most: int | None):
    waiting = asyncio.create_task(ask.done(f"POST {queue}/receive", {"wait": 60, "max": most}))
    await eventually(lambda: sleepers(running) == 1)
    assert (await ask.done(f"GET {queue}"))["receivers"] == 1
    await ask.done(f"POST {queue}/messages", MESSAGE[queue])
    got = await waiting
    assert [item["text"] for item in (got["items"] if most else [got])] == ["x"]


@pytest.mark.parametrize("many", [False, True])
async def test_a_sender_waits_for_room(running: Service, ask: Ask, queue: str, many: bool):
    await ask.done(f"POST {queue}/messages", MESSAGE[queue])
    message = {**MESSAGE[queue], "wait": 60}
    waiting = asyncio.create_task(ask.done(f"POST {queue}/messages", [message] if many else message))
    await eventually(lambda: sleepers(running) == 1)
    assert (await ask.done(f"GET {queue}"))["senders"] == 1
    await ask.done(f"POST {queue}/receive")
    assert await waiting == {"sent": 1}


async def test_a_batch_that_partly_went_says_so_when_its_time_is_over(ask: Ask, queue: str):
    message = {**MESSAGE[queue], "wait": 0.001}
    assert await ask.done(f"POST {queue}/messages", [message, message]) == {"sent": 1}


async def test_a_queue_that_is_removed_wakes_its_sleepers_with_eidrm(running: Service, ask: Ask, queue: str):
    waiting = asyncio.create_task(ask.refused("POST /v1/msg/0/receive", {"wait": 60}))
    await eventually(lambda: sleepers(running) == 1)
    await ask.done("DELETE /v1/msg/0")
    assert await waiting == (410, "EIDRM")


async def test_a_task_that_is_killed_while_it_waits_is_499(running: Service, ask: Ask, queue: str):
    pid = (await ask.done("POST /v1/tasks", {}))["pid"]
    waiting = asyncio.create_task(ask.refused(f"POST {queue}/receive", {"wait": 60}, task=pid))
    await eventually(lambda: sleepers(running) == 1)
    await ask.done(f"DELETE /v1/tasks/{pid}")
    assert await waiting == (499, "EINTR")
