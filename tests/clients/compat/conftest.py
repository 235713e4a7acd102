"""Each test runs against our module, and against the package itself where this host has it and its kernel the calls."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from usernel.compose import Service
from usernel.config import Settings
from usernel_client.compat import link

from ..embedded import threaded

FLAGS = {"sysv_ipc": "IPC_CREX", "posix_ipc": "O_CREX"}


def discard(queue: Any) -> None:
    if hasattr(queue, "remove"):
        queue.remove()
    else:
        queue.unlink()


def working(name: str) -> list[str]:
    """The names of modules to test: ours, and the package where it is there and can make a queue."""
    ours = f"usernel_client.compat.{name}"
    try:
        package = importlib.import_module(name)
        queue = package.MessageQueue(None, getattr(package, FLAGS[name]))
        discard(queue)
        if hasattr(queue, "close"):
            queue.close()  # its bytes count against this user's RLIMIT_MSGQUEUE, whatever else the run does
    except (ImportError, AttributeError, OSError):
        return [ours]
    return [ours, name]


MODULES = {name: working(name) for name in FLAGS}
GONE = tuple(importlib.import_module(name).ExistentialError for names in MODULES.values() for name in names)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, name in (("sysv", "sysv_ipc"), ("posix", "posix_ipc")):
        if fixture in metafunc.fixturenames:
            found = MODULES[name]
            metafunc.parametrize(fixture, found, indirect=True, ids=["usernel", "package"][: len(found)])


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a name that is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="usernel-") as made:
        yield Path(made)


@pytest.fixture
def served(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that USERNEL_URL names, over a Unix socket: a process has the ids there that it has here."""
    with threaded(Settings(host=None, uds=str(place / "socket"))) as running:
        monkeypatch.setenv("USERNEL_URL", running.url)
        yield running
        link.disconnect()


def module(request: pytest.FixtureRequest) -> ModuleType:
    if request.param.startswith("usernel_client"):
        request.getfixturevalue("served")
    return importlib.import_module(request.param)


sysv = pytest.fixture(module, name="sysv")
posix = pytest.fixture(module, name="posix")


@pytest.fixture
def queues() -> Iterator[Callable[[Any], Any]]:
    """Whatever queue is handed to it is removed behind the test."""
    made: list[Any] = []

    def keep(queue: Any) -> Any:
        made.append(queue)
        return queue

    yield keep
    for queue in made:
        with suppress(*GONE):
            discard(queue)
        if hasattr(queue, "close") and queue.mqd != -1:
            queue.close()
