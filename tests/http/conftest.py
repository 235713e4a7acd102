"""A service on the test's own loop, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from usernel.compose import Service, service
from usernel.config import Settings
from usernel.http.limits import Limits

from .asking import Ask
from .socketing import JSON, Frames

Connect = Callable[..., Awaitable[Frames]]


@pytest.fixture
def limits() -> Limits:
    """The bounds of the service; a test that is about others asks for others."""
    return Limits()


@pytest.fixture
async def running(limits: Limits) -> AsyncIterator[Service]:
    async with service(Settings(port=0), limits) as made:
        yield made


@pytest.fixture
async def ask(running: Service) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(running.url) as session:
        yield Ask(session)


@pytest.fixture
async def connect(running: Service) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connected(protocol: str = JSON, **how) -> Frames:
            session = await stack.enter_async_context(aiohttp.ClientSession(running.url))
            return Frames(
                await stack.enter_async_context(session.ws_connect("/v1/syscalls", protocols=[protocol], **how))
            )

        yield connected


@pytest.fixture
async def msqid(ask: Ask) -> int:
    return (await ask.done("POST /v1/msg", {"key": 0x4D2, "flags": ["IPC_CREAT", "IPC_EXCL"]}))["msqid"]


@pytest.fixture
async def jobs(ask: Ask) -> str:
    await ask.done("PUT /v1/mq/jobs", {"attr": {"mq_maxmsg": 4, "mq_msgsize": 64}})
    return "/v1/mq/jobs"


@asynccontextmanager
async def at(settings: Settings, limits: Limits | None = None) -> AsyncIterator[tuple[Service, Ask]]:
    """A service with settings of its own."""
    async with service(settings, limits) as running, aiohttp.ClientSession(running.url) as session:
        yield running, Ask(session)
