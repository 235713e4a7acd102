"""A producer and a consumer, each a process of its own, started together and timed on the clock that they share."""

from __future__ import annotations

import math
import multiprocessing
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

START_TIMEOUT_S = 60.0
SLACK_S = 60.0


class PairError(Exception):
    """One of the two processes failed; the sentence says which, and how."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side saw: seconds of CLOCK_MONOTONIC, messages, and the round trips that it timed in seconds."""

    started: float
    finished: float
    messages: int
    trips: tuple[float, ...] = ()


@dataclass(slots=True)
class Gate:
    """Where a side that is connected waits until the other is, too."""

    pipe: Connection
    deadline: float = field(default=math.inf)

    def open(self) -> float:
        """Say ready, wait for go; the moment of CLOCK_MONOTONIC at which to stop producing."""
        self.pipe.send("ready")
        self.deadline = float(self.pipe.recv())
        return self.deadline


class Side(Protocol):
    """One process of a pair; it must be picklable, for it is sent to a fresh interpreter."""

    def run(self, gate: Gate) -> Outcome:
        """Connect, pass the gate, move messages."""
        ...


def run_pair(first: Side, second: Side, seconds: float) -> tuple[Outcome, Outcome]:
    """Run both sides for `seconds` and answer both outcomes; PairError where one fails or hangs."""
    context = multiprocessing.get_context("spawn")
    runs: list[tuple[SpawnProcess, Connection]] = []
    try:
        for side in (first, second):
            here, there = context.Pipe()
            process = context.Process(target=_run_side, args=(side, there), daemon=True)
            process.start()
            there.close()
            runs.append((process, here))
        for _, pipe in runs:
            _expect(pipe, START_TIMEOUT_S)
        deadline = time.monotonic() + seconds
        for _, pipe in runs:
            pipe.send(deadline)
        outcomes = [_expect(pipe, seconds + SLACK_S) for _, pipe in runs]
    finally:
        for process, pipe in runs:
            _end(process, pipe)
    one, two = outcomes
    if not isinstance(one, Outcome) or not isinstance(two, Outcome):
        raise PairError(f"a side answered {one!r} and {two!r}")
    return one, two


def _run_side(side: Side, pipe: Connection) -> None:
    try:
        pipe.send(side.run(Gate(pipe)))
    except BaseException as failure:
        pipe.send(f"{type(side).__name__}: {type(failure).__name__}: {failure}")
        raise


def _expect(pipe: Connection, timeout: float) -> object:
    if not pipe.poll(timeout):
        raise PairError(f"nothing came within {timeout:.0f} s")
    try:
        said: object = pipe.recv()
    except EOFError:
        raise PairError("a side died without a word") from None
    if isinstance(said, str) and said != "ready":
        raise PairError(said)
    return said


def _end(process: SpawnProcess, pipe: Connection) -> None:
    pipe.close()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()
