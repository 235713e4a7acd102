"""Trees of files to do things to, what is left of them, and how calls end."""

from __future__ import annotations

import glob
import os
import shutil
import socket
from collections.abc import Callable
from typing import Any

import usernel

LONG_AGO = 1_000_000_000


def build(root: str) -> None:
    """One file of each kind, and directories, all of long ago."""
    os.makedirs(f"{root}/dir/sub/deep")
    os.mkdir(f"{root}/empty")
    for name, data in (("file", b"abc"), ("dir/one.txt", b"1" * 5000), ("dir/sub/two.txt", b""), (".hidden", b"h")):
        with open(f"{root}/{name}", "wb") as file:
            file.write(data)
    os.chmod(f"{root}/dir/one.txt", 0o640)
    try:
        os.setxattr(f"{root}/file", "user.colour", b"blue")
        os.setxattr(f"{root}/file", "user.big", b"x" * 1000)
    except OSError:
        pass  # a file system without them: then both answer that
    os.link(f"{root}/file", f"{root}/hard")
    for target, name in (("file", "link"), ("dir", "to_dir"), ("nowhere", "dangling"), ("loop", "loop")):
        os.symlink(target, f"{root}/{name}")
    os.symlink("../file", f"{root}/dir/up")
    os.mkfifo(f"{root}/fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(root)
        listener.bind("socket")
        os.chdir(here)
    for path, dirs, files in os.walk(root, topdown=False):
        for name in (*dirs, *files):
            os.utime(f"{path}/{name}", (LONG_AGO, LONG_AGO), follow_symlinks=False)


def snapshot(root: str) -> dict[str, Any]:
    """All that is there: kinds, modes, owners, sizes, contents, links, attributes, and times that were set."""
    found: dict[str, Any] = {}
    for path, dirs, files in os.walk(root):
        for name in (*dirs, *files):
            whole = f"{path}/{name}"
            status = os.lstat(whole)
            found[whole[len(root) + 1 :]] = (
                status.st_mode, status.st_uid, status.st_gid, status.st_nlink, _content(whole, status.st_mode),
                status.st_mtime if status.st_mtime <= LONG_AGO + 100 else "now", _attributes(whole),
            )  # fmt: skip
    return found


def _content(path: str, mode: int) -> Any:
    if os.path.islink(path):
        return os.readlink(path)
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    return None


def _attributes(path: str) -> Any:
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def twin(name: str) -> Callable[..., Any]:
    """The synchronous function of that name."""
    module, _, last = name.rpartition(".")
    for home in (os.path,) if module else (os, shutil, glob):
        if hasattr(home, last):
            return getattr(home, last)  # type: ignore[no-any-return]
    raise LookupError(name)


def ours(name: str) -> Callable[..., Any]:
    """The one to be awaited."""
    module, _, last = name.rpartition(".")
    return getattr(usernel.os.path if module else usernel.os, last)  # type: ignore[no-any-return]


def told(error: BaseException) -> tuple[Any, ...]:
    """What a program can see of an error."""
    names = ("errno", "filename", "filename2")
    return (type(error), str(error), *(getattr(error, name, None) for name in names))


def plain(value: Any) -> Any:
    """A result in a form that can be compared."""
    if isinstance(value, os.DirEntry):
        return (value.name, value.path, outcome(value.is_dir), value.is_symlink(), value.inode())
    if isinstance(value, os.statvfs_result):
        return (value.f_bsize, value.f_frsize, value.f_flag, value.f_namemax, value.f_fsid)  # others write, too
    if type(value).__name__ == "usage":
        return value.total
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def outcome(func: Callable[..., Any], *args: Any, **named: Any) -> tuple[Any, ...]:
    """How a synchronous call ends; what it gives one by one is gathered."""
    try:
        found = func(*args, **named)
        if hasattr(found, "__next__"):
            found = list(found)
    except Exception as error:  # noqa: BLE001 - errors are what is compared
        return ("raised", *told(error))
    return ("returned", type(found), plain(found))


async def outcome_of(func: Callable[..., Any], *args: Any, **named: Any) -> tuple[Any, ...]:
    """How one that is awaited ends."""
    try:
        found = func(*args, **named)
        found = [item async for item in found] if hasattr(found, "__anext__") else await found
    except Exception as error:  # noqa: BLE001
        return ("raised", *told(error))
    return ("returned", type(found), plain(found))
