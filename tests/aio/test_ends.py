"""Programs that end in the middle: at once, without a complaint of ours, and what they wrote is in their files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROLOGUE = """
import asyncio, os, signal, sys, threading, usernel
path = sys.argv[1]
async def kept(name, data=b"x" * 100):
    file = await usernel.open(f"{path}/{name}", "wb")
    await file.write(data)
    return file
async def fifo():
    for name in ("reader", "writer"):
        os.mkfifo(f"{path}/{name}")
    global tasks  # a request, and a worker that sleeps in its call
    tasks = [asyncio.create_task(usernel.read_file(f"{path}/reader"))]
    tasks += [asyncio.create_task(usernel.write_file(f"{path}/writer", b"x"))]
    for _ in range(10_000):
        await asyncio.sleep(0.001)
        found = usernel.attach().stat()
        if found["requests"] and found["workers"]["unbounded"]["unfinished"]:
            return tasks[1]
    raise AssertionError(found)
async def unclosed_text():
    text = await usernel.open(f"{path}/text", "w")
    await text.write("line")
    return text
async def busy():
    while True:
        await usernel.read_file(f"{path}/file")
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
"""
ENDS = {
    "sys.exit": ("file = await kept('file'); await fifo(); sys.exit(3)", 3, 100),
    "an exception": ("global file; file = await kept('file', b'x' * 100_000); await fifo(); 1 / 0", 1, 100_000),
    "os._exit": ("file = await kept('file'); await file.flush(); await fifo(); os._exit(4)", 4, 100),
    "nothing closed": ("global file, text; file, text = await kept('file'), await unclosed_text()", 0, 100),
    "ctrl-c": ("file = await kept('file'); task = await fifo(); interrupt(); await task", -signal.SIGINT, 100),
    "ctrl-c, busy": ("file = await kept('file'); await file.flush(); interrupt(); await busy()", -signal.SIGINT, 100),
}
"""What a program does, its exit status, and how long its file is then."""


@pytest.mark.parametrize("name", ENDS)
def test_a_program_that_ends_in_the_middle(name: str, tmp_path: Path) -> None:
    body, status, size = ENDS[name]
    script = f"{PROLOGUE}\nasync def main():\n    {body}\nusernel.run(main())\n"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == status, done.stderr
    assert time.monotonic() - begun < 5
    assert (tmp_path / "file").stat().st_size == size
    error = {"an exception": "ZeroDivisionError", "ctrl-c": "KeyboardInterrupt"}.get(name.split(",", maxsplit=1)[0])
    if error is None:
        assert done.stderr == ""
    else:
        assert done.stderr.splitlines()[-1].startswith(error)
        assert "Exception ignored" not in done.stderr
        assert done.stderr.count("Traceback (most recent call last)") <= 2


def test_a_thread_with_a_loop_does_not_hold_up_the_end(tmp_path: Path) -> None:
    script = f"""{PROLOGUE}
begun = threading.Event()
async def main():
    file = await kept("file")
    while True:
        await file.write(b"x" * 1000)
        await file.flush()
        begun.set()
threading.Thread(target=usernel.run, args=(main(),), daemon=True).start()
assert begun.wait(10)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
