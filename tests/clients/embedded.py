"""A service in a thread of this process, and waiting for what happens elsewhere."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from usernel.compose import Service, service
from usernel.config import Settings

DEADLINE = 10.0
POLL = 0.002
FIRST_TASKS = 2
"""init, and the default task."""


async def _serve(settings: Settings, started: SimpleQueue[tuple[Service, Callable[[], None]]]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    async with service(settings) as running:
        started.put((running, lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()


@contextmanager
def threaded(settings: Settings) -> Iterator[Service]:
    started: SimpleQueue[tuple[Service, Callable[[], None]]] = SimpleQueue()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(settings, started)), daemon=True)
    thread.start()
    running, stop = started.get(timeout=DEADLINE)
    try:
        yield running
    finally:
        stop()
        thread.join(DEADLINE)
        assert not thread.is_alive(), "the service did not stop"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(POLL)


def sleepers(running: Service) -> int:
    return sum(len(task.parked) for task in list(running.runtime.kernel.tasks.values()))
