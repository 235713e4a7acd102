"""POSIX queues by the asyncio client."""

from __future__ import annotations

import asyncio

import pytest

from usernel.compose import Service
from usernel_client import Attributes, Client, MqMessage, PosixQueue, ProtocolError

from .embedded import FIRST_TASKS, eventually, sleepers
from .outcome import errno_of


async def test_the_slash_may_stand_or_not(client: Client, jobs: PosixQueue):
    assert (jobs.name, repr(jobs)) == ("jobs", "<POSIX queue jobs>")
    again = await client.mq_open("jobs")
    await again.send(b"x", 3)
    assert await jobs.receive() == MqMessage(3, b"x")


async def test_the_most_urgent_comes_first(jobs: PosixQueue):
    assert await jobs.send_many([(1, b"low"), (9, "urgent"), (5, b"middle"), (9, b"urgent too")]) == 4
    assert await jobs.receive_many(2) == [MqMessage(9, b"urgent"), MqMessage(9, b"urgent too")]
    assert [await jobs.receive(), await jobs.receive()] == [MqMessage(5, b"middle"), MqMessage(1, b"low")]


async def test_attributes_are_those_it_was_made_with(jobs: PosixQueue):
    await jobs.send(b"x")
    assert await jobs.getattr() == Attributes([], 4, 64, 1)


async def test_nonblock_is_set_and_taken_back(jobs: PosixQueue):
    assert await jobs.setattr(nonblock=True) == Attributes([], 4, 64, 0)
    assert await errno_of(jobs.receive()) == "EAGAIN"
    assert await jobs.setattr(nonblock=False) == Attributes(["O_NONBLOCK"], 4, 64, 0)
    assert (await jobs.getattr()).mq_flags == []


async def test_opened_nonblock_a_full_queue_is_eagain(client: Client, jobs: PosixQueue):
    await jobs.send_many([(0, b"x")] * 4)
    impatient = await client.mq_open("jobs", "O_WRONLY | O_NONBLOCK")
    assert await errno_of(impatient.send(b"x")) == "EAGAIN"
    assert await errno_of(impatient.receive()) == "EBADF"


async def test_limits_are_errnos(client: Client, jobs: PosixQueue):
    assert await errno_of(jobs.send(b"x" * 65)) == "EMSGSIZE"
    assert await errno_of(jobs.send(b"x", 32768)) == "EINVAL"
    assert await errno_of(client.mq_open("jobs", "O_CREAT | O_EXCL")) == "EEXIST"
    assert await errno_of(client.mq_open("none")) == "ENOENT"
    assert await errno_of(client.mq_open("a/b", "O_CREAT")) == "EACCES"


async def test_peek_and_stat(jobs: PosixQueue):
    await jobs.send_many([(1, b"low"), (9, b"high")])
    shown = await jobs.peek()
    assert [(message["priority"], message["data"]) for message in shown] == [(9, b"high"), (1, b"low")]
    assert await jobs.peek(after=shown[0]["seq"]) == shown[1:]
    stat = await jobs.stat()
    values = {name: stat[name] for name in ("name", "mode", "qsize", "mq_curmsgs", "mq_maxmsg", "mq_msgsize")}
    assert values == {"name": "jobs", "mode": 0o600, "qsize": 7, "mq_curmsgs": 2, "mq_maxmsg": 4, "mq_msgsize": 64}


async def test_an_unlinked_queue_works_until_it_is_closed(client: Client, jobs: PosixQueue):
    await jobs.unlink()
    assert await errno_of(client.mq_open("jobs")) == "ENOENT"
    await jobs.send(b"still here")
    assert (await jobs.receive()).data == b"still here"
    await jobs.close()
    assert await errno_of(jobs.send(b"x")) == "EBADF"


async def test_a_name_is_unlinked_with_or_without_its_slash(client: Client):
    for name in ("/one", "two"):
        await client.mq_open(name, "O_CREAT | O_RDWR")
        await client.mq_unlink(f"/{name.removeprefix('/')}" if name == "two" else "one")
    assert (await client.calls.mq_list()).out == {"queues": [], "next": None}


async def test_a_receiver_sleeps_until_another_client_sends(running: Service, other: Client, jobs: PosixQueue):
    waiting = asyncio.create_task(jobs.receive())
    await eventually(lambda: sleepers(running) == 1)
    await (await other.mq_open("jobs", "O_WRONLY")).send(b"wake", 6)
    assert await waiting == MqMessage(6, b"wake")


async def test_iterating_gives_messages_as_they_come(jobs: PosixQueue):
    await jobs.send_many([(1, b"a"), (2, b"b")])
    stream = aiter(jobs)
    assert [(await anext(stream)).data for _ in range(2)] == [b"b", b"a"]


async def test_notify_tells_of_each_arrival_in_the_empty_queue(jobs: PosixQueue):
    async with jobs.notify(sigev_value=42) as events:
        for number in (1, 2):
            await jobs.send_many([(0, b"first"), (0, b"second")])
            event = await anext(events)
            assert (event["seq"], event["kind"]) == (number, "event")
            assert event["data"] == {"sigev_notify": "SIGEV_THREAD", "sigev_value": 42, "name": "jobs"}
            await jobs.receive_many(2)


async def test_notify_by_signal_names_it(client: Client, jobs: PosixQueue):
    async with jobs.notify("SIGEV_SIGNAL", sigev_signo="SIGUSR1") as events:
        await jobs.send(b"x")
        event = await anext(events)
    info = event["data"]["siginfo"]
    assert (event["data"]["sigev_notify"], info["si_signo"]) == ("SIGEV_SIGNAL", "SIGUSR1")
    assert (info["si_code"], info["si_pid"]) == ("SI_MESGQ", await client.calls.getpid())


async def test_one_registrant_at_a_time_and_the_next_when_it_left(running: Service, other: Client, jobs: PosixQueue):
    theirs = await other.mq_open("jobs")
    async with jobs.notify():
        with pytest.raises(ProtocolError) as refused:
            async with theirs.notify():
                pass
    assert refused.value.status == 409
    await eventually(lambda: len(running.runtime.kernel.tasks) == FIRST_TASKS + 2)
    async with theirs.notify() as events:
        await jobs.send(b"x")
        assert (await anext(events))["kind"] == "event"


async def test_the_typed_calls(client: Client):
    calls = client.calls
    mqdes = await calls.mq_open("typed", ["O_CREAT", "O_RDWR"], 0o600)
    await calls.mq_timedsend(mqdes, b"one", msg_prio=2)
    assert await calls.mq_timedsend_batch(mqdes, [(0, b"a"), (1, b"b")]) == 2
    assert await calls.mq_timedreceive(mqdes) == (3, {"priority": 2, "data": b"one"})
    assert (await calls.mq_timedreceive_batch(mqdes, 9)).ret == 2
    assert await calls.mq_unlink("typed") == await calls.close(mqdes) == 0
