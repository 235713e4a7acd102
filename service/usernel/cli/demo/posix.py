"""POSIX message queues: priorities, limits, time limits, notification, unlink."""

from __future__ import annotations

import asyncio

from usernel_client import Client
from usernel_client.mq import PosixQueue

from .tour import Tour, errno_of, output_of, until

NAME = "jobs"


async def chapter(tour: Tour) -> None:
    """Show POSIX message queues."""
    tour.chapter("POSIX message queues")
    async with Client(tour.url) as client:
        queue = await client.mq_open(NAME, "O_CREAT | O_RDWR", attr={"mq_maxmsg": 4, "mq_msgsize": 64})
        await _priorities(tour, queue)
        await _limits(tour, client, queue)
        await _notification(tour, queue)
        await _between_processes(tour, queue)
        await queue.unlink()
        tour.show("mq_open after mq_unlink", await errno_of(client.mq_open(NAME)), "ENOENT")
        await queue.send(b"still here")
        tour.show("who has it open still uses it", (await queue.receive()).data.decode(), "still here")


async def _priorities(tour: Tour, queue: PosixQueue) -> None:
    await queue.send_many([(1, b"low"), (9, b"urgent"), (5, b"middle"), (9, b"urgent too")])
    came = " > ".join(message.data.decode() for message in await queue.receive_many(4))
    tour.show("sent with priorities 1 9 5 9; received", came, "urgent > urgent too > middle > low")


async def _limits(tour: Tour, client: Client, queue: PosixQueue) -> None:
    tour.show("65 bytes where mq_msgsize is 64", await errno_of(queue.send(b"x" * 65)), "EMSGSIZE")
    await queue.send_many([(0, b"x")] * 4)
    tour.show("mq_timedsend into the full queue, 50 ms", await errno_of(queue.send(b"x", wait=0.05)), "ETIMEDOUT")
    await queue.receive_many(4)
    tour.show("mq_timedreceive from the empty queue, 50 ms", await errno_of(queue.receive(wait=0.05)), "ETIMEDOUT")
    tour.show("mq_send with priority 32768", await errno_of(queue.send(b"x", 32768)), "EINVAL")
    weak = await client.fork(uid=1000)
    most = await client.sysctl("fs.mqueue.msg_max")
    tour.show(f"mq_maxmsg = msg_max + 1 = {most + 1} without CAP_SYS_RESOURCE",
              await errno_of(weak.mq_open("big", "O_CREAT", attr={"mq_maxmsg": most + 1, "mq_msgsize": 8})),
              "EINVAL")  # fmt: skip


async def _notification(tour: Tour, queue: PosixQueue) -> None:
    async with queue.notify() as events:
        await queue.send(b"wake up")
        event = await anext(events)
        tour.show("mq_notify: a message arrives in the empty queue, and an event in this process",
                  event["data"]["sigev_notify"], "SIGEV_THREAD")  # fmt: skip
        await queue.receive()


async def _between_processes(tour: Tour, queue: PosixQueue) -> None:
    receiver = await tour.command("mq", "recv", NAME)
    await until(lambda: _sleeps(queue))
    sender = await tour.command("mq", "send", NAME, "--priority", "7", "from a second process to a third")
    printed, _ = await asyncio.gather(output_of(receiver), output_of(sender))
    tour.show("`usernel mq send` in one process, `usernel mq recv` in another", printed,
              "from a second process to a third")  # fmt: skip


async def _sleeps(queue: PosixQueue) -> bool:
    return bool((await queue.stat())["receivers"])
