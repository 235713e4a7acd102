"""Receives and sends with ``wait``: a time limit in vain loses nothing."""

from __future__ import annotations

import asyncio

import pytest

from usernel.compose import Service
from usernel_client import Client, KernelError, Message, MessageQueue, MqMessage, PosixQueue

from .embedded import eventually, sleepers
from .outcome import errno_of, outcome_of

SHORT = 0.02


async def test_a_receive_in_vain_is_a_timeout_error(running: Service, other: Client, queue: MessageQueue):
    with pytest.raises(TimeoutError, match=r"^0\.02 s went by$") as caught:
        await queue.receive(wait=SHORT)
    assert not isinstance(caught.value, KernelError)
    assert sleepers(running) == 0
    await queue.send(b"later")
    assert await other.msg(queue.msqid).receive(wait=5) == Message(1, b"later")


async def test_a_posix_receive_in_vain_is_etimedout(running: Service, other: Client, jobs: PosixQueue):
    with pytest.raises(KernelError) as caught:
        await jobs.receive(wait=SHORT)
    assert caught.value.name == "ETIMEDOUT"
    assert await errno_of(jobs.receive_many(3, wait=SHORT)) == "ETIMEDOUT"
    assert sleepers(running) == 0
    await jobs.send(b"later")
    assert await (await other.mq_open("jobs")).receive(wait=5) == MqMessage(0, b"later")


async def test_a_send_in_vain_is_a_timeout_error_and_not_sent(running: Service, queue: MessageQueue):
    await queue.set(msg_qbytes=4)
    await queue.send(b"1234")
    assert await outcome_of(queue.send(b"5", wait=SHORT)) == "TimeoutError"
    assert sleepers(running) == 0
    assert [message.data for message in await queue.receive_many(9)] == [b"1234"]


async def test_a_posix_send_in_vain_is_etimedout_and_not_sent(jobs: PosixQueue):
    await jobs.send_many([(0, b"x")] * 4)
    assert await errno_of(jobs.send(b"y", wait=SHORT)) == "ETIMEDOUT"
    assert await errno_of(jobs.send_many([(0, b"y")] * 2, wait=SHORT)) == "ETIMEDOUT"
    assert [message.data for message in await jobs.receive_many(9)] == [b"x"] * 4


async def test_send_many_in_time_says_how_many_went(jobs: PosixQueue):
    assert await jobs.send_many([(0, b"y")] * 6, wait=SHORT) == 4


async def test_a_message_within_the_time_is_received(running: Service, other: Client, queue: MessageQueue):
    task = asyncio.create_task(queue.receive(wait=30))
    await eventually(lambda: sleepers(running) == 1)
    await other.msg(queue.msqid).send(b"in time", 2)
    assert await task == Message(2, b"in time")


async def test_a_posix_message_within_the_time_is_received(running: Service, other: Client, jobs: PosixQueue):
    task = asyncio.create_task(jobs.receive(wait=30))
    await eventually(lambda: sleepers(running) == 1)
    await (await other.mq_open("jobs")).send(b"in time", 2)
    assert await task == MqMessage(2, b"in time")


async def test_room_within_the_time_lets_a_send_go(running: Service, queue: MessageQueue):
    await queue.set(msg_qbytes=4)
    await queue.send(b"1234")
    task = asyncio.create_task(queue.send(b"5", wait=30))
    await eventually(lambda: sleepers(running) == 1)
    await queue.receive()
    await task
    assert (await queue.receive()).data == b"5"


async def test_no_time_at_all_takes_what_is_there(queue: MessageQueue, jobs: PosixQueue):
    await queue.send(b"there")
    await jobs.send(b"there")
    assert (await queue.receive(wait=0)).data == b"there"
    assert (await jobs.receive(wait=0)).data == b"there"
    assert await outcome_of(queue.receive(wait=0)) == "TimeoutError"
    assert await outcome_of(jobs.receive(wait=0)) == "ETIMEDOUT"


async def test_an_errno_within_the_time_is_that_errno(running: Service, other: Client, queue: MessageQueue):
    task = asyncio.create_task(errno_of(queue.receive(wait=30)))
    await eventually(lambda: sleepers(running) == 1)
    await other.msg(queue.msqid).remove()
    assert await task == "EIDRM"


async def test_of_many_time_limits_only_those_in_vain_end(running: Service, queue: MessageQueue):
    patient = [asyncio.create_task(queue.receive(wait=30)) for _ in range(3)]
    hasty = await asyncio.gather(*(outcome_of(queue.receive(7, wait=SHORT)) for _ in range(3)))
    assert hasty == ["TimeoutError"] * 3
    assert sleepers(running) == 3
    await queue.send_many([(1, b"x")] * 3)
    assert [message.data for message in await asyncio.gather(*patient)] == [b"x"] * 3


async def test_asyncio_timeout_loses_nothing_either(running: Service, other: Client, queue: MessageQueue):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SHORT):
            await queue.receive()
    await eventually(lambda: sleepers(running) == 0)
    await queue.send(b"later")
    assert (await other.msg(queue.msqid).receive(wait=5)).data == b"later"
