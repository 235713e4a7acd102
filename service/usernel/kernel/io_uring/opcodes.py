"""Every opcode that there is, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import (
    advise,
    cancel,
    epoll,
    filetable,
    fs,
    kbuf,
    link_timeout,
    msg_ring,
    nop,
    openclose,
    poll_add,
    read_mshot,
    rw,
    splice,
    statx,
    sync,
    timeout,
    truncate,
    xattr,
)
from .opdef import Op

TABLES: Final = (
    nop.OPS, rw.OPS, read_mshot.OPS, sync.OPS, truncate.OPS, advise.OPS, openclose.OPS, statx.OPS, fs.OPS, xattr.OPS,
    splice.OPS, poll_add.OPS, epoll.OPS, timeout.OPS, link_timeout.OPS, cancel.OPS, filetable.OPS, kbuf.OPS,
    msg_ring.OPS,
)  # fmt: skip
OPS: Final[Mapping[int, Op]] = dict(sorted((opcode, op) for table in TABLES for opcode, op in table.items()))
