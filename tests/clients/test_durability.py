"""Whether a queue outlives the service, as the clients ask for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from usernel.compose import Service, service
from usernel.config import Settings
from usernel_client import Client, ProtocolError, SyncClient


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(Settings(port=0, data_dir=str(tmp_path))) as made:
        yield made


@pytest.mark.parametrize("asked", ["durable", "ephemeral"])
async def test_a_queue_is_what_it_asked_for(client: Client, asked):
    assert (await (await client.msgget("IPC_PRIVATE", durability=asked)).stat())["durability"] == asked
    jobs = await client.mq_open("jobs", "O_CREAT | O_RDWR", durability=asked)
    assert (await jobs.stat())["durability"] == asked


async def test_one_that_asks_for_nothing_is_what_its_namespace_says(client: Client):
    await client.sysctl("usernel.ephemeral", 1)
    assert (await (await client.msgget("IPC_PRIVATE")).stat())["durability"] == "ephemeral"
    assert (await (await client.mq_open("jobs", "O_CREAT | O_RDWR")).stat())["durability"] == "ephemeral"


async def test_what_is_no_durability_is_refused(client: Client):
    with pytest.raises(ProtocolError, match="none of durable, ephemeral"):
        await client.msgget("IPC_PRIVATE", durability="volatile")  # type: ignore[arg-type]


async def test_the_typed_calls_take_it_too(client: Client):
    msqid = await client.calls.msgget("IPC_PRIVATE", 0o600, durability="ephemeral")
    assert (await client.calls.msg_stat(msqid)).out["durability"] == "ephemeral"
    await client.calls.mq_open("jobs", "O_CREAT", 0o600, durability="ephemeral")
    assert (await client.calls.mq_stat("jobs")).out["durability"] == "ephemeral"


def test_without_asyncio(sync: SyncClient):
    queue = sync.msgget("IPC_PRIVATE", durability="ephemeral")
    jobs = sync.mq_open("jobs", "O_CREAT | O_RDWR", durability="ephemeral")
    assert (queue.stat()["durability"], jobs.stat()["durability"]) == ("ephemeral", "ephemeral")
    before = int(time.time())
    queue.send("x")
    jobs.send("x")
    assert all(before <= shown["oldest"] <= time.time() for shown in (queue.stat(), jobs.stat()))
