"""Loops that the functions run on."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import usernel

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a coroutine on a loop of ours."""
    with asyncio.Runner(loop_factory=usernel.new_event_loop) as runner:
        yield runner.run


@pytest.fixture(scope="session")
def run_attached() -> Iterator[Run]:
    """Runs a coroutine on asyncio's own loop, with a ring beside it."""
    with asyncio.Runner() as runner:
        ring = usernel.attach(runner.get_loop())
        yield runner.run
        ring.close()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory in memory, where the host has such: hundreds of small trees are made here."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield Path(path)
