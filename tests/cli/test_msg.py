"""``usernel msg``: every command, by key and by id, for people and for programs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from .command import Cli


def test_create_prints_the_id_and_finds_what_is_there(cli: Cli, key: str, msqid: int):
    assert cli.does("msg", "create", key) == f"{msqid}\n"
    assert json.loads(cli.does("msg", "create", "1234", "--json")) == {"msqid": msqid}
    assert cli.fails("msg", "create", key, "--exclusive").startswith("usernel: EEXIST: ")


def test_a_new_queue_has_the_mode_that_was_asked_for(cli: Cli):
    made = int(cli.does("msg", "create", "IPC_PRIVATE", "--mode", "0640"))
    assert cli.client.msg(made).stat()["msg_perm"]["mode"] == 0o640
    assert cli.does("msg", "rm", "--id", str(made)) == f"queue {made} was removed\n"


@pytest.mark.parametrize("named", ["by decimal key", "by id"])
def test_what_is_sent_is_received(cli: Cli, key: str, msqid: int, named: str):
    queue = {"by decimal key": ["1234"], "by id": ["--id", str(msqid)]}[named]
    assert cli.does("msg", "send", *queue, "hello", "again") == "sent 2\n"
    assert cli.does("msg", "recv", *queue, "--count", "2") == "hello\nagain\n"


def test_a_received_message_as_json_is_a_line_with_its_bytes_and_its_text(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send("grün", 7)
    cli.client.msg(msqid).send(b"\xff\n", 8)
    first, second = map(json.loads, cli.does("msg", "recv", key, "-n", "2", "--json").splitlines())
    assert first == {"mtype": 7, "data": base64.b64encode("grün".encode()).decode(), "text": "grün"}
    assert second == {"mtype": 8, "data": base64.b64encode(b"\xff\n").decode()}


def test_types_are_sent_and_chosen(cli: Cli, key: str, msqid: int):
    cli.does("msg", "send", key, "--type", "5", "of type 5")
    cli.client.msg(msqid).send_many([(2, b"of type 2"), (9, b"of type 9")])
    assert cli.does("msg", "recv", key, "--type", "-4") == "of type 2\n"
    assert cli.does("msg", "recv", key, "--type", "5", "--except") == "of type 9\n"
    assert cli.fails("msg", "recv", key, "--type", "1", "--nowait").startswith("usernel: ENOMSG: ")


def test_files_and_standard_input_are_sent_as_one_message_byte_for_byte(cli: Cli, key: str, msqid: int, tmp_path: Path):
    (tmp_path / "body").write_bytes(b"\0\xff\n")
    cli.does("msg", "send", key, "--file", str(tmp_path / "body"))
    cli.does("msg", "send", key, "--file", "-", stdin=b"line\nline\n")
    assert [message.data for message in cli.client.msg(msqid).receive_many(9)] == [b"\0\xff\n", b"line\nline\n"]


def test_raw_prints_the_bytes_and_nothing_else(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send(b"a\tb")
    assert cli.does("msg", "recv", key, "--raw") == "a\tb"


def test_a_file_that_cannot_be_read_is_named(cli: Cli, key: str):
    assert cli.fails("msg", "send", key, "--file", "/nowhere") == (
        "usernel: /nowhere cannot be read: No such file or directory"
    )


def test_peek_shows_messages_and_leaves_them(cli: Cli, key: str, msqid: int):
    for mtype, data in ((1, b"hello"), (2, b"\x1b[31m\xff")):
        cli.client.msg(msqid).send(data, mtype)
    table = cli.does("msg", "peek", key)
    assert [line.split() for line in table.splitlines() if line.split()[:1] in (["1"], ["2"])] == [
        ["1", "5", "hello"], ["2", "6", r"\x1b[31m\xff"],
    ]  # fmt: skip
    first, second = json.loads(cli.does("msg", "peek", key, "--json"))
    assert (first["mtype"], first["text"], "text" in second) == (1, "hello", False)
    assert cli.client.msg(msqid).stat()["msg_qnum"] == 2


def test_ls_is_a_table_for_people_and_one_value_for_programs(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send(b"12345")
    (row,) = [line.split() for line in cli.does("msg", "ls").splitlines() if "0x000004d2" in line]
    assert row[:-1] == [str(msqid), "0x000004d2", "rw-------", "0", "0", "1", "5", "16384", "0", "0", "ephemeral"]
    (queue,) = json.loads(cli.does("msg", "ls", "--json"))
    assert (queue["msqid"], queue["msg_perm"]["key"], queue["msg_qnum"]) == (msqid, 0x4D2, 1)


def test_ls_pages_through_everything(cli: Cli):
    most = cli.client.sysctl("kernel.msgmni")
    assert most > 1000
    made = [cli.client.msgget("IPC_PRIVATE") for _ in range(1001)]
    assert len(json.loads(cli.does("msg", "ls", "--json"))) == 1001
    for queue in made:
        queue.remove()


def test_where_there_are_no_queues_ls_says_so_and_prints_no_table(cli: Cli):
    done = cli("msg", "ls")
    assert (done.status, done.out, done.err) == (0, "", "no queues\n")
    assert cli("msg", "ls", "--json").json == []


def test_stat_shows_every_field(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send(b"12345")
    shown = dict(line.split(maxsplit=1) for line in cli.does("msg", "stat", key).splitlines())
    assert (shown["key"], shown["mode"], shown["msg_cbytes"], shown["msg_rtime"]) == (
        "0x000004d2",
        "0600",
        "5",
        "never",
    )
    assert shown["msg_stime"] != "never"
    as_json = json.loads(cli.does("msg", "stat", "--id", str(msqid), "--json"))
    assert set(as_json) | set(as_json["msg_perm"]) == set(shown) | {"msg_perm"}


def test_set_changes_what_it_names_and_nothing_else(cli: Cli, key: str, msqid: int):
    before = cli.client.msg(msqid).stat()
    assert cli.does("msg", "set", key, "--qbytes", "10", "--mode", "0644") == f"queue {msqid} was changed\n"
    after = cli.client.msg(msqid).stat()
    assert (after["msg_qbytes"], after["msg_perm"]["mode"]) == (10, 0o644)
    assert {**after["msg_perm"], "mode": 0o600} == before["msg_perm"]


def test_purge_takes_everything_and_says_how_much(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send_many([(1, b"x")] * 1001)
    assert cli.does("msg", "purge", key) == "purged 1001\n"
    assert json.loads(cli.does("msg", "purge", key, "--json")) == {"purged": 0, "msqid": msqid}


def test_rm_removes_it(cli: Cli, key: str, msqid: int):
    assert json.loads(cli.does("--json", "msg", "rm", key)) == {"msqid": msqid}
    assert cli.fails("msg", "stat", key).startswith("usernel: ENOENT: ")
    assert cli.fails("msg", "stat", "--id", str(msqid)).startswith("usernel: EINVAL: ")


def test_a_sender_that_does_not_wait_says_how_many_went(cli: Cli, key: str, msqid: int):
    cli.does("msg", "set", key, "--qbytes", "10")
    words = ["msg", "send", key, "123456", "1234", "x", "y"]
    sentence = cli.fails(*words, "--nowait")
    assert sentence.startswith("usernel: EAGAIN: ")
    assert sentence.endswith("; 2 of 4 messages were sent")
    done = cli(*words, "--nowait", "--json")
    shown = json.loads(done.err)
    assert (done.status, shown["errno"], shown["errno_name"], shown["sent"]) == (1, 11, "EAGAIN", 0)


def test_waiting_in_vain_is_an_error_after_that_time(cli: Cli, key: str, msqid: int):
    assert cli.fails("msg", "recv", key, "--wait", "0.05") == "usernel: no message came within 0.05 s"
    cli.does("msg", "set", key, "--qbytes", "1")
    assert cli.fails("msg", "send", key, "a", "b", "--wait", "0.05") == (
        "usernel: the queue stayed full; 1 of 2 messages were sent"
    )
    assert cli.client.msg(msqid).stat()["msg_qnum"] == 1


def test_a_task_may_be_named_to_act_as(cli: Cli, key: str):
    alice = cli.client.fork(uid=1000)
    assert cli.fails("msg", "send", key, "x", "--task", str(alice.pid)).startswith("usernel: ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["recv"], "name the queue by its KEY, or by --id"),
        (["recv", "1", "--id", "2"], "name the queue by its KEY, or by --id"),
        (["send", "1"], "give the message's text, or --file"),
        (["send", "1", "x", "--file", "y"], "give the message's text, or --file"),
        (["create", "1", "--mode", "9"], "the mode '9' is not octal"),
        (["recv", "1", "--wait", "-1"], "-1.0 is not in the range"),
        (["recv", "1", "--count", "0"], "0 is not in the range"),
        (["recv", "1", "--colour"], "No such option"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_what_was_typed_wrong_is_a_usage_error(cli: Cli, words: list[str], complaint: str):
    done = cli("msg", *words)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err
    assert "Traceback" not in done.err


def test_a_key_that_is_none_is_an_error_in_one_sentence(cli: Cli):
    assert "'abc'" in cli.fails("msg", "stat", "abc")
