"""What tests of cancellation need: a loop for a module, one in which whatever may suspend does so."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from typing import Any

import pytest

import usernel
from usernel.aio import hits
from usernel.aio.files import opening

from .cancelling import Turns
from .preadv import replace_preadv


def not_cached(fd: int, buffers: Any, offset: int, flags: int = 0) -> int:
    if flags:
        raise OSError(errno.EAGAIN, "it is not cached")
    return os.preadv(fd, buffers, offset)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Nothing is cached, and turns have no time left: whatever may suspend does."""
    found = Turns()
    replace_preadv(monkeypatch, not_cached)
    monkeypatch.setattr(opening, "opener_of", lambda *_args: lambda _path: -errno.EAGAIN)
    monkeypatch.setattr(hits.Hits, "used_up", property(lambda _hits: found.used_up()))
    return found


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=usernel.new_event_loop) as found:
        yield found


@pytest.fixture(params=[False, True], ids=["waiting", "just ended"])
def late(request: pytest.FixtureRequest) -> bool:
    """Whether what is awaited has ended when its task is cancelled."""
    return bool(request.param)
