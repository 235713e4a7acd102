"""Who may: users, mode bits, IPC namespaces, signals."""

from __future__ import annotations

import asyncio

from usernel_client import Client

from .tour import Tour, errno_of, until


async def chapter(tour: Tour) -> None:
    """Show credentials, namespaces and signals."""
    tour.chapter("Tasks, permissions, namespaces, signals")
    async with Client(tour.url) as client:
        alice, bob = await client.fork(uid=1000, gid=1000), await client.fork(uid=1001, gid=1001)
        queue = await alice.msgget(0x5EC, "IPC_CREAT", mode=0o622)
        theirs = bob.msg(queue.msqid)
        await theirs.send(b"hello, Alice")
        tour.show("Alice's queue has mode 0622: Bob may send", (await queue.receive()).data.decode(), "hello, Alice")
        tour.show("... but not receive", await errno_of(theirs.receive(flags="IPC_NOWAIT")), "EACCES")
        tour.show("... nor remove it", await errno_of(theirs.remove()), "EPERM")
        alone = await client.fork(unshare=["CLONE_NEWIPC"])
        tour.show("a task with an IPC namespace of its own does not see the key", await errno_of(alone.msgget(0x5EC)),
                  "ENOENT")  # fmt: skip
        sleeper = asyncio.create_task(errno_of(queue.receive()))
        await until(lambda: _receivers(client, queue.msqid))
        await alice.calls.rt_sigaction("SIGUSR1", {"sa_handler": "SIG_CATCH"})
        await client.calls.kill(alice.pid, "SIGUSR1")
        tour.show("kill(Alice, SIGUSR1), which she catches, while she sleeps in msgrcv", await sleeper, "EINTR")
        await queue.remove()


async def _receivers(client: Client, msqid: int) -> bool:
    return bool((await client.msg(msqid).stat())["receivers"])
