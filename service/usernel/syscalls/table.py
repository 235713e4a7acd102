"""The table of all system calls. Every door, the documents and the support page are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import file, mqueue, msg, signal, task
from .row import Row

TABLE: Final[Mapping[str, Row]] = {
    row.name: row for family in (msg.ROWS, mqueue.ROWS, file.ROWS, signal.ROWS, task.ROWS) for row in family
}
