"""The kernel's own queues between two processes: POSIX by posix_ipc, System V by sysv_ipc, at their default limits."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.contender import Contender, RoundTrip, Throughput
from tests.bench.pair import Gate, Outcome
from tests.bench.sides import SIZE, answer, consume, produce, request


def open_posix(name: str) -> Any:
    """An open POSIX queue of the host."""
    import posix_ipc

    return posix_ipc.MessageQueue(name)


def open_sysv(key: str) -> Any:
    """An existing System V queue of the host."""
    import sysv_ipc

    return sysv_ipc.MessageQueue(int(key), max_message_size=SIZE)


def receive_from(kind: str, queue: Any) -> bytes:
    """The next message's bytes; posix_ipc answers (message, priority), sysv_ipc (message, type)."""
    message: bytes = queue.receive()[0]
    return message


def opened(kind: str, name: str) -> Any:
    """A queue of the host, by kind."""
    return open_posix(name) if kind == "posix" else open_sysv(name)


@dataclass(frozen=True, slots=True)
class Producer:
    """One message a call: these interfaces have no batches."""

    kind: str
    queue: str

    def run(self, gate: Gate) -> Outcome:
        """Produce until the deadline."""
        queue = opened(self.kind, self.queue)
        return produce(lambda messages: queue.send(messages[0]), 1, gate)


@dataclass(frozen=True, slots=True)
class Consumer:
    """One message a call."""

    kind: str
    queue: str

    def run(self, gate: Gate) -> Outcome:
        """Consume until the closing message."""
        queue = opened(self.kind, self.queue)
        return consume(lambda: (receive_from(self.kind, queue),), gate)


@dataclass(frozen=True, slots=True)
class Requester:
    """Send to one queue, receive from the other."""

    kind: str
    there: str
    back: str

    def run(self, gate: Gate) -> Outcome:
        """Time round trips."""
        there, back = opened(self.kind, self.there), opened(self.kind, self.back)
        return request(there.send, back.receive, gate)


@dataclass(frozen=True, slots=True)
class Answerer:
    """Receive from the one queue, send to the other."""

    kind: str
    there: str
    back: str

    def run(self, gate: Gate) -> Outcome:
        """Answer until told to stop."""
        there, back = opened(self.kind, self.there), opened(self.kind, self.back)
        return answer(back.send, lambda: receive_from(self.kind, there), gate)


@dataclass(frozen=True, slots=True)
class LinuxPeer:
    """One kind of the host's queues."""

    name: str
    kind: str
    module: str

    def missing(self) -> str | None:
        """Why this kind cannot be measured here."""
        if importlib.util.find_spec(self.module) is None:
            return f"no {self.module}: pip install '.[bench]'"
        return None

    @contextmanager
    def serve(self) -> Iterator[list[Contender]]:
        """Two fresh queues, and the rows."""
        make = _make_posix if self.kind == "posix" else _make_sysv
        with make() as there, make() as back:
            yield [
                Throughput(f"{self.name}, one by one", Producer(self.kind, there), Consumer(self.kind, there)),
                RoundTrip(
                    f"{self.name}, round trip", Requester(self.kind, there, back), Answerer(self.kind, there, back)
                ),
            ]


PEERS = (LinuxPeer("Linux POSIX mq", "posix", "posix_ipc"), LinuxPeer("Linux System V", "sysv", "sysv_ipc"))


@contextmanager
def _make_posix() -> Iterator[str]:
    import posix_ipc

    name = f"/usernel-bench-{os.getpid()}-{os.urandom(4).hex()}"
    queue = posix_ipc.MessageQueue(name, posix_ipc.O_CREX, max_message_size=SIZE)
    try:
        yield name
    finally:
        queue.close()
        queue.unlink()


@contextmanager
def _make_sysv() -> Iterator[str]:
    import sysv_ipc

    queue = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX, max_message_size=SIZE)
    try:
        yield str(queue.key)
    finally:
        queue.remove()
