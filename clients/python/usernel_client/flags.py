"""Flags as programs write them, and what else a call is told in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Flags = int | str | Sequence[int | str]
"""A number, ``"IPC_CREAT | IPC_EXCL"``, or a sequence of names and numbers."""

Durability = Literal["durable", "ephemeral"] | None
"""Whether a new queue outlives the service; None as its namespace says."""


def listed(flags: Flags, *more: int | str) -> list[int | str]:
    """Flags as the wire takes them, with more of them."""
    if isinstance(flags, str):
        return [*(part.strip() for part in flags.split("|") if part.strip()), *more]
    return [flags, *more] if isinstance(flags, int) else [*flags, *more]


def content(data: bytes | bytearray | memoryview | str) -> bytes:
    """A message's bytes; text is sent as UTF-8."""
    return data.encode() if isinstance(data, str) else bytes(data)
