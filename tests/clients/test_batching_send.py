"""Many tasks send at once."""

from __future__ import annotations

import asyncio
from itertools import groupby

import pytest

from usernel.compose import Service
from usernel_client import Client, MessageQueue, PosixQueue
from usernel_client.protocol import CallFrame, Cancel

from .embedded import eventually, sleepers
from .outcome import errno_of, outcome_of

Frames = list[list[CallFrame | Cancel]]
TASKS, EACH = 256, 4


def batches(frames: Frames, call: str = "msgsnd_batch") -> list[int]:
    """How many messages each batch held."""
    return [len(item.args["messages"]) for frame in frames for item in frame if getattr(item, "call", "") == call]


async def test_all_arrive_exactly_once_in_each_tasks_order(other: Client, queue: MessageQueue, frames: Frames):
    async def sender(task: int) -> None:
        for number in range(EACH):
            await queue.send(f"{number}", mtype=task + 1)

    await asyncio.gather(*(sender(task) for task in range(TASKS)))
    written = len(frames)
    came = sorted(await other.msg(queue.msqid).receive_many(5000), key=lambda message: message.mtype)
    by_task = {task: [message.data for message in sent] for task, sent in groupby(came, lambda came: came.mtype)}
    assert by_task == {task + 1: [b"0", b"1", b"2", b"3"] for task in range(TASKS)}
    assert sum(batches(frames)) == TASKS * EACH
    assert written <= 2 * EACH


async def test_what_one_turn_of_the_loop_sends_is_one_frame(queue: MessageQueue, frames: Frames):
    await asyncio.gather(*(queue.send(b"x") for _ in range(100)))
    assert [len(frame) for frame in frames] == [1]
    assert batches(frames) == [100]


async def test_a_lone_send_is_a_batch_of_one(queue: MessageQueue, frames: Frames):
    await queue.send(b"x")
    assert batches(frames) == [1]


async def test_a_batch_has_a_thousand_messages_at_most(queue: MessageQueue, frames: Frames):
    await asyncio.gather(*(queue.send(b"x") for _ in range(1500)))
    assert batches(frames) == [1000, 500]


async def test_a_batch_ends_at_a_quarter_of_a_mebibyte(queue: MessageQueue, frames: Frames):
    await queue.set(msg_qbytes=1_000_000)
    await asyncio.gather(*(queue.send(b"x" * 8000) for _ in range(40)))
    assert batches(frames) == [33, 7]


async def test_what_does_not_fit_sleeps_and_goes_when_there_is_room(
    running: Service, other: Client, queue: MessageQueue
):
    await queue.set(msg_qbytes=4)
    sends = [asyncio.create_task(queue.send(f"{number:02}")) for number in range(6)]
    await eventually(lambda: sleepers(running) == 4)
    assert [send.done() for send in sends] == [True, True, False, False, False, False]
    came = [(await other.msg(queue.msqid).receive(wait=5)).data for _ in range(6)]
    assert came == [b"00", b"01", b"02", b"03", b"04", b"05"]
    assert await asyncio.gather(*sends) == [None] * 6


async def test_what_does_not_fit_a_posix_queue_sleeps_too(running: Service, other: Client, jobs: PosixQueue):
    sends = [asyncio.create_task(jobs.send(b"x", number)) for number in range(6)]
    await eventually(lambda: sleepers(running) == 2)
    theirs = await other.mq_open("jobs", "O_RDONLY")
    assert [(await theirs.receive(wait=5)).priority for _ in range(6)] == [3, 4, 5, 2, 1, 0]
    assert await asyncio.gather(*sends) == [None] * 6


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_message_too_large_fails_alone(queue: MessageQueue, place: int):
    bodies = [b"a", b"b"]
    bodies.insert(place, b"x" * 8193)
    outcomes = await asyncio.gather(*(outcome_of(queue.send(body)) for body in bodies))
    assert outcomes == ["EINVAL" if len(body) > 1 else None for body in bodies]
    assert [message.data for message in await queue.receive_many(9)] == [b"a", b"b"]


async def test_a_wrong_type_fails_alone(queue: MessageQueue):
    outcomes = await asyncio.gather(*(outcome_of(queue.send(b"x", mtype)) for mtype in (1, 0, -1, 2)))
    assert outcomes == [None, "EINVAL", "EINVAL", None]


async def test_a_posix_message_too_large_fails_alone(jobs: PosixQueue):
    sends = [(b"a", 1), (b"x" * 65, 2), (b"b", 32768), (b"c", 4)]
    outcomes = await asyncio.gather(*(outcome_of(jobs.send(body, priority)) for body, priority in sends))
    assert outcomes == [None, "EMSGSIZE", "EINVAL", None]
    assert [message.data for message in await jobs.receive_many(9)] == [b"c", b"a"]


async def test_nonblock_what_does_not_fit_is_eagain(client: Client, jobs: PosixQueue):
    impatient = await client.mq_open("jobs", "O_WRONLY | O_NONBLOCK")
    outcomes = await asyncio.gather(*(outcome_of(impatient.send(b"x")) for _ in range(6)))
    assert outcomes == [None] * 4 + ["EAGAIN"] * 2


async def test_a_removed_queue_fails_every_send(queue: MessageQueue):
    await queue.remove()
    assert await asyncio.gather(*(errno_of(queue.send(b"x")) for _ in range(20))) == ["EINVAL"] * 20


async def test_senders_asleep_in_a_removed_queue_get_eidrm(running: Service, queue: MessageQueue):
    await queue.set(msg_qbytes=1)
    sends = [asyncio.create_task(outcome_of(queue.send(b"x"))) for _ in range(5)]
    await eventually(lambda: sleepers(running) == 4)
    await queue.remove()
    assert await asyncio.gather(*sends) == [None] + ["EIDRM"] * 4


async def test_two_queues_do_not_wait_for_one_another(running: Service, client: Client, queue: MessageQueue):
    await queue.set(msg_qbytes=1)
    await queue.send(b"x")
    asleep = asyncio.create_task(queue.send(b"y"))
    await eventually(lambda: sleepers(running) == 1)
    elsewhere = await client.msgget("IPC_PRIVATE", mode=0o600)
    await asyncio.gather(*(elsewhere.send(b"z") for _ in range(3)))
    assert ((await elsewhere.stat())["msg_qnum"], asleep.done()) == (3, False)
    await queue.receive()
    await asleep
