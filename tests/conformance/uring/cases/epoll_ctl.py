"""EPOLL_CTL."""

from __future__ import annotations

import os
import platform
import select

from usernel.abi import io_uring as abi
from usernel.abi.eventpoll import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLL_EVENT,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLIN,
    EPOLLOUT,
)
from usernel.abi.io_uring_op import IORING_OP_EPOLL_CTL, IORING_OP_NOP

from ..case import case
from ..program import NOWHERE, Block, Program
from ..unshown import Unshown


def event(u: Program, events: int, data: int = 0) -> Block:
    """A struct epoll_event."""
    return u.struct(EPOLL_EVENT[platform.machine()], events, data)


@case
def added_modified_and_deleted(u: Program) -> None:
    ring = u.ring()
    epoll = select.epoll()
    end, other = u.pipe()
    fd = epoll.fileno()
    ring.do(IORING_OP_EPOLL_CTL, fd=fd, len=EPOLL_CTL_ADD, off=Unshown(end), addr=event(u, EPOLLIN, 77))
    u.note(events=epoll.poll(0))
    os.write(other, b"hello")
    u.note(events=epoll.poll(0))
    ring.do(IORING_OP_EPOLL_CTL, fd=fd, len=EPOLL_CTL_MOD, off=Unshown(end), addr=event(u, EPOLLIN | EPOLLET, 78))
    u.note(events=epoll.poll(0))
    u.note(events=epoll.poll(0))
    ring.do(IORING_OP_EPOLL_CTL, fd=fd, len=EPOLL_CTL_DEL, off=Unshown(end))
    u.note(events=epoll.poll(0))


@case
def refused(u: Program) -> None:
    ring = u.ring()
    epoll = select.epoll()
    end, other = u.pipe()
    fd = epoll.fileno()
    good = event(u, EPOLLIN)
    for note, number, opcode, of, addr in (
        ("add", fd, EPOLL_CTL_ADD, end, good), ("again", fd, EPOLL_CTL_ADD, end, good),
        ("none", fd, EPOLL_CTL_MOD, other, good),
        ("none", fd, EPOLL_CTL_DEL, other, good), ("closed", fd, EPOLL_CTL_ADD, 999, good),
        ("no epoll", end, EPOLL_CTL_ADD, other, good),
        ("closed epoll", 999, EPOLL_CTL_ADD, other, good), ("itself", fd, EPOLL_CTL_ADD, fd, good),
        ("operation", fd, 0, other, good),
        ("operation", fd, 9, other, good), ("operation", fd, 0xFFFFFFFF, other, good),
        ("nowhere", fd, EPOLL_CTL_ADD, other, NOWHERE),
        ("nowhere", fd, EPOLL_CTL_DEL, end, NOWHERE), ("nowhere", fd, 9, other, NOWHERE),
        ("file", fd, EPOLL_CTL_ADD, u.file("f"), good),
        ("exclusive", fd, EPOLL_CTL_MOD, end, event(u, EPOLLIN | EPOLLEXCLUSIVE)),
        ("high", fd, EPOLL_CTL_ADD, other | 1 << 32, good),
        ("exclusive", fd, EPOLL_CTL_ADD, end, event(u, EPOLLOUT | EPOLLEXCLUSIVE)),
        ("negative", fd, EPOLL_CTL_ADD, -1, good),
    ):  # fmt: skip
        ring.do(IORING_OP_EPOLL_CTL, note, fd=number, len=opcode, off=Unshown(of), addr=addr)


@case
def fields(u: Program) -> None:
    ring = u.ring()
    epoll = select.epoll()
    end, _ = u.pipe()
    for name in ("buf_index", "splice_fd_in", "rw_flags", "addr3", "pad2"):
        ring.do(
            IORING_OP_EPOLL_CTL,
            fd=epoll.fileno(),
            len=EPOLL_CTL_ADD,
            off=Unshown(end),
            addr=event(u, EPOLLIN),
            **{name: 1},
        )
    ring.do(IORING_OP_EPOLL_CTL, fd=epoll.fileno(), len=EPOLL_CTL_DEL, off=Unshown(end), flags=abi.IOSQE_FIXED_FILE)
    ring.do(IORING_OP_EPOLL_CTL, fd=epoll.fileno(), len=EPOLL_CTL_DEL, off=Unshown(end), flags=abi.IOSQE_ASYNC)


@case
def failures_break_a_chain(u: Program) -> None:
    ring = u.ring()
    epoll = select.epoll()
    end, _ = u.pipe()
    for opcode in (EPOLL_CTL_DEL, EPOLL_CTL_ADD):
        ring.prep(
            IORING_OP_EPOLL_CTL, fd=epoll.fileno(), len=opcode, off=end, addr=event(u, EPOLLIN), flags=abi.IOSQE_IO_LINK
        )
        ring.prep(IORING_OP_NOP)
        ring.submit(2)
        ring.reap()
