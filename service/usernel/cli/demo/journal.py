"""What was acknowledged is never lost: a service of its own, killed with SIGKILL, started again."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from usernel_client import Client

from .tour import Tour, errno_of, output_of

KEY: Final = 0x10AD
LISTENING: Final = "usernel listening on "
COUNT: Final = 1000


async def chapter(tour: Tour) -> None:
    """Show the journal."""
    tour.chapter("The journal: kill -9, and nothing that was acknowledged is lost")
    with tempfile.TemporaryDirectory(prefix="usernel-demo-") as directory:
        async with _killed_at_the_end(directory) as url, Client(url) as client:
            await _fill(tour, client)
        tour.text("kill -9, and the same data directory again")
        async with _killed_at_the_end(directory) as url, Client(url) as client:
            await _empty(tour, client)
        for command in ("stat", "verify"):
            tour.text(await output_of(await tour.command("journal", command, "--data-dir", directory)))


async def _fill(tour: Tour, client: Client) -> None:
    queue = await client.msgget(KEY, "IPC_CREAT | IPC_EXCL", mode=0o600)
    await asyncio.gather(*(queue.send(b"%d" % number) for number in range(COUNT)))
    tour.show(f"{COUNT} sends at once, each acknowledged when it is on the disk", (await queue.stat())["msg_qnum"],
              COUNT)  # fmt: skip
    jobs = await client.mq_open("jobs", "O_CREAT | O_RDWR", mode=0o600)
    for priority in (1, 9, 5):
        await jobs.send(f"priority {priority}", priority=priority)
    fleeting = await client.msgget(KEY + 1, "IPC_CREAT", durability="ephemeral")
    await fleeting.send(b"gone with the service, and never waits for the disk")


async def _empty(tour: Tour, client: Client) -> None:
    queue = await client.msgget(KEY)
    numbers = [int(message.data) for message in await queue.receive_many(COUNT)]
    tour.show("started again: what is received of them, and whether in order",
              [len(numbers), numbers == sorted(numbers)], [COUNT, True])  # fmt: skip
    jobs = await client.mq_open("jobs", "O_RDWR")
    came = [(await jobs.receive()).data.decode() for _ in range(3)]
    tour.show("a POSIX queue, by priority", came, ["priority 9", "priority 5", "priority 1"])
    tour.show("a queue that was made ephemeral", await errno_of(client.msgget(KEY + 1)), "ENOENT")


@asynccontextmanager
async def _killed_at_the_end(directory: str) -> AsyncIterator[str]:
    """A service in a process of its own; its URL."""
    command = ("-m", "usernel.cli", "serve", "--port", "0", "--data-dir", directory)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        line = (await process.stdout.readline()).decode()
        yield line.removeprefix(LISTENING).strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
