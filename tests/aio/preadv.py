"""Reads that another function makes, in all places where files are read at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from usernel.aio import hits, resident_unsafe
from usernel.aio.files import descriptor, file


def replace_preadv(monkeypatch: pytest.MonkeyPatch, preadv: Callable[..., int]) -> None:
    """Have it called in place of os.preadv."""
    for module in (descriptor, file, resident_unsafe, hits):
        monkeypatch.setattr(module, "preadv", preadv)
