"""Callers that are cancelled: no message is lost, none is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from usernel.compose import Service
from usernel_client import Client, Message, MessageQueue, MqMessage, PosixQueue
from usernel_client.connection import Connection

from .embedded import eventually, sleepers
from .outcome import errno_of

NOWAIT = "IPC_NOWAIT"
RECEIVES: list[Callable[[MessageQueue], object]] = [
    lambda queue: queue.receive(),
    lambda queue: queue.receive(wait=30),
    lambda queue: queue.receive_many(5),
]
MQ_RECEIVES: list[Callable[[PosixQueue], object]] = [
    lambda queue: queue.receive(),
    lambda queue: queue.receive(wait=30),
    lambda queue: queue.receive_many(5),
]


async def cancelled(task: asyncio.Task) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@asynccontextmanager
async def too_late(running: Service, monkeypatch: pytest.MonkeyPatch, coroutine) -> AsyncIterator[None]:
    """A sleeping receive is cancelled, and the service hears of that only when a message has come."""
    task = asyncio.create_task(coroutine)
    await eventually(lambda: sleepers(running) == 1)
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "cancel", lambda self, ident: None)
        await cancelled(task)
        yield
        await eventually(lambda: sleepers(running) == 0)


@pytest.mark.parametrize("receive", RECEIVES)
async def test_a_cancelled_receive_takes_no_message(running: Service, other: Client, queue: MessageQueue, receive):
    task = asyncio.create_task(receive(queue))
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    await eventually(lambda: sleepers(running) == 0)
    await queue.send(b"later")
    assert await other.msg(queue.msqid).receive(wait=5) == Message(1, b"later")


@pytest.mark.parametrize("receive", RECEIVES)
async def test_what_the_same_client_sends_after_the_cancel_is_not_taken(
    running: Service, other: Client, queue: MessageQueue, receive
):
    task = asyncio.create_task(receive(queue))
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    await queue.send(b"at once")
    assert await other.msg(queue.msqid).receive(wait=5) == Message(1, b"at once")


@pytest.mark.parametrize("receive", MQ_RECEIVES)
async def test_a_cancelled_posix_receive_takes_no_message(running: Service, other: Client, jobs: PosixQueue, receive):
    task = asyncio.create_task(receive(jobs))
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    await eventually(lambda: sleepers(running) == 0)
    await jobs.send(b"later", 3)
    assert await (await other.mq_open("jobs")).receive(wait=5) == MqMessage(3, b"later")


@pytest.mark.parametrize("again", RECEIVES)
@pytest.mark.parametrize("receive", RECEIVES)
async def test_a_message_on_its_way_is_kept_for_the_next_receive(
    running: Service, other: Client, queue: MessageQueue, monkeypatch, receive, again
):
    async with too_late(running, monkeypatch, receive(queue)):
        await other.msg(queue.msqid).send(b"on its way", 4)
    assert await errno_of(other.msg(queue.msqid).receive(flags=NOWAIT)) == "ENOMSG"
    came = await again(queue)
    assert (came if isinstance(came, list) else [came]) == [Message(4, b"on its way")]


@pytest.mark.parametrize("again", MQ_RECEIVES)
@pytest.mark.parametrize("receive", MQ_RECEIVES)
async def test_a_posix_message_on_its_way_is_kept_for_the_next_receive(
    running: Service, other: Client, jobs: PosixQueue, monkeypatch, receive, again
):
    async with too_late(running, monkeypatch, receive(jobs)):
        await (await other.mq_open("jobs")).send(b"on its way", 4)
    came = await again(jobs)
    assert (came if isinstance(came, list) else [came]) == [MqMessage(4, b"on its way")]


async def test_what_was_kept_comes_before_what_came_later(
    running: Service, other: Client, queue: MessageQueue, monkeypatch
):
    async with too_late(running, monkeypatch, queue.receive_many(2)):
        await other.msg(queue.msqid).send_many([(1, b"a"), (1, b"b"), (1, b"c")])
    assert [(await queue.receive()).data for _ in range(3)] == [b"a", b"b", b"c"]


async def test_what_was_kept_of_a_type_stays_of_that_type(
    running: Service, other: Client, queue: MessageQueue, monkeypatch
):
    async with too_late(running, monkeypatch, queue.receive(7)):
        await other.msg(queue.msqid).send(b"seven", 7)
    assert await errno_of(queue.receive(8, flags=NOWAIT)) == "ENOMSG"
    assert await queue.receive(7) == Message(7, b"seven")


@pytest.mark.parametrize("receive", RECEIVES)
async def test_cancelled_in_the_turn_in_which_the_message_comes_it_is_kept(
    running: Service, other: Client, queue: MessageQueue, monkeypatch, receive
):
    task = asyncio.create_task(receive(queue))
    await eventually(lambda: sleepers(running) == 1)
    take = Connection._take

    def and_cancel(self: Connection, reply) -> None:
        take(self, reply)
        if self is queue._caller.connection:
            task.cancel()

    monkeypatch.setattr(Connection, "_take", and_cancel)
    await other.msg(queue.msqid).send(b"x")
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert await queue.receive(wait=5) == Message(1, b"x")


async def test_one_of_many_receivers_is_cancelled_and_the_others_go_on(
    running: Service, other: Client, queue: MessageQueue
):
    tasks = [asyncio.create_task(queue.receive()) for _ in range(4)]
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(tasks.pop(1))
    await other.msg(queue.msqid).send_many([(1, b"a"), (1, b"b"), (1, b"c")])
    assert [message.data for message in await asyncio.gather(*tasks)] == [b"a", b"b", b"c"]


async def test_all_receivers_are_cancelled_at_once(running: Service, other: Client, queue: MessageQueue):
    tasks = [asyncio.create_task(queue.receive()) for _ in range(20)]
    await eventually(lambda: sleepers(running) == 1)
    for task in tasks:
        task.cancel()
    assert {type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)} == {asyncio.CancelledError}
    await eventually(lambda: sleepers(running) == 0)
    await queue.send(b"x")
    assert (await other.msg(queue.msqid).receive(wait=5)).data == b"x"


async def test_a_receive_after_a_cancelled_one_gets_the_next_message(
    running: Service, other: Client, queue: MessageQueue
):
    task = asyncio.create_task(queue.receive())
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    again = asyncio.create_task(queue.receive())
    await other.msg(queue.msqid).send(b"x")
    assert await again == Message(1, b"x")


async def test_a_send_cancelled_before_it_left_is_not_sent(queue: MessageQueue):
    doomed = asyncio.create_task(queue.send(b"doomed"))
    kept = asyncio.create_task(queue.send(b"kept"))
    await asyncio.sleep(0)
    await cancelled(doomed)
    await kept
    assert [message.data for message in await queue.receive_many(9)] == [b"kept"]


async def test_a_sleeping_send_that_is_cancelled_is_not_sent(running: Service, queue: MessageQueue):
    await queue.set(msg_qbytes=4)
    await queue.send(b"1234")
    task = asyncio.create_task(queue.send(b"5"))
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    await eventually(lambda: sleepers(running) == 0)
    assert (await queue.receive()).data == b"1234"
    assert await errno_of(queue.receive(flags=NOWAIT)) == "ENOMSG"


async def test_any_sleeping_call_that_is_cancelled_is_interrupted(running: Service, client: Client, jobs: PosixQueue):
    task = asyncio.create_task(client.calls.poll([{"fd": jobs.mqdes, "events": "POLLIN"}]))
    await eventually(lambda: sleepers(running) == 1)
    await cancelled(task)
    await eventually(lambda: sleepers(running) == 0)
    assert client.caller.connection.stat() == {"under_way": 0, "unsent": 0, "lost": False}
