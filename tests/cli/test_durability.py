"""Whether a queue outlives the service, and how old its oldest message is, as the command asks and shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from usernel.cli import show

from .command import Cli, serving

IPC = "4026531839"
CREATE = {"msg": ("msg", "create", "0x77"), "mq": ("mq", "create", "fleeting")}
STAT = {"msg": ("msg", "stat", "0x77"), "mq": ("mq", "stat", "fleeting")}
FAMILIES = pytest.mark.parametrize("family", ["msg", "mq"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("--data-dir", str(tmp_path_factory.mktemp("data"))) as (_, line):
        yield line.split()[-1]


@pytest.fixture(autouse=True)
def gone_again(cli: Cli) -> Iterator[None]:
    yield
    for words in (("msg", "rm", "0x77"), ("mq", "rm", "fleeting")):
        cli(*words)


def fields(cli: Cli, family: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in cli.does(*STAT[family]).splitlines())


@FAMILIES
@pytest.mark.parametrize(("words", "shown"), [((), "durable"), (("--durable",), "durable"),
                                              (("--ephemeral",), "ephemeral")])  # fmt: skip
def test_a_queue_is_what_it_asked_for(cli: Cli, family: str, words: tuple[str, ...], shown: str):
    cli.does(*CREATE[family], *words)
    assert fields(cli, family)["durability"] == shown
    assert json.loads(cli.does(*STAT[family], "--json"))["durability"] == shown
    (row,) = [line.split() for line in cli.does(family, "ls").splitlines() if shown in line]
    assert row[-2:] == [shown, "-"]


@FAMILIES
def test_one_that_asks_for_nothing_is_what_its_namespace_says(cli: Cli, family: str):
    cli.does("ns", "set", IPC, "usernel.ephemeral=1")
    assert "durability                 ephemeral" in cli.does("ns", "stat", IPC).splitlines()
    cli.does(*CREATE[family])
    cli.does("ns", "set", IPC, "usernel.ephemeral=0")
    assert fields(cli, family)["durability"] == "ephemeral"


@FAMILIES
def test_the_age_of_the_oldest_message_is_shown(cli: Cli, family: str):
    cli.does(*CREATE[family])
    assert fields(cli, family)["oldest"] == "-"
    cli.does(family, "send", CREATE[family][2], "x")
    moment, age = fields(cli, family)["oldest"].removesuffix(" ago)").split(" (")
    assert (len(moment), age[-1], int(age[:-1]) < 20) == (len("2026-01-01 00:00:00"), "s", True)
    (row,) = [
        line.split() for line in cli.does(family, "ls").splitlines() if "durable" in line and "oldest" not in line
    ]
    assert row[-1][-1] == "s"
    assert time.time() - 20 < json.loads(cli.does(*STAT[family], "--json"))["oldest"] <= time.time()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86_399, "23h"), (86_400, "1d"), (10**8, "1157d"),
     (-5, "0s")],
)  # fmt: skip
def test_an_age_is_told_in_the_largest_unit_that_fits(monkeypatch: pytest.MonkeyPatch, seconds: int, shown: str):
    monkeypatch.setattr(show.time, "time", lambda: 1.7e9)
    assert show.age(1_700_000_000 - seconds) == shown


def test_no_message_has_no_age():
    assert (show.age(None), show.moment(None)) == ("-", "-")
