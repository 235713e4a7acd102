"""``usernel ns``: list, show, set, enter, unshare."""

from __future__ import annotations

import json
import sys

import pytest

from .command import Cli

IPC = "4026531839"
USERNEL = f"{sys.executable} -m usernel.cli"


def test_they_are_listed_for_people_and_for_programs(cli: Cli):
    table = cli.does("ns", "ls")
    assert all(kind in table for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"))
    assert "always" in table
    (found,) = json.loads(cli.does("ns", "ls", "--type", "ipc", "--json"))
    assert (str(found["inum"]), found["link"]) == (IPC, f"ipc:[{IPC}]")


@pytest.mark.parametrize("named", [IPC, f"ipc:[{IPC}]"])
def test_one_is_shown_by_number_and_by_link(cli: Cli, named: str):
    assert "kernel.msgmni              32000" in cli.does("ns", "stat", named).splitlines()
    assert json.loads(cli.does("ns", "stat", named, "--json"))["type"] == "ipc"


def test_the_tree_shows_what_each_user_namespace_owns(cli: Cli):
    tenant = cli.client.fork(unshare=["CLONE_NEWUSER", "CLONE_NEWIPC"])
    lines = cli.does("ns", "tree").splitlines()
    assert lines[0].startswith("user:[4026531837]")
    inner = next(index for index, line in enumerate(lines) if tenant.ns()["user"] in line)
    assert tenant.ns()["ipc"] in lines[inner + 1]
    tenant.call("exit_group")
    cli.client.waitpid()


def test_numbers_are_written_and_pins_set(cli: Cli):
    tenant = cli.client.fork(unshare="CLONE_NEWIPC")
    number = tenant.ns()["ipc"][5:-1]
    assert (
        cli.does("ns", "set", number, "kernel.msgmni=0x7", "kernel.msgmax=100", "--pin")
        == f"namespace {number} is set\n"
    )
    shown = json.loads(cli.does("ns", "stat", number, "--json"))
    assert (shown["pinned"], shown["sysctls"]["kernel.msgmni"], shown["sysctls"]["kernel.msgmax"]) == (True, 7, 100)
    tenant.call("exit_group")
    cli.client.waitpid()
    assert "pin" in cli.does("ns", "ls", "-t", "ipc")
    cli.does("ns", "set", number, "--unpin")
    assert cli.fails("ns", "stat", number).startswith("usernel: ENOENT: ")


def test_what_is_run_in_new_namespaces_acts_there(cli: Cli):
    script = f"{USERNEL} msg create 0x77 && {USERNEL} msg ls --json"
    first, second = cli.does("ns", "unshare", "--ipc", "--", "sh", "-c", script).splitlines()
    assert [first, len(json.loads(second))] == ["0", 1]
    assert [queue["msg_perm"]["key"] for queue in json.loads(cli.does("msg", "ls", "--json"))] == []
    assert len(json.loads(cli.does("ns", "ls", "-t", "ipc", "--json"))) == 1, "they end with the command"


def test_a_user_becomes_root_in_a_user_namespace(cli: Cli):
    user = cli.client.fork(uid=1000, gid=1000, cap=[])
    shown = cli.does("--task", str(user.pid), "ns", "unshare", "--map-root", "--uts", "--", "sh", "-c",
                     f"{USERNEL} tasks stat $USERNEL_TASK --json")  # fmt: skip
    assert json.loads(shown)["cap_eff"] == "000001ffffffffff"
    user.call("exit_group")
    cli.client.waitpid()


def test_a_task_is_entered_by_kinds_and_a_namespace_by_its_number(cli: Cli):
    tenant = cli.client.fork(unshare="CLONE_NEWIPC")
    tenant.msgget(0x99, "IPC_CREAT", mode=0o600)
    for target in ([tenant.ns()["ipc"]], [str(tenant.pid), "--ipc"]):
        shown = cli.does("ns", "enter", *target, "--", "sh", "-c", f"{USERNEL} msg ls --json")
        assert [queue["msg_perm"]["key"] for queue in json.loads(shown)] == [0x99]
    tenant.call("exit_group")
    cli.client.waitpid()


def test_it_ends_as_the_command_does(cli: Cli):
    assert cli("ns", "unshare", "--uts", "--", "sh", "-c", "exit 3").status == 3
    assert cli("ns", "unshare", "--uts", "--", "sh", "-c", "kill -9 $$").status == 137
    assert "cannot be run" in cli.fails("ns", "unshare", "--uts", "--", "/no/such/program")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("stat", "99"), "ENOENT"),
        (("enter", "99", "--", "true"), "ENOENT"),
        (("unshare", "--", "true"), "name the kinds"),
        (("set", IPC, "kernel.msgmni=-1"), "EINVAL"),
        (("set", IPC, "kernel.nope=1"), "ENOENT"),
    ],
)
def test_what_cannot_be_is_a_sentence(cli: Cli, words: tuple[str, ...], complaint: str):
    assert complaint in cli.fails("ns", *words)


@pytest.mark.parametrize(
    "words", [("stat", "ipc"), ("set", IPC), ("set", IPC, "x=y"), ("ls", "-t", "nope"), ("enter", IPC)]
)
def test_what_makes_no_sense_is_a_usage_error(cli: Cli, words: tuple[str, ...]):
    done = cli("ns", *words)
    assert (done.status, done.out) == (2, "")
    assert "Traceback" not in done.err
