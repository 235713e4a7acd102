"""``usernel journal``: the journal of a data directory: look at it, check it, copy it, repair it."""

from __future__ import annotations

from .copies import backup, repair
from .dump import dump
from .place import journal
from .stat import stat
from .verify import verify

for command in (stat, verify, dump, repair, backup):
    journal.add_command(command)

__all__ = ["journal"]
