"""The jobs that opcodes ask of their port."""

from __future__ import annotations

import pytest

from usernel.abi.fcntl import AT_FDCWD, AT_REMOVEDIR, O_CREAT, O_LARGEFILE, O_PATH
from usernel.abi.io_uring_op import (
    IORING_FSYNC_DATASYNC,
    IORING_OP_EPOLL_CTL,
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
    IORING_OP_OPENAT,
    IORING_OP_OPENAT2,
    IORING_OP_PIPE,
    IORING_OP_READ,
    IORING_OP_READV,
    IORING_OP_RENAMEAT,
    IORING_OP_SETXATTR,
    IORING_OP_SPLICE,
    IORING_OP_STATX,
    IORING_OP_SYMLINKAT,
    IORING_OP_SYNC_FILE_RANGE,
    IORING_OP_TEE,
    IORING_OP_UNLINKAT,
    IORING_OP_WRITE,
    SPLICE_F_FD_IN_FIXED,
)
from usernel.kernel.io_uring import jobs
from usernel.kernel.io_uring.jobs import JOBS
from usernel.kernel.io_uring.port import AGAIN, Job
from usernel.kernel.io_uring.sqe import Sqe

from .sim_port import Ring, SimPort

FD, OTHER = 5, 6
MINUS = (1 << 64) - 1
DATA = bytearray(b"0123456789")

FILE, SOURCE = "the file", "the other file"
"""Stand for the files of FD and OTHER."""

ASKED = [
    (Sqe(IORING_OP_READ, fd=FD, addr=DATA, len=4, off=7, rw_flags=2), "read", (FILE, (b"0123",), 7, 2)),
    (Sqe(IORING_OP_READV, fd=FD, addr=[DATA, bytearray(), bytearray(b"xy")], len=3, off=MINUS), "read",
     (FILE, (b"0123456789", b"xy"), -1, 0)),
    (Sqe(IORING_OP_WRITE, fd=FD, addr=b"text", len=4), "write", (FILE, (b"text",), 0, 0)),
    (Sqe(IORING_OP_FSYNC, fd=FD, rw_flags=IORING_FSYNC_DATASYNC, off=3, len=4), "fsync", (FILE, True, 3, 7)),
    (Sqe(IORING_OP_FSYNC, fd=FD, off=(1 << 63) - 1, len=4), "fsync", (FILE, False, (1 << 63) - 1, 0)),
    (Sqe(IORING_OP_SYNC_FILE_RANGE, fd=FD, off=MINUS, len=4, rw_flags=7), "sync_file_range", (FILE, -1, 4, 7)),
    (Sqe(IORING_OP_FALLOCATE, fd=FD, off=3, addr=MINUS, len=1 << 31), "fallocate", (FILE, -(1 << 31), 3, -1)),
    (Sqe(IORING_OP_FTRUNCATE, fd=FD, off=9), "ftruncate", (FILE, 9)),
    (Sqe(IORING_OP_FADVISE, fd=FD, off=3, len=4, rw_flags=1), "fadvise", (FILE, 3, 4, 1)),
    (Sqe(IORING_OP_FADVISE, fd=FD, off=3, len=4, addr=9, rw_flags=4), "fadvise", (FILE, 3, 9, 4)),
    (Sqe(IORING_OP_MADVISE, addr=DATA, len=4, rw_flags=1), "madvise", (b"0123", 1)),
    (Sqe(IORING_OP_MADVISE, addr=DATA, off=5, len=4), "madvise", (b"01234", 0)),
    (Sqe(IORING_OP_OPENAT, fd=AT_FDCWD, addr="f", rw_flags=0x40000003 & ~3, len=0o17777), "openat2",
     (AT_FDCWD, b"f", O_LARGEFILE, 0, 0)),
    (Sqe(IORING_OP_OPENAT, fd=FD, addr="f", rw_flags=O_CREAT, len=0o17777), "openat2",
     (FD, b"f", O_CREAT | O_LARGEFILE, 0o7777, 0)),
    (Sqe(IORING_OP_OPENAT, fd=FD, addr="f", rw_flags=O_PATH | O_CREAT), "openat2", (FD, b"f", O_PATH, 0, 0)),
    (Sqe(IORING_OP_OPENAT2, fd=FD, addr="f", off=(1 << 40, 5, 6), len=24), "openat2",
     (FD, b"f", 1 << 40 | O_LARGEFILE, 5, 6)),
    (Sqe(IORING_OP_STATX, fd=FD, addr="f", off=DATA, len=0x7FF, rw_flags=0x100), "statx", (FD, b"f", 0x100, 0x7FF)),
    (Sqe(IORING_OP_RENAMEAT, fd=FD, addr="a", len=AT_FDCWD & 0xFFFFFFFF, off="b", rw_flags=1), "renameat2",
     (FD, b"a", AT_FDCWD, b"b", 1)),
    (Sqe(IORING_OP_UNLINKAT, fd=FD, addr="a", rw_flags=AT_REMOVEDIR), "unlinkat", (FD, b"a", AT_REMOVEDIR)),
    (Sqe(IORING_OP_MKDIRAT, fd=FD, addr="a", len=0x101FF), "mkdirat", (FD, b"a", 0o777)),
    (Sqe(IORING_OP_SYMLINKAT, fd=FD, addr="to", off="at"), "symlinkat", (b"to", FD, b"at")),
    (Sqe(IORING_OP_LINKAT, fd=FD, addr="a", len=7, off="b", rw_flags=0x400), "linkat", (FD, b"a", 7, b"b", 0x400)),
    (Sqe(IORING_OP_FSETXATTR, fd=FD, addr="user.a", off=DATA, len=3), "fsetxattr", (FILE, b"user.a", b"012", 0)),
    (Sqe(IORING_OP_SETXATTR, addr="user.a", off=DATA, len=3, addr3="f", rw_flags=1), "setxattr",
     (b"f", b"user.a", b"012", 1)),
    (Sqe(IORING_OP_FGETXATTR, fd=FD, addr="user.a", off=DATA, len=3), "fgetxattr", (FILE, b"user.a", 3)),
    (Sqe(IORING_OP_GETXATTR, addr="user.a", off=DATA, len=3, addr3="f"), "getxattr", (b"f", b"user.a", 3)),
    (Sqe(IORING_OP_SPLICE, fd=FD, splice_fd_in=OTHER, addr=MINUS, off=3, len=9, rw_flags=2), "splice",
     (SOURCE, -1, FILE, 3, 9, 2)),
    (Sqe(IORING_OP_TEE, fd=FD, splice_fd_in=OTHER, len=9, rw_flags=1), "tee", (SOURCE, FILE, 9, 1)),
    (Sqe(IORING_OP_PIPE, fd=0, addr=DATA, rw_flags=0o4000), "pipe2", (0o4000,)),
    (Sqe(IORING_OP_EPOLL_CTL, fd=FD, len=2, off=OTHER), "epoll_ctl", (FD, 2, OTHER, None)),
]  # fmt: skip


def test_docstring_lists_the_jobs_with_their_arguments() -> None:
    listed = {line.split()[0] for line in (jobs.__doc__ or "").splitlines() if line.startswith("    ")}
    assert listed == set(JOBS)
    for name, arguments in JOBS.items():
        assert _row(name).startswith(", ".join(arguments))


def _row(name: str) -> str:
    (line,) = (line for line in (jobs.__doc__ or "").splitlines() if line.startswith(f"    {name} "))
    return line.strip().removeprefix(name).strip()


@pytest.mark.parametrize(("sqe", "name", "args"), ASKED)
def test_what_an_entry_asks_for(sqe: Sqe, name: str, args: tuple[object, ...]) -> None:
    job, stands_for = asked(sqe)
    assert job.name == name
    assert len(job.args) == len(JOBS[name])
    assert tuple(_plain(arg, stands_for) for arg in job.args) == args


def test_every_job_is_asked_for() -> None:
    assert {name for _, name, _ in ASKED} == set(JOBS)


def test_flag_of_a_fixed_source_is_the_rings_own() -> None:
    ring = Ring()
    ring.port.open(FD)
    source = ring.port.open(OTHER)
    ring.ctx.file_table.register([OTHER], 1)
    ring.submit(Sqe(IORING_OP_SPLICE, fd=FD, splice_fd_in=0, len=9, rw_flags=SPLICE_F_FD_IN_FIXED | 2))
    ((_, job),) = ring.port.queued
    assert job.args[0] is source
    assert job.args[-1] == 2


def test_credentials_of_a_personality_go_along() -> None:
    ring = Ring()
    ring.ctx.personalities[3] = "somebody"
    ring.submit(Sqe(IORING_OP_MKDIRAT, fd=FD, addr="a", personality=3), Sqe(IORING_OP_MKDIRAT, fd=FD, addr="b"))
    assert [job.cred for _, job in ring.port.queued] == ["somebody", None]


class Asked(SimPort):
    """An environment that notes what it is asked to do at once."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[Job] = []

    def try_now(self, job: Job) -> object:
        self.tried.append(job)
        return AGAIN


def asked(sqe: Sqe) -> tuple[Job, dict[int, str]]:
    port = Asked()
    ring = Ring(port)
    files = {id(port.open(FD)): FILE, id(port.open(OTHER)): SOURCE}
    ring.submit(sqe)
    found = port.tried or [job for _, job in port.queued]
    assert found, ring.results()
    return found[0], files


def _plain(arg: object, stands_for: dict[int, str]) -> object:
    if isinstance(arg, tuple):
        return tuple(bytes(view) for view in arg)
    return bytes(arg) if isinstance(arg, memoryview) else stands_for.get(id(arg), arg)
