"""STATX, RENAMEAT, UNLINKAT, MKDIRAT, SYMLINKAT and LINKAT."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from struct import Struct

from usernel.abi import fs
from usernel.abi import io_uring as abi
from usernel.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_REMOVEDIR,
    AT_STATX_DONT_SYNC,
    AT_STATX_FORCE_SYNC,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
)
from usernel.abi.io_uring_op import (
    IORING_OP_LINKAT,
    IORING_OP_MKDIRAT,
    IORING_OP_NOP,
    IORING_OP_RENAMEAT,
    IORING_OP_STATX,
    IORING_OP_SYMLINKAT,
    IORING_OP_UNLINKAT,
)

from ..case import case
from ..program import NOWHERE, Program
from ..unshown import Unshown

TEXT = b"0123456789abcdef"
STATX_SIZE = 256
STATX_START = Struct("=IIQIIIHxxQQ")
"""mask blksize attributes nlink uid gid mode ino size."""
FIELDS = ("off", "addr3", "pad2", "len", "rw_flags", "buf_index", "splice_fd_in")


def listing(u: Program) -> None:
    """Note what the directory holds."""
    found = {}
    for path in sorted(Path().rglob("*")):
        mode = path.lstat().st_mode
        found[str(path)] = (
            str(path.readlink()) if path.is_symlink() else f"{stat.filemode(mode)} {path.stat().st_nlink}"
        )
        if stat.S_ISREG(mode):
            found[str(path)] += f" {path.read_text()}"
    u.note(**found)


@case
def statxes(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", TEXT)
    Path("l").symlink_to("f")
    Path("dangling").symlink_to("none")
    for name, at, flags, mask in (
        ("f", AT_FDCWD, 0, 0x7FF), ("f", AT_FDCWD, 0, 0), ("l", AT_FDCWD, 0, 0x7FF), ("f", AT_FDCWD, 0, 1 << 31),
        ("l", AT_FDCWD, AT_SYMLINK_NOFOLLOW, 0x7FF), ("dangling", AT_FDCWD, 0, 0x7FF), ("none", AT_FDCWD, 0, 0x7FF),
        ("f/x", AT_FDCWD, 0, 0x7FF), ("", AT_FDCWD, 0, 0x7FF), ("", fd, AT_EMPTY_PATH, 0x7FF),
        ("", AT_FDCWD, AT_EMPTY_PATH, 0x7FF), ("", 999, AT_EMPTY_PATH, 0x7FF), ("f", 999, 0, 0x7FF),
        ("f", fd, 0, 0x7FF),
        ("f", AT_FDCWD, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0x7FF),
        ("f", AT_FDCWD, AT_STATX_DONT_SYNC | AT_STATX_FORCE_SYNC, 0x7FF), ("f", AT_FDCWD, 1 << 20, 0x7FF),
        ("f", AT_FDCWD, AT_REMOVEDIR, 0x7FF),
    ):  # fmt: skip
        block = u.alloc(STATX_SIZE)
        cqe = ring.do(IORING_OP_STATX, name, fd=at, addr=u.path(name), off=block, len=mask, statx_flags=flags)
        if cqe.res == 0:
            _, _, _, nlink, uid, gid, mode, ino, size = block.unpack(STATX_START)
            same = ino == (Path(name).lstat() if name else os.fstat(fd) if at == fd else Path().stat()).st_ino
            u.note(nlink=nlink if stat.S_ISREG(mode) else None, uid=uid, gid=gid, mode=stat.filemode(mode), same=same)
            u.note(size=size if not stat.S_ISDIR(mode) else None)


@case
def statx_to_nowhere(u: Program) -> None:
    ring = u.ring()
    u.file("f", TEXT)
    for note, path, buffer in (
        ("buffer", u.path("f"), NOWHERE), ("both", NOWHERE, NOWHERE), ("path", NOWHERE, u.alloc(STATX_SIZE)),
        ("null", 0, u.alloc(STATX_SIZE)), ("no file", u.path("none"), NOWHERE), ("beyond", u.path("f"), 1 << 63),
    ):  # fmt: skip
        for flags in (0, AT_EMPTY_PATH):
            ring.do(IORING_OP_STATX, note, fd=AT_FDCWD, addr=path, off=buffer, len=0x7FF, statx_flags=flags)


@case
def fields_of_statx(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    for name in ("buf_index", "splice_fd_in", "addr3", "pad2"):
        ring.do(IORING_OP_STATX, fd=AT_FDCWD, addr=u.path("f"), off=u.alloc(STATX_SIZE), **{name: 1})
    for fields in ({}, {"buf_index": 1}, {"addr": NOWHERE}):
        given = {"addr": u.path("f"), "off": u.alloc(STATX_SIZE), **fields}
        ring.do(IORING_OP_STATX, fd=AT_FDCWD, flags=abi.IOSQE_FIXED_FILE, **given)


@case
def renames(u: Program) -> None:
    ring = u.ring()
    u.file("f", b"f")
    u.file("g", b"g")
    Path("d").mkdir()
    Path("e").mkdir()
    Path("e/full").touch()
    at = os.open("d", os.O_RDONLY)
    for old_at, old, new_at, new, flags in (
        (AT_FDCWD, "f", AT_FDCWD, "h", 0), (AT_FDCWD, "none", AT_FDCWD, "h", 0),
        (AT_FDCWD, "h", AT_FDCWD, "g", fs.RENAME_NOREPLACE),
        (AT_FDCWD, "h", AT_FDCWD, "g", fs.RENAME_EXCHANGE), (AT_FDCWD, "h", AT_FDCWD, "none", fs.RENAME_EXCHANGE),
        (AT_FDCWD, "g", at, "x", 0),
        (at, "x", AT_FDCWD, "h", 0), (AT_FDCWD, "h", AT_FDCWD, "d", 0), (AT_FDCWD, "d", AT_FDCWD, "h", 0),
        (AT_FDCWD, "d", AT_FDCWD, "e", 0),
        (AT_FDCWD, "d", AT_FDCWD, "d/y", 0), (AT_FDCWD, "h", AT_FDCWD, "h/y", 0), (AT_FDCWD, "h", 999, "y", 0),
        (999, "h", AT_FDCWD, "y", 0),
        (AT_FDCWD, "h", AT_FDCWD, "y", 1 << 20),
        (AT_FDCWD, "h", AT_FDCWD, "y", fs.RENAME_NOREPLACE | fs.RENAME_EXCHANGE), (AT_FDCWD, "d", AT_FDCWD, "n", 0),
    ):  # fmt: skip
        ring.do(
            IORING_OP_RENAMEAT, f"{old} to {new}", fd=old_at, addr=u.path(old),
            len=Unshown(new_at), off=u.path(new), rename_flags=flags,
        )  # fmt: skip
    listing(u)


@case
def unlinks(u: Program) -> None:
    ring = u.ring()
    for name in ("f", "g", "h"):
        u.file(name, name.encode())
    for name in ("d", "e"):
        Path(name).mkdir()
    Path("e/full").touch()
    Path("l").symlink_to("h")
    at = os.open("e", os.O_RDONLY)
    for fd, name, flags in (
        (AT_FDCWD, "f", 0), (AT_FDCWD, "f", 0), (AT_FDCWD, "g", AT_REMOVEDIR), (AT_FDCWD, "d", 0),
        (AT_FDCWD, "e", AT_REMOVEDIR),
        (AT_FDCWD, "d", AT_REMOVEDIR), (AT_FDCWD, "l", 0), (at, "full", 0), (999, "g", 0),
        (AT_FDCWD, ".", AT_REMOVEDIR),
        (AT_FDCWD, "", 0), (AT_FDCWD, "g", 1), (AT_FDCWD, "g", AT_EMPTY_PATH), (AT_FDCWD, "g", AT_SYMLINK_NOFOLLOW),
    ):  # fmt: skip
        ring.do(IORING_OP_UNLINKAT, name, fd=fd, addr=u.path(name), unlink_flags=flags)
    listing(u)


@case
def mkdirs(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    for fd, name, mode in (
        (AT_FDCWD, "a", 0o777), (AT_FDCWD, "a", 0o777), (AT_FDCWD, "b", 0), (AT_FDCWD, "c", 0o1700), (AT_FDCWD, "f", 0),
        (AT_FDCWD, "e", 0o177777), (AT_FDCWD, "g", 0x10000 | 0o755), (AT_FDCWD, "none/x", 0), (AT_FDCWD, "f/x", 0),
        (999, "x", 0),
        (AT_FDCWD, "", 0), (AT_FDCWD, "a/", 0), (AT_FDCWD, "x" * 256, 0),
    ):  # fmt: skip
        ring.do(IORING_OP_MKDIRAT, name[:9], fd=fd, addr=u.path(name), len=mode)
    listing(u)


@case
def symlinks(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    for fd, target, name in (
        (AT_FDCWD, "f", "l"), (AT_FDCWD, "f", "l"), (AT_FDCWD, "", "m"), (AT_FDCWD, "none", "n"), (AT_FDCWD, "f", ""),
        (AT_FDCWD, "f", "none/x"), (999, "f", "x"), (AT_FDCWD, "x" * 4095, "long"), (AT_FDCWD, "x" * 4096, "longer"),
    ):  # fmt: skip
        ring.do(IORING_OP_SYMLINKAT, f"{target[:9]} {name}", fd=fd, addr=u.path(target), off=u.path(name))
    Path("long").unlink(missing_ok=True)
    listing(u)


@case
def links(u: Program) -> None:
    ring = u.ring()
    fd = u.file("f", b"f")
    Path("d").mkdir()
    Path("l").symlink_to("f")
    for old_at, old, new_at, new, flags in (
        (AT_FDCWD, "f", AT_FDCWD, "g", 0), (AT_FDCWD, "f", AT_FDCWD, "g", 0), (AT_FDCWD, "none", AT_FDCWD, "h", 0),
        (AT_FDCWD, "d", AT_FDCWD, "h", 0), (AT_FDCWD, "l", AT_FDCWD, "h", 0),
        (AT_FDCWD, "l", AT_FDCWD, "i", AT_SYMLINK_FOLLOW),
        (fd, "", AT_FDCWD, "j", AT_EMPTY_PATH), (fd, "", AT_FDCWD, "k", 0), (AT_FDCWD, "f", AT_FDCWD, "k", 1),
        (AT_FDCWD, "f", AT_FDCWD, "", 0),
        (AT_FDCWD, "f", 999, "k", 0), (999, "f", AT_FDCWD, "k", 0), (AT_FDCWD, "f", AT_FDCWD, "k", AT_SYMLINK_NOFOLLOW),
    ):  # fmt: skip
        ring.do(
            IORING_OP_LINKAT, f"{old} to {new}", fd=old_at, addr=u.path(old), len=Unshown(new_at), off=u.path(new),
            hardlink_flags=flags,
        )  # fmt: skip
    listing(u)


@case
def paths_nowhere(u: Program) -> None:
    ring = u.ring()
    u.file("f")
    here = Unshown(AT_FDCWD)
    for addr, off in ((NOWHERE, u.path("g")), (u.path("f"), NOWHERE), (0, u.path("g")), (u.path("none"), 0)):
        ring.do(IORING_OP_RENAMEAT, fd=AT_FDCWD, addr=addr, len=here, off=off)
        ring.do(IORING_OP_LINKAT, fd=AT_FDCWD, addr=addr, len=here, off=off)
        ring.do(IORING_OP_SYMLINKAT, fd=AT_FDCWD, addr=addr, off=off)
    for addr in (NOWHERE, 0, 1 << 63):
        ring.do(IORING_OP_UNLINKAT, fd=AT_FDCWD, addr=addr)
        ring.do(IORING_OP_MKDIRAT, fd=AT_FDCWD, addr=addr)
    listing(u)


@case
def fields(u: Program) -> None:
    ring = u.ring()
    here = Unshown(AT_FDCWD)
    for opcode, used in (
        (IORING_OP_RENAMEAT, {"off": u.path("b"), "len": here}), (IORING_OP_UNLINKAT, {}), (IORING_OP_MKDIRAT, {}),
        (IORING_OP_SYMLINKAT, {"off": u.path("b/b")}), (IORING_OP_LINKAT, {"off": u.path("b"), "len": here}),
    ):  # fmt: skip
        for name in FIELDS:
            if name not in used:
                ring.do(opcode, fd=AT_FDCWD, addr=u.path("a/a"), **used, **{name: 1})
        for more in ({}, {"buf_index": 1}, {"addr": NOWHERE}):
            given = {"addr": u.path("a"), **used, **more}
            ring.do(opcode, fd=AT_FDCWD, flags=abi.IOSQE_FIXED_FILE, **given)


@case
def failures_and_chains(u: Program) -> None:
    ring = u.ring()
    for opcode, names, silent in (
        (IORING_OP_UNLINKAT, {}, False), (IORING_OP_MKDIRAT, {}, False),
        (IORING_OP_STATX, {"off": u.alloc(STATX_SIZE)}, False),
        (IORING_OP_UNLINKAT, {}, True), (IORING_OP_UNLINKAT, {"unlink_flags": 1}, True),
        (IORING_OP_RENAMEAT, {"off": u.path("x")}, True),
    ):  # fmt: skip
        skip = abi.IOSQE_CQE_SKIP_SUCCESS if silent else 0
        ring.prep(opcode, fd=AT_FDCWD, addr=u.path("none/none"), flags=abi.IOSQE_IO_LINK | skip, **names)
        ring.prep(IORING_OP_NOP)
        ring.submit(1 if silent else 2)
        ring.reap()


@case
def a_chain_that_makes_and_removes(u: Program) -> None:
    ring = u.ring()
    u.file("f", b"f")
    here = Unshown(AT_FDCWD)
    link = abi.IOSQE_IO_LINK
    ring.prep(IORING_OP_MKDIRAT, fd=AT_FDCWD, addr=u.path("d"), len=0o755, flags=link)
    ring.prep(IORING_OP_LINKAT, fd=AT_FDCWD, addr=u.path("f"), len=here, off=u.path("d/g"), flags=link)
    ring.prep(IORING_OP_RENAMEAT, fd=AT_FDCWD, addr=u.path("d/g"), len=here, off=u.path("d/h"), flags=link)
    ring.prep(IORING_OP_SYMLINKAT, fd=AT_FDCWD, addr=u.path("d/h"), off=u.path("l"), flags=link)
    ring.prep(IORING_OP_UNLINKAT, fd=AT_FDCWD, addr=u.path("f"))
    ring.submit(5)
    ring.reap()
    listing(u)
