"""A runtime over a kernel, on a journal that is as slow as the test says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from usernel.kernel.call import Call
from usernel.kernel.kernel import Kernel
from usernel.runtime import Runtime
from usernel.syscalls.table import TABLE

from .lagging import LaggingJournal

Submit = Callable[..., Call]


@pytest.fixture
def journal() -> LaggingJournal:
    return LaggingJournal()


@pytest.fixture
async def runtime(journal: LaggingJournal) -> AsyncIterator[Runtime]:
    made = Runtime(Kernel(time.time_ns(), time.monotonic_ns()), journal)
    journal.release()
    yield made
    made.close()


@pytest.fixture
def left() -> list[Any]:
    """What left the runtime, in that order: a call's name, ``: ERRNO`` where it failed."""
    return []


@pytest.fixture
def submit(runtime: Runtime, left: list[Any]) -> Submit:
    """Let a call of the default task in."""

    def submitting(name: str, *args: Any, hold: bool = False, **named: Any) -> Call:
        row = TABLE[name]
        return runtime.submit(runtime.kernel.default_task, row, row.bind(args, named), report, hold=hold)

    def report(call: Call) -> None:
        left.append(call.name if call.error is None else f"{call.name}: {call.error.number.name}")

    return submitting


@pytest.fixture
def queue(submit: Submit, journal: LaggingJournal, left: list[Any]) -> int:
    """A queue that is durable already."""
    call = submit("msgget", "IPC_PRIVATE", ["IPC_CREAT", 0o600])
    journal.release()
    left.clear()
    return call.outcome().ret
