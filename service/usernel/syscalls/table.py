"""The table of all system calls. Every door, the documents and the support page are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import cred, file, io_uring, mqueue, msg, namespace, process, signal, task
from .row import Row

FAMILIES: Final = (
    msg.ROWS, mqueue.ROWS, file.ROWS, io_uring.ROWS, signal.ROWS, task.ROWS, process.ROWS, cred.ROWS, namespace.ROWS,
)  # fmt: skip
TABLE: Final[Mapping[str, Row]] = {row.name: row for family in FAMILIES for row in family}
