"""The same queue through every door; and what a vanished receiver costs: nothing."""

from __future__ import annotations

import asyncio
import json

import aiohttp

from usernel_client import Client
from usernel_client.msg import MessageQueue

from .tour import Tour, output_of, until


async def chapter(tour: Tour) -> None:
    """Show REST, the command line, and a receiver that vanishes."""
    tour.chapter("The doors: REST, command line, WebSocket")
    async with aiohttp.ClientSession(tour.url) as http, Client(tour.url) as client:
        made = await _post(http, "/v1/msg", {"key": "0xd0025", "flags": ["IPC_CREAT"]})
        queue = client.msg(made["msqid"])
        await _post(http, f"/v1/msg/{queue.msqid}/messages", {"mtype": 1, "text": "by REST"})
        peeked = await output_of(await tour.command("msg", "peek", "0xd0025", "--json"))
        tour.show("sent by REST, seen by `usernel msg peek --json`", [item["mtype"] for item in json.loads(peeked)],
                  [1])  # fmt: skip
        tour.show("received by WebSocket", (await queue.receive()).data.decode(), "by REST")
        await _vanished(tour, http, queue)
        async with http.get("/v1/msg/99999") as response:
            problem = await response.json()
        tour.show("an error, as problem+json", [response.status, problem["errno_name"]], [422, "EINVAL"])
        await queue.remove()


async def _post(http: aiohttp.ClientSession, path: str, body: dict[str, object]) -> dict[str, int]:
    async with http.post(path, json=body) as response:
        answer: dict[str, int] = await response.json()
        return answer


async def _vanished(tour: Tour, http: aiohttp.ClientSession, queue: MessageQueue) -> None:
    waiting = asyncio.create_task(_post(http, f"/v1/msg/{queue.msqid}/receive", {"wait": 30}))
    await until(lambda: _receivers(queue, 1))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await until(lambda: _receivers(queue, 0))
    await queue.send(b"not lost")
    tour.show("a REST receiver vanishes while it waits; then a message comes, and is there for the next",
              (await queue.receive(wait=5)).data.decode(), "not lost")  # fmt: skip


async def _receivers(queue: MessageQueue, count: int) -> bool:
    return int((await queue.stat())["receivers"]) == count
