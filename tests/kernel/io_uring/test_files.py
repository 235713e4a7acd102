"""What is done to files and paths by workers: what entries may say, where results go, what failures break."""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi.io_uring import IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE, IOSQE_IO_LINK
from usernel.abi.io_uring_op import (
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_FADVISE,
    IORING_OP_FALLOCATE,
    IORING_OP_FGETXATTR,
    IORING_OP_FSETXATTR,
    IORING_OP_FSYNC,
    IORING_OP_FTRUNCATE,
    IORING_OP_GETXATTR,
    IORING_OP_LINKAT,
    IORING_OP_MADVISE,
    IORING_OP_MKDIRAT,
    IORING_OP_NOP,
    IORING_OP_RENAMEAT,
    IORING_OP_SETXATTR,
    IORING_OP_SPLICE,
    IORING_OP_STATX,
    IORING_OP_SYMLINKAT,
    IORING_OP_SYNC_FILE_RANGE,
    IORING_OP_TEE,
    IORING_OP_UNLINKAT,
    SPLICE_F_FD_IN_FIXED,
)
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import ARENA, Ring, SimPort

FD, OTHER = 5, 6
VALUE = bytearray(b"value")

GOOD = {
    IORING_OP_FSYNC: Sqe(IORING_OP_FSYNC, fd=FD),
    IORING_OP_SYNC_FILE_RANGE: Sqe(IORING_OP_SYNC_FILE_RANGE, fd=FD),
    IORING_OP_FALLOCATE: Sqe(IORING_OP_FALLOCATE, fd=FD),
    IORING_OP_FTRUNCATE: Sqe(IORING_OP_FTRUNCATE, fd=FD),
    IORING_OP_FADVISE: Sqe(IORING_OP_FADVISE, fd=FD, rw_flags=4),
    IORING_OP_MADVISE: Sqe(IORING_OP_MADVISE, addr=VALUE, len=5),
    IORING_OP_STATX: Sqe(IORING_OP_STATX, addr="f", off=bytearray(256)),
    IORING_OP_RENAMEAT: Sqe(IORING_OP_RENAMEAT, addr="f", off="g"),
    IORING_OP_UNLINKAT: Sqe(IORING_OP_UNLINKAT, addr="f"),
    IORING_OP_MKDIRAT: Sqe(IORING_OP_MKDIRAT, addr="f"),
    IORING_OP_SYMLINKAT: Sqe(IORING_OP_SYMLINKAT, addr="f", off="g"),
    IORING_OP_LINKAT: Sqe(IORING_OP_LINKAT, addr="f", off="g"),
    IORING_OP_FSETXATTR: Sqe(IORING_OP_FSETXATTR, fd=FD, addr="user.a", off=VALUE, len=5),
    IORING_OP_SETXATTR: Sqe(IORING_OP_SETXATTR, addr="user.a", off=VALUE, len=5, addr3="f"),
    IORING_OP_FGETXATTR: Sqe(IORING_OP_FGETXATTR, fd=FD, addr="user.a", off=VALUE, len=5),
    IORING_OP_GETXATTR: Sqe(IORING_OP_GETXATTR, addr="user.a", off=VALUE, len=5, addr3="f"),
    IORING_OP_SPLICE: Sqe(IORING_OP_SPLICE, fd=FD, splice_fd_in=OTHER, len=8),
    IORING_OP_TEE: Sqe(IORING_OP_TEE, fd=FD, splice_fd_in=OTHER, len=8),
}

UNUSED = {
    IORING_OP_FSYNC: "addr buf_index splice_fd_in",
    IORING_OP_SYNC_FILE_RANGE: "addr buf_index splice_fd_in",
    IORING_OP_FALLOCATE: "buf_index rw_flags splice_fd_in",
    IORING_OP_FTRUNCATE: "rw_flags addr len buf_index splice_fd_in addr3",
    IORING_OP_FADVISE: "buf_index splice_fd_in",
    IORING_OP_MADVISE: "buf_index splice_fd_in",
    IORING_OP_STATX: "buf_index splice_fd_in",
    IORING_OP_RENAMEAT: "buf_index splice_fd_in",
    IORING_OP_UNLINKAT: "off len buf_index splice_fd_in",
    IORING_OP_MKDIRAT: "off rw_flags buf_index splice_fd_in",
    IORING_OP_SYMLINKAT: "len rw_flags buf_index splice_fd_in",
    IORING_OP_LINKAT: "buf_index splice_fd_in",
    IORING_OP_TEE: "addr off",
}
"""The fields that must be 0."""

REFUSED: list[tuple[int, dict[str, Any], str]] = [
    (IORING_OP_FSYNC, {"rw_flags": 2}, "EINVAL"),
    (IORING_OP_FSYNC, {"off": 1 << 63}, "EINVAL"),
    (IORING_OP_UNLINKAT, {"rw_flags": 1}, "EINVAL"),
    (IORING_OP_MADVISE, {"rw_flags": 5}, "EINVAL"),
    (IORING_OP_MADVISE, {"addr": ARENA + 1}, "EINVAL"),
    (IORING_OP_MADVISE, {"addr": ARENA}, "ENOMEM"),
    (IORING_OP_MADVISE, {"addr": ARENA, "off": (1 << 64) - 1}, "EINVAL"),
    (IORING_OP_FSETXATTR, {"rw_flags": 4, "addr": 0}, "EINVAL"),
    (IORING_OP_FSETXATTR, {"addr": ""}, "ERANGE"),
    (IORING_OP_FSETXATTR, {"addr": "x" * 256}, "ERANGE"),
    (IORING_OP_FSETXATTR, {"len": 65537}, "E2BIG"),
    (IORING_OP_FSETXATTR, {"len": 6}, "EFAULT"),
    (IORING_OP_FGETXATTR, {"rw_flags": 1}, "EINVAL"),
    (IORING_OP_SPLICE, {"rw_flags": 1 << 20}, "EINVAL"),
    (IORING_OP_SPLICE, {"splice_fd_in": 99}, "EBADF"),
    (IORING_OP_SPLICE, {"splice_fd_in": 0, "rw_flags": SPLICE_F_FD_IN_FIXED}, "EBADF"),
    (IORING_OP_TEE, {"rw_flags": 16}, "EINVAL"),
    *(
        (opcode, fields, errno)
        for opcode, sqe in GOOD.items()
        if "f" in (sqe.addr, sqe.addr3)
        for field in ["addr3" if sqe.addr3 == "f" else "addr", *(["off"] if sqe.off == "g" else [])]
        for fields, errno in (({field: 0}, "EFAULT"), ({field: ""}, "ENOENT"), ({field: "x" * 4096}, "ENAMETOOLONG"))
    ),
]

BREAKS = {IORING_OP_FADVISE, IORING_OP_SPLICE, IORING_OP_TEE}
"""What is linked to these does not follow where they fail. Linux forgets it of the others."""


@pytest.fixture
def ring() -> Ring:
    ring = Ring(SimPort())
    ring.port.open(FD, regular=True, can_poll=False)
    ring.port.open(OTHER)
    return ring


def settled(ring: Ring) -> bool:
    return ring.idle() and all(file.refs == 1 for file in ring.port.files.values())


@pytest.mark.parametrize("opcode", GOOD)
def test_result_is_the_calls(ring: Ring, opcode: int) -> None:
    ring.submit(GOOD[opcode])
    assert ring.results() == []
    ring.port.finish(-5)
    assert ring.results() == [(0, "EIO")]
    assert settled(ring)


@pytest.mark.parametrize(("opcode", "name"), [(op, name) for op, names in UNUSED.items() for name in names.split()])
def test_fields_that_must_be_0(ring: Ring, opcode: int, name: str) -> None:
    assert ring.do(GOOD[opcode]._replace(**{name: 1})) == "EINVAL"
    assert settled(ring)


@pytest.mark.parametrize(("opcode", "fields", "errno"), REFUSED)
def test_refused(ring: Ring, opcode: int, fields: dict[str, Any], errno: str) -> None:
    assert ring.do(GOOD[opcode]._replace(**fields)) == errno
    assert settled(ring)


@pytest.mark.parametrize("opcode", [opcode for opcode, sqe in GOOD.items() if "f" in (sqe.addr, sqe.addr3)])
def test_paths_are_of_no_registered_file(ring: Ring, opcode: int) -> None:
    assert ring.do(GOOD[opcode]._replace(flags=IOSQE_FIXED_FILE)) == "EBADF"


@pytest.mark.parametrize("opcode", GOOD)
def test_failure_and_what_is_linked_to_it(ring: Ring, opcode: int) -> None:
    ring.submit(GOOD[opcode]._replace(flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    ring.port.finish(-5)
    assert ring.results() == [(0, "EIO"), (2, "ECANCELED" if opcode in BREAKS else 0)]
    ring.submit(GOOD[opcode]._replace(flags=IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS), Sqe(IORING_OP_NOP, user_data=2))
    ring.port.finish(-5)
    assert ring.results() == ([(0, "EIO")] if opcode in BREAKS else [(2, 0)])


@pytest.mark.parametrize("opcode", [opcode for opcode, sqe in GOOD.items() if sqe.fd == FD])
def test_no_file_breaks_the_chain_of_all(ring: Ring, opcode: int) -> None:
    ring.submit(GOOD[opcode]._replace(fd=99, flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    assert ring.results() == [(0, "EBADF"), (2, "ECANCELED")]


@pytest.mark.parametrize("opcode", GOOD)
def test_cancelled_before_a_worker_has_begun(ring: Ring, opcode: int) -> None:
    ring.submit(
        GOOD[opcode]._replace(flags=IOSQE_IO_LINK, user_data=7),
        Sqe(IORING_OP_NOP, user_data=8),
        Sqe(IORING_OP_ASYNC_CANCEL, addr=7, user_data=9),
    )
    assert sorted(ring.results()) == [(7, "ECANCELED"), (8, "ECANCELED"), (9, 0)]
    assert settled(ring)


@pytest.mark.parametrize("opcode", [IORING_OP_SPLICE, IORING_OP_TEE])
@pytest.mark.parametrize(("moved", "follows"), [(8, 0), (7, "ECANCELED"), (0, "ECANCELED")])
def test_fewer_bytes_break_a_chain(ring: Ring, opcode: int, moved: int, follows: object) -> None:
    ring.submit(GOOD[opcode]._replace(flags=IOSQE_IO_LINK), Sqe(IORING_OP_NOP, user_data=2))
    ring.port.finish(moved)
    assert ring.results() == [(0, moved), (2, follows)]


def test_splice_of_nothing_needs_no_call(ring: Ring) -> None:
    assert ring.do(GOOD[IORING_OP_SPLICE]._replace(len=0)) == 0
    assert ring.do(GOOD[IORING_OP_TEE]._replace(len=0)) == 0
    assert not ring.port.queued


def test_registered_source_is_held_while_it_is_used(ring: Ring) -> None:
    file = ring.port.files[OTHER]
    ring.ctx.file_table.register([OTHER], 1)
    assert file.refs == 2
    ring.submit(GOOD[IORING_OP_SPLICE]._replace(splice_fd_in=0, rw_flags=SPLICE_F_FD_IN_FIXED))
    ring.ctx.file_table.unregister()
    assert file.refs == 2
    ring.port.finish(8)
    assert ring.results() == [(0, 8)]
    assert settled(ring)


def test_what_is_known_of_a_file_goes_to_its_buffer(ring: Ring) -> None:
    buffer = bytearray(300)
    ring.submit(GOOD[IORING_OP_STATX]._replace(off=buffer))
    ring.port.finish(b"x" * 256)
    assert ring.results() == [(0, 0)]
    assert buffer == b"x" * 256 + bytes(44)


@pytest.mark.parametrize("opcode", [IORING_OP_FGETXATTR, IORING_OP_GETXATTR])
def test_attribute_goes_to_its_buffer(ring: Ring, opcode: int) -> None:
    buffer = bytearray(5)
    for got, expected in ((b"abc", 3), (b"", 0), (12, 12)):
        ring.submit(GOOD[opcode]._replace(off=buffer))
        ring.port.finish(got)
        assert ring.results() == [(0, expected)]
    assert buffer == b"abc\0\0"


@pytest.mark.parametrize("opcode", [IORING_OP_STATX, IORING_OP_GETXATTR, IORING_OP_FGETXATTR])
def test_result_without_a_buffer(ring: Ring, opcode: int) -> None:
    ring.submit(GOOD[opcode]._replace(off=16))
    ring.port.finish(b"x" * 256)
    assert ring.results() == [(0, "EFAULT")]
    assert settled(ring)


def test_memory_of_no_size_needs_no_call(ring: Ring) -> None:
    assert ring.do(GOOD[IORING_OP_MADVISE]._replace(len=0)) == 0
    assert ring.do(GOOD[IORING_OP_MADVISE]._replace(addr=ARENA, len=0)) == 0
