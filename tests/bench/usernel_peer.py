"""usernel: a service in a process of its own, through each of its doors; and the model alone, in this process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import usernel
from tests.bench import usernel_sides as sides
from tests.bench.contender import Contender, RoundTrip, Sample, Throughput
from tests.bench.pair import Side
from tests.bench.ports import free_port, wait_for_port
from tests.bench.sides import FILLER
from usernel_client import SyncClient

QBYTES = 4 * 1024 * 1024
"""Room for 16,384 messages; Redis lists have no bound."""
MQ_MAXMSG = 16_384
TASKS = 256


@dataclass(frozen=True, slots=True)
class UsernelPeer:
    """``usernel serve``, as it is installed here."""

    name: str = "usernel"

    def missing(self) -> str | None:
        """It is there."""
        return None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """The service, its queues, and the rows."""
        port = free_port()
        command = [sys.executable, "-m", "usernel.cli", "serve", "--ephemeral", "--port", str(port)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("USERNEL_")}
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ)
        try:
            wait_for_port(port, time.monotonic() + 30)
            url = f"http://127.0.0.1:{port}"
            with SyncClient(url) as client:
                yield list(_rows(url, client))
        finally:
            server.terminate()
            server.wait(30)


def _rows(url: str, client: SyncClient) -> Iterator[Contender]:
    for batch in (100, 10, 1):
        for window in (8, 1):
            yield _throughput(url, "sysv", sysv(client), batch, window, "WebSocket")
    yield _throughput(url, "posix", posix(client), 100, 8, "WebSocket, POSIX")
    yield RoundTrip("WebSocket, round trip", *_round_trip(url, sysv(client), sysv(client)))
    for batch, words in ((1, "one"), (100, "many (100)")):
        queue = sysv(client)
        yield Throughput(f"REST, {words}", sides.RestProducer(url, queue, batch), sides.RestConsumer(url, queue, batch))
    producers: dict[str, Callable[[str, str, int], Side]] = {
        "auto-batching": sides.TasksProducer,
        "one frame per send": sides.BareTasksProducer,
    }
    for words, producer in producers.items():
        queue = sysv(client)
        consumer = sides.Consumer(url, "sysv", queue, sides.MANY, 2)
        yield Throughput(f"{TASKS} tasks, {words}", producer(url, queue, TASKS), consumer)
    yield Model("the model alone, one by one", model_one_by_one)
    yield Model("the model alone, batches of 100", model_batches)


def _throughput(url: str, kind: str, queue: str, batch: int, window: int, door: str) -> Throughput:
    producer = sides.Producer(url, kind, queue, batch, window)
    return Throughput(
        f"{door}, batch {batch}, window {window}", producer, sides.Consumer(url, kind, queue, batch, window)
    )


def _round_trip(url: str, there: str, back: str) -> tuple[sides.Requester, sides.Answerer]:
    return sides.Requester(url, there, back), sides.Answerer(url, there, back)


def sysv(client: SyncClient) -> str:
    """A fresh System V queue, by its id."""
    queue = client.msgget("IPC_PRIVATE", mode=0o600)
    queue.set(msg_qbytes=QBYTES)
    return str(queue.msqid)


def posix(client: SyncClient) -> str:
    """A fresh POSIX queue, by its name."""
    client.call("prlimit64", pid=0, resource="RLIMIT_MSGQUEUE", new_limit={"rlim_cur": 2**32, "rlim_max": 2**32})
    return client.mq_open("bench", "O_CREAT | O_RDWR", attr={"mq_maxmsg": MQ_MAXMSG, "mq_msgsize": 256}).name


@dataclass(frozen=True, slots=True)
class Model:
    """A loop of sends and receives on a kernel in this process, without any door."""

    name: str
    loop: Callable[[float], tuple[int, float]]

    def measure(self, seconds: float) -> Sample:
        """Messages a second, each sent and received."""
        messages, took = self.loop(seconds)
        return Sample(messages / took)


def model_one_by_one(seconds: float) -> tuple[int, float]:
    """msgsnd, msgrcv."""
    task = usernel.Kernel().fork()
    queue = task.msgget(0, 0o600)
    count, started = 0, time.monotonic()
    while (took := time.monotonic() - started) < seconds:
        for _ in range(100):
            task.msgsnd(queue, 1, FILLER)
            task.msgrcv(queue)
        count += 100
    return count, took


def model_batches(seconds: float) -> tuple[int, float]:
    """The same, 100 a call."""
    task = usernel.Kernel().fork()
    queue = task.msgget(0, 0o600)
    task.msgctl(queue, "IPC_SET", {"msg_qbytes": QBYTES})
    batch = [(1, FILLER)] * 100
    count, started = 0, time.monotonic()
    while (took := time.monotonic() - started) < seconds:
        task.msgsnd_batch(queue, batch)
        count += task.msgrcv_batch(queue, 100).ret
    return count, took
