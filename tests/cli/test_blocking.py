"""Commands that sleep: another process wakes them, Ctrl-C ends them, and no message is lost by it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .command import DEADLINE, Cli, Ended, until


@dataclass(frozen=True, slots=True)
class Family:
    """A queue of either family that has room for two messages, and how the command names it."""

    command: str
    queue: str
    receivers: Callable[[], bool]
    senders: Callable[[], bool]
    left: Callable[[], int]


@pytest.fixture(params=["msg", "mq"])
def family(cli: Cli, request: pytest.FixtureRequest) -> Family:
    if request.param == "mq":
        name = request.getfixturevalue("name")
        asleep = [cli.sleeping(who, mq=name) for who in ("receivers", "senders")]
        return Family("mq", name, *asleep, lambda: (cli.client.call("mq_stat", name=name).out or {})["mq_curmsgs"])
    key, msqid = request.getfixturevalue("key"), request.getfixturevalue("msqid")
    cli.client.msg(msqid).set(msg_qbytes=2)
    asleep = [cli.sleeping(who, msqid=msqid) for who in ("receivers", "senders")]
    return Family("msg", key, *asleep, lambda: cli.client.msg(msqid).stat()["msg_qnum"])


def end_of(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=DEADLINE)
    return Ended(process.returncode, out, err)


def test_a_receiver_sleeps_until_another_process_sends(cli: Cli, family: Family):
    with cli.running(family.command, "recv", family.queue) as receiver:
        until(family.receivers)
        assert cli.does(family.command, "send", family.queue, "x") == "sent 1\n"
        assert end_of(receiver) == Ended(0, "x\n", "")


def test_a_sender_sleeps_until_another_process_receives(cli: Cli, family: Family):
    with cli.running(family.command, "send", family.queue, "a", "b", "c") as sender:
        until(family.senders)
        assert cli.does(family.command, "recv", family.queue) == "a\n"
        assert end_of(sender) == Ended(0, "sent 3\n", "")
    assert cli.does(family.command, "recv", family.queue, "-n", "2") == "b\nc\n"


def test_follow_prints_each_message_as_it_comes(cli: Cli, family: Family):
    with cli.running(family.command, "recv", "--follow", family.queue) as receiver:
        assert receiver.stdout is not None
        for text in ("a", "b", "c"):
            cli.does(family.command, "send", family.queue, text)
            assert receiver.stdout.readline() == f"{text}\n"
        receiver.send_signal(signal.SIGINT)
        assert end_of(receiver) == Ended(130, "", "")


@pytest.mark.parametrize("more", [[], ["--wait", "60", "--json"]])
def test_ctrl_c_ends_a_receiver_quietly_and_takes_no_message(cli: Cli, family: Family, more: list[str]):
    with cli.running(family.command, "recv", family.queue, *more) as receiver:
        until(family.receivers)
        receiver.send_signal(signal.SIGINT)
        assert end_of(receiver) == Ended(130, "", "")
    assert not family.receivers()
    cli.does(family.command, "send", family.queue, "x")
    assert family.left() == 1


def test_ctrl_c_ends_a_sender_quietly_and_what_waited_is_not_sent(cli: Cli, family: Family):
    with cli.running(family.command, "send", family.queue, "a", "b", "c") as sender:
        until(family.senders)
        sender.send_signal(signal.SIGINT)
        assert end_of(sender) == Ended(130, "", "")
    assert not family.senders()
    assert cli.does(family.command, "recv", family.queue, "-n", "2") == "a\nb\n"
    assert family.left() == 0


def test_ctrl_c_in_the_middle_of_a_stream_loses_nothing(cli: Cli, family: Family):
    """However it falls, each message was printed, or is in the queue still."""
    queue = cli.client.mq_open(family.queue) if family.command == "mq" else cli.client.msgget(int(family.queue, 0))
    for stop_at in (3, 17, 40):
        sent = 0
        with cli.running(family.command, "recv", "--follow", family.queue) as receiver:
            until(family.receivers)
            for sent in range(1, stop_at + 1):
                queue.send(b"%d" % (sent % 10))
            receiver.send_signal(signal.SIGINT)
            printed = end_of(receiver)
        assert (printed.status, printed.err) == (130, "")
        left = [queue.receive().data.decode() for _ in range(family.left())]
        assert [*printed.out.split(), *left] == [str(number % 10) for number in range(1, sent + 1)]


def test_the_end_of_a_queue_ends_its_receiver_with_a_sentence(cli: Cli, key: str, msqid: int):
    with cli.running("msg", "recv", key) as receiver:
        until(cli.sleeping("receivers", msqid=msqid))
        cli.does("msg", "rm", key)
        done = end_of(receiver)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("usernel: EIDRM: ")
