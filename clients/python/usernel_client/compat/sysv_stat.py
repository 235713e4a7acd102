"""``struct msqid_ds`` as attributes of a queue."""

from __future__ import annotations

import os
from typing import Any

from .arguments import C_LONG, c_int
from .attributes import Attribute
from .link import Link
from .sysv_errors import READING, WRITING, kernel


def _stat(link: Link, queue_id: int) -> dict[str, Any]:
    return link.client.call("msgctl", msqid=queue_id, cmd="IPC_STAT").out or {}


def _of(stat: dict[str, Any], field: str) -> dict[str, Any]:
    """The part of ``struct msqid_ds`` that a field stands in."""
    part: dict[str, Any] = stat if field in stat else stat["msg_perm"]
    return part


def _read(queue_id: int, field: str) -> int:
    with kernel(READING) as link:
        stat = _stat(link, queue_id)
        value = int(_of(stat, field)[field])
        return os.getpid() if field in {"msg_lspid", "msg_lrpid"} and value == link.pid else value


def _write(queue_id: int, field: str, value: int, bits: int) -> None:
    if not isinstance(value, int):
        raise TypeError("The attribute must be an integer")
    number = c_int(value, C_LONG) & ((1 << bits) - 1)
    with kernel(WRITING) as link:
        stat = _stat(link, queue_id)
        _of(stat, field)[field] = number
        perm = {name: stat["msg_perm"][name] for name in ("uid", "gid", "mode")}
        buf = {"msg_perm": perm, "msg_qbytes": stat["msg_qbytes"]}
        link.client.call("msgctl", msqid=queue_id, cmd="IPC_SET", buf=buf)


def told(field: str, doc: str) -> Attribute[int]:
    """A field that can be read. ExistentialError, PermissionsError."""
    return Attribute(lambda queue: _read(queue.id, field), doc=doc)


def kept(field: str, doc: str, *, bits: int = 32) -> Attribute[int]:
    """A field that can be written too, of so many bits. ExistentialError, PermissionsError."""
    return Attribute(
        lambda queue: _read(queue.id, field), lambda queue, value: _write(queue.id, field, value, bits), doc=doc
    )
