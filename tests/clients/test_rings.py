"""Rings by the asyncio client, and by the one without."""

from __future__ import annotations

import asyncio

import pytest

from usernel.compose import Service
from usernel_client import Client, Cqe, PosixQueue, Ring, SyncClient

from .embedded import FIRST_TASKS, eventually, sleepers
from .outcome import errno_of

ETIME = 62
MS = 10**6
NOP = {"opcode": "IORING_OP_NOP"}


def timeout(ms: int, user_data: int = 0) -> dict[str, object]:
    return {"opcode": "IORING_OP_TIMEOUT", "ts_ns": ms * MS, "user_data": user_data}


@pytest.fixture
async def ring(client: Client) -> Ring:
    return await client.io_uring(8)


async def test_a_ring_says_what_it_has(client: Client, ring: Ring):
    assert (ring.fd, ring.sq_entries, ring.cq_entries, repr(ring)) == (0, 8, 16, "<ring 0>")
    assert "IORING_FEAT_NODROP" in ring.features
    other = await client.io_uring(8, "IORING_SETUP_CLAMP", cq_entries=100)
    assert (other.cq_entries, (await other.stat())["flags"]) == (128, ["IORING_SETUP_CQSIZE", "IORING_SETUP_CLAMP"])


async def test_submissions_are_mappings_and_completions_tuples(ring: Ring):
    submitted, cqes = await ring.enter([{**NOP, "user_data": 1}, {"opcode": 1, "user_data": 2}])
    assert (submitted, cqes) == (2, [Cqe(1, 0, []), Cqe(2, -22, [])])
    assert await ring.enter() == (0, [])


async def test_it_waits_for_as_many_as_it_is_told(running: Service, client: Client, ring: Ring):
    waiting = asyncio.create_task(ring.enter(min_complete=2))
    await eventually(lambda: sleepers(running) == 1)
    other = await client.io_uring(8)
    for number in (1, 2):
        message = {"opcode": "IORING_OP_MSG_RING", "fd": ring.fd, "off": number, "len": 7}
        assert (await other.enter([message])).submitted == 1
    assert await waiting == (0, [Cqe(1, 7, []), Cqe(2, 7, [])])


async def test_a_timeout_ends_a_wait_for_more(ring: Ring):
    assert await ring.enter([timeout(5, 1)], min_complete=2) == (1, [Cqe(1, -ETIME, [])])


async def test_a_wait_in_vain_returns_with_what_there_is(ring: Ring):
    assert await ring.enter(min_complete=1, wait=0.01) == (0, [])
    assert await ring.enter([NOP], min_complete=2, wait=0.01) == (1, [Cqe(0, 0, [])])


async def test_a_poll_in_a_ring_sees_the_queue(client: Client, ring: Ring, jobs: PosixQueue):
    poll = {"opcode": "IORING_OP_POLL_ADD", "fd": jobs.mqdes, "poll32_events": "POLLIN", "user_data": 5}
    await ring.enter([poll])
    await jobs.send(b"x")
    assert await ring.enter(min_complete=1) == (0, [Cqe(5, 1, [])])


async def test_completions_as_they_come(ring: Ring):
    await ring.enter([timeout(ms, ms) for ms in (9, 1, 5)])
    seen: list[int] = []
    async for cqe in ring:
        seen.append(cqe.user_data)
        if len(seen) == 3:
            break
    assert seen == [1, 5, 9]


async def test_who_stops_in_the_midst_of_several_leaves_the_rest(ring: Ring):
    queued = {"fd": ring.fd, "to_submit": 0, "sqes": [{**NOP, "user_data": number} for number in (1, 2, 3)]}
    await ring._caller.reply("io_uring_enter", queued)
    async for cqe in ring:
        assert cqe.user_data == 1
        break
    assert [cqe.user_data for cqe in (await ring.enter(min_complete=2)).cqes] == [2, 3]


async def test_cancelled_it_takes_nothing(running: Service, ring: Ring):
    waiting = asyncio.create_task(ring.enter([NOP], min_complete=2))
    await eventually(lambda: sleepers(running) == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await ring.enter(min_complete=1) == (0, [Cqe(0, 0, [])])


async def test_registering(ring: Ring, jobs: PosixQueue):
    assert (await ring.register("IORING_REGISTER_FILES", [jobs.mqdes, -1])).ret == 0
    assert (await ring.stat())["user_files"] == 2
    probed = (await ring.register("IORING_REGISTER_PROBE")).out or {}
    assert probed["ops"][0] == {"op": "IORING_OP_NOP", "flags": ["IO_URING_OP_SUPPORTED"]}
    assert await errno_of(ring.register("IORING_REGISTER_FILES", [99])) == "EBUSY"


async def test_closed_it_is_gone(client: Client, ring: Ring):
    async with await client.io_uring(1) as other:
        assert other.fd == 1
    assert await errno_of(other.enter()) == "EBADF"
    await ring.close()
    assert (await client.calls.io_uring_list()).ret == 0


async def test_a_ring_ends_with_its_connection(running: Service):
    async with Client(running.url) as client:
        ring = await client.io_uring(8)
        poll = {"opcode": "IORING_OP_POLL_ADD", "fd": ring.fd, "poll32_events": "POLLIN"}  # it waits for itself
        await ring.enter([poll, timeout(3_600_000)])
        assert running.runtime.kernel.next_deadline_in() is not None
    await eventually(lambda: len(running.runtime.kernel.tasks) == FIRST_TASKS)
    assert running.runtime.kernel.next_deadline_in() is None


def test_without_asyncio_it_is_the_same(sync: SyncClient):
    with sync.io_uring(8) as ring:
        assert ring.enter([{**NOP, "user_data": 1}]) == (1, [Cqe(1, 0, [])])
        assert ring.enter(min_complete=1, wait=0.01) == (0, [])
        ring.enter([timeout(1, 7)])
        assert next(iter(ring)).user_data == 7
        assert ring.stat()["sq_entries"] == ring.sq_entries == 8
        assert (ring.fd, ring.cq_entries, "IORING_FEAT_NODROP" in ring.features) == (0, 16, True)
        assert ring.register("IORING_REGISTER_PROBE").ret == 0
    assert sync.call("io_uring_list").ret == 0
