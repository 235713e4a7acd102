"""The loops of a side whose client blocks: produce, consume, request, answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from tests.bench.pair import Gate, Outcome

SIZE = 256
"""Bytes in each message."""

FILLER = b"m" * SIZE


def closing(batch: int, sent_before: int) -> list[bytes]:
    """The last batch: its last message says how many there are in all, itself included."""
    return [FILLER] * (batch - 1) + [b"e%011d" % (sent_before + batch) + FILLER[12:]]


def total_said_by(message: bytes) -> float:
    """The total that the closing message carries; infinity for every other message."""
    return int(message[1:12]) if message[0] == 0x65 else math.inf


def produce(send: Callable[[list[bytes]], object], batch: int, gate: Gate) -> Outcome:
    """Send full batches until the gate's deadline, then the closing one."""
    full, sent, deadline = [FILLER] * batch, 0, gate.open()
    started = time.monotonic()
    while time.monotonic() < deadline:
        send(full)
        sent += batch
    send(closing(batch, sent))
    return Outcome(started, time.monotonic(), sent + batch)


def consume(receive: Callable[[], Sequence[bytes]], gate: Gate) -> Outcome:
    """Receive until as many messages came as the closing one says."""
    received, total = 0, math.inf
    gate.open()
    started = time.monotonic()
    while received < total:
        messages = receive()
        received += len(messages)
        total = min(total, total_said_by(messages[-1]))
    return Outcome(started, time.monotonic(), received)


def request(send: Callable[[bytes], object], receive: Callable[[], object], gate: Gate) -> Outcome:
    """Round trips, one at a time, until the deadline; an empty message tells the other side to stop."""
    trips: list[float] = []
    deadline = gate.open()
    started = now = time.monotonic()
    while now < deadline:
        send(FILLER)
        receive()
        after = time.monotonic()
        trips.append(after - now)
        now = after
    send(b"e")
    return Outcome(started, now, len(trips), tuple(trips))


def answer(send: Callable[[bytes], object], receive: Callable[[], bytes], gate: Gate) -> Outcome:
    """Send back what comes, until the shorter message."""
    gate.open()
    started, count = time.monotonic(), 0
    while len(message := receive()) == SIZE:
        send(message)
        count += 1
    return Outcome(started, time.monotonic(), count)
