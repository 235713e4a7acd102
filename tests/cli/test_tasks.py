"""``usernel tasks``: list, show, make, renew, end."""

from __future__ import annotations

import json

import pytest

from .command import Cli, until


def pids(cli: Cli) -> list[int]:
    return [task["pid"] for task in json.loads(cli.does("tasks", "ls", "--json"))]


def test_they_are_listed_with_what_they_sleep_in(cli: Cli, key: str):
    with cli.running("msg", "recv", key):
        until(lambda: "msgrcv" in cli.does("tasks", "ls"))
    first, second, *_ = json.loads(cli.does("tasks", "ls", "--json"))
    assert [(task["pid"], task["comm"]) for task in (first, second)] == [(1, "init"), (2, "usernel")]


def test_one_is_made_shown_and_ended(cli: Cli):
    pid = int(cli.does("tasks", "create", "--uid", "1000", "--comm", "tenant", "--unshare", "ipc", "--unshare", "user"))
    assert "comm" in cli.does("tasks", "stat", str(pid))
    shown = json.loads(cli.does("tasks", "stat", str(pid), "--json"))
    assert (shown["uid"], shown["comm"], shown["ppid"]) == (1000, "tenant", 1)
    initial = json.loads(cli.does("tasks", "stat", "1", "--json"))
    assert {name for name in shown["ns"] if shown["ns"][name] != initial["ns"][name]} == {"ipc", "user"}
    assert cli.does("tasks", "rm", str(pid)) == f"task {pid} has got SIGKILL\n"
    assert pid not in pids(cli)


def test_a_lease_is_given_and_renewed(cli: Cli):
    pid = json.loads(cli.does("tasks", "create", "--ttl", "600", "--json"))["pid"]
    assert cli.does("tasks", "renew", str(pid), "--ttl", "1000") == f"task {pid} lives 1000 s more\n"
    assert cli.fails("tasks", "renew", "1", "--ttl", "5").startswith("usernel: EINVAL: ")
    cli.does("tasks", "rm", str(pid), "--signal", "15")
    assert pid not in pids(cli)


def test_commands_act_as_the_task_that_is_named(cli: Cli):
    pid = cli.does("tasks", "create", "--unshare", "ipc").strip()
    cli.does("--task", pid, "msg", "create", "0x55")
    assert len(json.loads(cli.does("msg", "ls", "--task", pid, "--json"))) == 1
    assert json.loads(cli.does("msg", "ls", "--json")) == []
    cli.does("tasks", "rm", pid)


@pytest.mark.parametrize(("words", "errno"), [(("stat", "99999"), "ESRCH"), (("rm", "99999"), "ESRCH")])
def test_nobody_is_esrch(cli: Cli, words: tuple[str, ...], errno: str):
    assert cli.fails("tasks", *words).startswith(f"usernel: {errno}: ")


@pytest.mark.parametrize(
    "words", [("create", "--unshare", "nope"), ("create", "--ttl", "0"), ("stat",), ("renew", "3")]
)
def test_what_makes_no_sense_is_a_usage_error(cli: Cli, words: tuple[str, ...]):
    assert cli("tasks", *words).status == 2
