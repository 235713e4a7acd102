"""Functions on paths that are tried inside the loop: where the dentry cache knows the path, or that there is none.

What the cache says is asked by openat2(2) with RESOLVE_CACHED and O_PATH, which opens nothing and waits for nobody.
An error is then raised by the real function, which finds it in the cache as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import Any, Final

from ..cached_path import PATHS, cached_stat
from ..hits import MOST
from .moving import plainly
from .opening import open_fd, open_file
from .outcome import LATER, WAITS
from .reading import Args, Handler, Named
from .sight import Sight

# ------------------------------------------------------------------------------------------------------- os, os.path


def stat(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """os.stat."""
    if len(args) != 1 or named.keys() - {"follow_symlinks"}:
        return LATER
    if type(args[0]) is int:
        return target(*args, **named)
    return _status(sight, target, args, named, follow=bool(named.get("follow_symlinks", True)))


def lstat(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """os.lstat."""
    return LATER if len(args) != 1 or named else _status(sight, target, args, named, follow=False)


def _status(sight: Sight, target: Any, args: Args, named: Named, *, follow: bool) -> Any:
    try:
        found = sight.status(args[0], follow=follow)
    except OSError:
        return target(*args, **named)
    return LATER if found is None else found


def _shows(show: Callable[[os.stat_result], Any], *, follow: bool = True) -> Handler:
    """A function of os.path that looks at the status."""

    def shown(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
        if len(args) != 1 or named:
            return LATER
        try:
            found = sight.status(args[0], follow=follow)
        except OSError:
            return target(*args)
        return LATER if found is None else show(found)

    return shown


def both(sight: Sight, _none: None, target: Any, args: Args, named: Named) -> Any:
    """os.path.samefile: what looks at some paths."""
    return target(*args) if not named and sight.told(args) else LATER


PLAINLY: Final = """
    abspath basename commonpath commonprefix dirname expandvars isabs isdevdrive isjunction isreserved join normcase
    normpath relpath sameopenfile samestat split splitdrive splitext splitroot
"""
CALLS: Final[Mapping[Any, Handler]] = {
    open: open_file,
    os.open: open_fd,
    os.stat: stat,
    os.lstat: lstat,
    os.path.exists: _shows(lambda _: True),
    os.path.lexists: _shows(lambda _: True, follow=False),
    os.path.isfile: _shows(lambda found: S_ISREG(found.st_mode)),
    os.path.isdir: _shows(lambda found: S_ISDIR(found.st_mode)),
    os.path.islink: _shows(lambda found: S_ISLNK(found.st_mode), follow=False),
    os.path.getsize: _shows(lambda found: found.st_size),
    os.path.getmtime: _shows(lambda found: found.st_mtime),
    os.path.getatime: _shows(lambda found: found.st_atime),
    os.path.getctime: _shows(lambda found: found.st_ctime),
    os.path.samefile: both,
    os.path.realpath: both,
    **{getattr(os.path, name): plainly for name in PLAINLY.split() if hasattr(os.path, name)},
}
"""What is tried at once, and how."""


# -------------------------------------------------------------------------------------------------------- pathlib.Path


def looks(sight: Sight, path: Any, target: Any, args: Args, named: Named) -> Any:
    """A method that looks at a path, and at others that it is given."""
    return target(*args, **named) if sight.told((path, *(arg for arg in args if type(arg) in PATHS))) else LATER


def looks_at_itself(sight: Sight, path: Any, target: Any, args: Args, named: Named) -> Any:
    """A method that looks at a symbolic link, and not beyond."""
    return target(*args, **named) if sight.told((path,), follow=False) else LATER


def of_path(_sight: Sight, _path: Any, target: Any, args: Args, named: Named) -> Any:
    """A method that asks nobody: absolute, cwd."""
    return target(*args, **named)


def open_path(sight: Sight, path: Any, _target: Any, args: Args, named: Named) -> Any:
    """Path.open. A worker, where it is to warn of its caller."""
    return LATER if sys.flags.warn_default_encoding else open_file(sight, None, open, (path, *args), named)


def read_bytes(sight: Sight, path: Any, target: Any, args: Args, named: Named) -> Any:
    """Path.read_bytes of a small file."""
    if args or named:
        return LATER
    return _whole(sight, path, target, args, named)


def read_text(sight: Sight, path: Any, target: Any, args: Args, named: Named) -> Any:
    """Path.read_text of a small file."""
    if named.keys() - {"encoding", "errors", "newline"}:
        return LATER
    return _whole(sight, path, target, args, named)


def _whole(sight: Sight, path: Any, target: Any, args: Args, named: Named) -> Any:
    """Read all of a file by its method, where all of it is cached."""
    fd = -1
    try:
        found = cached_stat(path)
        if found is None or not S_ISREG(found.st_mode):
            return LATER if found is None else WAITS
        if found.st_size >= MOST:
            return LATER
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return LATER if sight.ahead(fd, found.st_size + 1, 0) is None else target(*args, **named)
    except FileNotFoundError:
        return target(*args, **named)
    except (OSError, ValueError):
        return LATER
    finally:
        if fd >= 0:
            sight.hits.forget(fd)
            os.close(fd)


LOOKS: Final = """
    exists is_dir is_file is_socket is_fifo is_block_device is_char_device samefile stat resolve
"""
METHODS: Final[Mapping[Any, Handler]] = {
    **{getattr(Path, name): looks for name in LOOKS.split()},
    Path.lstat: looks_at_itself,
    Path.is_symlink: looks_at_itself,
    Path.absolute: of_path,
    Path.open: open_path,
    Path.read_bytes: read_bytes,
    Path.read_text: read_text,
}
"""Of a path that is no subclass's: by the function."""
WORKS: Final = """
    chmod copy copy_into expanduser group hardlink_to is_junction is_mount iterdir lchmod mkdir move move_into owner
    readlink rename replace rmdir symlink_to touch unlink write_bytes write_text
"""
BY_WORKERS: Final = frozenset(getattr(Path, name) for name in WORKS.split() if hasattr(Path, name))
