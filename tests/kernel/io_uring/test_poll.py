"""POLL_ADD, POLL_REMOVE, and requests that wait for their file (``io_uring/poll.c``).

What is expected is what Linux 6.18 answers to the same entries on a pipe.
"""

from __future__ import annotations

import pytest

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLL_URING_WAKE, EPOLLEXCLUSIVE
from usernel.abi.io_uring import (
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_OP_READ,
    IORING_POLL_ADD_LEVEL,
    IORING_POLL_ADD_MULTI,
    IORING_POLL_UPDATE_EVENTS,
    IORING_POLL_UPDATE_USER_DATA,
)
from usernel.abi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import Ring, SimFile, SimPort

FILE = 5


@pytest.fixture
def ring() -> Ring:
    return Ring(SimPort())


@pytest.fixture
def file(ring: Ring) -> SimFile:
    return ring.port.open(FILE)


def add(user_data: int = 1, events: int = POLLIN, flags: int = 0, length: int = 0) -> Sqe:
    return Sqe(IORING_OP_POLL_ADD, flags, fd=FILE, len=length, rw_flags=events, user_data=user_data)


def remove(target: int, length: int = 0, new: int = 0, events: int = 0, user_data: int = 99) -> Sqe:
    return Sqe(IORING_OP_POLL_REMOVE, off=new, addr=target, len=length, rw_flags=events, user_data=user_data)


def cancel(target: int, user_data: int = 98) -> Sqe:
    return Sqe(IORING_OP_ASYNC_CANCEL, addr=target, user_data=user_data)


def released(ring: Ring, file: SimFile) -> bool:
    return ring.idle() and not ring.port.armed and file.refs == 1


# ----------------------------------------------------------------------------------------------------------- entries


@pytest.mark.parametrize(
    "sqe",
    [
        add(length=IORING_POLL_ADD_LEVEL),
        add(length=IORING_POLL_ADD_MULTI | IORING_POLL_ADD_LEVEL),
        add(length=IORING_POLL_UPDATE_EVENTS),
        add(length=16),
        add()._replace(buf_index=1),
        add()._replace(off=1),
        add()._replace(addr=1),
        add()._replace(ioprio=1),
        add(length=IORING_POLL_ADD_MULTI, flags=IOSQE_CQE_SKIP_SUCCESS),
        remove(1, length=IORING_POLL_ADD_MULTI),
        remove(1, length=IORING_POLL_ADD_LEVEL),
        remove(1, length=IORING_POLL_ADD_LEVEL | IORING_POLL_UPDATE_EVENTS),
        remove(1, new=2),
        remove(1, events=POLLIN),
        remove(1)._replace(buf_index=1),
        remove(1)._replace(splice_fd_in=1),
    ],
)
def test_entries_that_make_no_sense(ring: Ring, file: SimFile, sqe: Sqe) -> None:
    assert ring.do(sqe) == "EINVAL"
    assert released(ring, file)


def test_a_file_that_is_not_open(ring: Ring) -> None:
    assert ring.do(add()) == "EBADF"


@pytest.mark.parametrize(
    ("events", "result"),
    [
        (POLLIN | POLLOUT, POLLIN | POLLOUT),
        (0xFFFF, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM),
        (POLLPRI, "EINVAL"),
        (0, "EINVAL"),
    ],
)
@pytest.mark.parametrize("length", [0, IORING_POLL_ADD_MULTI])
def test_a_file_that_cannot_be_polled_is_ready_for_reads_and_writes(
    ring: Ring, events: int, result: int | str, length: int
) -> None:
    ring.port.open(FILE, regular=True, can_poll=False)
    assert ring.do(add(events=events, length=length)) == result


# ---------------------------------------------------------------------------------------------------------- one shot


def test_a_file_that_is_ready(ring: Ring, file: SimFile) -> None:
    file.become(POLLIN | POLLHUP)
    assert ring.do(add()) == POLLIN | POLLHUP
    assert released(ring, file)


def test_a_file_that_becomes_ready(ring: Ring, file: SimFile) -> None:
    ring.submit(add())
    assert ring.results() == []
    assert file.refs == 2
    file.write(b"x")
    assert ring.results() == [(1, POLLIN)]
    assert released(ring, file)


@pytest.mark.parametrize("flags", [IOSQE_ASYNC, EPOLLEXCLUSIVE])
def test_events_that_only_say_how(ring: Ring, file: SimFile, flags: int) -> None:
    ring.submit(add(flags=flags if flags == IOSQE_ASYNC else 0, events=POLLIN | (flags & EPOLLEXCLUSIVE)))
    file.write(b"x")
    assert ring.results() == [(1, POLLIN)]


def test_a_port_that_cannot_poll(ring: Ring, file: SimFile) -> None:
    ring.port.refusal = KernelError(Errno.EMFILE)
    assert ring.do(add()) == "EMFILE"
    sqe, _ = read(2)
    ring.submit(sqe)
    ring.port.finish(3)
    assert ring.results() == [(2, 3)], "a worker waits instead"
    assert released(ring, file)


def test_a_poll_that_is_updated_and_cannot_be_any_more(ring: Ring, file: SimFile) -> None:
    ring.submit(add())
    ring.port.refusal = KernelError(Errno.EMFILE)
    ring.submit(remove(1, length=IORING_POLL_UPDATE_EVENTS, events=POLLOUT))
    assert ring.results() == [(99, 0), (1, "EMFILE")]
    assert released(ring, file)


def test_what_is_not_asked_for_wakes_nobody_but_an_error_does(ring: Ring, file: SimFile) -> None:
    ring.submit(add(events=POLLOUT))
    file.write(b"x")
    assert ring.results() == []
    file.become(POLLERR)
    assert ring.results() == [(1, POLLERR)]


def test_pollpri_alone_is_not_told_by_a_wake_up_that_says_so(ring: Ring, file: SimFile) -> None:
    """``IO_ASYNC_POLL_COMMON``: such a wake-up is passed over, though a look would find it."""
    ring.submit(add(events=POLLPRI))
    file.become(POLLPRI)
    assert ring.results() == []
    ring.ctx.poll_woke(next(iter(ring.port.armed)), 0)
    assert ring.results() == [(1, POLLPRI)]


def test_woken_for_nothing_it_waits_on(ring: Ring, file: SimFile) -> None:
    ring.submit(add())
    ring.ctx.poll_woke(next(iter(ring.port.armed)), 0)
    assert ring.results() == []
    file.write(b"x")
    assert ring.results() == [(1, POLLIN)]
    assert released(ring, file)


def test_wake_ups_after_the_first_make_it_look_again() -> None:
    ring = Ring(flags=IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
    file = ring.port.open(FILE)
    ring.submit(add(events=POLLIN | POLLOUT, length=IORING_POLL_ADD_MULTI))
    file.become(POLLIN)
    file.become(POLLIN | POLLOUT)
    ring.ctx.run_task_work()
    assert ring.results() == [(1, f"{POLLIN | POLLOUT}+")]


# --------------------------------------------------------------------------------------------------------- multishot


def test_multishot_tells_of_each_change(ring: Ring, file: SimFile) -> None:
    ring.submit(add(length=IORING_POLL_ADD_MULTI))
    told = []
    for _ in range(2):
        file.write(b"x")
        told += ring.results()
    file.become(POLLIN | POLLHUP)
    assert told + ring.results() == [(1, "1+"), (1, "1+"), (1, f"{POLLIN | POLLHUP}+")]
    assert ring.submit(remove(1)) == 1
    assert ring.results() == [(99, 0), (1, "ECANCELED")]
    assert released(ring, file)


def test_multishot_of_a_file_that_is_ready_tells_so_once(ring: Ring, file: SimFile) -> None:
    file.write(b"x")
    ring.submit(add(length=IORING_POLL_ADD_MULTI))
    assert ring.results() == [(1, "1+")]
    file.write(b"x")
    assert ring.results() == [(1, "1+")]


def test_multishot_ends_where_a_completion_has_no_room(file: SimFile, ring: Ring) -> None:
    small = Ring(ring.port, entries=1)
    small.submit(add(length=IORING_POLL_ADD_MULTI))
    for user_data in (7, 8):
        small.submit(Sqe(IORING_OP_NOP, user_data=user_data))
    file.write(b"x")
    assert small.results() == [(7, 0), (8, 0)]
    small.ctx.flush_overflow()
    assert small.results() == [(1, POLLIN)]
    assert released(small, file)


@pytest.mark.parametrize("length", [0, IORING_POLL_ADD_MULTI])
def test_a_poll_of_its_own_ring_ends_with_the_first_completion(ring: Ring, length: int) -> None:
    ring.port.open(FILE, ring=ring.ctx)
    ring.submit(add(length=length))
    ring.submit(Sqe(IORING_OP_NOP, user_data=3))
    assert ring.results() == [(3, 0), (1, POLLIN)]
    assert ring.idle()


def test_a_poll_of_another_ring(ring: Ring) -> None:
    other = Ring(ring.port)
    file = ring.port.open(FILE, ring=other.ctx)
    ring.submit(add(1), add(2, events=POLLOUT), add(3, length=IORING_POLL_ADD_MULTI))
    assert ring.results() == [(2, POLLOUT)]
    other.submit(Sqe(IORING_OP_NOP))
    assert ring.results() == [(1, POLLIN), (3, POLLIN)]
    ring.submit(add(4))
    assert ring.results() == [(4, POLLIN)], "it has not taken the completion yet"
    other.reap()
    ring.submit(add(5))
    ring.submit(remove(5))
    assert ring.results() == [(99, 0), (5, "ECANCELED")]
    assert released(ring, file)
    assert not other.ctx.pollers


def test_a_file_that_a_ring_woke_ends_a_multishot(ring: Ring, file: SimFile) -> None:
    ring.submit(add(length=IORING_POLL_ADD_MULTI))
    file.mask = POLLIN
    file.wake(POLLIN | EPOLL_URING_WAKE)
    assert ring.results() == [(1, POLLIN)]


# ------------------------------------------------------------------------------------------------ removal and update


def test_nothing_to_remove(ring: Ring, file: SimFile) -> None:
    assert ring.do(remove(1)) == "ENOENT"
    assert ring.do(remove(1, length=IORING_POLL_UPDATE_EVENTS | IORING_POLL_ADD_MULTI)) == "ENOENT"
    ring.submit(Sqe(IORING_OP_READ, fd=FILE, addr=bytearray(1), len=1, user_data=1))
    assert ring.do(remove(1)) == "ENOENT", "only polls are removed"


def test_removal_breaks_the_chain(ring: Ring, file: SimFile) -> None:
    ring.submit(add(flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    ring.submit(remove(1))
    assert ring.results() == [(99, 0), (1, "ECANCELED"), (2, "ECANCELED")]
    assert released(ring, file)


def test_update_of_events(ring: Ring, file: SimFile) -> None:
    ring.submit(add(events=POLLOUT, length=IORING_POLL_ADD_MULTI))
    assert ring.do(remove(1, length=IORING_POLL_UPDATE_EVENTS, events=POLLIN)) == 0
    file.write(b"x")
    file.write(b"x")
    assert ring.results() == [(1, "1+"), (1, "1+")], "it is multishot as it was"


def test_update_to_what_is_ready_ends_it(ring: Ring, file: SimFile) -> None:
    file.write(b"x")
    ring.submit(add(events=POLLPRI))
    ring.submit(remove(1, length=IORING_POLL_UPDATE_EVENTS, events=POLLIN))
    assert ring.results() == [(99, 0), (1, POLLIN)]
    assert released(ring, file)


def test_update_of_user_data(ring: Ring, file: SimFile) -> None:
    ring.submit(add())
    assert ring.do(remove(1, length=IORING_POLL_UPDATE_USER_DATA, new=7)) == 0
    assert ring.do(remove(1)) == "ENOENT"
    ring.submit(remove(7))
    assert ring.results() == [(99, 0), (7, "ECANCELED")]


def test_one_that_was_just_woken_cannot_be_updated(ring: Ring, file: SimFile) -> None:
    ring.submit(add())
    ring.submit(cancel(1, 80), cancel(1, 81), remove(1))
    assert ring.results() == [(80, 0), (81, 0), (99, "EALREADY"), (1, "ECANCELED")]
    assert released(ring, file)


# ------------------------------------------------------------------------------------- other requests that are polled


def read(user_data: int = 1, flags: int = 0) -> tuple[Sqe, bytearray]:
    buffer = bytearray(4)
    return Sqe(IORING_OP_READ, flags, fd=FILE, addr=buffer, len=4, user_data=user_data), buffer


@pytest.mark.parametrize("flags", [0, IOSQE_ASYNC])
def test_a_read_waits_for_its_file(ring: Ring, file: SimFile, flags: int) -> None:
    sqe, buffer = read(flags=flags)
    ring.submit(sqe)
    assert ring.port.armed
    assert not ring.port.queued
    file.write(b"abcd")
    assert ring.results() == [(1, 4)]
    assert buffer == b"abcd"
    assert released(ring, file)


def test_two_reads_and_bytes_for_one(ring: Ring, file: SimFile) -> None:
    first, second = read(1), read(2)
    ring.submit(first[0], second[0])
    file.write(b"abcd")
    assert ring.results() == [(1, 4)], "the other was woken, found nothing, and waits on"
    file.write(b"efgh")
    assert ring.results() == [(2, 4)]
    assert second[1] == b"efgh"


def test_a_file_that_is_ready_for_ever_without_a_byte_ends_with_a_worker(ring: Ring, file: SimFile) -> None:
    """Poll says yes, reading says no: after so many times the request waits for a worker (APOLL_MAX_RETRY)."""
    ring.submit(read()[0])
    file.stuck = True
    file.become(POLLIN)
    assert len(ring.port.queued) == 1
    ring.port.finish(4)
    assert ring.results() == [(1, 4)]
