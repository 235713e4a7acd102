"""IORING_OP_POLL_ADD and IORING_OP_POLL_REMOVE: once, again and again, removal and change."""

from __future__ import annotations

import os
import select

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE, IOSQE_IO_LINK
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

from ..case import case
from ..program import Program
from ..userland import Ring

POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 2, 4, 8, 16, 32
POLLRDNORM, POLLRDHUP = 64, 0x2000
EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET = 1 << 28, 1 << 29, 1 << 30, 1 << 31
MULTI, LEVEL = IORING_POLL_ADD_MULTI, IORING_POLL_ADD_LEVEL
EVENTS, USER_DATA = IORING_POLL_UPDATE_EVENTS, IORING_POLL_UPDATE_USER_DATA


def arm(ring: Ring, fd: int, events: int = POLLIN, **fields: int) -> int:
    """A poll that pends."""
    number = ring.prep(IORING_OP_POLL_ADD, fd=fd, poll32_events=events, **fields)
    ring.submit()
    return number


@case
def ready_at_once(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.do(IORING_OP_POLL_ADD, "empty", fd=w, poll32_events=POLLOUT)
    ring.do(IORING_OP_POLL_ADD, "empty", fd=w, poll32_events=POLLIN | POLLOUT | POLLPRI)
    os.write(w, b"x")
    for events in (POLLIN, POLLIN | POLLOUT, POLLRDNORM, 0xFFFF, POLLIN | 0x7FFF0000):
        ring.do(IORING_OP_POLL_ADD, "with a byte", fd=r, poll32_events=events)
    os.close(w)
    for events in (POLLIN, 0, POLLOUT):
        ring.do(IORING_OP_POLL_ADD, "without a writer", fd=r, poll32_events=events)
    os.read(r, 1)
    ring.do(IORING_OP_POLL_ADD, "without a writer or a byte", fd=r, poll32_events=POLLIN)
    r, w = u.pipe()
    os.close(r)
    for events in (POLLOUT, 0):
        ring.do(IORING_OP_POLL_ADD, "without a reader", fd=w, poll32_events=events)


@case
def files_that_are_always_ready(u: Program) -> None:
    ring = u.ring(8)
    for name, fd in (
        ("file", u.file("f", b"x")),
        ("directory", os.open(".", os.O_RDONLY)),
        ("null", os.open("/dev/null", os.O_RDWR)),
    ):
        for events in (POLLIN, POLLOUT, POLLIN | POLLOUT | POLLRDNORM, POLLPRI):
            if name != "null" or events != POLLPRI:
                ring.prep(IORING_OP_POLL_ADD, fd=fd, poll32_events=events)
                ring.submit()
                ring.reap()
        ring.prep(IORING_OP_POLL_ADD, fd=fd, poll32_events=POLLIN, len=MULTI)
        ring.submit()
        ring.reap()


@case
def descriptors_that_cannot(u: Program) -> None:
    ring = u.ring(8)
    for name, fd in (("none", 999), ("negative", -1), ("path only", os.open(".", os.O_PATH))):
        ring.do(IORING_OP_POLL_ADD, name, fd=fd, poll32_events=POLLIN)
        ring.do(IORING_OP_POLL_ADD, name, fd=fd, poll32_events=POLLIN, len=MULTI)


@case
def ready_later(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    arm(ring, r)
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)
    os.read(r, 1)
    os.write(w, b"x")
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def events_that_were_not_asked_for(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    arm(ring, r, 0)
    arm(ring, r, POLLPRI)
    os.write(w, b"x")
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()
    os.close(w)
    ring.reap(2)


@case
def writer_waits_for_room(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe(os.O_NONBLOCK)
    os.write(w, bytes(65536))
    arm(ring, w, POLLOUT)
    ring.reap()
    os.read(r, 4096)
    ring.reap(1)
    os.write(w, bytes(4096))
    arm(ring, w, POLLOUT)
    os.close(r)
    ring.reap(1)


@case
def counters(u: Program) -> None:
    ring = u.ring(8)
    fd = os.eventfd(0)
    arm(ring, fd, POLLIN | POLLOUT)
    ring.reap(1)
    arm(ring, fd)
    ring.reap()
    os.eventfd_write(fd, 3)
    ring.reap(1)


@case
def several_wait_for_one_file(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for number in (3, 1, 2):
        arm(ring, r, user_data=number)
    os.write(w, b"x")
    ring.reap(3)


@case
def file_that_is_closed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    arm(ring, r)
    os.close(r)
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)


@case
def another_ring(u: Program) -> None:
    ring, other = u.ring(8), u.ring(8)
    arm(ring, other.fd)
    ring.reap()
    other.prep(IORING_OP_NOP)
    other.submit()
    ring.reap(1)
    arm(ring, other.fd, POLLIN | POLLOUT)
    ring.reap(1)
    other.reap()
    arm(ring, other.fd, POLLIN | POLLOUT)
    ring.reap(1)


@case
def its_own_ring(u: Program) -> None:
    ring = u.ring(8)
    arm(ring, ring.fd)
    ring.reap()
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.reap(2, ordered=False)


@case
def registered_file(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", r, -1), 2)
    arm(ring, 0, flags=IOSQE_FIXED_FILE)
    for slot in (1, 2):
        ring.do(IORING_OP_POLL_ADD, flags=IOSQE_FIXED_FILE, fd=slot, poll32_events=POLLIN)
    os.write(w, b"x")
    ring.reap(1)


@case
def fields_that_are_wrong(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"x")
    for fields in (
        {"off": 1}, {"addr": 1}, {"buf_index": 1}, {"ioprio": 1}, {"splice_fd_in": 1}, {"addr3": 1}, {"personality": 1},
        {"flags": IOSQE_CQE_SKIP_SUCCESS, "len": MULTI}, {"flags": abi.IOSQE_BUFFER_SELECT},
    ):  # fmt: skip
        ring.do(IORING_OP_POLL_ADD, **{"fd": r, "poll32_events": POLLIN, **fields})
    for bit in range(32):
        if 1 << bit != MULTI:
            ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=1 << bit)
    for length in (MULTI | EVENTS, MULTI | USER_DATA, EVENTS | USER_DATA, MULTI | 16, LEVEL | EVENTS):
        ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=length)


@case
def bits_of_epoll(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"x")
    for bit in (EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET, 1 << 27, EPOLLET | EPOLLONESHOT):
        ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN | bit)
        ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN | bit, len=LEVEL)
    for bit in (EPOLLEXCLUSIVE, EPOLLEXCLUSIVE | EPOLLET):
        ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN | bit, len=MULTI)


@case
def exclusively(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for number in (1, 2, 3):
        arm(ring, r, POLLIN | EPOLLEXCLUSIVE, user_data=number)
    os.write(w, b"x")
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(w, b"x")
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def again_and_again(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    arm(ring, r, len=MULTI)
    ring.reap()
    for _ in range(3):
        os.write(w, b"x")
        ring.reap(1)
    os.read(r, 8)
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)
    os.close(w)
    ring.reap(1)
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()


@case
def again_and_again_from_the_start(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"x")
    number = arm(ring, r, len=MULTI)
    ring.reap(1)
    ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)
    ring.prep(IORING_OP_POLL_REMOVE, addr=number)
    ring.submit()
    ring.reap(2)


@case
def again_and_again_of_a_hangup(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.close(w)
    arm(ring, r, len=MULTI)
    ring.reap(1)
    ring.reap()


@case
def levels_are_not_for_programs(u: Program) -> None:
    ring = u.ring(8)
    r, _ = u.pipe()
    for length in (LEVEL, MULTI | LEVEL):
        ring.do(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN, len=length)


@case
def again_and_again_of_a_counter(u: Program) -> None:
    ring = u.ring(8)
    fd = os.eventfd(0)
    arm(ring, fd, len=MULTI)
    for _ in range(3):
        os.eventfd_write(fd, 1)
        ring.reap(1)


@case
def in_a_worker(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"x")
    ring.do(IORING_OP_POLL_ADD, fd=r, flags=IOSQE_ASYNC, poll32_events=POLLIN)
    os.read(r, 1)
    arm(ring, r, flags=IOSQE_ASYNC)
    os.write(w, b"x")
    ring.reap(1)


@case
def silently(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    arm(ring, r, flags=IOSQE_CQE_SKIP_SUCCESS)
    os.write(w, b"x")
    ring.do(IORING_OP_NOP)
    number = arm(ring, w, 0, flags=IOSQE_CQE_SKIP_SUCCESS)
    ring.prep(IORING_OP_POLL_REMOVE, addr=number)
    ring.submit()
    ring.reap(2)


@case
def head_of_a_chain(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    buffer = u.alloc(8)
    ring.prep(IORING_OP_POLL_ADD, flags=IOSQE_IO_LINK, fd=r, poll32_events=POLLIN)
    ring.prep(IORING_OP_READ, fd=r, addr=buffer, len=1)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(2)
    ring.prep(IORING_OP_POLL_ADD, flags=IOSQE_IO_LINK, fd=r, poll32_events=POLLIN, user_data=7)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    ring.prep(IORING_OP_POLL_REMOVE, addr=7)
    ring.submit()
    ring.reap(3)


@case
def head_of_a_chain_again_and_again(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_POLL_ADD, flags=IOSQE_IO_LINK, fd=r, poll32_events=POLLIN, len=MULTI, user_data=7)
    ring.prep(IORING_OP_NOP)
    ring.submit()
    os.write(w, b"x")
    ring.reap(1)
    ring.reap()
    ring.prep(IORING_OP_POLL_REMOVE, addr=7)
    ring.submit()
    ring.reap(3)


@case
def removed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for length in (0, MULTI):
        number = arm(ring, r, len=length)
        ring.do(IORING_OP_POLL_REMOVE, addr=99)
        ring.prep(IORING_OP_POLL_REMOVE, addr=number)
        ring.submit()
        ring.reap(2)
        ring.do(IORING_OP_POLL_REMOVE, addr=number)
    os.write(w, b"x")
    ring.reap()


@case
def one_of_several_with_the_same_user_data(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for events in (POLLIN, POLLIN | POLLPRI):
        arm(ring, r, events, user_data=7)
    ring.prep(IORING_OP_POLL_REMOVE, addr=7)
    ring.submit()
    ring.reap(2)
    os.write(w, b"x")
    ring.reap(1)


@case
def removes_polls_only(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    ring.prep(IORING_OP_READ, fd=r, addr=u.alloc(8), len=1, user_data=7)
    ring.submit()
    ring.do(IORING_OP_POLL_REMOVE, addr=7)
    ring.prep(IORING_OP_ASYNC_CANCEL, addr=7)
    ring.submit()
    ring.reap(2)
    os.write(w, b"x")
    ring.reap()


@case
def removal_with_wrong_fields(u: Program) -> None:
    ring = u.ring(8)
    for fields in (
        {"off": 1}, {"ioprio": 1}, {"buf_index": 1}, {"splice_fd_in": 1}, {"fd": 5}, {"addr3": 1},
        {"poll32_events": POLLIN}, {"flags": IOSQE_FIXED_FILE}, {"flags": abi.IOSQE_BUFFER_SELECT},
    ):  # fmt: skip
        ring.do(IORING_OP_POLL_REMOVE, **{"addr": 99, **fields})
    for bit in range(32):
        ring.do(IORING_OP_POLL_REMOVE, addr=99, len=1 << bit)
        ring.do(IORING_OP_POLL_REMOVE, addr=99, len=1 << bit | EVENTS)
    for length in (MULTI | USER_DATA, MULTI | EVENTS | USER_DATA, EVENTS | USER_DATA):
        for fields in ({}, {"off": 1}, {"poll32_events": POLLIN}, {"off": 1, "poll32_events": POLLIN}):
            ring.do(IORING_OP_POLL_REMOVE, addr=99, len=length, **fields)


@case
def events_are_changed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for first in (0, MULTI):
        for second in (EVENTS, EVENTS | MULTI):
            number = arm(ring, r, POLLPRI, len=first)
            ring.do(IORING_OP_POLL_REMOVE, addr=number, poll32_events=POLLIN, len=second)
            os.write(w, b"x")
            ring.reap(1)
            os.write(w, b"x")
            ring.enter(0, flags=abi.IORING_ENTER_GETEVENTS)
            ring.reap()
            os.read(r, 2)
            ring.prep(IORING_OP_POLL_REMOVE, addr=number)
            ring.submit()
            ring.reap()


@case
def changed_to_what_is_ready(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    os.write(w, b"x")
    for length in (0, MULTI):
        number = arm(ring, r, POLLPRI, len=length)
        ring.prep(IORING_OP_POLL_REMOVE, addr=number, poll32_events=POLLIN, len=EVENTS | length)
        ring.submit()
        ring.reap(2)


@case
def user_data_is_changed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    for length in (0, MULTI):
        number = arm(ring, r, len=length)
        ring.do(IORING_OP_POLL_REMOVE, addr=number, off=70 + length, len=USER_DATA)
        ring.do(IORING_OP_POLL_REMOVE, addr=number, off=5, len=USER_DATA)
        os.write(w, b"x")
        ring.reap(1)
        os.read(r, 1)


@case
def both_are_changed(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    number = arm(ring, r, POLLPRI)
    ring.do(IORING_OP_POLL_REMOVE, addr=number, off=70, poll32_events=POLLIN, len=USER_DATA | EVENTS)
    os.write(w, b"x")
    ring.reap(1)
    ring.do(IORING_OP_POLL_REMOVE, addr=70, off=5, len=USER_DATA)


@case
def silent_change(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    number = arm(ring, r, POLLPRI)
    ring.prep(IORING_OP_POLL_REMOVE, flags=IOSQE_CQE_SKIP_SUCCESS, addr=number, poll32_events=POLLIN, len=EVENTS)
    ring.prep(IORING_OP_POLL_REMOVE, flags=IOSQE_CQE_SKIP_SUCCESS, addr=99)
    ring.submit()
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)


@case
def many_files(u: Program) -> None:
    ring = u.ring(32)
    pipes = [u.pipe() for _ in range(20)]
    for r, _ in pipes:
        ring.prep(IORING_OP_POLL_ADD, fd=r, poll32_events=POLLIN)
    ring.submit()
    for _, w in reversed(pipes):
        os.write(w, b"x")
    ring.reap(20)


@case
def epoll_instance(u: Program) -> None:
    ring = u.ring(8)
    r, w = u.pipe()
    outer = select.epoll()
    outer.register(r, select.EPOLLIN)
    arm(ring, outer.fileno())
    ring.reap()
    os.write(w, b"x")
    ring.reap(1)
