"""Somebody else's function, run so that its failure stays with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def isolated(then: Callable[..., None], *args: Any) -> None:
    """Run one completion; one that fails is a bug of its door's, and must not keep the next from being told."""
    try:
        then(*args)
    except Exception:
        log.exception("a completion failed")
