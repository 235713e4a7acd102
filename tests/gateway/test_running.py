"""A program under ``usernel run`` ends, stops, is signalled and prints as without it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import until

from .running import commanded, on_host, start, trapped

pytestmark = pytest.mark.timeout(60)
QUEUES = """
import sysv_ipc, os, sys
queue = sysv_ipc.MessageQueue(0x7E58, sysv_ipc.IPC_CREAT)
"""


def python(text: str) -> list[str]:
    return [sys.executable, "-c", QUEUES + text]


@pytest.mark.parametrize("script", ["exit 0", "exit 3", "kill -TERM $$", "kill -SEGV $$"])
def test_it_ends_as_the_program_ends(script: str):
    assert trapped(["sh", "-c", script]).returncode == on_host(["sh", "-c", script]).returncode


def test_what_is_no_program(tmp_path: Path):
    found = commanded(["no-such-program-at-all"])
    assert (found.returncode, found.stderr) == (127, "usernel: no-such-program-at-all: command not found\n")
    (tmp_path / "text").write_text("no program")
    assert trapped([str(tmp_path / "text")]).returncode == 126


def test_its_streams_are_the_programs():
    done = commanded(["sh", "-c", "cat; echo wrong >&2"], input="to the program")
    assert (done.stdout, done.stderr) == ("to the program", "wrong\n")


def test_one_listener_for_a_tree_of_processes():
    done = trapped([sys.executable, "-m", "usernel.cli", "run", "--", "true"])
    assert done.returncode == 125
    assert "another `usernel run` already" in done.stderr


def test_a_service_that_is_not_there():
    done = trapped(["true"], "--url", "http://127.0.0.1:1")
    assert done.returncode == 125
    assert done.stderr == "usernel: no usernel service answers at http://127.0.0.1:1: Connection refused\n"


@pytest.mark.parametrize("name", ["TERM", "HUP", "USR1"])
def test_a_signal_to_it_reaches_the_program(name: str):
    with start(["sh", "-c", f"trap 'exit 9' {name}; echo on; while :; do sleep 0.05; done"]) as running:
        assert running.stdout.readline() == "on\n"
        running.send_signal(signal.Signals[f"SIG{name}"])
        assert running.wait(20) == 9


def test_a_killed_receiver_loses_no_message():
    text = """
import signal, time
sleeper = os.fork()
if sleeper == 0:
    queue.receive(type=5)
time.sleep(0.3)
os.kill(sleeper, signal.SIGKILL)
os.waitpid(sleeper, 0)
queue.send(b"not lost", type=5)
print(queue.receive(type=5))
"""
    assert trapped(python(text)).stdout == "(b'not lost', 5)\n"


def test_what_a_program_leaves_behind_is_served_on(tmp_path: Path):
    text = f"""
if os.fork():
    queue.send(b"to the daemon", type=1)
    sys.exit(4)
os.setsid()
for fd in (0, 1, 2):
    os.close(fd)
import time
time.sleep(0.5)
open({str(tmp_path / "got")!r}, "wb").write(queue.receive()[0])
"""
    started = time.monotonic()
    assert trapped(python(text)).returncode == 4
    assert time.monotonic() - started < 15
    until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_bytes() == b"to the daemon")


def test_without_its_supervisor_a_call_fails_and_nothing_hangs():
    text = """
print(os.getppid(), flush=True)
try: queue.receive()
except OSError as error: print(error.errno, flush=True)
"""
    with start(python(text)) as running:
        os.kill(int(running.stdout.readline()), signal.SIGKILL)
        assert running.stdout.readline() == "38\n"
        assert running.wait(20) == -signal.SIGKILL


def test_queues_that_were_closed_leave_no_descriptors():
    text = """
import posix_ipc
def count(): return len(os.listdir(f"/proc/{os.getppid()}/fd"))
before = None
for number in range(60):
    posix_ipc.MessageQueue(f"/usernel-leak-{number}", posix_ipc.O_CREX, max_messages=1, max_message_size=8).close()
    posix_ipc.unlink_message_queue(f"/usernel-leak-{number}")
    before = before or count()
import time
deadline = time.monotonic() + 10
while count() > before and time.monotonic() < deadline: time.sleep(0.05)
print(count() <= before)
"""
    assert trapped(python(text)).stdout == "True\n"
