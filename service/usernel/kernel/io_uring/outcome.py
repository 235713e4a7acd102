"""What issuing a request comes to."""

from __future__ import annotations

from typing import Final

from .port import Again, Job


class Later:
    """An issued request that completes some other way (IOU_ISSUE_SKIP_COMPLETE)."""

    __slots__ = ()


LATER: Final = Later()

Outcome = int | Job | Again | Later
"""The result; I/O for the port to do; it would have to wait; it completes some other way."""
