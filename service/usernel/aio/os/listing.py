"""What is in directories: listdir, scandir, walk, glob."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from glob import iglob as matching
from typing import TYPE_CHECKING, Any, AnyStr, cast, overload

from ..loop import attach
from .batches import Batches
from .by_worker import Stop, in_steps

if TYPE_CHECKING:
    from _typeshed import StrOrBytesPath


@overload
async def listdir(path: int | str | os.PathLike[str] | None = None) -> list[str]: ...
@overload
async def listdir(path: bytes | os.PathLike[bytes]) -> list[bytes]: ...
async def listdir(path: Any = None) -> list[Any]:
    """The names in a directory, as ``os.listdir``."""
    return cast("list[Any]", await attach().call(partial(os.listdir, path)))


@overload
def scandir(path: int | str | os.PathLike[str] | None = None) -> Batches[os.DirEntry[str]]: ...
@overload
def scandir(path: bytes | os.PathLike[bytes]) -> Batches[os.DirEntry[bytes]]: ...
def scandir(path: Any = None) -> Batches[Any]:
    """The entries of a directory, as ``os.scandir``: for ``async for``, or to be awaited and iterated over.

    What an entry's own methods must ask the system, they ask at once; ``stat(entry)`` of this module does not.
    """
    return Batches(partial(os.scandir, path))


@dataclass(slots=True)
class Scanned:
    """One directory of a walk: names of directories and of the rest, and the paths that a walk goes into."""

    dirs: list[Any] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)
    into: list[Any] = field(default_factory=list)
    error: OSError | None = None


async def walk(
    top: AnyStr | os.PathLike[AnyStr],
    topdown: bool = True,
    onerror: Callable[[OSError], object] | None = None,
    followlinks: bool = False,
) -> AsyncIterator[tuple[AnyStr, list[AnyStr], list[AnyStr]]]:
    """The directories of a tree, as ``os.walk``, each read when its turn comes. ``onerror`` is called by the task."""
    sys.audit("os.walk", top, topdown, onerror, followlinks)
    root = os.fspath(top)
    stack: list[Any] = [root]
    while stack:
        path = stack.pop()
        if isinstance(path, tuple):
            yield path
            continue
        unless_link = topdown and not followlinks and path is not root
        scanned: Scanned | None = await attach().call(partial(_scan, path, unless_link=unless_link))
        if scanned is None:
            continue
        if scanned.error is not None:
            if onerror is not None:
                onerror(scanned.error)
            continue
        if topdown:
            yield path, scanned.dirs, scanned.others
            stack += [os.path.join(path, name) for name in reversed(scanned.dirs)]
        else:
            stack.append((path, scanned.dirs, scanned.others))
            stack += reversed([into for into, is_link in scanned.into if followlinks or not is_link])


def _scan(path: Any, *, unless_link: bool) -> Scanned | None:
    """On a worker: read one directory; None for a symbolic link that is not to be followed."""
    if unless_link and os.path.islink(path):
        return None
    scanned = Scanned()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                is_dir = _holds(entry.is_dir)
                (scanned.dirs if is_dir else scanned.others).append(entry.name)
                if is_dir:
                    scanned.into.append((entry.path, _holds(entry.is_symlink)))
    except OSError as error:
        scanned.error = error
    return scanned


def _holds(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except OSError:
        return False


async def glob(
    pathname: AnyStr,
    *,
    root_dir: StrOrBytesPath | None = None,
    dir_fd: int | None = None,
    recursive: bool = False,
    include_hidden: bool = False,
) -> list[AnyStr]:
    """The paths that match a pattern, as ``glob.glob``. A task that is cancelled stops at the next match."""
    options = {"root_dir": root_dir, "dir_fd": dir_fd, "recursive": recursive, "include_hidden": include_hidden}

    def found(stop: Stop) -> list[AnyStr]:
        names: list[AnyStr] = []
        for name in matching(pathname, **options):  # type: ignore[arg-type]
            stop.check()
            names.append(name)
        return names

    return await in_steps(found)


def iglob(
    pathname: AnyStr,
    *,
    root_dir: StrOrBytesPath | None = None,
    dir_fd: int | None = None,
    recursive: bool = False,
    include_hidden: bool = False,
) -> Batches[AnyStr]:
    """The same one after the other, as ``glob.iglob``, for ``async for``."""
    options = {"root_dir": root_dir, "dir_fd": dir_fd, "recursive": recursive, "include_hidden": include_hidden}
    return Batches(partial(matching, pathname, **options))  # type: ignore[arg-type]
