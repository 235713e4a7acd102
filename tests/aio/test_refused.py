"""Whoever runs it, and whatever io_uring the host refuses, a program sees the same: no ring of the host is used."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import uvloop

import usernel
from tests.aio.confined_unsafe import NOBODY, drop_privileges, in_child, io_uring_setup, refuse_hits, refuse_io_uring
from tests.aio.refused_program import seen_by


def both() -> None:
    drop_privileges()
    refuse_io_uring()


@pytest.fixture
def place() -> Iterator[tuple[Path, Path]]:
    """A directory of nobody's, and a file that only its owner reads; pytest's own directories let nobody in."""
    with TemporaryDirectory() as parent:
        directory, secret = Path(parent, "theirs"), Path(parent, "secret")
        directory.mkdir()
        secret.write_bytes(b"s")
        secret.chmod(0o600)
        if os.geteuid() == 0:
            Path(parent).chmod(0o755)
            os.chown(directory, NOBODY, NOBODY)
        yield directory, secret


def test_the_host_refuses() -> None:
    assert in_child(refuse_io_uring, io_uring_setup) == errno.EPERM
    assert in_child(lambda: None, io_uring_setup) != errno.EPERM
    assert in_child(drop_privileges, os.geteuid) != 0


@pytest.mark.parametrize("confine", [drop_privileges, refuse_io_uring, both, refuse_hits])
def test_a_program_sees_the_same(confine: Callable[[], None], place: tuple[Path, Path]) -> None:
    def seen(factory: Callable[[], asyncio.AbstractEventLoop]) -> dict[str, Any]:
        return seen_by(factory, *place)

    free = seen(uvloop.new_event_loop)  # and everything that is to be loaded has been, by one who may
    assert seen(usernel.new_event_loop) == free
    confined = in_child(confine, lambda: seen(uvloop.new_event_loop))
    assert in_child(confine, lambda: seen(usernel.new_event_loop)) == confined
    assert in_child(confine, lambda: seen(asyncio.new_event_loop)) == confined
    own = {"secret", "owner", "usernel: secret", "usernel: mode"} if confine in {drop_privileges, both} else set()
    if own and os.geteuid() == 0:
        assert confined["secret"] == f"PermissionError: {errno.EACCES}" != free["secret"]
    assert {key: confined[key] for key in confined.keys() - own} == {key: free[key] for key in free.keys() - own}
