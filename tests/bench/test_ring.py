"""A short round of the rings' bench: every row is measured, and nothing is timed."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.ring import BATCHES, measure, show


@pytest.mark.bench
def test_one_short_round() -> None:
    floor, rates = measure(1)
    show(floor, rates, Console(width=120))
    assert floor > 0
    assert {batch for _what, _name, batch in rates} == set(BATCHES)
    assert min(rates.values()) > 0
