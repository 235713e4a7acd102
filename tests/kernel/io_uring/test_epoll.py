"""EPOLL_CTL (``io_uring/epoll.c``): what the port is asked to do."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.errno import Errno
from usernel.abi.eventpoll import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_EVENT, EPOLLIN
from usernel.abi.io_uring_op import IORING_OP_EPOLL_CTL
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import Ring


def ctl(op: int = EPOLL_CTL_ADD, **fields: Any) -> Sqe:
    return Sqe(IORING_OP_EPOLL_CTL, fd=4, off=5 | 1 << 40, addr=(EPOLLIN, 42), len=op, user_data=1)._replace(**fields)


@pytest.mark.parametrize(
    ("sqe", "error"),
    [
        (ctl(buf_index=1), "EINVAL"),
        (ctl(splice_fd_in=1), "EINVAL"),
        (ctl(ioprio=1), "EINVAL"),
        (ctl(addr=16), "EFAULT"),
        (ctl(9, addr=16), "EFAULT"),
    ],
)
def test_entries_that_make_no_sense(sqe: Sqe, error: str) -> None:
    assert Ring().do(sqe) == error


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_job(machine: str) -> None:
    ring = Ring()
    ring.port.machine = machine
    event = EPOLL_EVENT[machine].pack(EPOLLIN, 42)
    ring.submit(ctl(), ctl(addr=ring.port.memory.put(event)), ctl(EPOLL_CTL_DEL, addr=0), ctl(0xFFFFFFFF))
    assert [job.args for _, job in ring.port.queued] == [
        (4, EPOLL_CTL_ADD, 5, event),
        (4, EPOLL_CTL_ADD, 5, event),
        (4, EPOLL_CTL_DEL, 5, None),
        (4, -1, 5, event),
    ]
    ring.port.finish(0)
    ring.port.finish(-Errno.EEXIST)
    assert ring.results() == [(1, 0), (1, "EEXIST")]
