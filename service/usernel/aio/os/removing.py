"""rmtree: by a worker, in steps."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from stat import S_ISFIFO
from typing import TYPE_CHECKING, Any, Final

from .by_worker import Stop, in_steps

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Level:
    """A directory on its way out: its descriptor, its name in the one above, and what it still holds."""

    fd: int
    name: Any
    entries: list[os.DirEntry[str]]


async def rmtree(
    path: StrOrBytesPath,
    ignore_errors: bool = False,
    onerror: Callable[[Any, Any, Any], object] | None = None,
    *,
    dir_fd: int | None = None,
    **onexc: Any,
) -> None:
    """Remove a tree, as ``shutil.rmtree`` (with ``onexc`` from Python 3.12 on).

    A task that is cancelled stops before the next file. ``onerror`` is called by the worker.
    """

    def removed(stop: Stop) -> None:
        sys.audit("shutil.rmtree", path, dir_fd)
        if not _removed(stop, path, dir_fd):
            # Whatever it was, shutil meets it again, and says it as it always does.
            remove_tree: Any = shutil.rmtree
            with _open_fifo(path, dir_fd):
                remove_tree(path, ignore_errors, onerror, dir_fd=dir_fd, **onexc)

    await in_steps(removed)


@contextmanager
def _open_fifo(path: Any, dir_fd: int | None) -> Iterator[None]:
    """Where it is a FIFO, a writer of it: shutil opens it to read, in some versions until somebody writes."""
    fd = -1
    with suppress(OSError, TypeError, ValueError):
        if S_ISFIFO(os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode):
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        yield
    finally:
        if fd >= 0:
            os.close(fd)


def _removed(stop: Stop, path: Any, dir_fd: int | None) -> bool:
    """Whether all is gone; False at the first error. No symbolic link is followed, whoever puts one there."""
    levels: list[Level] = []
    try:
        levels.append(_level(path, dir_fd))
        while levels:
            stop.check()
            here = levels[-1]
            if not here.entries:
                os.rmdir(here.name, dir_fd=levels[-2].fd if len(levels) > 1 else dir_fd)
                levels.pop()
                os.close(here.fd)
                continue
            entry = here.entries.pop()
            if entry.is_dir(follow_symlinks=False):
                levels.append(_level(entry.name, here.fd))
            else:
                os.unlink(entry.name, dir_fd=here.fd)
    except (OSError, TypeError, ValueError):
        return False
    finally:
        for level in levels:
            with suppress(OSError):
                os.close(level.fd)
    return True


def _level(name: Any, dir_fd: int | None) -> Level:
    fd = os.open(name, DIRECTORY, dir_fd=dir_fd)
    try:
        with os.scandir(fd) as entries:
            return Level(fd, name, [*entries][::-1])
    except BaseException:
        os.close(fd)
        raise
