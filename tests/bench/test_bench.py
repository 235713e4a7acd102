"""A short round of the whole bench: every row that can be measured here is measured, and nothing is timed."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.report import show
from tests.bench.run import run


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_one_short_round() -> None:
    ledger = run(rounds=1, seconds=0.2, only=[], progress=lambda _: None)
    show(ledger, 1, 0.2, Console(width=120))
    assert ledger.failures == {}
    assert ledger.samples
