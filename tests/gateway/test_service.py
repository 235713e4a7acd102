"""Programs in different places, one service between them: it is killed, and what it acknowledged is there."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.command import serving, until
from usernel_client import SyncClient

from .running import start, trapped

pytestmark = pytest.mark.timeout(90)
SEND = """
import sysv_ipc, sys
queue = sysv_ipc.MessageQueue(0x7E59, sysv_ipc.IPC_CREAT, mode=0o600)
for number in range(int(sys.argv[1]), int(sys.argv[2])): queue.send(b"%d" % number)
"""
RECEIVE = """
import sysv_ipc, sys
queue = sysv_ipc.MessageQueue(0x7E59)
for _ in range(int(sys.argv[1])): print(queue.receive()[0].decode(), flush=True)
"""


def test_what_was_acknowledged_survives_the_service(tmp_path: Path):
    data = str(tmp_path / "data")
    with serving("--data-dir", data) as (process, line):
        url = line.split()[-1]
        assert trapped([sys.executable, "-c", SEND, "0", "50"], "--url", url, cwd=tmp_path).returncode == 0
        process.kill()
        process.wait()
    with serving("--data-dir", data) as (_, line):
        came = trapped([sys.executable, "-c", RECEIVE, "50"], "--url", line.split()[-1])
    assert came.stdout.split() == [str(number) for number in range(50)]


def test_a_sleeper_waits_for_the_service_to_come_back(tmp_path: Path):
    data = str(tmp_path / "data")
    with serving("--data-dir", data) as (process, line):
        url = line.split()[-1]
        trapped([sys.executable, "-c", SEND, "0", "0"], "--url", url)
        with start([sys.executable, "-c", RECEIVE, "1"], "--url", url) as receiver, SyncClient(url) as client:
            queue = client.msgget(0x7E59)
            until(lambda: queue.stat()["receivers"])
            process.kill()
            process.wait()
            with serving("--data-dir", data, "--port", url.rsplit(":", 1)[1]), SyncClient(url) as again:
                again.msgget(0x7E59).send(b"after all")
                assert receiver.stdout.readline() == "after all\n"
                assert receiver.wait(20) == 0


def test_a_killed_receiver_loses_no_message(tmp_path: Path):
    text = "import os\nprint(os.getpid(), flush=True)" + RECEIVE
    with serving("--data-dir", str(tmp_path)) as (_, line), SyncClient(line.split()[-1]) as client:
        queue = client.msgget(0x7E59, "IPC_CREAT", mode=0o600)
        with start([sys.executable, "-c", text, "1"], "--url", line.split()[-1]) as receiver:
            pid = int(receiver.stdout.readline())
            until(lambda: queue.stat()["receivers"])
            os.kill(pid, signal.SIGKILL)
            queue.send(b"not lost")
            assert queue.receive(wait=20).data == b"not lost"
            assert receiver.wait(20) == -signal.SIGKILL


def test_a_call_that_does_not_sleep_fails_at_once_without_its_service(tmp_path: Path):
    text = """
import sysv_ipc, sys
queue = sysv_ipc.MessageQueue(0x7E59, sysv_ipc.IPC_CREAT)
print("on", flush=True)
sys.stdin.readline()
try: queue.receive(block=False)
except OSError as error: print(error.errno, flush=True)
"""
    with (
        serving("--data-dir", str(tmp_path)) as (process, line),
        start([sys.executable, "-c", text], "--url", line.split()[-1]) as running,
    ):
        assert running.stdout.readline() == "on\n"
        process.kill()
        process.wait()
        running.stdin.write("go\n")
        running.stdin.flush()
        assert running.stdout.readline() == "5\n"


def test_who_made_no_call_meanwhile_does_not_notice_that_the_service_was_away(tmp_path: Path):
    """Its calls are served as before, also those that do not sleep, and each descriptor is the same queue's."""
    text = """
import posix_ipc, sysv_ipc, sys
first, gone, third = [posix_ipc.MessageQueue(f"/away-{n}", posix_ipc.O_CREAT, max_messages=2) for n in range(3)]
first.block = gone.block = third.block = False
gone.unlink()
print("on", flush=True)
sys.stdin.readline()
first.send(b"first"); third.send(b"third")
print(sysv_ipc.MessageQueue(0x7E59, sysv_ipc.IPC_CREAT).current_messages, third.current_messages)
try: gone.send(b"nowhere")
except posix_ipc.ExistentialError: print("gone", flush=True)
"""
    data = str(tmp_path)
    with serving("--data-dir", data) as (process, line):
        url = line.split()[-1]
        with start([sys.executable, "-c", text], "--url", url) as running:
            assert running.line() == "on"
            process.kill()
            process.wait()
            with serving("--data-dir", data, "--port", url.rsplit(":", 1)[1]), SyncClient(url) as client:
                third = client.mq_open("away-2", "O_RDWR")
                until(lambda: third.stat()["files"] == 2)
                running.say("go")
                assert (running.line(), running.line()) == ("0 1", "gone")
                assert third.receive(wait=0).data == b"third"
