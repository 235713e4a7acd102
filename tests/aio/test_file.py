"""References to open files of the host."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from usernel.aio.file import LOWEST, HostFile, dup_high
from usernel.aio.poller import Poller


@pytest.fixture
def poller() -> Iterator[Poller]:
    made = Poller()
    yield made
    made.close()


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    made = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield made
    try:
        os.close(made)
    except OSError:
        pass


def open_fds() -> set[int]:
    # Without the one of the listing itself, which is closed by then.
    return {int(entry.name) for entry in list(Path("/proc/self/fd").iterdir()) if entry.is_symlink()}


def test_a_descriptor_of_our_own_is_out_of_the_way(fd: int) -> None:
    ours = dup_high(fd)
    assert ours >= LOWEST
    os.close(ours)


def test_what_is_only_looked_at_is_the_programs_own_descriptor(fd: int, poller: Poller) -> None:
    before = open_fds()
    file = HostFile(fd, poller.can_poll)
    assert file.fd == fd
    file.put()
    assert open_fds() == before


def test_what_is_held_outlives_the_programs_descriptor(fd: int, poller: Poller) -> None:
    before = open_fds()
    file = HostFile(fd, poller.can_poll)
    file.hold()
    file.hold()
    os.close(fd)
    os.write(file.fd, b"still there")
    file.put()
    assert open_fds() == before - {fd}


def test_the_file_is_closed_with_the_last_reference(fd: int, poller: Poller) -> None:
    before = open_fds()
    file = HostFile(fd, poller.can_poll)
    other = file.get()
    file.put()
    assert os.fstat(other.fd)
    other.put()
    assert open_fds() == before


def test_a_reference_that_nobody_gave_up_goes_with_its_owner(fd: int, poller: Poller) -> None:
    before = open_fds()
    file = HostFile(fd, poller.can_poll)
    file.hold()
    assert open_fds() != before
    del file
    assert open_fds() == before


def test_kinds_of_files(poller: Poller, tmp_path: Path, fd: int) -> None:
    with ExitStack() as stack:
        r, w = os.pipe()
        near, far = socket.socketpair()
        end = near.fileno()
        stack.enter_context(near)
        stack.enter_context(far)
        directory, zero, event = os.open(tmp_path, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY), os.eventfd(0)
        for made in (r, w, directory, zero, event):
            stack.callback(os.close, made)
        kinds = {
            number: (file.regular, file.can_poll, file.fifo, file.stream)
            for number in (fd, directory, zero, r, w, end, event)
            for file in [HostFile(number, poller.can_poll)]
        }
    assert kinds[fd] == (True, False, False, False)
    assert kinds[directory] == (False, False, False, False)
    assert kinds[zero] == (False, False, False, False)
    assert kinds[r] == kinds[w] == (False, True, True, True)
    assert kinds[end] == (False, True, False, True)
    assert kinds[event] == (False, True, False, False)


def test_flags_are_those_of_the_open_file(fd: int, poller: Poller) -> None:
    file = HostFile(fd, poller.can_poll)
    assert (file.nonblock, file.direct) == (False, False)
    file.hold()
    os.set_blocking(fd, False)
    assert file.nonblock
    file.put()


def test_an_inode_is_shared_and_an_open_file_is_not(tmp_path: Path, fd: int, poller: Poller) -> None:
    second, twin = os.open(tmp_path / "f", os.O_RDONLY), os.dup(fd)
    first, other, same = (HostFile(number, poller.can_poll) for number in (fd, second, twin))
    assert first.inode == other.inode
    assert first.same(first)
    assert first.same(same)
    assert not first.same(other)
    os.close(second)
    os.close(twin)
