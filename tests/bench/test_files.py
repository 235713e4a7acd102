"""The bench of files: what it makes of samples, and a short round of rows that are its own."""

from __future__ import annotations

import json
import pickle
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path
from time import sleep

import pytest
from rich.console import Console

from usernel.bench import handler, lateness, limit, reads, run, small
from usernel.bench.__main__ import main
from usernel.bench.chart import chart
from usernel.bench.goals import GOALS, Goal
from usernel.bench.pace import Pace
from usernel.bench.row import Corpus, Ledger, Row
from usernel.bench.table import as_json, show

OURS, AIOFILES = (reads.CACHED, reads.OURS), (reads.CACHED, reads.AIOFILES)
IDLE, LATE = (lateness.WORK, lateness.IDLE), (lateness.WORK, reads.OURS)


def ledger() -> Ledger:
    return Ledger(
        {
            (reads.CACHED, reads.SYNC): [100.0, 100.0, 100.0],
            OURS: [40.0, None, 60.0],
            AIOFILES: [2.0, 2.0, 2.0],
            IDLE: [0.2, 0.2, 0.2],
            LATE: [1.0, 3.0, 2.0],
        },
        missing={"caio": "pip install caio"},
        failed={"a work: a row": "OSError: [no such disk]"},
    )


def test_ratios_and_differences_are_of_the_same_rounds() -> None:
    found = ledger()
    assert found.ratio(OURS, AIOFILES) == 25.0
    assert found.difference(LATE, IDLE) == pytest.approx(1.8)
    assert found.ratio(OURS, (reads.CACHED, "nobody")) is None
    assert found.median(*OURS) == 50.0


def test_goals_are_judged() -> None:
    least, most = Goal(*OURS, reads.AIOFILES, least=18), Goal(lateness.WORK, reads.OURS, lateness.IDLE, most_ms=2)
    assert least.reached(18.0)
    assert not least.reached(17.9)
    assert most.reached(2.0)
    assert not most.reached(2.1)
    assert least.measured(ledger()) == 25.0
    assert most.measured(ledger()) == pytest.approx(1.8)
    assert least.shown(None) == "not measured"


def test_every_goal_is_of_rows_that_there_are() -> None:
    rows = {(row.work, row.name) for row in run.rows()}
    assert {(goal.work, goal.ours) for goal in GOALS} <= rows
    assert {(goal.work, goal.theirs) for goal in GOALS if not goal.already} <= rows


def test_a_difference_is_its_own_measure() -> None:
    goal = Goal(handler.WORK, handler.OPENED, handler.BESIDE, most_ms=2, already=True)
    found = Ledger({(handler.WORK, handler.OPENED): [1.0, 3.0, None, 1.5]})
    assert goal.measured(found) == 1.5
    assert goal.shown(1.5) == "+1.50 ms"
    assert goal.measured(Ledger()) is None


def test_the_table_tells_of_all_of_it() -> None:
    console = Console(width=160, record=True, file=None, quiet=False)
    with console.capture() as shown:
        show(ledger(), run.QUICK, console)
    text = shown.get()
    for word in ("25.00", "0.50", "reached", "not measured: caio: pip install caio", "OSError: [no such disk]"):
        assert word in text
    said = json.loads(as_json(ledger(), run.QUICK))
    assert said["rows"][1]["median"] == 50.0
    assert said["failed"]


def test_the_chart_is_svg_with_a_bar_for_each_row_of_a_rate() -> None:
    root = ET.fromstring(chart(ledger()))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {reads.CACHED, reads.OURS, reads.SYNC, "25"} <= texts
    assert lateness.WORK not in texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == 3
    assert chart(Ledger()).startswith("<svg")


def test_a_peer_that_is_not_here_is_named_with_what_installs_it() -> None:
    assert Row("work", "name", lambda _files, _seconds: 1.0, needs="no_such_package").missing == (
        "pip install no_such_package"
    )
    assert Row("work", "name", lambda _files, _seconds: 1.0, needs="json").missing is None
    assert [row.needs for row in limit.rows()] == ["fio", "fio"]


def broken(_files: Corpus, _seconds: float) -> float:
    raise LookupError("nothing there")


def fine(_files: Corpus, seconds: float) -> float:
    return seconds


def test_a_row_that_fails_is_told_and_the_others_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row("work", "broken", broken), Row("work", "fine", fine)]
    monkeypatch.setattr(run, "rows", lambda: iter(rows))
    lines: list[str] = []
    found = run.run(run.Plan(rounds=2, seconds=0.5, directory=str(tmp_path), blocks=1, files=1), lines.append)
    assert found.samples == {("work", "broken"): [None, None], ("work", "fine"): [0.5, 0.5]}
    assert "LookupError: nothing there" in found.failed["work: broken"]
    assert len(lines) == 4
    assert not list(tmp_path.iterdir())


def test_rows_are_chosen_by_words_and_kept_together() -> None:
    works = [row.work for row in run.chosen(["cold", "cached"])]
    assert set(works) == {reads.COLD, reads.CACHED}
    assert works == sorted(works, key=works.index)
    assert len(run.chosen([])) == len(list(run.rows()))


def test_pieces_are_handed_out_until_the_time_is_over() -> None:
    pace = Pace(60)
    assert [list(chunk) for chunk in pace.once([1, 2, 3], 2)] == [[1, 2], [3]]
    assert pace.done == 3
    over = Pace(0)
    sleep(0.001)
    assert not list(over.again_and_again([1]))


@pytest.mark.parametrize("words", [[reads.BATCH], [small.KEPT]], ids=["reads", "kept open"])
def test_a_short_round_of_rows_that_need_no_peer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str]
) -> None:
    options = ["--quick", "--seconds", "0.05", "--json", "--directory", str(tmp_path), "--svg", str(tmp_path / "chart")]
    assert main([*options, "--only", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["rows"]
    assert all(row["median"] > 0 for row in said["rows"] if row["unit"] == "1/s")
    assert not said["failed"]
    ET.parse(tmp_path / "chart")


@pytest.mark.bench
def test_one_short_round_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick"]) == 0
    assert "goals" in capsys.readouterr().out


def test_a_row_can_be_sent_to_another_process() -> None:
    for row in run.rows():
        assert isinstance(pickle.loads(pickle.dumps(row.measure)), partial | type(fine))
