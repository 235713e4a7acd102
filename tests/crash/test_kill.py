"""A service is killed at any time and anywhere inside commit, snapshot and reclaiming: nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
from itertools import count, takewhile
from pathlib import Path

import pytest

from .doom import FILES, Doom
from .life import check_database
from .run import run
from .service import Directory, Nursery, Service

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


@pytest.mark.parametrize(("what", "how"), [("write", "middle"), ("sync", "before"), ("sync", "after")])
@pytest.mark.parametrize("where", FILES)
def test_a_service_that_is_killed_while_it_makes_its_journal_starts_again(
    tmp_path: Path, what: str, where: str, how: str
) -> None:
    with Nursery() as nursery:
        deaths = list(
            takewhile(bool, (dies_and_recovers(tmp_path, nursery, Doom(what, where, n, how)) for n in count(1)))
        )
    assert deaths


def dies_and_recovers(path: Path, nursery: Nursery, doom: Doom) -> bool:
    """Whether a service died before it was ready; then another made what it had begun."""
    directory = Directory(path / str(doom))
    directory.make(snapshot_bytes=4000)
    service = Service(directory, nursery, doom)
    if service.url is not None:
        service.kill()
    assert (service.ended(), service.complaint) == (-signal.SIGKILL, "")
    again = Service(directory, nursery)
    assert (again.stop(), again.complaint) == (0, "")
    check_database(directory)
    return service.url is None


@pytest.mark.soak
@pytest.mark.timeout(60 + 10 * SOAK_ROUNDS)
def test_nothing_acknowledged_is_lost_in_a_thousand_deaths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        print(run(1, SOAK_ROUNDS, tmp_path, lambda line: print(line, flush=True)))
