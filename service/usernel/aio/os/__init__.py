"""``usernel.os``: what ``os``, ``os.path``, ``shutil`` and ``glob`` do with files, to be awaited.

Arguments, results and errors are those of the functions of the same names. Calls that io_uring has an opcode for are
requests of the loop's ring; whether a file is there, and its status, is known at once where the path is cached; workers
of the ring do the rest. All of aiofiles' ``os`` is here. A task that is cancelled waits for the end of what has begun.

``names``, ``status`` and ``attributes`` are requests; ``listing``, ``copying``, ``removing``, ``sending`` are workers'.
"""

from __future__ import annotations

import os
import shutil

from . import path
from .attributes import getxattr, setxattr, truncate
from .by_worker import by_worker
from .copying import copy, copy2, copyfile, copytree, move
from .listing import glob, iglob, listdir, scandir, walk
from .names import link, mkdir, remove, rename, replace, rmdir, symlink, unlink
from .removing import rmtree
from .sending import sendfile
from .status import access, lstat, stat

__all__ = [
    "access", "chmod", "chown", "copy", "copy2", "copyfile", "copymode", "copystat", "copytree", "disk_usage", "getcwd",
    "getcwdb", "getxattr", "glob", "iglob", "lchown", "link", "listdir", "listxattr", "lstat", "makedirs", "mkdir",
    "mkfifo", "mknod", "move", "path", "readlink", "remove", "removedirs", "removexattr", "rename", "renames",
    "replace", "rmdir", "rmtree", "scandir", "sendfile", "setxattr", "stat", "statvfs", "symlink", "truncate", "unlink",
    "utime", "walk", "wrap",
]  # fmt: skip

wrap = by_worker
chmod = by_worker(os.chmod)
chown = by_worker(os.chown)
lchown = by_worker(os.lchown)
utime = by_worker(os.utime)
listxattr = by_worker(os.listxattr)
removexattr = by_worker(os.removexattr)
mkfifo = by_worker(os.mkfifo)
mknod = by_worker(os.mknod)
readlink = by_worker(os.readlink)
statvfs = by_worker(os.statvfs)
makedirs = by_worker(os.makedirs)
removedirs = by_worker(os.removedirs)
renames = by_worker(os.renames)
copymode = by_worker(shutil.copymode)
copystat = by_worker(shutil.copystat)
disk_usage = by_worker(shutil.disk_usage)


async def getcwd() -> str:
    """The current directory, as ``os.getcwd``."""
    return os.getcwd()


async def getcwdb() -> bytes:
    """The same, as ``os.getcwdb``."""
    return os.getcwdb()
