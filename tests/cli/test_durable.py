"""``usernel serve`` keeps what it acknowledged: where, for how long, and what it says where it cannot."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .command import Ended, ended, environment, serving, until, usernel

TEXTS = [f"message {number}" for number in range(20)]


def fill(url: str) -> None:
    for words in (
        ("msg", "create", "0x4d2"),
        ("msg", "send", "0x4d2", *TEXTS),
        ("msg", "create", "0x4d3", "--ephemeral"),
        ("mq", "create", "jobs"),
        ("mq", "send", "jobs", "low"),
        ("mq", "send", "jobs", "-p", "7", "urgent"),
    ):
        done = usernel(*words, "--url", url)
        assert (done.status, done.err) == (0, "")


def check_all_is_there(url: str) -> None:
    received = usernel("msg", "recv", "0x4d2", "-n", str(len(TEXTS)), "--url", url)
    assert received.out.splitlines() == TEXTS
    assert usernel("mq", "recv", "jobs", "-n", "2", "--url", url).out.splitlines() == ["urgent", "low"]
    assert usernel("msg", "stat", "0x4d3", "--url", url).err.startswith("usernel: ENOENT: ")


def journal_of(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url.strip()}/readyz", timeout=5) as answer:
        return dict(json.loads(answer.read())["journal"])


def log_of(done: Ended) -> dict[str, dict[str, Any]]:
    """The last line of each message of a log in JSON."""
    return {line["message"]: line for line in map(json.loads, done.err.splitlines())}


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_acknowledged_is_there_after_it_was_killed_and_after_it_was_stopped(tmp_path, signo: signal.Signals):
    words = ("--data-dir", str(tmp_path / "data"), "--log", "json")
    with serving(*words) as (process, line):
        fill(line.split()[-1])
        sent = time.monotonic()
        process.send_signal(signo)
        done = ended(process)
        assert time.monotonic() - sent < 10
    assert done.status == (0 if signo == signal.SIGTERM else -signal.SIGKILL)
    assert ("snapshot made" in log_of(done)) == (signo == signal.SIGTERM)
    with serving(*words) as (process, line):
        check_all_is_there(line.split()[-1])
        process.terminate()
        assert log_of(ended(process))["recovered"]["facts"] > 0


def test_stopped_it_leaves_a_snapshot_and_nothing_to_replay_behind_it(tmp_path: Path):
    words = ("--data-dir", str(tmp_path / "data"), "--log", "json")
    with serving(*words) as (process, line):
        fill(line.split()[-1])
        assert journal_of(line.split()[-1])["tail_bytes"] > 0
        process.terminate()
        done = log_of(ended(process))
    assert (done["stopping"]["signal"], done["stopped"]["seconds"] < 10) == ("SIGTERM", True)
    assert done["snapshot made"]["messages"] == len(TEXTS) + 2
    shown = usernel("journal", "stat", "--data-dir", str(tmp_path / "data"), "--json").json
    assert (shown["tail_bytes"], shown["snapshot_position"] > 0) == (0, True)
    with serving(*words) as (_, line):  # the first that this life keeps is that the ephemeral queue ended with the last
        assert journal_of(line.split()[-1])["snapshot_position"] == shown["snapshot_position"]


def test_told_no_directory_it_keeps_its_journal_in_the_users_state_directory(tmp_path: Path):
    env = environment(XDG_STATE_HOME=str(tmp_path))
    with serving(env=env) as (_, line):
        usernel("mq", "create", "jobs", "--url", line.split()[-1])
    assert (tmp_path / "usernel" / "journal.db").is_file()
    assert (tmp_path / "usernel").stat().st_mode & 0o777 == 0o700
    with serving(env=env) as (_, line):
        assert [queue["name"] for queue in usernel("mq", "ls", "--json", "--url", line.split()[-1]).json] == ["jobs"]


def test_ephemeral_it_keeps_nothing_and_makes_no_directory(tmp_path: Path):
    env = environment(XDG_STATE_HOME=str(tmp_path))
    for _ in range(2):
        with serving("--ephemeral", env=env) as (_, line):
            assert usernel("mq", "create", "jobs", "--exclusive", "--url", line.split()[-1]).status == 0
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_another_service_uses_is_refused_with_one_sentence(tmp_path: Path):
    data = str(tmp_path / "data")
    with serving("--data-dir", data) as (process, line):
        done = usernel("serve", "--port", "0", "--data-dir", data)
        sentence = f"usernel: another usernel (pid {process.pid}) uses {data}; --data-dir names another place"
        assert (done.status, done.out) == (1, "")
        assert done.err == f"{sentence}, --ephemeral does without\n"
        assert usernel("mq", "ls", "--json", "--url", line.split()[-1]).json == []


def test_a_damaged_journal_is_refused_and_what_repairs_it_is_named(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "journal.db").write_bytes(b"no database at all" * 1000)
    done = usernel("serve", "--port", "0", "--data-dir", str(data))
    assert (done.status, done.out) == (1, "")
    sentence = done.err.splitlines()[-1]
    assert sentence.startswith("usernel: the journal is damaged behind position 0: ")
    assert sentence.endswith(f"`usernel journal repair --data-dir {data}` recovers what is good of it")
    assert "Traceback" not in done.err


def test_the_file_of_settings_says_where_and_when_a_snapshot_is_made(tmp_path: Path):
    settings = tmp_path / "usernel.toml"
    settings.write_text(f'data_dir = "{tmp_path}/kept"\nsnapshot_bytes = 200\nlog = "json"\n')
    with serving("--config", str(settings)) as (process, line):
        fill(line.split()[-1])
        until(lambda: journal_of(line.split()[-1])["snapshots"] > 0)
        process.kill()
        done = ended(process)
    assert log_of(done)["snapshot made"]["position"] > 0
    assert (tmp_path / "kept" / "journal.db").is_file()
