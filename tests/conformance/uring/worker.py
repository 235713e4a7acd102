"""What runs cases: a process that forks a program for each, and kills one that hangs. Lines of JSON in and out.

A request is ``{"target", "case"}``; the answer is each entry of the trace on a line, then ``{"end": ...}``.
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from . import targets
from .case import Case, load
from .program import Program

DEADLINE_S = 10.0


def emit(entry: dict[str, Any]) -> None:
    """A line, at once."""
    os.write(1, json.dumps(entry).encode() + b"\n")


def run(of: Case, target: ModuleType, directory: str) -> None:
    """Be the program of a case, to its end."""
    os.chdir(directory)
    os.umask(0o022)
    try:
        of(Program(target.syscalls(), emit))
    except Exception as error:  # noqa: BLE001 - a case that fails says where
        emit({"raised": repr(error)})
        traceback.print_exc()


def program(of: Case, target: ModuleType, directory: str) -> str:
    """Fork the program of a case and wait for its end; how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            run(of, target, directory)
            sys.stderr.flush()
        finally:
            os._exit(0)
    handle = os.pidfd_open(pid)
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    hangs = not ended.poll(DEADLINE_S * 1000)
    if hangs:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    if hangs:
        emit({"hangs": True})
    return "hangs" if hangs else f"status {status}"


def serve() -> None:
    """Run what is asked for, until nobody asks any more."""
    cases = load()
    known = targets.load()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        directory = tempfile.mkdtemp(prefix="usernel-uring.")
        try:
            end = program(cases[request["case"]], known[request["target"]], directory)
        finally:
            Path(directory).chmod(0o700)
            shutil.rmtree(directory)
        emit({"end": end})


if __name__ == "__main__":
    serve()
