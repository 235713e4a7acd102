"""Targets, supervisors and services are killed: a few rounds of ``python -m tests.gateway.kills``."""

from __future__ import annotations

import pytest

from .kills import VICTIMS, run


@pytest.mark.timeout(120)
def test_nothing_hangs_and_nothing_is_left():
    said: list[str] = []
    run(len(VICTIMS), 5, said.append)
    assert [line.split()[1] for line in said] == list(VICTIMS)
