"""What opcodes ask of their port: the names of ``Job``, their arguments, and what each comes to.

A result below 0 is a negative errno; where none is named it is 0. ``file`` is a ``RingFile``, ``views`` a tuple of
memoryviews, ``path`` and ``name`` are bytes without their NUL, ``dirfd``, ``fd`` and ``epfd`` numbers of descriptors of
the caller (``AT_FDCWD`` too), ``off`` is signed. Everything else is the number that the program gave, of the width of
its field, which the job checks as the system call does::

    read             file, views, off, rw_flags                        bytes read; off -1: at the current position
    write            file, views, off, rw_flags                        bytes written
    fsync            file, datasync, off, end                          end 0 or off..end: a hint, the whole file will do
    sync_file_range  file, off, len, flags
    fallocate        file, mode, off, len
    ftruncate        file, len
    fadvise          file, off, len, advice
    madvise          view, advice                                      advice on the pages of these bytes
    openat2          dirfd, path, flags, mode, resolve                 the new descriptor
    statx            dirfd, path, flags, mask                          struct statx, as bytes
    renameat2        olddirfd, oldpath, newdirfd, newpath, flags
    unlinkat         dirfd, path, flags
    mkdirat          dirfd, path, mode
    symlinkat        target, newdirfd, linkpath
    linkat           olddirfd, oldpath, newdirfd, newpath, flags
    fsetxattr        file, name, value, flags                          value: bytes
    setxattr         path, name, value, flags                          follows a symbolic link
    fgetxattr        file, name, size                                  the value, as bytes; its length where size is 0
    getxattr         path, name, size                                  the same
    splice           in_file, off_in, out_file, off_out, len, flags    bytes moved; offset -1: none was given (NULL)
    tee              in_file, out_file, len, flags                     bytes duplicated
    pipe2            flags                                             (descriptor to read, descriptor to write)
    epoll_ctl        epfd, op, fd, event                               event: struct epoll_event as bytes, or None

``read`` and ``write`` differ from preadv2(2) and pwritev2(2) as ``io_uring/rw.c`` does. Of a file without a position
(a pipe, a socket, a terminal) the offset is ignored: no ESPIPE. Of a regular file or a block device the job goes on
until all is moved, the end of the file, or an error after some bytes, which then are the result. Without views nothing
is moved and nothing waited for, but a file that was not opened for it is EBADF.

``Port.try_now`` may do a job only if it need not wait (RWF_NOWAIT, poll before, openat2 with RESOLVE_CACHED), and
answers ``AGAIN`` else, with nothing done: also where the program asked not to wait (RWF_NOWAIT, O_NONBLOCK), which is
the ring's to know. What it was asked to do without waiting in ``Port.queue`` may come to ``-EAGAIN``; else that sleeps.
A job with ``cred`` is done with those credentials (IORING_REGISTER_PERSONALITY).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .port import Job

if TYPE_CHECKING:
    from .request import Request

JOBS: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("file", "views", "off", "rw_flags"),
    "write": ("file", "views", "off", "rw_flags"),
    "fsync": ("file", "datasync", "off", "end"),
    "sync_file_range": ("file", "off", "len", "flags"),
    "fallocate": ("file", "mode", "off", "len"),
    "ftruncate": ("file", "len"),
    "fadvise": ("file", "off", "len", "advice"),
    "madvise": ("view", "advice"),
    "openat2": ("dirfd", "path", "flags", "mode", "resolve"),
    "statx": ("dirfd", "path", "flags", "mask"),
    "renameat2": ("olddirfd", "oldpath", "newdirfd", "newpath", "flags"),
    "unlinkat": ("dirfd", "path", "flags"),
    "mkdirat": ("dirfd", "path", "mode"),
    "symlinkat": ("target", "newdirfd", "linkpath"),
    "linkat": ("olddirfd", "oldpath", "newdirfd", "newpath", "flags"),
    "fsetxattr": ("file", "name", "value", "flags"),
    "setxattr": ("path", "name", "value", "flags"),
    "fgetxattr": ("file", "name", "size"),
    "getxattr": ("path", "name", "size"),
    "splice": ("in_file", "off_in", "out_file", "off_out", "len", "flags"),
    "tee": ("in_file", "out_file", "len", "flags"),
    "pipe2": ("flags",),
    "epoll_ctl": ("epfd", "op", "fd", "event"),
}
"""Every job, with the names of its arguments in their order."""


def job(req: Request, name: str, *args: Any) -> Job:
    """A job of a request, to be done with its credentials."""
    return Job(name, args, req.cred)
