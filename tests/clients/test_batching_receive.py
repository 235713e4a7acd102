"""Many tasks receive at once."""

from __future__ import annotations

import asyncio

from usernel.compose import Service
from usernel_client import Client, ConnectionLost, MessageQueue, PosixQueue
from usernel_client.protocol import CallFrame, Cancel

from .embedded import eventually, sleepers
from .outcome import errno_of, outcome_of

Frames = list[list[CallFrame | Cancel]]


def asked(frames: Frames, call: str = "msgrcv_batch") -> list[int]:
    """How many messages each call asked for."""
    return [item.args["max"] for frame in frames for item in frame if getattr(item, "call", "") == call]


async def start(queue: MessageQueue | PosixQueue, count: int) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(queue.receive()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_waiting_receivers_share_one_call(running: Service, other: Client, queue: MessageQueue, frames: Frames):
    tasks = await start(queue, 100)
    await eventually(lambda: sleepers(running) == 1)
    assert asked(frames) == [100]
    await other.msg(queue.msqid).send_many([(1, b"%03d" % number) for number in range(100)])
    came = [message.data for message in await asyncio.gather(*tasks)]
    assert came == [b"%03d" % number for number in range(100)]


async def test_messages_that_come_one_by_one_reach_one_receiver_each(
    running: Service, other: Client, queue: MessageQueue, frames: Frames
):
    tasks = await start(queue, 5)
    theirs = other.msg(queue.msqid)
    for number in range(5):
        await eventually(lambda: sleepers(running) >= 1)
        await theirs.send(f"{number}")
        await eventually(lambda upto=number: tasks[upto].done())
        assert [task.done() for task in tasks] == [True] * (number + 1) + [False] * (4 - number)
    assert [task.result().data for task in tasks] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_receiver_that_comes_later_has_a_call_of_its_own(
    running: Service, queue: MessageQueue, other: Client, frames: Frames
):
    first = await start(queue, 1)
    await eventually(lambda: sleepers(running) == 1)
    later = await start(queue, 3)
    await eventually(lambda: sleepers(running) == 2)
    assert asked(frames) == [1, 3]
    await other.msg(queue.msqid).send_many([(1, b"x")] * 4)
    assert [message.data for message in await asyncio.gather(*first, *later)] == [b"x"] * 4


async def test_a_full_queue_is_drained_in_few_frames(other: Client, queue: MessageQueue, frames: Frames):
    await other.msg(queue.msqid).send_many([(1, b"%d" % number) for number in range(2000)])
    frames.clear()
    came = await asyncio.gather(*(queue.receive() for _ in range(2000)))
    assert [message.data for message in came] == [b"%d" % number for number in range(2000)]
    assert asked(frames) == [1000, 1000]


async def test_every_receiver_of_a_removed_queue_gets_eidrm(running: Service, other: Client, queue: MessageQueue):
    tasks = [asyncio.create_task(errno_of(queue.receive())) for _ in range(50)]
    await eventually(lambda: sleepers(running) == 1)
    later = [asyncio.create_task(errno_of(queue.receive())) for _ in range(50)]
    await eventually(lambda: sleepers(running) == 2)
    await other.msg(queue.msqid).remove()
    assert await asyncio.gather(*tasks, *later) == ["EIDRM"] * 100


async def test_receivers_of_different_types_do_not_mix(running: Service, other: Client, queue: MessageQueue):
    ones = [asyncio.create_task(queue.receive(1)) for _ in range(3)]
    twos = [asyncio.create_task(queue.receive(2)) for _ in range(3)]
    await eventually(lambda: sleepers(running) == 2)
    await other.msg(queue.msqid).send_many([(2, b"b"), (1, b"a")] * 3)
    assert [message.data for message in await asyncio.gather(*ones, *twos)] == [b"a"] * 3 + [b"b"] * 3


async def test_posix_receivers_share_calls(running: Service, other: Client, jobs: PosixQueue, frames: Frames):
    tasks = await start(jobs, 4)
    await eventually(lambda: sleepers(running) == 1)
    assert asked(frames, "mq_timedreceive_batch") == [4]
    theirs = await other.mq_open("jobs", "O_WRONLY")
    await theirs.send_many([(1, b"low"), (9, b"high")])
    await theirs.send_many([(5, b"x"), (7, b"y")])
    assert sorted(message.data for message in await asyncio.gather(*tasks)) == [b"high", b"low", b"x", b"y"]


async def test_nonblock_posix_receivers_get_eagain_when_it_is_empty(other: Client, client: Client, jobs: PosixQueue):
    await jobs.setattr(nonblock=True)
    await jobs.send_many([(0, b"a"), (0, b"b")])
    outcomes = await asyncio.gather(*(outcome_of(jobs.receive()) for _ in range(2)))
    assert [message.data for message in outcomes] == [b"a", b"b"]
    assert await asyncio.gather(*(errno_of(jobs.receive()) for _ in range(3))) == ["EAGAIN"] * 3


async def test_two_clients_share_what_comes(running: Service, other: Client, queue: MessageQueue):
    theirs = other.msg(queue.msqid)
    tasks = [asyncio.create_task(source.receive()) for _ in range(100) for source in (queue, theirs)]
    await eventually(lambda: sleepers(running) == 2)
    async with Client(running.url) as sender:
        await asyncio.gather(*(sender.msg(queue.msqid).send(f"{number}") for number in range(200)))
    came = sorted(int(message.data) for message in await asyncio.gather(*tasks))
    assert came == list(range(200))


async def test_a_thousand_tasks_pass_messages_to_each_other(queue: MessageQueue, other: Client):
    theirs = other.msg(queue.msqid)
    receivers = [asyncio.create_task(queue.receive()) for _ in range(1000)]
    senders = [asyncio.create_task(theirs.send(f"{number}")) for number in range(1000)]
    came = sorted(int(message.data) for message in await asyncio.gather(*receivers))
    assert came == list(range(1000))
    assert await asyncio.gather(*senders) == [None] * 1000


async def test_closing_the_client_ends_its_receivers(running: Service, queue: MessageQueue):
    async with Client(running.url) as leaving:
        tasks = [asyncio.create_task(outcome_of(leaving.msg(queue.msqid).receive())) for _ in range(3)]
        await eventually(lambda: sleepers(running) == 3)
    assert await asyncio.gather(*tasks) == [ConnectionLost.__name__] * 3
