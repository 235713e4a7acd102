"""The environment of rings in the caller's own process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from usernel.abi.errno import Errno
from usernel.abi.fcntl import AT_FDCWD
from usernel.aio import cred_unsafe
from usernel.aio import port as port_module
from usernel.aio.cred_unsafe import Cred
from usernel.aio.file import LOWEST
from usernel.aio.memory import HostMemory
from usernel.aio.port import HostPort, bounded_workers
from usernel.kernel.call import Clock
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.port import AGAIN, Job


@pytest.fixture
def port() -> Iterator[HostPort]:
    made = HostPort(HostMemory(), threading.RLock(), lambda _fd: None, bounded=4)
    yield made
    assert made.close(10) == []


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_clocks(port: HostPort) -> None:
    before = time.monotonic_ns(), time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = port.now(Clock.MONOTONIC), port.now(Clock.REALTIME), port.now(Clock.BOOTTIME)
    assert all(0 <= then - since < 10 * 10**9 for since, then in zip(before, now, strict=True))


@pytest.mark.parametrize("fd", [-1, -100, 1 << 20, 1 << 40])
def test_what_is_not_open_is_no_file(port: HostPort, fd: int) -> None:
    assert port.fget(fd) is None
    assert port.eventfd(fd) is None
    with pytest.raises(KernelError) as refused:
        port.close_fd(fd)
    assert refused.value.number == Errno.EBADF


def test_a_path_is_no_file(port: HostPort, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_PATH)
    assert port.fget(fd) is None
    os.close(fd)


def test_a_file_is_taken_out_of_the_descriptors_and_comes_back(port: HostPort) -> None:
    r, w = os.pipe()
    file = port.adopt(r)
    assert not is_open(r)
    assert file.fd >= LOWEST
    for cloexec in (False, True):
        fd = port.install(file, cloexec=cloexec)
        assert fd < LOWEST
        assert os.get_inheritable(fd) is not cloexec
        port.close_fd(fd)
        assert not is_open(fd)
    file.put()
    os.close(w)


def test_an_eventfd_is_counted_up_but_never_waited_for(port: HostPort, tmp_path: Path) -> None:
    fd = os.eventfd(0)
    file = port.eventfd(fd)
    assert file is not None
    port.signal(file)
    port.signal(file)
    assert os.eventfd_read(fd) == 2
    os.eventfd_write(fd, 2**64 - 2)
    port.signal(file)
    assert os.eventfd_read(fd) == 2**64 - 2
    file.put()
    os.close(fd)
    directory = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(KernelError) as refused:
        port.eventfd(directory)
    assert refused.value.number == Errno.EINVAL
    os.close(directory)


def test_what_must_wait_holds_its_files(port: HostPort) -> None:
    r, w = os.pipe()
    file = port.fget(r)
    assert file is not None
    buffer = bytearray(4)
    assert port.try_now(Job("read", (file, (memoryview(buffer),), 0, 0))) is AGAIN
    os.close(r)
    os.write(w, b"late")
    assert port.try_now(Job("read", (file, (memoryview(buffer),), 0, 0))) == 4
    assert buffer == b"late"
    file.put()
    os.close(w)


def test_each_thread_has_its_own_registered_rings(port: HostPort) -> None:
    other: list[int] = []
    thread = threading.Thread(target=lambda: other.append(id(port.registered_rings())))
    thread.start()
    thread.join()
    mine = port.registered_rings()
    assert mine is port.registered_rings()
    assert mine == [None] * 16
    assert other != [id(mine)]
    assert port.task() == threading.get_native_id()


@pytest.mark.parametrize(("entries", "cpus", "workers"), [(1, 2, 1), (8, 2, 8), (4096, 2, 8), (4096, None, 4)])
def test_workers_for_regular_files(
    monkeypatch: pytest.MonkeyPatch, entries: int, cpus: int | None, workers: int
) -> None:
    monkeypatch.setattr(port_module.os, "cpu_count", lambda: cpus)
    assert bounded_workers(entries) == workers


def test_cpus_are_those_of_the_program(port: HostPort) -> None:
    with pytest.raises(KernelError) as refused:
        port.iowq_affinity(None, b"\0" * 100 + b"\1")  # type: ignore[arg-type]
    assert refused.value.number == Errno.EINVAL


# ------------------------------------------------------------------------------------------------------- credentials


def test_the_caller_s_own_credentials_change_nothing(port: HostPort) -> None:
    mine = port.cred()
    fd = port_module._perform(Job("openat2", (AT_FDCWD, b"/", os.O_RDONLY, 0, 0), mine))
    os.close(fd)
    assert cred_unsafe.current() == mine


def may_set_ids() -> bool:
    """CAP_SETGID and CAP_SETUID."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:")]
    return int(line.split()[1], 16) >> 6 & 3 == 3


def test_a_job_is_done_with_its_credentials_in_its_thread_alone(port: HostPort, tmp_path: Path) -> None:
    nobody = Cred(65534, 65534, ())
    job = Job("openat2", (AT_FDCWD, os.fsencode(tmp_path / "secret"), os.O_RDONLY, 0, 0), nobody)
    (tmp_path / "secret").write_text("root's")
    (tmp_path / "secret").chmod(0o600)
    mine = port.cred()
    assert port.try_now(job) is AGAIN
    found = port_module._perform(job)
    assert found == (-Errno.EACCES if may_set_ids() else -Errno.EPERM)
    assert cred_unsafe.current() == mine
    assert (tmp_path / "secret").read_text() == "root's"
