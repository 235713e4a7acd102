"""Running a program, under ``usernel run`` and as the host runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cli.command import DEADLINE, USERNEL, environment

PROGRAMS = Path(__file__).parent / "programs"


def program(name: str, *args: str) -> tuple[str, ...]:
    """A program of this folder, as a command."""
    return (sys.executable, str(PROGRAMS / f"{name}.py"), *args)


def on_host(command: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """As the host runs it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **how)


def trapped(command: Sequence[str], *options: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """As ``usernel run`` runs it."""
    return on_host([*USERNEL, "run", *options, "--", *command], env=environment(), **how)


def start(command: Sequence[str], *options: str, **how: Any) -> subprocess.Popen[str]:
    """As ``usernel run`` runs it, and not waited for."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*USERNEL, "run", *options, "--", *command], env=environment(), text=True, **pipes, **how)
