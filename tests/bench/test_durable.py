"""A short round of the benches of what is on disk and in memory: everything is measured, and nothing is timed."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench import durable, memory, recovery
from tests.bench.served import DIRECTORY, workplace

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


def test_one_short_round_of_durable_sends() -> None:
    ledger = durable.run(DIRECTORY, rounds=1, seconds=0.5, only=[], progress=lambda _: None)
    durable.show(ledger, "one short round", Console(width=120))
    assert ledger.failures == {}
    assert ledger.samples


def test_a_small_service_starts_again() -> None:
    restarts, snapshot = recovery.measure(DIRECTORY, 10_000, 100, lambda _: None)
    recovery.show(10_000, restarts, [snapshot], Console(width=120))
    assert [row.what for row in restarts] == ["records, 1 a fact", "records, 100 a fact", "a snapshot"]


def test_the_memory_of_a_few_messages() -> None:
    with workplace(DIRECTORY) as place:
        taken = memory.measure(place, 10_000, 256)
    memory.show(10_000, [taken], Console(width=120))
    assert taken.size == 256
