"""A service is killed at any time and anywhere inside commit, snapshot and reclaiming: nothing acknowledged is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .run import run

SEED = 20_000
SECONDS = 150.0
LEAST = 25
SOAK_ROUNDS = int(os.environ.get("USERNEL_CRASH_ROUNDS", "1000"))


@pytest.mark.timeout(400)
def test_nothing_acknowledged_is_lost_where_the_service_is_killed(tmp_path: Path) -> None:
    summary = run(SEED, 100, tmp_path, print, seconds=SECONDS, least=LEAST)
    print(summary)
    assert summary.rounds >= LEAST
    assert summary.snapshots > 0
    assert summary.kills["any time"] < summary.rounds, "no service met its doom"


@pytest.mark.soak
@pytest.mark.timeout(60 + 10 * SOAK_ROUNDS)
def test_nothing_acknowledged_is_lost_in_a_thousand_deaths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        print(run(1, SOAK_ROUNDS, tmp_path, lambda line: print(line, flush=True)))
