"""A service on the test's own loop, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from usernel.compose import Service, service
from usernel.config import Settings
from usernel_client import Client, MessageQueue, PosixQueue, SyncClient, connection
from usernel_client.protocol import CallFrame, Cancel, encode

from .embedded import threaded


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USERNEL_URL", raising=False)
    monkeypatch.delenv("USERNEL_TOKEN", raising=False)


@pytest.fixture
async def running() -> AsyncIterator[Service]:
    async with service(Settings(port=0)) as made:
        yield made


@pytest.fixture
async def client(running: Service) -> AsyncIterator[Client]:
    async with Client(running.url) as connected:
        yield connected


@pytest.fixture
async def other(running: Service) -> AsyncIterator[Client]:
    async with Client(running.url) as connected:
        yield connected


@pytest.fixture
async def queue(client: Client) -> MessageQueue:
    return await client.msgget(0x4D2, "IPC_CREAT | IPC_EXCL", mode=0o600)


@pytest.fixture
async def jobs(client: Client) -> PosixQueue:
    return await client.mq_open("/jobs", "O_CREAT | O_RDWR", attr={"mq_maxmsg": 4, "mq_msgsize": 64})


@pytest.fixture
def apart() -> Iterator[Service]:
    with threaded(Settings(port=0)) as made:
        yield made


@pytest.fixture
def sync(apart: Service) -> Iterator[SyncClient]:
    with SyncClient(apart.url) as connected:
        yield connected


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[list[CallFrame | Cancel]]:
    """The frames that clients wrote since then."""
    written: list[list[CallFrame | Cancel]] = []

    def keeping(joined: list[CallFrame | Cancel]) -> bytes:
        written.append(list(joined))
        return encode(joined)

    monkeypatch.setattr(connection, "encode", keeping)
    return written
