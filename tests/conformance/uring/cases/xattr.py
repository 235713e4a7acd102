"""FSETXATTR, SETXATTR, FGETXATTR and GETXATTR."""

from __future__ import annotations

import os
from pathlib import Path

from usernel.abi import io_uring as abi
from usernel.abi import xattr
from usernel.abi.io_uring_op import (
    IORING_OP_FGETXATTR,
    IORING_OP_FSETXATTR,
    IORING_OP_GETXATTR,
    IORING_OP_NOP,
    IORING_OP_SETXATTR,
)

from ..case import case
from ..program import NOWHERE, Program

NAME = "user.name"
SETS = (IORING_OP_FSETXATTR, IORING_OP_SETXATTR)
GETS = (IORING_OP_FGETXATTR, IORING_OP_GETXATTR)


@case
def set_and_got(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    path = u.path("f")
    ring.do(IORING_OP_FSETXATTR, fd=fd, addr=u.path(NAME), off=u.put(b"value"), len=5)
    ring.do(IORING_OP_SETXATTR, addr=u.path("user.other"), off=u.put(b"of a path"), len=9, addr3=path)
    for opcode in GETS:
        for name in (NAME, "user.other", "user.none"):
            for size in (16, 9, 5, 4, 0):
                block = u.alloc(16)
                cqe = ring.do(opcode, name, fd=fd, addr=u.path(name), off=block, len=size, addr3=path)
                if cqe.res > 0:
                    u.note(holds=block.bytes())
    u.note(names=sorted(name for name in os.listxattr("f") if name.startswith("user.")))


@case
def flags(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    for opcode in SETS:
        for bits in (xattr.XATTR_REPLACE, xattr.XATTR_CREATE, xattr.XATTR_CREATE, xattr.XATTR_REPLACE, 3, 4, 1 << 31):
            name = u.path(f"user.{opcode}")
            ring.do(opcode, fd=fd, addr=name, off=u.put(b"value"), len=5, addr3=u.path("f"), xattr_flags=bits)
    for opcode in GETS:
        for bits in (1, 1 << 31):
            name = u.path(NAME)
            ring.do(opcode, fd=fd, addr=name, off=u.alloc(8), len=5, addr3=u.path("f"), xattr_flags=bits)


@case
def names_and_values_that_are_none(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    for opcode in (*SETS, *GETS):
        for note, name, value, size in (
            ("name nowhere", NOWHERE, u.alloc(8), 8), ("name null", 0, u.alloc(8), 8),
            ("value nowhere", u.path(NAME), NOWHERE, 8),
            ("nothing nowhere", u.path(NAME), NOWHERE, 0), ("no name", u.path(""), u.alloc(8), 8),
            ("255", u.path("user." + "x" * 250), u.alloc(8), 1), ("256", u.path("user." + "x" * 251), u.alloc(8), 1),
            ("no namespace", u.path("name"), u.alloc(8), 8), ("unknown namespace", u.path("none.name"), u.alloc(8), 8),
            ("only a namespace", u.path("user."), u.alloc(8), 8), ("too large", u.path(NAME), u.alloc(8), 65537),
            ("largest", u.path(NAME), NOWHERE, 65536), ("huge", u.path(NAME), u.alloc(8), 0xFFFFFFFF),
        ):  # fmt: skip
            ring.do(opcode, note, fd=fd, addr=name, off=value, len=size, addr3=u.path("f"))


@case
def files_that_are_none(u: Program) -> None:
    ring = u.ring()
    end, _ = u.pipe()
    u.file("f")
    Path("l").symlink_to("f")
    Path("dangling").symlink_to("none")
    for opcode in (IORING_OP_FSETXATTR, IORING_OP_FGETXATTR):
        for note, fd in (
            ("closed", 999),
            ("pipe", end),
            ("read only", u.file("f", flags=os.O_RDONLY)),
            ("path", os.open("f", os.O_PATH)),
        ):
            ring.do(opcode, note, fd=fd, addr=u.path(NAME), off=u.put(b"value"), len=5)
    for opcode in (IORING_OP_SETXATTR, IORING_OP_GETXATTR):
        for name in ("none", "f/x", "", "l", "dangling", "x" * 4096):
            ring.do(opcode, name[:9], addr=u.path(NAME), off=u.put(b"value"), len=5, addr3=u.path(name))
        ring.do(opcode, "nowhere", addr=u.path(NAME), off=u.put(b"value"), len=5, addr3=NOWHERE)


@case
def fields(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    for opcode in (*SETS, *GETS):
        for name in ("buf_index", "splice_fd_in", "pad2"):
            ring.do(opcode, fd=fd, addr=u.path(NAME), off=u.put(b"value"), len=5, addr3=u.path("f"), **{name: 1})


@case
def registered_files(u: Program) -> None:
    ring = u.ring()
    ring.register(abi.IORING_REGISTER_FILES, u.numbers("i", u.file("f")), 1)
    for opcode in (*SETS, *GETS):
        for slot in (0, 1):
            ring.do(
                opcode, f"slot {slot}", fd=slot, addr=u.path(NAME), off=u.put(b"value"), len=5, addr3=u.path("f"),
                flags=abi.IOSQE_FIXED_FILE,
            )  # fmt: skip
        ring.do(opcode, "and flags", fd=0, addr=NOWHERE, xattr_flags=4, addr3=u.path("f"), flags=abi.IOSQE_FIXED_FILE)


@case
def failures_and_chains(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f")
    for opcode in (*SETS, *GETS):
        for skip in (0, abi.IOSQE_CQE_SKIP_SUCCESS):
            ring.prep(
                opcode, fd=fd, addr=u.path("none.name"), off=u.put(b"value"), len=5, addr3=u.path("f"),
                flags=abi.IOSQE_IO_LINK | skip,
            )  # fmt: skip
            ring.prep(IORING_OP_NOP)
            ring.submit(1 if skip else 2)
            ring.reap()
