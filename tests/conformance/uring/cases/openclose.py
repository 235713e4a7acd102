"""OPENAT, OPENAT2, CLOSE and PIPE: descriptors, and slots of the table of files."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from usernel.abi import io_uring as abi
from usernel.abi import openat2
from usernel.abi.fcntl import AT_FDCWD, O_LARGEFILE, O_PATH, O_TMPFILE
from usernel.abi.io_uring_op import (
    IORING_FILE_INDEX_ALLOC,
    IORING_OP_CLOSE,
    IORING_OP_NOP,
    IORING_OP_OPENAT,
    IORING_OP_OPENAT2,
    IORING_OP_PIPE,
    IORING_OP_READ,
    IORING_OP_WRITE,
)

from ..case import case
from ..program import NOWHERE, Block, Program

TEXT = b"0123456789abcdef"
ALLOC = IORING_FILE_INDEX_ALLOC
LONG = "x" * 4096
KEPT = 512
"""From where on a target keeps descriptors of its own."""


def is_open(fd: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(fd)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False
    return True


def descriptors() -> int:
    """How many descriptors are open, but for those that a ring in the same process keeps out of the way."""
    return sum(int(entry.name) < KEPT for entry in Path("/proc/self/fd").iterdir())


def how(u: Program, flags: int = 0, mode: int = 0, resolve: int = 0, beyond: bytes = b"") -> Block:
    """A struct open_how."""
    return u.put(openat2.OPEN_HOW.pack(flags, mode, resolve) + beyond)


@case
def opens(u: Program) -> None:
    ring = u.ring()
    u.file("f", TEXT)
    Path("d").mkdir()
    Path("l").symlink_to("f")
    Path("loop").symlink_to("loop")
    for name, flags in (
        ("f", os.O_RDONLY), ("f", os.O_WRONLY), ("f", os.O_RDWR | os.O_APPEND), ("l", 0), ("l", os.O_NOFOLLOW),
        ("none", 0), ("d", 0), ("d", os.O_RDWR), ("f", os.O_DIRECTORY), ("d", os.O_DIRECTORY), ("f/g", 0),
        ("none/g", 0), ("loop", 0), ("new", os.O_CREAT | os.O_WRONLY), ("f", os.O_CREAT | os.O_EXCL),
        ("none", os.O_EXCL), ("f", O_PATH),
        (".", O_TMPFILE | os.O_RDWR), (".", O_TMPFILE), ("f", os.O_CLOEXEC), ("f", os.O_NONBLOCK), ("f", 3),
        ("f", os.O_TRUNC | os.O_WRONLY),
    ):  # fmt: skip
        cqe = ring.do(IORING_OP_OPENAT, name, fd=AT_FDCWD, addr=u.path(name), open_flags=flags, len=0o640)
        if cqe.res >= 0:
            kept = int(Path(f"/proc/self/fdinfo/{cqe.res}").read_text().split()[3], 8) & ~O_LARGEFILE
            u.note(flags=kept, inheritable=os.get_inheritable(cqe.res), mode=os.fstat(cqe.res).st_mode)
            os.close(cqe.res)
    u.show("f")


@case
def paths_that_are_none(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    for note, addr in (
        ("nowhere", NOWHERE), ("null", 0), ("beyond", 1 << 63), ("empty", u.path("")), ("long", u.path(LONG)),
        ("4095", u.path("./" * 2047 + "d")), ("a long name", u.path("x" * 256)),
    ):  # fmt: skip
        ring.do(IORING_OP_OPENAT, note, fd=AT_FDCWD, addr=addr)
        ring.do(IORING_OP_OPENAT2, note, fd=AT_FDCWD, addr=addr, off=how(u), len=24)


@case
def directories_to_open_in(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    u.file("d/f", TEXT)
    at, file = os.open("d", os.O_RDONLY), u.file("f")
    for note, fd, name in (
        ("in", at, "f"), ("in a file", file, "f"), ("in none", 999, "f"), ("negative", -1, "f"), ("absolute", 999, "/"),
        ("up", at, "../f"),
    ):  # fmt: skip
        ring.do(IORING_OP_OPENAT, note, fd=fd, addr=u.path(name))


@case
def fields_of_opens(u: Program) -> None:
    ring = u.ring()
    path = u.path(".")
    for name in ("buf_index", "off", "addr3", "pad2"):
        ring.do(IORING_OP_OPENAT, fd=AT_FDCWD, addr=path, **{name: 1})
    for name in ("buf_index", "rw_flags", "addr3", "pad2"):
        ring.do(IORING_OP_OPENAT2, fd=AT_FDCWD, addr=path, off=how(u), len=24, **{name: 1})
    for opcode in (IORING_OP_OPENAT, IORING_OP_OPENAT2):
        ring.do(opcode, fd=AT_FDCWD, addr=path, off=how(u), len=24, flags=abi.IOSQE_FIXED_FILE)
        ring.do(opcode, fd=AT_FDCWD, addr=path, off=how(u), len=24, flags=abi.IOSQE_FIXED_FILE, buf_index=1)
        ring.do(opcode, fd=AT_FDCWD, addr=NOWHERE, off=how(u), len=24, flags=abi.IOSQE_FIXED_FILE)


@case
def flags_that_openat_drops(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    for flags in (1 << 30, 1 << 31, 0x40, 0x8, 0xFFFFFFFF & ~os.O_CREAT & ~O_TMPFILE & ~os.O_EXCL):
        ring.do(IORING_OP_OPENAT, fd=AT_FDCWD, addr=u.path("f"), open_flags=flags, len=0o177777)


@case
def opens_in_a_way(u: Program) -> None:
    ring = u.ring()
    Path("d").mkdir()
    u.file("f", TEXT)
    Path("l").symlink_to("f")
    Path("root").symlink_to("/")
    for name, flags, mode, resolve in (
        ("f", 0, 0, 0), ("f", os.O_RDWR, 0, 0), ("f", 0, 0o644, 0), ("new", os.O_CREAT | os.O_RDWR, 0o600, 0),
        ("other", os.O_CREAT | os.O_RDWR, 0o177777, 0), ("f", 1 << 31, 0, 0), ("f", 1 << 32, 0, 0), ("f", 0x40, 0, 0),
        ("f", O_PATH | os.O_RDWR, 0, 0), ("f", O_PATH, 0, 0), ("f", 0, 0, 1 << 6), ("f", 0, 0, 1 << 63),
        ("l", 0, 0, openat2.RESOLVE_NO_SYMLINKS), ("l", 0, 0, openat2.RESOLVE_BENEATH),
        ("../x", 0, 0, openat2.RESOLVE_BENEATH), ("root", 0, 0, openat2.RESOLVE_BENEATH),
        ("/f", 0, 0, openat2.RESOLVE_IN_ROOT), ("f", 0, 0, openat2.RESOLVE_IN_ROOT | openat2.RESOLVE_BENEATH),
        ("/proc/self/fd/0", 0, 0, openat2.RESOLVE_NO_MAGICLINKS), ("/proc/self/exe", 0, 0, openat2.RESOLVE_NO_XDEV),
        ("f", 0, 0, openat2.RESOLVE_CACHED), ("new2", os.O_CREAT, 0o600, openat2.RESOLVE_CACHED),
    ):  # fmt: skip
        note = f"{name} {flags:#x} {mode:o} {resolve:#x}"
        ring.do(IORING_OP_OPENAT2, note, fd=AT_FDCWD, addr=u.path(name), off=how(u, flags, mode, resolve), len=24)


@case
def sizes_of_open_how(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    path = u.path("f")
    for size in (0, 8, 23, 24, 25, 32, 0xFFFFFFFF):
        ring.do(IORING_OP_OPENAT2, fd=AT_FDCWD, addr=path, off=how(u, beyond=bytes(8)), len=size)
        ring.do(IORING_OP_OPENAT2, "more", fd=AT_FDCWD, addr=path, off=how(u, beyond=b"\1" * 8), len=size)
    ring.do(IORING_OP_OPENAT2, "nowhere", fd=AT_FDCWD, addr=path, off=NOWHERE, len=24)
    ring.do(IORING_OP_OPENAT2, "no path", fd=AT_FDCWD, addr=NOWHERE, off=how(u, 1 << 40), len=24)


@case
def no_descriptor_is_left(u: Program) -> None:
    ring = u.ring()
    u.file("f", TEXT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 4096))
    ring.do(IORING_OP_OPENAT, fd=AT_FDCWD, addr=u.path("f"))
    ring.do(IORING_OP_OPENAT, "nor is it there", fd=AT_FDCWD, addr=u.path("none"))
    ring.do(IORING_OP_PIPE, addr=u.alloc(8))


@case
def opens_into_slots(u: Program) -> None:
    ring = u.ring()
    u.file("f", TEXT)
    path = u.path("f")
    before = descriptors()
    ring.do(IORING_OP_OPENAT, "no table", fd=AT_FDCWD, addr=path, file_index=1)
    ring.do(IORING_OP_OPENAT, "no table", fd=AT_FDCWD, addr=path, file_index=ALLOC)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1, -1, u.file("f")), 3)
    for index in (1, 1, 4, 5, ALLOC - 1, 1 << 31, ALLOC, ALLOC):
        ring.do(IORING_OP_OPENAT, fd=AT_FDCWD, addr=path, file_index=index)
    ring.do(IORING_OP_OPENAT, "cloexec", fd=AT_FDCWD, addr=path, file_index=1, open_flags=os.O_CLOEXEC)
    ring.do(IORING_OP_OPENAT2, "cloexec", fd=AT_FDCWD, addr=path, file_index=9, off=how(u, os.O_CLOEXEC), len=24)
    ring.do(IORING_OP_OPENAT, "none", fd=AT_FDCWD, addr=u.path("none"), file_index=9)
    ring.do(
        IORING_OP_OPENAT, fd=AT_FDCWD, addr=u.path("new"), file_index=2, open_flags=os.O_CREAT | os.O_RDWR, len=0o644
    )
    ring.do(IORING_OP_WRITE, fd=1, addr=u.put(b"new"), len=3, flags=abi.IOSQE_FIXED_FILE)
    u.show("new")
    block = u.alloc(16)
    ring.do(IORING_OP_READ, fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)
    u.note(read=block.bytes(), descriptors=descriptors() - before)


@case
def slots_without_a_descriptor(u: Program) -> None:
    ring = u.ring()
    u.file("f", TEXT)
    block = u.alloc(16)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1), 1)
    ring.prep(IORING_OP_OPENAT, fd=AT_FDCWD, addr=u.path("f"), file_index=1, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_READ, fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE | abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_CLOSE, file_index=1)
    ring.submit(3)
    ring.reap()
    u.note(read=block.bytes())
    ring.do(IORING_OP_READ, fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)


@case
def slots_that_are_in_use(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = u.alloc(16)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", end), 1)
    os.close(end)
    ring.prep(IORING_OP_READ, fd=0, addr=block, len=16, flags=abi.IOSQE_FIXED_FILE)
    ring.submit()
    ring.do(IORING_OP_CLOSE, file_index=1)
    os.write(other, b"hello")
    ring.reap(1)
    u.note(read=block.bytes())


@case
def closes(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    for note, number in (("file", fd), ("again", fd), ("none", 999), ("negative", -1), ("ring", ring.fd)):
        ring.do(IORING_OP_CLOSE, note, fd=number)
    u.note(open=is_open(fd), ring=is_open(ring.fd))
    fd = u.file("f")
    for name in ("off", "addr", "len", "rw_flags", "buf_index", "file_index", "addr3", "pad2"):
        ring.do(IORING_OP_CLOSE, fd=999, **{name: 1})
    ring.do(IORING_OP_CLOSE, fd=fd, flags=abi.IOSQE_FIXED_FILE)
    ring.do(IORING_OP_CLOSE, fd=fd, flags=abi.IOSQE_FIXED_FILE, len=1)
    ring.do(IORING_OP_CLOSE, fd=fd, flags=abi.IOSQE_ASYNC)
    u.note(open=is_open(fd))


@case
def closes_slots(u: Program) -> None:
    ring = u.ring()
    for index in (1, 2, ALLOC):
        ring.do(IORING_OP_CLOSE, "no table", file_index=index)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", u.file("f"), -1), 2)
    for index in (1, 1, 2, 3, 1 << 31, ALLOC):
        ring.do(IORING_OP_CLOSE, file_index=index)


@case
def closes_what_a_chain_opened(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    ring.prep(IORING_OP_READ, fd=fd, addr=u.alloc(16), len=16, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_CLOSE, fd=fd, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_CLOSE, fd=fd, flags=abi.IOSQE_IO_LINK)
    ring.prep(IORING_OP_NOP)
    ring.submit(4)
    ring.reap()


@case
def closes_what_is_read(u: Program) -> None:
    ring = u.ring()
    end, other = u.pipe()
    block = u.alloc(16)
    ring.prep(IORING_OP_READ, fd=end, addr=block, len=16)
    ring.prep(IORING_OP_CLOSE, fd=end)
    ring.submit()
    ring.reap(1)
    os.write(other, b"hello")
    ring.reap(1)
    u.note(read=block.bytes())


@case
def pipes(u: Program) -> None:
    ring = u.ring()
    for flags in (0, os.O_CLOEXEC, os.O_NONBLOCK, os.O_DIRECT, os.O_CLOEXEC | os.O_NONBLOCK):
        fds = u.numbers("i", -1, -1)
        ring.do(IORING_OP_PIPE, addr=fds, pipe_flags=flags)
        end, other = fds.view.cast("i")
        os.write(other, b"hello")
        u.note(read=os.read(end, 99), inheritable=os.get_inheritable(end), blocking=os.get_blocking(other))
    for flags in (os.O_RDWR, os.O_CREAT, os.O_APPEND, os.O_EXCL, 1 << 31, 1):
        ring.do(IORING_OP_PIPE, addr=u.alloc(8), pipe_flags=flags)
    for name in ("fd", "off", "len", "buf_index", "addr3", "pad2"):
        ring.do(IORING_OP_PIPE, f"{name} is 1", addr=u.alloc(8), **{name: 1})
    ring.do(IORING_OP_PIPE, addr=u.alloc(8), flags=abi.IOSQE_FIXED_FILE)
    ring.do(IORING_OP_PIPE, addr=u.alloc(8), flags=abi.IOSQE_ASYNC)


@case
def pipes_for_nobody(u: Program) -> None:
    ring = u.ring()
    before = descriptors()
    for addr in (NOWHERE, 0, 1 << 63):
        ring.do(IORING_OP_PIPE, addr=addr)
    u.note(left=descriptors() - before)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", -1, -1), 2)
    for index in (1, ALLOC):
        ring.do(IORING_OP_PIPE, addr=NOWHERE, file_index=index)
    u.note(left=descriptors() - before)
    for index in (1, 2):
        ring.do(IORING_OP_CLOSE, file_index=index)


@case
def pipes_in_slots(u: Program) -> None:
    ring = u.ring()
    ring.do(IORING_OP_PIPE, "no table", addr=u.alloc(8), file_index=1)
    ring.do(IORING_OP_PIPE, "no table", addr=u.alloc(8), file_index=ALLOC)
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", *[-1] * 5), 5)
    for index, flags in (
        (1, 0), (4, 0), (5, 0), (6, 0), (ALLOC, 0), (ALLOC, 0), (ALLOC, 0), (1, os.O_CLOEXEC), (ALLOC - 1, 0),
        (1 << 31, 0), (2, os.O_NONBLOCK),
    ):  # fmt: skip
        fds = u.numbers("i", -1, -1)
        ring.do(IORING_OP_PIPE, addr=fds, file_index=index, pipe_flags=flags)
        u.note(slots=list(fds.view.cast("i")))
    for slot in range(5):
        ring.do(IORING_OP_WRITE, fd=slot, addr=u.put(b"hello"), len=5, flags=abi.IOSQE_FIXED_FILE)
    for slot in range(6):
        ring.do(IORING_OP_CLOSE, file_index=slot + 1)


@case
def failures_break_a_chain(u: Program) -> None:
    ring = u.ring()
    path = u.path("none")
    for opcode, fields in (
        (IORING_OP_OPENAT, {"fd": AT_FDCWD, "addr": path}), (IORING_OP_CLOSE, {"fd": 999}),
        (IORING_OP_PIPE, {"addr": NOWHERE}),
        (IORING_OP_PIPE, {"addr": NOWHERE, "file_index": 1}), (IORING_OP_CLOSE, {"file_index": 1}),
        (IORING_OP_OPENAT, {"fd": AT_FDCWD, "addr": u.path("."), "file_index": 1}),
    ):  # fmt: skip
        ring.prep(opcode, flags=abi.IOSQE_IO_LINK, **fields)
        ring.prep(IORING_OP_NOP)
        ring.submit(2)
        ring.reap()
