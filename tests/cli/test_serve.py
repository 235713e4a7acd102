"""``usernel serve`` says one line when it accepts connections, keeps its word about tokens, and stops cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from usernel_client import ConnectionLost, SyncClient

from .command import ended, environment, serving, usernel

LOG = re.compile(r"[0-9-]{10}T[0-9:.]{12}[+-][0-9:]{5} INFO ([a-z ]+)(?: [a-z_]+=\S+)*")
LINE = re.compile(r"usernel listening on http://127\.0\.0\.1:[1-9][0-9]*\n")


def logged(err: str) -> list[str]:
    """The messages of a log that has nothing but news in it."""
    found = [LOG.fullmatch(line) for line in err.splitlines()]
    return [line[1] if line is not None else "what is this?" for line in found]


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_when_it_accepts_and_stops_cleanly(signo: signal.Signals):
    with serving("--ephemeral") as (process, line):
        assert LINE.fullmatch(line)
        with urllib.request.urlopen(f"{line.split()[-1]}/livez", timeout=5) as answer:
            assert answer.status == 200
        process.send_signal(signo)
        done = ended(process)
    assert (done.status, done.out) == (0, "")
    assert logged(done.err) == ["started", "stopping", "stopped"]
    assert f"stopping signal={signo.name}\n" in done.err


def test_it_stops_with_clients_connected_and_calls_asleep():
    with serving("--ephemeral") as (process, line), SyncClient(line.split()[-1]) as client:
        queue = client.msgget("IPC_PRIVATE")
        process.terminate()
        assert ended(process).status == 0
        with pytest.raises(ConnectionLost):
            queue.receive()


def test_the_port_is_free_again_for_the_next():
    with serving("--ephemeral") as (_, line):
        port = line.rstrip("\n").rpartition(":")[2]
    with serving("--ephemeral", "--port", port) as (_, again):
        assert again == line


def test_a_token_is_wanted_from_everybody(tmp_path: Path):
    (tmp_path / "token").write_text("secret\n")
    with serving("--ephemeral", "--host", "0.0.0.0", "--token-file", str(tmp_path / "token")) as (_, line):
        url = f"http://127.0.0.1:{line.rstrip().rpartition(':')[2]}"
        refused = usernel("msg", "ls", env=environment(USERNEL_URL=url))
        assert (refused.status, refused.err.count("\n"), "401" in refused.err) == (1, 1, True)
        assert "401" in usernel("--token", "wrong", "msg", "ls", env=environment(USERNEL_URL=url)).err
        for done in (
            usernel("msg", "ls", "--json", env=environment(USERNEL_URL=url, USERNEL_TOKEN="secret")),
            usernel("--url", url, "--token", "secret", "--json", "msg", "ls"),
            usernel("msg", "--json", "--token", "secret", "--url", url, "ls"),
            usernel("msg", "ls", "--url", url, "--token", "secret", "--json"),
        ):
            assert (done.status, done.json, done.err) == (0, [], "")


def test_settings_come_out_of_the_file_that_is_named(tmp_path: Path):
    (tmp_path / "usernel.toml").write_text('token = "secret"\nhost = "localhost"\n')
    with serving("--ephemeral", "--config", str(tmp_path / "usernel.toml")) as (_, line):
        assert line.startswith("usernel listening on http://localhost:")
        assert usernel("msg", "ls", "--url", line.split()[-1], "--token", "secret").status == 0


def test_a_unix_socket_is_served_beside_the_port_and_gone_afterwards(tmp_path: Path):
    path = tmp_path / "u"
    with serving("--ephemeral", "--uds", str(path)) as (_, line):
        assert LINE.fullmatch(line)
        usernel("mq", "create", "jobs", "--url", f"unix://{path}")
        (queue,) = usernel("mq", "ls", "--json", "--url", line.split()[-1]).json
        assert (queue["name"], queue["uid"]) == ("jobs", os.getuid())
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--ephemeral", "--data-dir", "/tmp/x"], "--ephemeral keeps nothing, and --data-dir says where"),
        (
            ["--data-dir", "/proc/none"],
            "the data directory /proc/none cannot be made: No such file or directory",
        ),
        (["--log", "xml"], "log = 'xml': it is one of text, json"),
        (["--hostfs-root", "/srv"], "--hostfs-root: this version serves no files yet"),
        (["--host", "0.0.0.0"], "0.0.0.0 is reachable from other hosts: set USERNEL_TOKEN"),
        (["--port", "65536"], "65536 is no port"),
        (["--config", "/nowhere.toml"], "the settings in /nowhere.toml cannot be read"),
        (["--token-file", "/nowhere"], "the token file /nowhere cannot be read"),
        (
            ["--ephemeral", "--uds", "/nowhere/u", "--port", "0"],
            "cannot listen on /nowhere/u: No such file or directory",
        ),
    ],
)
def test_what_it_cannot_do_it_refuses_with_one_sentence(words: list[str], sentence: str):
    done = usernel("serve", *words)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(f"usernel: {sentence}")


def test_a_port_that_is_taken_is_refused_with_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = usernel("serve", "--ephemeral", "--port", str(port))
    assert (done.status, done.err) == (1, f"usernel: cannot listen on 127.0.0.1:{port}: Address already in use\n")
