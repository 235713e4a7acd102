"""copy, copyfile, copytree, move: by a worker, in the host's kernel (copy_file_range(2), sendfile(2)), in steps.

A task that is cancelled stops between two steps; what was copied by then is there, as it is when a program that copies
is interrupted. Functions that are given (``copy_function``, ``ignore``) are called by the worker.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from usernel.abi.errno import Errno

from .by_worker import Stop, in_steps

if TYPE_CHECKING:
    from io import BufferedReader, BufferedWriter

    from _typeshed import StrOrBytesPath, StrPath

STEP: Final = 8 << 20
"""Bytes that are copied before a worker looks whether it is to stop."""
BY_HAND: Final = 256 << 10
"""The same where the kernel does not copy by itself."""

Copy = Callable[[Any, Any], Any]
Path = TypeVar("Path", bound="StrOrBytesPath")


async def copyfile(src: StrOrBytesPath, dst: Path, *, follow_symlinks: bool = True) -> Path:
    """Copy a file's bytes, as ``shutil.copyfile``."""
    return cast("Path", await in_steps(partial(_copyfile, src=src, dst=dst, follow_symlinks=follow_symlinks)))


async def copy(src: StrPath, dst: StrPath, *, follow_symlinks: bool = True) -> Any:
    """Copy a file and its mode, as ``shutil.copy``."""
    return await in_steps(partial(_copy, src=src, dst=dst, follow_symlinks=follow_symlinks))


async def copy2(src: StrPath, dst: StrPath, *, follow_symlinks: bool = True) -> Any:
    """Copy a file with its mode, times and attributes, as ``shutil.copy2``."""
    return await in_steps(partial(_copy2, src=src, dst=dst, follow_symlinks=follow_symlinks))


async def copytree(
    src: StrPath,
    dst: StrPath,
    symlinks: bool = False,
    ignore: Callable[[str, list[str]], Iterable[str]] | Callable[[StrPath, list[str]], Iterable[str]] | None = None,
    copy_function: Copy = shutil.copy2,
    ignore_dangling_symlinks: bool = False,
    dirs_exist_ok: bool = False,
) -> Any:
    """Copy a tree, as ``shutil.copytree``."""

    def copied(stop: Stop) -> Any:
        return shutil.copytree(
            src, dst, symlinks, partial(_ignored, stop, ignore), _stopping(stop, copy_function),
            ignore_dangling_symlinks, dirs_exist_ok,
        )  # fmt: skip

    return await in_steps(copied)


async def move(src: StrPath, dst: StrPath, copy_function: Copy = shutil.copy2) -> Any:
    """Rename, or copy and remove, as ``shutil.move``. Once all is copied it is not stopped any more."""
    return await in_steps(lambda stop: shutil.move(src, dst, _stopping(stop, copy_function)))


# ------------------------------------------------------------------------------------------------------- on the worker


def _stopping(stop: Stop, copy_function: Any) -> Copy:
    """The function that copies one file, made to look first whether it is to stop."""
    ours: dict[Any, Copy] = {
        shutil.copyfile: partial(_copyfile, stop),
        shutil.copy: partial(_copy, stop),
        shutil.copy2: partial(_copy2, stop),
    }
    if copy_function in ours:
        return ours[copy_function]

    def copied(src: Any, dst: Any) -> Any:
        stop.check()
        return copy_function(src, dst)

    return copied


def _ignored(stop: Stop, ignore: Any, src: str, names: list[str]) -> Iterable[str]:
    stop.check()
    return () if ignore is None else cast("Iterable[str]", ignore(src, names))


def _copy(stop: Stop, src: Any, dst: Any, *, follow_symlinks: bool = True) -> Any:
    dst = _inside(src, dst)
    _copyfile(stop, src, dst, follow_symlinks=follow_symlinks)
    shutil.copymode(src, dst, follow_symlinks=follow_symlinks)
    return dst


def _copy2(stop: Stop, src: Any, dst: Any, *, follow_symlinks: bool = True) -> Any:
    dst = _inside(src, dst)
    _copyfile(stop, src, dst, follow_symlinks=follow_symlinks)
    shutil.copystat(src, dst, follow_symlinks=follow_symlinks)
    return dst


def _inside(src: Any, dst: Any) -> Any:
    return os.path.join(dst, os.path.basename(src)) if os.path.isdir(dst) else dst


def _copyfile(stop: Stop, src: Any, dst: Any, *, follow_symlinks: bool = True) -> Any:
    stop.check()
    sys.audit("shutil.copyfile", src, dst)
    _refuse(src, dst)
    if not follow_symlinks and os.path.islink(src):
        os.symlink(os.readlink(src), dst)
        return dst
    with open(src, "rb") as source:
        try:
            with open(dst, "wb") as target:
                _copy_bytes(stop, source, target)
        except IsADirectoryError as error:
            if not os.path.exists(dst):
                raise FileNotFoundError(f"Directory does not exist: {dst}") from error
            raise
    return dst


def _refuse(src: Any, dst: Any) -> None:
    """What cannot be copied: a file onto itself, a FIFO. shutil.SameFileError, shutil.SpecialFileError."""
    if _same_file(src, dst):
        raise shutil.SameFileError(f"{src!r} and {dst!r} are the same file")
    for path in (src, dst):
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISFIFO(found.st_mode):
            raise shutil.SpecialFileError(f"`{path.path if isinstance(path, os.DirEntry) else path}` is a named pipe")


def _same_file(src: Any, dst: Any) -> bool:
    try:
        return os.path.samefile(src, dst)
    except OSError:
        return False


def _copy_bytes(stop: Stop, source: BufferedReader, target: BufferedWriter) -> None:
    """All bytes of a file, by the first way that is open. Nothing is buffered yet: the descriptors are at the start."""
    for step in (os.copy_file_range, _sent):
        if _copied_by(step, stop, source, target):
            return
    while data := source.read(BY_HAND):
        target.write(data)
        stop.check()


def _sent(source: int, target: int, count: int) -> int:
    return os.sendfile(target, source, None, count)


def _copied_by(
    step: Callable[[int, int, int], int], stop: Stop, source: BufferedReader, target: BufferedWriter
) -> bool:
    """Whether that has copied anything. OSError where it failed in the midst of it, or for want of room."""
    done = 0
    while True:
        try:
            copied = step(source.fileno(), target.fileno(), STEP)
        except OSError as error:
            if not done and error.errno != Errno.ENOSPC:
                return False
            error.filename, error.filename2 = source.name, target.name
            raise error from None
        if not copied:
            # Files that the kernel makes up as they are read have no size that it could copy by: another way may.
            return done > 0
        done += copied
        stop.check()
