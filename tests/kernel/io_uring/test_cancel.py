"""ASYNC_CANCEL, IORING_REGISTER_SYNC_CANCEL and the end of a ring (``io_uring/cancel.c``), as Linux 6.18 answers."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IOSQE_BUFFER_SELECT,
    IOSQE_FIXED_FILE,
    IOSQE_IO_DRAIN,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_ASYNC_CANCEL_FD,
    IORING_ASYNC_CANCEL_FD_FIXED,
    IORING_ASYNC_CANCEL_OP,
    IORING_ASYNC_CANCEL_USERDATA,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_FSYNC,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
)
from usernel.abi.poll import POLLIN, POLLOUT, POLLPRI
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.cancel import SyncCancel, sync_cancel
from usernel.kernel.io_uring.sqe import Nanoseconds, Sqe

from .sim_port import Ring, SimFile, SimPort

FILE, OTHER, DISK = 5, 6, 7
ALL, ANY, FD = IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_ANY, IORING_ASYNC_CANCEL_FD
FIXED, OP, USERDATA = IORING_ASYNC_CANCEL_FD_FIXED, IORING_ASYNC_CANCEL_OP, IORING_ASYNC_CANCEL_USERDATA
LONG = 10**10


@pytest.fixture
def ring() -> Ring:
    ring = Ring(SimPort())
    ring.port.open(FILE)
    ring.port.open(OTHER)
    ring.port.open(DISK, regular=True, can_poll=False)
    return ring


@pytest.fixture
def file(ring: Ring) -> SimFile:
    return ring.port.files[FILE]


def cancel(addr: int = 0, flags: int = 0, user_data: int = 99, **fields: int) -> Sqe:
    return Sqe(IORING_OP_ASYNC_CANCEL, addr=addr, rw_flags=flags, user_data=user_data)._replace(**fields)


def poll(user_data: int = 1, fd: int = FILE, events: int = POLLIN, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_POLL_ADD, flags, fd=fd, rw_flags=events, user_data=user_data)


def read(user_data: int = 1, fd: int = FILE, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_READ, flags, fd=fd, addr=bytearray(1), len=1, user_data=user_data)


def fsync(user_data: int = 1, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_FSYNC, flags, fd=DISK, user_data=user_data)


def timeout(user_data: int = 1, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_TIMEOUT, flags, addr=Nanoseconds(LONG), len=1, user_data=user_data)


def nop(user_data: int, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_NOP, flags, user_data=user_data)


def cancelled(*user_data: int) -> list[tuple[int, int | str]]:
    return [(one, "ECANCELED") for one in user_data]


def quiet(ring: Ring) -> bool:
    files = ring.port.files.values()
    return ring.idle() and not ring.port.armed and not ring.port.timers and all(one.refs == 1 for one in files)


# ----------------------------------------------------------------------------------------------------------- entries


@pytest.mark.parametrize(
    ("sqe", "result"),
    [
        (cancel(1, off=1), "EINVAL"),
        (cancel(1, splice_fd_in=1), "EINVAL"),
        (cancel(1, 64), "EINVAL"),
        (cancel(1, ANY | FD), "EINVAL"),
        (cancel(1, ANY | OP), "EINVAL"),
        (cancel(1, ioprio=1), "EINVAL"),
        (cancel(1)._replace(flags=IOSQE_BUFFER_SELECT), "EOPNOTSUPP"),
        (cancel(1, FD, fd=999), "EBADF"),
        (cancel(1, FD | FIXED, fd=0), "EBADF"),
        (cancel(1, FD, fd=0)._replace(flags=IOSQE_FIXED_FILE), "EBADF"),
        (cancel(1), "ENOENT"),
        (cancel(1, len=1, buf_index=1, addr3=1), "ENOENT"),
        (cancel(1, FIXED), "ENOENT"),
        (cancel(1, USERDATA), "ENOENT"),
        (cancel(1, FD, fd=FILE), "ENOENT"),
        (cancel(1, ALL), 0),
        (cancel(1, ANY), 0),
        (cancel(1, ANY | ALL), 0),
        (cancel(1, OP | ALL, len=300), 0),
    ],
)
def test_nothing_is_there(ring: Ring, sqe: Sqe, result: int | str) -> None:
    assert ring.do(sqe) == result
    assert quiet(ring)


# ---------------------------------------------------------------------------------------------------- what is meant


def three_of_each(ring: Ring) -> None:
    for user_data in (1000, 1001, 1002):
        ring.submit(*(poll(user_data, events=events) for events in (POLLIN, POLLPRI, POLLOUT)))
    ring.submit(*(read(1001) for _ in range(3)))


def test_every_way_to_say_what_is_meant(ring: Ring) -> None:
    """Task work is not done before the batch is: what is cancelled is found by the next as well."""
    three_of_each(ring)
    ring.submit(
        cancel(0, FD, 1, fd=FILE),
        cancel(0, OP, 2, len=IORING_OP_READ),
        cancel(0, OP | ALL, 3, len=IORING_OP_READ),
        cancel(1001, OP | USERDATA, 4, len=IORING_OP_POLL_ADD),
        cancel(1002, ALL, 5),
        cancel(0, FD | ALL, 6, fd=FILE),
    )
    told = ring.results()
    assert told[:6] == [(1, 0), (2, 0), (3, 3), (4, 0), (5, 3), (6, 12)]
    assert told[6:] == cancelled(*[1001] * 4, *[1002] * 3, *[1001] * 2, *[1000] * 3)
    assert quiet(ring)


def test_the_order_of_all_is_that_of_the_hash_table(ring: Ring) -> None:
    """The order of Linux, with the 128 completions that this ring has."""
    ring.submit(*(poll(user_data) for user_data in range(1000, 1020)))
    ring.submit(cancel(0, ANY, 1))
    order = [
        1019, 1016, 1011, 1008, 1003, 1017, 1014, 1009, 1006, 1004, 1001, 1015, 1012, 1007, 1002, 1018, 1013, 1010,
        1005, 1000,
    ]  # fmt: skip
    assert ring.results() == [(1, 20), *cancelled(*order)]
    assert quiet(ring)


def test_one_file_of_two(ring: Ring) -> None:
    ring.submit(poll(1, FILE), poll(2, OTHER), timeout(3))
    ring.submit(cancel(0, FD | ALL, fd=OTHER))
    assert ring.results() == [(99, 1), (2, "ECANCELED")]


def test_a_registered_file(ring: Ring) -> None:
    ring.ctx.file_table.register([OTHER, FILE], 2)
    ring.submit(poll(1, 1, flags=IOSQE_FIXED_FILE), poll(2, FILE), poll(3, OTHER))
    ring.submit(cancel(0, FD | FIXED | ALL, fd=1))
    assert sorted(ring.results()) == [*cancelled(1, 2), (99, 2)], "it is the open file that counts"
    ring.ctx.close()
    assert quiet(ring)


def test_the_one_that_came_last_is_found_first(ring: Ring) -> None:
    ring.submit(poll(1, FILE), poll(1, OTHER))
    ring.submit(cancel(1))
    assert [file for file, _ in ring.port.armed.values()] == [ring.port.files[FILE]]


# ------------------------------------------------------------------------------------------------- where it may wait


def test_timeouts_are_cancelled_too_but_have_no_file(ring: Ring) -> None:
    ring.submit(timeout(1), poll(2), timeout(3))
    ring.submit(cancel(1))
    assert ring.results() == [(99, 0), (1, "ECANCELED")]
    ring.submit(cancel(3), cancel(3, user_data=98))
    assert ring.results() == [(99, 0), (98, "ENOENT"), (3, "ECANCELED")]


@pytest.mark.parametrize("first", [timeout, poll, fsync])
def test_a_cancelled_request_breaks_its_chain(ring: Ring, first: Any) -> None:
    ring.submit(first(1, flags=IOSQE_IO_LINK), nop(2))
    ring.submit(cancel(2), cancel(1, user_data=98))
    assert ring.results() == [(99, "ENOENT"), (98, 0), *cancelled(1, 2)]
    assert quiet(ring)


def test_a_queued_job_never_begins(ring: Ring) -> None:
    ring.submit(fsync(1), fsync(2))
    ring.submit(cancel(2))
    assert ring.results() == [(99, 0), (2, "ECANCELED")]
    assert [req.user_data for req, _ in ring.port.queued] == [1]


def test_a_running_job_is_interrupted(ring: Ring) -> None:
    ring.submit(fsync(1))
    req = ring.port.begin()
    ring.submit(cancel(1), cancel(1, user_data=98))
    assert ring.results() == [(99, "EALREADY"), (98, "EALREADY")]
    assert set(ring.port.interrupted) == {req}
    ring.port.finish(-Errno.EINTR)
    assert ring.results() == [(1, "EINTR")]
    assert quiet(ring)


@pytest.mark.parametrize("flags", [ALL, ANY, OP | ALL])
def test_running_jobs_do_not_count_among_all(ring: Ring, flags: int) -> None:
    ring.submit(fsync(1), fsync(1), fsync(1))
    ring.port.begin()
    ring.submit(cancel(1, flags, len=IORING_OP_FSYNC))
    assert ring.results() == [(99, 0), *cancelled(1, 1)]
    assert len(ring.port.interrupted) == 1
    ring.port.finish(0)
    assert ring.results() == [(1, 0)]


def test_queued_jobs_count_as_one_among_all_and_polls_each(ring: Ring) -> None:
    ring.submit(fsync(1), fsync(1), fsync(1), poll(1), poll(1))
    ring.submit(cancel(1, ALL))
    assert ring.results() == [(99, 3), *cancelled(1, 1, 1, 1, 1)]
    assert quiet(ring)


def test_of_one_user_data_a_queued_job_is_found_before_a_running_one(ring: Ring) -> None:
    ring.submit(fsync(1), fsync(1))
    ring.port.begin()
    ring.submit(cancel(1))
    assert ring.results() == [(99, 0), (1, "ECANCELED")]
    assert not ring.port.interrupted


def test_what_is_deferred_is_not_found(ring: Ring) -> None:
    ring.submit(poll(1), nop(2, IOSQE_IO_DRAIN))
    ring.submit(cancel(2))
    assert ring.results() == [], "the cancellation comes behind the drain as well"
    ring.port.files[FILE].write(b"x")
    assert ring.results() == [(1, POLLIN), (2, 0), (99, "ENOENT")]


# ------------------------------------------------------------------------------------------------------- SYNC_CANCEL


def reg(addr: int = 0, flags: int = 0, fd: int = 0, sec: int = -1, nsec: int = -1, opcode: int = 0) -> tuple[Any, ...]:
    return addr, fd, flags, sec, nsec, opcode, bytes(7), 0, 0, 0


@pytest.mark.parametrize(
    ("arg", "errno"),
    [
        (reg(5), Errno.ENOENT),
        (reg(5, 64), Errno.EINVAL),
        ((*reg()[:6], b"\1" + bytes(6), 0, 0, 0), Errno.EINVAL),
        ((*reg()[:9], 1), Errno.EINVAL),
        (reg(0, FD, fd=999), Errno.EBADF),
        (reg(0, FD | FIXED, fd=1), Errno.EBADF),
        (reg(0, FD, fd=FILE), Errno.ENOENT),
        (16, Errno.EFAULT),
    ],
)
def test_sync_cancel_says_no(ring: Ring, arg: Any, errno: Errno) -> None:
    with pytest.raises(KernelError) as caught:
        sync_cancel(ring.ctx, arg)
    assert caught.value.number == errno
    assert quiet(ring)


@pytest.mark.parametrize("flags", [ALL, ANY, ANY | FD, ANY | FD | ALL])
def test_sync_cancel_of_all_of_nothing(ring: Ring, flags: int) -> None:
    assert sync_cancel(ring.ctx, reg(0, flags, fd=FILE)) == 0
    assert quiet(ring)


def test_sync_cancel(ring: Ring) -> None:
    ring.submit(poll(5), poll(5), poll(6), timeout(7))
    assert sync_cancel(ring.ctx, reg(5)) == 0
    ring.ctx.kick()
    assert sync_cancel(ring.ctx, reg(0, FD | ALL, fd=FILE)) == 2
    assert sync_cancel(ring.ctx, reg(7)) == 0
    ring.ctx.kick()
    assert ring.results() == cancelled(5, 6, 5, 7)
    assert quiet(ring)


def waiting(ring: Ring, arg: tuple[Any, ...]) -> SyncCancel:
    wait = sync_cancel(ring.ctx, arg)
    assert isinstance(wait, SyncCancel)
    assert wait.check() is None
    return wait


@pytest.mark.parametrize("flags", [0, FD])
def test_sync_cancel_waits_for_a_running_job(ring: Ring, flags: int) -> None:
    ring.submit(fsync(1))
    ring.port.begin()
    wait = waiting(ring, reg(1, flags, fd=DISK))
    assert wait.until is None
    ring.port.finish(-Errno.EINTR)
    assert wait.check() == 0
    assert ring.results() == [(1, "EINTR")]
    assert quiet(ring)


@pytest.mark.parametrize(("interrupted", "errno"), [(True, Errno.EINTR), (False, Errno.ETIME)])
def test_sync_cancel_gives_up(ring: Ring, interrupted: bool, errno: Errno) -> None:
    ring.submit(fsync(1))
    ring.port.begin()
    wait = waiting(ring, reg(1, FD, fd=DISK, sec=0, nsec=10))
    ring.port.advance(0 if interrupted else 10)
    with pytest.raises(KernelError) as caught:
        wait.check(interrupted=interrupted)
    assert caught.value.number == errno
    ring.port.finish(0)
    assert quiet(ring)


def test_sync_cancel_of_all_does_not_wait(ring: Ring) -> None:
    ring.submit(fsync(1))
    ring.port.begin()
    assert sync_cancel(ring.ctx, reg(1, ALL)) == 0
    assert len(ring.port.interrupted) == 1


# ------------------------------------------------------------------------------------------------------ the ring ends


@pytest.mark.parametrize("flags", [0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN])
def test_the_end_of_a_ring_lets_everything_go(flags: int) -> None:
    ring = Ring(flags=flags)
    for fd in (FILE, DISK):
        ring.port.open(fd, regular=fd == DISK, can_poll=fd != DISK)
    ring.ctx.file_table.register([FILE, -1], 2)
    ring.submit(
        poll(1), read(2, flags=IOSQE_IO_LINK), Sqe(IORING_OP_LINK_TIMEOUT, addr=Nanoseconds(LONG), len=1), timeout(3),
        fsync(4), poll(5, 0, flags=IOSQE_FIXED_FILE), nop(6, IOSQE_IO_DRAIN), nop(7),
    )  # fmt: skip
    ring.ctx.close()
    assert quiet(ring)
    assert not ring.port.queued
    assert ring.results() == [], "nobody is there to be told"


def test_a_job_that_runs_holds_its_file_until_it_is_done(ring: Ring) -> None:
    ring.submit(fsync(1, IOSQE_IO_LINK), Sqe(IORING_OP_LINK_TIMEOUT, addr=Nanoseconds(LONG), len=1))
    ring.port.begin()
    ring.ctx.close()
    assert ring.port.files[DISK].refs == 2
    assert len(ring.port.interrupted) == 1
    ring.port.finish(0)
    assert quiet(ring)
    assert ring.results() == []


def test_a_ring_ends_once(ring: Ring) -> None:
    ring.submit(poll(1))
    ring.ctx.close()
    ring.ctx.close()
    ring.ctx.tick()
    assert quiet(ring)
