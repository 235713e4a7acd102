"""System V message queues: types, blocking, removal, between processes."""

from __future__ import annotations

import asyncio

from usernel_client import Client
from usernel_client.msg import MessageQueue

from .tour import Tour, errno_of, output_of, until

KEY = 0x4D2


async def chapter(tour: Tour) -> None:
    """Show System V message queues."""
    tour.chapter("System V message queues")
    async with Client(tour.url) as client:
        queue = await client.msgget(KEY, "IPC_CREAT | IPC_EXCL", mode=0o600)
        await _between_processes(tour, queue)
        await _types(tour, queue)
        await _full(tour, queue)
        tour.show("msgget(0x4d2, IPC_CREAT | IPC_EXCL) again",
                  await errno_of(client.msgget(KEY, "IPC_CREAT | IPC_EXCL")), "EEXIST")  # fmt: skip
        await queue.send("left in the queue", mtype=3)
        tour.text((await client.calls.proc_sysvipc_msg()).out["text"])  # type: ignore[index]
        await _removed(tour, queue)
        tour.show("msgsnd to the queue that is gone", await errno_of(queue.send(b"x")), "EINVAL")


async def _between_processes(tour: Tour, queue: MessageQueue) -> None:
    receiver = await tour.command("msg", "recv", hex(KEY))
    await until(lambda: _sleeps(queue, "receivers"))
    await queue.send("hello from process one")
    tour.show("another process sleeps in `usernel msg recv 0x4d2` until this one sends",
              await output_of(receiver), "hello from process one")  # fmt: skip
    shown = await queue.stat()
    tour.show("IPC_STAT: who sent and who received last are two tasks",
              shown["msg_lspid"] != shown["msg_lrpid"] and 0 not in (shown["msg_lspid"], shown["msg_lrpid"]),
              True)  # fmt: skip


async def _sleeps(queue: MessageQueue, who: str) -> bool:
    return bool((await queue.stat())[who])


async def _types(tour: Tour, queue: MessageQueue) -> None:
    await queue.send_many([(5, b"five"), (2, b"two"), (9, b"nine"), (2, b"two again")])
    tour.show("sent types 5 2 9 2; msgrcv(-4) takes the lowest type up to 4",
              (await queue.receive(-4)).data.decode(), "two")  # fmt: skip
    tour.show("msgrcv(9) takes that type", (await queue.receive(9)).data.decode(), "nine")
    tour.show("msgrcv(2, MSG_EXCEPT) takes any other", (await queue.receive(2, flags="MSG_EXCEPT")).data.decode(),
              "five")  # fmt: skip
    tour.show("msgrcv(7, IPC_NOWAIT) finds none of that type",
              await errno_of(queue.receive(7, flags="IPC_NOWAIT")), "ENOMSG")  # fmt: skip
    tour.show("a buffer of 3 bytes for 'two again'", await errno_of(queue.receive(msgsz=3)), "E2BIG")
    cut = await queue.receive(msgsz=3, flags="MSG_NOERROR")
    tour.show("the same with MSG_NOERROR cuts it", cut.data.decode(), "two")


async def _full(tour: Tour, queue: MessageQueue) -> None:
    await queue.set(msg_qbytes=8)
    await queue.send(b"12345678")
    tour.show("msg_qbytes = 8, and 8 bytes are in it: IPC_NOWAIT", await errno_of(queue.send(b"9", flags="IPC_NOWAIT")),
              "EAGAIN")  # fmt: skip
    sender = asyncio.create_task(queue.send(b"9"))
    await until(lambda: _sleeps(queue, "senders"))
    first = (await queue.receive()).data
    await sender
    tour.show("without it the sender sleeps, and is woken by the room that a receive makes",
              (first + (await queue.receive()).data).decode(), "123456789")  # fmt: skip
    await queue.set(msg_qbytes=16384)


async def _removed(tour: Tour, queue: MessageQueue) -> None:
    sleeper = asyncio.create_task(errno_of(queue.receive(77)))
    await until(lambda: _sleeps(queue, "receivers"))
    await queue.remove()
    tour.show("IPC_RMID under a sleeping receiver", await sleeper, "EIDRM")
