"""What a path is of: the functions of ``os.path`` that ask the system, to be awaited."""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING, AnyStr

from .by_worker import by_worker
from .status import lstat, stat

if TYPE_CHECKING:
    from _typeshed import FileDescriptorOrPath, StrOrBytesPath

__all__ = [
    "abspath", "exists", "getatime", "getctime", "getmtime", "getsize", "isdir", "isfile", "islink", "ismount",
    "lexists", "realpath", "samefile", "sameopenfile",
]  # fmt: skip


async def exists(path: FileDescriptorOrPath) -> bool:
    """Whether there is such a file, as ``os.path.exists``."""
    try:
        await stat(path)
    except (OSError, ValueError):
        return False
    return True


async def lexists(path: StrOrBytesPath) -> bool:
    """Whether there is such a file or symbolic link, as ``os.path.lexists``."""
    try:
        await lstat(path)
    except (OSError, ValueError):
        return False
    return True


async def isfile(path: FileDescriptorOrPath) -> bool:
    """Whether it is a regular file, as ``os.path.isfile``."""
    try:
        return S_ISREG((await stat(path)).st_mode)
    except (OSError, ValueError):
        return False


async def isdir(s: FileDescriptorOrPath) -> bool:
    """Whether it is a directory, as ``os.path.isdir``."""
    try:
        return S_ISDIR((await stat(s)).st_mode)
    except (OSError, ValueError):
        return False


async def islink(path: StrOrBytesPath) -> bool:
    """Whether it is a symbolic link, as ``os.path.islink``."""
    try:
        return S_ISLNK((await lstat(path)).st_mode)
    except (OSError, ValueError):
        return False


async def getsize(filename: FileDescriptorOrPath) -> int:
    """A file's size, as ``os.path.getsize``."""
    return (await stat(filename)).st_size


async def getmtime(filename: FileDescriptorOrPath) -> float:
    """When it was written to, as ``os.path.getmtime``."""
    return (await stat(filename)).st_mtime


async def getatime(filename: FileDescriptorOrPath) -> float:
    """When it was read, as ``os.path.getatime``."""
    return (await stat(filename)).st_atime


async def getctime(filename: FileDescriptorOrPath) -> float:
    """When its inode was changed, as ``os.path.getctime``."""
    return (await stat(filename)).st_ctime


async def samefile(f1: FileDescriptorOrPath, f2: FileDescriptorOrPath) -> bool:
    """Whether two paths are of one file, as ``os.path.samefile``."""
    return os.path.samestat(await stat(f1), await stat(f2))


async def sameopenfile(fp1: int, fp2: int) -> bool:
    """Whether two descriptors are of one file, as ``os.path.sameopenfile``."""
    return os.path.sameopenfile(fp1, fp2)


async def abspath(path: AnyStr | os.PathLike[AnyStr]) -> AnyStr:
    """The path from the root on, as ``os.path.abspath``."""
    return os.path.abspath(path)


ismount = by_worker(os.path.ismount)
realpath = by_worker(os.path.realpath)
