"""What a terminal sees: colour, and no control characters of other people's; elsewhere, neither."""

from __future__ import annotations

import os
import pty
import signal
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from .command import USERNEL, Cli, environment, until

ESCAPE = "\x1b["


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.fd = fd

    def read(self) -> str:
        """What it printed until its end."""
        printed = b""
        try:
            while chunk := os.read(self.fd, 4096):
                printed += chunk
        except OSError:  # EIO: the last process has closed the terminal
            pass
        return printed.decode().replace("\r\n", "\n")

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def terminal(words: Sequence[str], url: str) -> Iterator[Terminal]:
    env = environment(USERNEL_URL=url, TERM="xterm-256color", COLUMNS="120")
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(USERNEL[0], [*USERNEL, *words], env)
    try:
        yield Terminal(pid, fd)
    finally:
        os.close(fd)


def on_terminal(words: Sequence[str], url: str) -> str:
    with terminal(words, url) as screen:
        printed = screen.read()
        assert screen.status() == 0
    return printed


@pytest.mark.parametrize("words", [["msg", "ls"], ["msg", "peek", "0x4d2"], ["doctor"]])
def test_a_table_has_colour_on_a_terminal_and_none_elsewhere(cli: Cli, key: str, words: list[str]):
    cli.does("msg", "send", key, "x")
    assert ESCAPE in on_terminal(words, cli.url)
    assert ESCAPE not in cli.does(*words)


def test_json_has_no_colour_anywhere(cli: Cli, key: str):
    assert ESCAPE not in on_terminal(["msg", "ls", "--json"], cli.url)


@pytest.mark.parametrize("words", [["recv"], ["peek"]])
def test_a_messages_control_characters_do_not_reach_the_terminal(cli: Cli, key: str, msqid: int, words: list[str]):
    cli.client.msg(msqid).send(b"\x1b]0;title\x07\r\n")
    printed = on_terminal(["msg", *words, key], cli.url)
    assert r"\x1b]0;title\x07\r\n" in printed
    assert "\x07" not in printed


def test_elsewhere_a_message_is_printed_as_it_is(cli: Cli, key: str, msqid: int):
    cli.client.msg(msqid).send(b"\x1b[31mred")
    assert cli.does("msg", "recv", key) == "\x1b[31mred\n"


def test_ctrl_c_typed_leaves_a_clean_terminal(cli: Cli, key: str, msqid: int):
    with terminal(["msg", "recv", key], cli.url) as screen:
        before = termios.tcgetattr(screen.fd)
        until(cli.sleeping("receivers", msqid=msqid))
        os.write(screen.fd, b"\x03")
        assert screen.status() == 130
        assert termios.tcgetattr(screen.fd) == before
        assert screen.read() == "^C"


def test_sigterm_ends_a_receiver_and_takes_no_message(cli: Cli, key: str, msqid: int):
    with cli.running("msg", "recv", key) as receiver:
        until(cli.sleeping("receivers", msqid=msqid))
        receiver.send_signal(signal.SIGTERM)
        assert receiver.wait(20) == -signal.SIGTERM
    until(lambda: not cli.sleeping("receivers", msqid=msqid)())
    cli.does("msg", "send", key, "x")
    assert cli.client.msg(msqid).stat()["msg_qnum"] == 1
