"""``usernel uring``: every command, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .command import Cli, until


@pytest.fixture
def ring(cli: Cli) -> Iterator[str]:
    """A ring of the default task, for eight submissions."""
    made = cli.client.task(2).io_uring(8)
    yield str(made.fd)
    if any(item["ring"] == made.fd for item in rings(cli)):
        made.close()


def rings(cli: Cli) -> list:
    return (cli.client.task(2).call("io_uring_list").out or {})["rings"]


def cells(line: str) -> list[str]:
    return line.split()


def test_a_new_ring_stays_and_is_as_it_was_asked_for(cli: Cli):
    made = json.loads(cli.does("uring", "create", "5", "--cq-entries", "100", "--flag", "IORING_SETUP_CLAMP", "--json"))
    assert (made["ring"], made["sq_entries"], made["cq_entries"]) == (0, 8, 128)
    assert "IORING_FEAT_NODROP" in made["features"]
    (row,) = [cells(line) for line in cli.does("uring", "ls").splitlines() if "CLAMP" in line]
    assert row == ["0", "8", "128", "0", "0", "0", "0", "0", "0", "0", "CQSIZE", "CLAMP"]
    assert [item["ring"] for item in json.loads(cli.does("uring", "ls", "--json"))] == [0]
    assert cli.does("uring", "rm", "0") == "ring 0 was closed\n"
    assert rings(cli) == []
    done = cli("uring", "ls")
    assert (done.status, done.out, done.err) == (0, "", "no rings\n")


def test_entering_submits_and_shows_what_completed(cli: Cli, ring: str):
    shown = cli.does("uring", "enter", ring, "NOP", '{"opcode": "IORING_OP_READ", "user_data": 7}')
    assert shown.splitlines()[0] == "submitted 2"
    rows = [cells(line) for line in shown.splitlines() if line.strip()[:1] in {"0", "7"}]
    assert rows == [["0", "0"], ["7", "-22", "EINVAL"]]
    told = json.loads(cli.does("uring", "enter", ring, "nop", "--json"))
    assert told == {"submitted": 1, "cqes": [{"user_data": 0, "res": 0, "flags": []}]}


def test_entering_reads_a_list_and_waits(cli: Cli, ring: str):
    sqes = [
        {"opcode": "IORING_OP_NOP", "user_data": 1},
        {"opcode": "IORING_OP_TIMEOUT", "ts_ns": 10**6, "user_data": 2},
    ]
    told = cli.does("uring", "enter", ring, "-", "-n", "2", "--json", stdin=json.dumps(sqes).encode())
    assert [(cqe["user_data"], cqe["res"]) for cqe in json.loads(told)["cqes"]] == [(1, 0), (2, -62)]


def test_a_wait_in_vain_is_no_error(cli: Cli, ring: str):
    told = json.loads(cli.does("uring", "enter", ring, "--wait", "0.01", "--json"))
    assert told == {"submitted": 0, "cqes": []}
    done = cli("uring", "enter", ring)
    assert (done.status, done.out, done.err) == (0, "submitted 0\n", "no completions\n")


def test_ctrl_c_ends_a_wait_and_the_completions_stay(cli: Cli, ring: str):
    import signal

    with cli.running("uring", "enter", ring, "NOP", "-n", "2") as process:
        until(lambda: any(call["call"] == "io_uring_enter" for call in sleeping(cli)))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    until(lambda: not sleeping(cli))
    flags = "IORING_ENTER_GETEVENTS"
    left = cli.client.task(2).call("io_uring_enter", fd=int(ring), flags=flags, min_complete=1)
    assert len((left.out or {})["cqes"]) == 1


def sleeping(cli: Cli) -> list:
    return (cli.client.call("task_stat", pid=2).out or {})["calls"]


def test_stat_shows_what_is_in_flight(cli: Cli, ring: str):
    timeout = {"opcode": "IORING_OP_TIMEOUT", "ts_ns": 3600000000000}
    cli.client.task(2).call("io_uring_enter", fd=int(ring), sqes=[timeout])
    shown = dict(line.split(maxsplit=1) for line in cli.does("uring", "stat", ring).splitlines())
    assert (shown["timeouts"], shown["requests"], shown["flags"]) == ("1", "1", "[]")
    assert json.loads(cli.does("uring", "stat", ring, "--json"))["timeouts"] == 1


def test_probe_tells_which_opcodes_are_there(cli: Cli):
    rows = [cells(line) for line in cli.does("uring", "probe").splitlines()]
    assert ["NOP", "yes"] in rows
    assert ["READ", "no"] in rows
    assert len(json.loads(cli.does("uring", "probe", "--json"))) == 63


@pytest.mark.parametrize(
    ("words", "errno"),
    [
        (["stat", "99"], "EBADF"),
        (["rm", "99"], "EBADF"),
        (["enter", "99"], "EBADF"),
        (["create", "0"], "EINVAL"),
        (["create", "8", "--cq-entries", "1"], "EINVAL"),
    ],
)
def test_an_error_is_one_sentence_that_begins_with_its_errno(cli: Cli, words: list[str], errno: str):
    assert cli.fails("uring", *words).startswith(f"usernel: {errno}: ")


def test_what_is_no_submission_is_refused(cli: Cli, ring: str):
    assert "IORING_OP_NOPE" in cli.fails("uring", "enter", ring, "NOPE")
    done = cli("uring", "enter", ring, "{")
    assert (done.status, "neither an opcode's name nor JSON" in done.err) == (2, True)


def test_a_task_has_rings_of_its_own(cli: Cli, ring: str):
    task = cli.client.fork(lease=None)
    made = cli.does("--task", str(task.pid), "uring", "create", "1")
    assert made == "0\n"
    assert len(json.loads(cli.does("uring", "ls", "--task", str(task.pid), "--json"))) == 1
    assert [item["ring"] for item in rings(cli)] == [int(ring)]
    cli.client.kill(task.pid, "SIGKILL")
