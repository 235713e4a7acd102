"""``usernel mq``: every command, for people and for programs."""

from __future__ import annotations

import base64
import json

import pytest

from .command import Cli, until


def test_the_leading_slash_may_stand_or_not(cli: Cli, name: str):
    spelt = f"/{name}"
    assert cli.does("mq", "create", spelt) == "jobs\n"
    assert cli.does("mq", "send", spelt, "x") == "sent 1\n"
    assert json.loads(cli.does("mq", "stat", spelt, "--json"))["mq_curmsgs"] == 1
    assert len(json.loads(cli.does("mq", "peek", spelt, "--json"))) == 1
    assert cli.does("mq", "recv", spelt) == "x\n"
    assert cli.does("mq", "purge", spelt) == "purged 0\n"
    assert json.loads(cli.does("mq", "rm", spelt, "--json")) == {"name": "jobs"}


def test_a_new_queue_is_as_it_was_asked_for(cli: Cli):
    cli.does("mq", "create", "own", "--maxmsg", "3", "--msgsize", "5", "--mode", "0640")
    shown = json.loads(cli.does("mq", "stat", "own", "--json"))
    assert (shown["mq_maxmsg"], shown["mq_msgsize"], shown["mode"]) == (3, 5, 0o640)
    assert cli.fails("mq", "create", "own", "--exclusive").startswith("usernel: EEXIST: ")
    assert cli.does("mq", "rm", "own") == "queue own was unlinked\n"
    assert cli.fails("mq", "rm", "own").startswith("usernel: ENOENT: ")


@pytest.mark.parametrize("option", ["--maxmsg", "--msgsize"])
def test_an_attribute_that_was_not_named_is_the_default_and_zero_is_no_default(cli: Cli, option: str):
    assert cli.fails("mq", "create", "none", option, "0").startswith("usernel: EINVAL: ")
    cli.does("mq", "create", "one", option, "1")
    shown = cli.client.call("mq_stat", name="one").out or {}
    cli.client.mq_unlink("one")
    default = {"--maxmsg": (1, 8192), "--msgsize": (10, 1)}[option]
    assert (shown["mq_maxmsg"], shown["mq_msgsize"]) == default


def test_the_most_urgent_comes_first_and_json_tells_its_priority(cli: Cli, name: str):
    cli.does("mq", "send", name, "low")
    cli.does("mq", "send", name, "--priority", "7", "urgent")
    first, second = map(json.loads, cli.does("mq", "recv", name, "-n", "2", "--json").splitlines())
    assert first == {"priority": 7, "data": base64.b64encode(b"urgent").decode(), "text": "urgent"}
    assert (second["priority"], second["text"]) == (0, "low")


def test_peek_shows_messages_in_the_order_of_receiving_and_leaves_them(cli: Cli, name: str):
    cli.client.mq_open(name).send_many([(0, b"low"), (7, b"urgent")])
    assert [item["text"] for item in json.loads(cli.does("mq", "peek", name, "--json"))] == ["urgent", "low"]
    rows = [line.split() for line in cli.does("mq", "peek", name).splitlines()]
    assert [row for row in rows if row[:1] in (["7"], ["0"])] == [["7", "6", "urgent"], ["0", "3", "low"]]
    assert cli.does("mq", "purge", name) == "purged 2\n"


def test_ls_is_a_table_for_people_and_one_value_for_programs(cli: Cli, name: str):
    cli.client.mq_open(name).send(b"12345")
    (row,) = [line.split() for line in cli.does("mq", "ls").splitlines() if "jobs" in line]
    assert row[:-1] == ["jobs", "rw-------", "0", "0", "1", "5", "2", "8", "0", "0", "ephemeral"]
    (queue,) = json.loads(cli.does("mq", "ls", "--json"))
    assert (queue["name"], queue["mq_curmsgs"]) == ("jobs", 1)


def test_a_long_name_is_not_folded_where_nobody_looks(cli: Cli):
    cli.client.mq_open("n" * 255, "O_CREAT")
    assert "n" * 255 in cli.does("mq", "ls")
    cli.client.mq_unlink("n" * 255)


def test_stat_shows_the_status_line_of_the_queues_file(cli: Cli, name: str):
    cli.client.mq_open(name).send(b"12345")
    shown = dict(line.split(maxsplit=1) for line in cli.does("mq", "stat", name).splitlines())
    assert shown["status"].startswith("QSIZE:5 ")
    assert (shown["mode"], shown["mq_curmsgs"]) == ("0600", "1")


@pytest.mark.parametrize(
    ("words", "errno"),
    [
        (["recv", "jobs", "--nowait"], "EAGAIN"),
        (["recv", "jobs", "--wait", "0.05"], "ETIMEDOUT"),
        (["send", "jobs", "123456789"], "EMSGSIZE"),
        (["send", "jobs", "-p", "32768", "x"], "EINVAL"),
        (["recv", "nosuch"], "ENOENT"),
        (["stat", "nosuch"], "ENOENT"),
        (["create", "a/b"], "EACCES"),
        (["create", "n" * 256], "ENAMETOOLONG"),
    ],
)
def test_an_error_is_one_sentence_that_begins_with_its_errno(cli: Cli, name: str, words: list[str], errno: str):
    assert cli.fails("mq", *words).startswith(f"usernel: {errno}: ")


@pytest.mark.parametrize("how", [["--nowait"], ["--wait", "0.05"]])
def test_a_sender_into_a_full_queue_says_how_many_went(cli: Cli, name: str, how: list[str]):
    assert cli.fails("mq", "send", name, "a", "b", "c", *how).endswith("; 2 of 3 messages were sent")


def test_there_is_nothing_to_set_and_it_says_so(cli: Cli, name: str):
    assert "fixed when it is made" in cli.fails("mq", "set", name, "--maxmsg", "5")


def test_notify_prints_a_line_for_a_message_in_the_empty_queue(cli: Cli, name: str):
    with cli.running("mq", "notify", name, "--count", "1", "--json") as process:
        until(lambda: "NOTIFY_PID:0 " not in (cli.client.call("mq_stat", name=name).out or {})["status"])
        cli.client.mq_open(name).send(b"x")
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err, json.loads(out)["kind"]) == (0, "", "event")


def test_notify_in_vain_is_an_error_after_that_time(cli: Cli, name: str):
    assert cli.fails("mq", "notify", name, "--wait", "0.05") == "usernel: nothing came within 0.05 s"
