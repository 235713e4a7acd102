"""Bounds: what just fits, and one past it."""

from __future__ import annotations

import asyncio
import io
import zlib

import aiohttp
import pytest

from usernel.compose import Service
from usernel.http.limits import Limits

from .asking import JSON, Ask

LINE = "POST /v1/msg/0/messages"
FRAME = b'{"mtype": 1, "text": ""}'


def body(size: int) -> bytes:
    """A message whose body has this size."""
    return FRAME.replace(b'""', b'"' + b"x" * (size - len(FRAME)) + b'"')


class TestBody:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(body_bytes=1000)

    async def test_a_body_one_past_the_bound_is_413(self, ask: Ask, msqid: int):
        assert await ask(LINE, body(1000)) == (200, {"sent": 1})
        assert await ask.refused(LINE, body(1001)) == (413, None)
        assert (await ask.done("GET /v1/msg/0"))["msg_qnum"] == 1

    async def test_a_body_of_no_stated_length_is_counted_as_it_comes(self, ask: Ask, msqid: int):
        async def chunks(size: int):
            for start in range(0, size, 100):
                yield body(size)[start : start + 100]

        for size, status in ((1000, 200), (1001, 413)):
            async with ask.session.post(
                "/v1/msg/0/messages", data=chunks(size), headers={"Content-Type": JSON}
            ) as response:
                assert response.status == status

    async def test_a_compressed_body_counts_unpacked(self, ask: Ask, msqid: int):
        for size, status in ((1000, 200), (1001, 413), (500_000, 413)):
            packed = zlib.compress(body(size))
            assert len(packed) < 1000
            assert (await ask(LINE, packed, Content_Encoding="deflate"))[0] == status

    async def test_a_body_that_cannot_be_unpacked_is_400(self, ask: Ask, msqid: int):
        for encoding in ("deflate", "gzip"):
            how = {"Content-Type": JSON, "Content-Encoding": encoding}
            async with ask.session.post("/v1/msg/0/messages", data=b"rubbish" * 10, headers=how) as response:
                assert response.status == 400


async def test_the_largest_message_of_linux_fits(ask: Ask):
    most = 16 * 2**20  # HARD_MSGSIZEMAX
    assert (await ask.syscall("sysctl", name="fs.mqueue.msgsize_max", value=most))[0] == 200
    assert (await ask.syscall("sysctl", name="fs.mqueue.msgsize_max", value=most + 1))[0] == 422
    limit = {"rlim_cur": 2 * most, "rlim_max": 2 * most}
    assert (await ask.syscall("prlimit64", resource="RLIMIT_MSGQUEUE", new_limit=limit))[0] == 200
    await ask.done("PUT /v1/mq/big", {"attr": {"mq_maxmsg": 1, "mq_msgsize": most}})
    large = io.BytesIO(b'{"text": "' + b"x" * most + b'"}')
    async with ask.session.post("/v1/mq/big/messages", data=large, headers={"Content-Type": JSON}) as response:
        assert response.status == 200
    assert len((await ask.done("POST /v1/mq/big/receive"))["text"]) == most


class TestConnections:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(connections=2)

    async def test_a_connection_one_past_the_bound_is_503_until_another_ends(self, running: Service):
        async def connected() -> aiohttp.ClientSession:
            session = aiohttp.ClientSession(running.url)
            async with session.get("/livez") as response:
                assert response.status == 200
            return session

        first, second = await connected(), await connected()
        async with aiohttp.ClientSession(running.url) as third:
            async with third.get("/livez") as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
            await first.close()
            async with asyncio.timeout(10):
                while response.status == 503:
                    async with third.get("/livez") as response:
                        pass
            assert response.status == 200
        await second.close()


def test_the_bounds_are_finite():
    for name in Limits.__slots__:
        assert 0 < getattr(Limits(), name) < 2**30
